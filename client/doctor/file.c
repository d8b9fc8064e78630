/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that the doctor looks at, as the caller may. */

#include "client/doctor/file.h"

#include "agent/readfile.h"
#include "common/error.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

typedef char MallocString;
static void malloc_string_free(MallocString *s)
{
        free(s);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MallocString, malloc_string_free)

static GBytes *fail(const char *path, int number, GError **error)
{
        g_autofree char *shown = cert_error_printable(path, PATH_MAX, "");

        if (number == EACCES || number == EPERM)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_AUTHORIZED,
                            "cannot read %s: %s\nRun it as a user who may read the file, such as root.", shown,
                            g_strerror(number));
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, "cannot read %s: %s\nName a file that is there.",
                            shown, g_strerror(number));
        return NULL;
}

GBytes *file_read(const char *path, size_t max, GError **error)
{
        g_autofree char *opened = path[0] == '/' ? host_path(path) : g_strdup(path), *shown = NULL;
        g_autoptr(MallocString) real = realpath(opened, NULL);
        GBytes *content;

        if (!real)
                return fail(path, errno, error);
        switch (readfile_at(AT_FDCWD, real, max, &content, NULL)) {
        case READ_DONE:
                return content;
        case READ_MISSING:
                return fail(path, ENOENT, error);
        case READ_FAILED:
                return fail(path, errno, error);
        default:
                shown = cert_error_printable(path, PATH_MAX, "");
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "cannot read %s: it is no regular file, or larger than %zu bytes\nName another file.", shown, max);
                return NULL;
        }
}
