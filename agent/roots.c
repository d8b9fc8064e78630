/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The roots last heard from each issuer, as files. It owns the files, and nothing in memory. */

#include "agent/roots.h"

#include "agent/cert-list.h"
#include "agent/folder.h"
#include "agent/readfile.h"
#include "common/error.h"
#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gnutls/x509.h>
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
                            "one of the issuer's roots is no certificate: %s", gnutls_strerror(r));
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

/* NULL when there is none, or it cannot be read. */
static GBytes *read_kept(const char *path)
{
        GBytes *pem = NULL;

        return readfile_at(AT_FDCWD, path, ROOTS_FILE_MAX, &pem, NULL) == READ_DONE ? pem : NULL;
}

static bool write_kept(const char *path, GBytes *pem, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(path);
        g_autoptr(GError) e = NULL;
        size_t size;
        const char *data = g_bytes_get_data(pem, &size);
        bool done;
        int fd;

        if (g_mkdir_with_parents(folder, 0700) < 0)
                return folder_set_error(error, errno, "Making the folder", CERT_ROOTS_DIR);
        if (!g_file_set_contents_full(path, data, (gssize) size,
                                      G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644, &e)) {
                g_set_error_literal(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, e->message);
                return false;
        }
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        done = fd >= 0 && fsync(fd) >= 0; /* the rename itself */
        if (!done)
                folder_set_error(error, errno, "Syncing the folder", CERT_ROOTS_DIR);
        if (fd >= 0)
                close(fd);
        return done;
}

bool roots_keep(const char *issuer, GPtrArray *roots, GError **error)
{
        g_autofree char *path = roots_path(issuer);
        g_autoptr(GBytes) pem = roots_to_pem(roots, error), kept = NULL;

        if (!pem)
                return false;
        kept = read_kept(path);
        return (kept && g_bytes_equal(kept, pem)) || write_kept(path, pem, error);
}

static bool holds(const GPtrArray *roots, GBytes *der)
{
        for (guint i = 0; i < roots->len; i++)
                if (g_bytes_equal(roots->pdata[i], der))
                        return true;
        return false;
}

bool roots_learn(const char *issuer, GPtrArray *roots, GError **error)
{
        g_autoptr(GPtrArray) kept = roots_load(issuer);

        for (guint i = 0; i < roots->len; i++)
                if (!holds(kept, roots->pdata[i]))
                        return roots_keep(issuer, roots, error);
        return true;
}

GPtrArray *roots_load(const char *issuer)
{
        g_autofree char *path = roots_path(issuer);
        g_autoptr(GBytes) pem = read_kept(path);
        g_auto(CertList) l = { 0 };

        if (!cert_list_of_pem(pem, G_MAXUINT, &l))
                cert_list_clear(&l);
        return cert_list_to_der(&l);
}
