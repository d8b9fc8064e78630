/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Roots as files without a name: curl with GnuTLS takes no CA from memory (it accepts CURLOPT_CAINFO_BLOB and
 * ignores it). The number of such a file tells the connections of its roots from those of others, so it stays
 * open as long as they may. */

#include "issuers/http-private.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SETS_MAX 8

typedef struct Roots {
        GBytes *pem;
        int fd;
} Roots;

static void roots_free(void *p)
{
        Roots *r = p;

        g_bytes_unref(r->pem);
        close(r->fd);
        g_free(r);
}

GPtrArray *http_roots_new(void)
{
        return g_ptr_array_new_with_free_func(roots_free);
}

static int write_memfd(GBytes *pem)
{
        size_t size, done = 0;
        const char *data = g_bytes_get_data(pem, &size);
        int fd = memfd_create("roots", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        while (fd >= 0 && done < size) {
                ssize_t n = write(fd, data + done, size - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        int saved = errno;

                        close(fd);
                        errno = saved;
                        return -1;
                }
                done += (size_t) n;
        }
        if (fd >= 0)
                (void) fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
        return fd;
}

static const Roots *find(const GPtrArray *sets, GBytes *pem)
{
        for (guint i = 0; i < sets->len; i++)
                if (g_bytes_equal(((const Roots *) sets->pdata[i])->pem, pem))
                        return sets->pdata[i];
        return NULL;
}

bool http_roots_have_room(const GPtrArray *sets, GBytes *pem)
{
        return sets->len < SETS_MAX || find(sets, pem);
}

int http_roots_fd(GPtrArray *sets, GBytes *pem, GError **error)
{
        const Roots *known = find(sets, pem);
        Roots *r;
        int fd;

        if (known)
                return known->fd;
        fd = write_memfd(pem);
        if (fd < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                            "keeping the roots in memory: %s", g_strerror(errno));
                return -1;
        }
        r = g_new(Roots, 1);
        *r = (Roots){ g_bytes_ref(pem), fd };
        g_ptr_array_add(sets, r);
        return fd;
}
