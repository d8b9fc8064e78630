/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sources
 *
 * Owns the opening of foreign files: a FIFO does not block it, a device is not read, and a file that is larger than
 * agreed, or grows past that while it is read, is refused.
 */

#include "client/convert/source.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 100000

static bool fail(GError **error, const char *name, int number)
{
        g_set_error(error, CERT_ERROR, number == EACCES ? CERT_ERROR_NOT_AUTHORIZED : CERT_ERROR_MANIFEST_INVALID,
                    "cannot read %s: %s\n%s", name, g_strerror(number),
                    number == EACCES || number == EPERM ? "Run it as root: sudo certctl convert …"
                    : number == ELOOP                   ? "Its links lead in a circle, or a link stands where a file should."
                                      : "Name a file that is there.");
        return false;
}

static bool refuse(GError **error, const char *name, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "cannot read %s: %s\nName another file.", name, what);
        return false;
}

/* To the end, however long the file said it was. */
static bool read_all(int fd, size_t max, GByteArray *text)
{
        uint8_t buffer[64 * 1024];

        while (text->len <= max) {
                ssize_t n = read(fd, buffer, sizeof buffer);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n == 0;
                g_byte_array_append(text, buffer, (guint) n);
        }
        return true;
}

static bool read_open(int fd, const char *name, size_t max, char **ret_text, size_t *ret_size, GError **error)
{
        g_autoptr(GByteArray) text = g_byte_array_new();
        g_autofree char *too_large = g_strdup_printf("it is larger than %zu bytes", max);
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail(error, name, errno);
        if (!S_ISREG(st.st_mode))
                return refuse(error, name, S_ISDIR(st.st_mode) ? "it is a folder" : "it is no regular file");
        if ((uint64_t) st.st_size > max)
                return refuse(error, name, too_large);
        if (!read_all(fd, max, text))
                return fail(error, name, errno);
        if (text->len > max)
                return refuse(error, name, too_large);
        *ret_size = text->len;
        g_byte_array_append(text, (const guint8 *) "", 1);
        *ret_text = (char *) g_byte_array_free(g_steal_pointer(&text), FALSE);
        return true;
}

bool source_read(const char *opened, const char *name, SourceLinks links, size_t max, char **ret_text, size_t *ret_size,
                 GError **error)
{
        int fd = open(opened, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (links == SOURCE_REFUSE ? O_NOFOLLOW : 0));
        bool done;

        if (fd < 0)
                return fail(error, name, errno);
        done = read_open(fd, name, max, ret_text, ret_size, error);
        close(fd);
        return done;
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char **source_list(const char *opened, const char *name, bool may_be_missing, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) why = NULL;
        g_autoptr(GDir) folder = g_dir_open(opened, 0, &why);
        int number = errno;
        const char *entry;

        if (!folder && !(may_be_missing && g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))) {
                fail(error, name, number);
                return NULL;
        }
        while (folder && (entry = g_dir_read_name(folder)))
                if (*entry != '.' && names->len < NAMES_MAX)
                        g_ptr_array_add(names, g_strdup(entry));
        g_ptr_array_sort(names, compare);
        g_ptr_array_add(names, NULL);
        g_ptr_array_set_free_func(names, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}
