/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The roots last heard from each issuer, as files. It owns the files, and nothing in memory. */

#include "agent/roots.h"

#include "common/error.h"
#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <string.h>
#include <unistd.h>

#define ROOTS_FILE_MAX (8 * 1024 * 1024)

static char *roots_path(const char *issuer)
{
        g_autofree char *name = g_strdup_printf(CERT_ROOTS_DIR "/%s.pem", issuer);

        return host_path(name);
}

/* ---- Text ---- */

/* PEM is base64 between two lines (RFC 7468); that the inside is a certificate is tried first. */
static bool append_pem(GString *text, GBytes *der, GError **error)
{
        size_t size;
        const void *data = g_bytes_get_data(der, &size);
        gnutls_datum_t d = { (unsigned char *) data, size }, pem = { 0 };
        gnutls_x509_crt_t crt;
        int r = gnutls_x509_crt_init(&crt);

        if (r >= 0) {
                r = gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER);
                if (r >= 0)
                        r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
                gnutls_x509_crt_deinit(crt);
        }
        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "one of the issuer's roots is no "
                            "certificate: %s",
                            gnutls_strerror(r));
                return false;
        }
        g_string_append_len(text, (char *) pem.data, pem.size);
        gnutls_free(pem.data);
        return true;
}

GBytes *roots_to_pem(GPtrArray *roots, GError **error)
{
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < roots->len; i++)
                if (!append_pem(text, roots->pdata[i], error)) {
                        g_string_free(text, TRUE);
                        return NULL;
                }
        return g_string_free_to_bytes(text);
}

/* ---- Files ---- */

static bool io_error(GError **error, const char *what, const char *issuer)
{
        int saved = errno;

        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, "%s " CERT_ROOTS_DIR "/%s.pem: %s", what,
                    issuer, g_strerror(saved));
        return false;
}

static bool is_kept(const char *path, GBytes *pem)
{
        g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, NULL);
        g_autoptr(GBytes) have = file ? g_mapped_file_get_bytes(file) : NULL;

        return have && g_bytes_equal(have, pem);
}

bool roots_keep(const char *issuer, GPtrArray *roots, GError **error)
{
        g_autofree char *path = roots_path(issuer), *folder = g_path_get_dirname(path);
        g_autoptr(GBytes) pem = roots_to_pem(roots, error);
        size_t size;
        const void *data;
        int fd;

        if (!pem)
                return false;
        if (is_kept(path, pem))
                return true;
        if (g_mkdir_with_parents(folder, 0700) < 0)
                return io_error(error, "making the folder of", issuer);
        data = g_bytes_get_data(pem, &size);
        if (!g_file_set_contents_full(path, data, size,
                                      G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644,
                                      error))
                return false;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* the rename itself */
        if (fd < 0)
                return io_error(error, "syncing the folder of", issuer);
        if (fsync(fd) < 0) {
                io_error(error, "syncing the folder of", issuer);
                close(fd);
                return false;
        }
        close(fd);
        return true;
}

GPtrArray *roots_load(const char *issuer)
{
        GPtrArray *roots = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_autofree char *path = roots_path(issuer), *text = NULL;
        gnutls_x509_crt_t *list = NULL;
        unsigned n = 0;
        gsize size;
        GStatBuf st;

        if (g_stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > ROOTS_FILE_MAX ||
            !g_file_get_contents(path, &text, &size, NULL))
                return roots;
        if (gnutls_x509_crt_list_import2(&list, &n, &(gnutls_datum_t){ (unsigned char *) text, size },
                                         GNUTLS_X509_FMT_PEM, 0) < 0)
                return roots;
        for (unsigned i = 0; i < n; i++) {
                gnutls_datum_t der = { 0 };

                if (gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_DER, &der) >= 0)
                        g_ptr_array_add(
                                roots, g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data));
                gnutls_x509_crt_deinit(list[i]);
        }
        gnutls_free(list);
        return roots;
}
