/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Input files. Somebody else wrote them, or they are the wrong ones: a name on the command line may lead to a
 * pipe that never ends, to a disk, or to the private key beside the certificate that was meant. Each is
 * opened so that nothing can hang, read up to a bound, and judged by what it holds; what may hold a key is
 * wiped. */

#include "client/input.h"

#include "common/error.h"
#include "common/filekind.h"
#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name_of(const char *path)
{
        return g_str_equal(path, "-") ? "standard input" : path;
}

G_GNUC_PRINTF(3, 4)
static bool refuse(GError **error, const char *path, const char *format, ...)
{
        g_autofree char *why = NULL;
        va_list ap;

        va_start(ap, format);
        why = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "%s %s", name_of(path), why);
        return false;
}

/* ---- Reading ---- */

static const char *file_type(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return "a folder";
        case S_IFIFO:
                return "a named pipe";
        case S_IFSOCK:
                return "a socket";
        default:
                return "a device";
        }
}

/* Not to wait for a pipe's writer, nor to take a terminal as our own; what is no file is not even read. */
static int open_file(const char *path, size_t max, GError **error)
{
        struct stat st;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        if (fd < 0 && errno == ENXIO)
                refuse(error, path,
                       "is a socket, not a file\nName the file itself; \"-\" reads from standard input.");
        else if (fd < 0)
                refuse(error, path, "cannot be opened: %s\nName the file that you were sent.",
                       g_strerror(errno));
        else if (fstat(fd, &st) < 0)
                refuse(error, path, "cannot be read: %s", g_strerror(errno));
        else if (!S_ISREG(st.st_mode))
                refuse(error, path,
                       "is %s, not a file\nName the file itself; \"-\" reads from standard input.",
                       file_type(st.st_mode));
        else if (st.st_size > (off_t) max)
                refuse(error, path,
                       "is too large: with all that is sent it may have 1 MiB\nA certificate has some "
                       "kilobytes.");
        else
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

/* To its end, or to `max`; what it holds is wiped when it is freed. */
static GBytes *read_all(int fd, const char *path, size_t max, GError **error)
{
        g_autoptr(Secret) buffer = secret_new(max + 1);
        size_t size = 0;
        ssize_t n = 1;

        while (n != 0 && size <= max) {
                n = read(fd, buffer->data + size, max + 1 - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        refuse(error, path, "cannot be read: %s", g_strerror(errno));
                        return NULL;
                }
                size += (size_t) n;
        }
        if (size > max) {
                refuse(error, path,
                       "is too large: with all that is sent it may have 1 MiB\nA certificate has some "
                       "kilobytes.");
                return NULL;
        }
        return secret_to_bytes(g_steal_pointer(&buffer), size);
}

static GBytes *read_file(const char *path, size_t max, GError **error)
{
        GBytes *content;
        int fd;

        if (g_str_equal(path, "-"))
                return read_all(STDIN_FILENO, path, max, error);
        fd = open_file(path, max, error);
        if (fd < 0)
                return NULL;
        content = read_all(fd, path, max, error);
        close(fd);
        return content;
}

/* ---- Judging ---- */

static const char *advice(FileKind kind, bool request_wanted)
{
        switch (kind) {
        case FILE_KIND_PRIVATE_KEY:
                return "NOTHING WAS SENT. A private key stays on the host that uses it: if somebody sent it "
                       "to you, others may "
                       "have read it on the way, and a new one is needed.";
        case FILE_KIND_PKCS12:
                return "Nothing was sent: it may hold a private key. Take the certificates out of it: "
                       "openssl pkcs12 -nokeys";
        case FILE_KIND_REQUEST:
                return "This is the request itself. Have it signed by the CA, and import what the CA sends "
                       "back.";
        case FILE_KIND_CERTIFICATE:
        case FILE_KIND_PKCS7:
                return "What is signed is a request: the other side makes it with \"certctl csr NAME\" or "
                       "\"openssl req -new\".";
        case FILE_KIND_WEB_PAGE:
                return "It was saved by a browser in place of the file: download it again.";
        case FILE_KIND_EMPTY:
                return "Was it copied to its end?";
        default:
                return request_wanted ? "A certificate signing request is a PKCS#10 request, PEM or DER."
                                      : "The CA's answer is a certificate or PKCS#7, PEM or DER.";
        }
}

static bool is_wanted(FileKind kind, bool request_wanted)
{
        if (request_wanted)
                return kind == FILE_KIND_REQUEST;
        return kind == FILE_KIND_CERTIFICATE || kind == FILE_KIND_PKCS7;
}

static char *read_pem(const char *path, bool request_wanted, size_t max, GError **error)
{
        g_autoptr(GBytes) content = read_file(path, max, error);
        FileKind kind;
        char *pem;

        if (!content)
                return NULL;
        kind = file_kind(content);
        if (!is_wanted(kind, request_wanted)) {
                refuse(error, path, "is %s\n%s", file_kind_to_string(kind), advice(kind, request_wanted));
                return NULL;
        }
        pem = file_to_pem(content);
        if (!pem)
                refuse(error, path, "cannot be read\n%s", advice(FILE_KIND_BINARY, request_wanted));
        return pem;
}

/* ---- What is sent ---- */

static bool is_given_twice(char *const *paths)
{
        unsigned n = 0;

        for (; *paths; paths++)
                n += g_str_equal(*paths, "-");
        return n > 1;
}

char *input_read_answer(char *const *paths, GError **error)
{
        g_autoptr(GString) all = g_string_new(NULL);

        if (is_given_twice(paths)) {
                refuse(error, "-", "can be read once only");
                return NULL;
        }
        for (; *paths; paths++) {
                g_autofree char *pem =
                        read_pem(*paths, /* request_wanted= */ false, INPUT_MAX - all->len, error);

                if (!pem)
                        return NULL;
                g_string_append(all, pem);
                if (all->len > 0 && all->str[all->len - 1] != '\n')
                        g_string_append_c(all, '\n');
                if (all->len > INPUT_MAX) { /* PEM is longer than DER */
                        refuse(error, *paths, "is too large: with all that is sent it may have 1 MiB");
                        return NULL;
                }
        }
        return g_string_free(g_steal_pointer(&all), FALSE);
}

char *input_read_request(const char *path, GError **error)
{
        return read_pem(path, /* request_wanted= */ true, INPUT_MAX, error);
}
