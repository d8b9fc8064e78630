/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The seal: a credential of this process, read and turned into a password. It owns the password, which is
 * wiped. */

#include "issuers/local/seal.h"

#include "common/error.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH_MIN 16 /* 128 bits, if all of them are random */
#define LENGTH_MAX 1024

struct Seal {
        char password[2 * LENGTH_MAX + 1];
};

static bool unusable(GError **error, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "the credential " SEAL_CREDENTIAL " %s\nRemove " SEAL_FILE
                    " if no authority's key is encrypted with it yet, and run: systemctl start " SEAL_UNIT,
                    what);
        return false;
}

static void missing(GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "this process got no credential " SEAL_CREDENTIAL
                    "\nMake it, once: systemctl start " SEAL_UNIT);
}

static void to_hex(Seal *s, const unsigned char *data, size_t size)
{
        static const char hex[] = "0123456789abcdef";

        for (size_t i = 0; i < size; i++) {
                s->password[2 * i] = hex[data[i] >> 4];
                s->password[2 * i + 1] = hex[data[i] & 15];
        }
}

static bool read_credential(Seal *s, int fd, GError **error)
{
        unsigned char data[LENGTH_MAX + 1];
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return unusable(error, "is no regular file");
        n = read(fd, data, sizeof(data));
        if (n >= LENGTH_MIN && n <= LENGTH_MAX)
                to_hex(s, data, (size_t) n);
        gnutls_memset(data, 0, sizeof(data));
        if (n < LENGTH_MIN)
                return unusable(error, "is shorter than a secret of 16 bytes");
        return n <= LENGTH_MAX || unusable(error, "is longer than 1 KiB");
}

Seal *seal_open(GError **error)
{
        const char *folder = g_getenv("CREDENTIALS_DIRECTORY");
        g_autofree char *shown = folder ? g_build_filename(folder, SEAL_CREDENTIAL, NULL) : NULL;
        g_autofree char *path = shown ? host_path(shown) : NULL;
        g_autoptr(Seal) s = g_new0(Seal, 1);
        int fd = path ? open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
        bool good;

        if (fd < 0) {
                missing(error);
                return NULL;
        }
        good = read_credential(s, fd, error);
        close(fd);
        return good ? g_steal_pointer(&s) : NULL;
}

Seal *seal_free(Seal *s)
{
        if (!s)
                return NULL;
        gnutls_memset(s, 0, sizeof(*s));
        g_free(s);
        return NULL;
}

const char *seal_password(const Seal *s)
{
        return s->password;
}
