/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom the doctor is for a server that asks. Owns the key while a session lasts; it is in this process alone, which runs
 * as a caller who can read it anyway. */

#include "client/doctor/identity.h"

#include "client/doctor/file.h"
#include "common/error.h"

#include <string.h>

#define FILE_BYTES_MAX (UINT32_C(1) << 20)

Identity *identity_free(Identity *i)
{
        if (!i)
                return NULL;
        for (unsigned n = 0; i->certificates && n < i->chain.n; n++)
                gnutls_pcert_deinit(&i->certificates[n]);
        g_free(i->certificates);
        cert_list_clear(&i->chain);
        if (i->key)
                gnutls_privkey_deinit(i->key);
        g_free(i->name);
        g_free(i);
        return NULL;
}

static bool bad(const Identity *i, const char *what, const char *path, int r, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "the %s of \"%s\" in %s cannot be used: %s\n%s%s", what,
                    i->name, path, gnutls_strerror(r), "See: certctl status ", i->name);
        return false;
}

/* ---- Certificates ---- */

static bool read_list(const Identity *i, const char *path, CertList *ret, GError **error)
{
        g_autoptr(GBytes) pem = file_read(path, FILE_BYTES_MAX, error);

        if (!pem)
                return false;
        if (cert_list_of_pem(pem, CHAIN_MAX, ret) && ret->n > 0)
                return true;
        cert_list_clear(ret);
        return bad(i, "certificate", path, GNUTLS_E_NO_CERTIFICATE_FOUND, error);
}

/* A leaf that stands alone in its file is shown with what is in the other. */
static void add_chain(Identity *i, const char *chain_path)
{
        g_auto(CertList) rest = { 0 };
        unsigned n = i->chain.n;

        if (n != 1 || !chain_path || !*chain_path || !read_list(i, chain_path, &rest, NULL) || rest.n >= CHAIN_MAX)
                return;
        i->chain.crt = g_renew(gnutls_x509_crt_t, i->chain.crt, n + rest.n);
        memcpy(i->chain.crt + n, rest.crt, rest.n * sizeof *rest.crt);
        i->chain.n += rest.n;
        rest.n = 0; /* moved */
}

static bool prepare(Identity *i, const char *path, GError **error)
{
        i->certificates = g_new0(gnutls_pcert_st, i->chain.n);
        for (unsigned n = 0; n < i->chain.n; n++) {
                int r = gnutls_pcert_import_x509(&i->certificates[n], i->chain.crt[n], 0);

                if (r < 0)
                        return bad(i, "certificate", path, r, error);
        }
        return true;
}

/* ---- The key ---- */

static int import_key(gnutls_privkey_t key, GBytes *pem)
{
        gsize size;
        const void *data = g_bytes_get_data(pem, &size);
        gnutls_datum_t d = { (unsigned char *) data, (unsigned) size };

        return gnutls_privkey_import_x509_raw(key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
}

static bool read_key(Identity *i, const char *path, GError **error)
{
        g_autoptr(GBytes) pem = NULL;
        int r = gnutls_privkey_init(&i->key);

        if (r >= 0 && g_str_has_prefix(path, "pkcs11:"))
                r = gnutls_privkey_import_url(i->key, path, 0);
        else if (r >= 0) {
                pem = file_read(path, FILE_BYTES_MAX, error);
                if (!pem)
                        return false;
                r = import_key(i->key, pem);
        }
        return r >= 0 || bad(i, "key", path, r, error);
}

Identity *identity_load(const char *name, const char *cert_path, const char *chain_path, const char *key_path,
                        GError **error)
{
        g_autoptr(Identity) i = g_new0(Identity, 1);

        i->name = g_strdup(name);
        if (!read_list(i, cert_path, &i->chain, error))
                return NULL;
        add_chain(i, chain_path);
        if (!prepare(i, cert_path, error) || !read_key(i, key_path, error))
                return NULL;
        return g_steal_pointer(&i);
}
