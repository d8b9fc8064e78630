/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority's key: made, opened and destroyed. It owns nothing: the files are the store's. */

#include "issuers/local/authority-key.h"

#include "common/error.h"
#include "issuers/local/store.h"

#include <gnutls/x509.h>
#include <string.h>

static bool failed(int r, const char *what, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s: %s", what, gnutls_strerror(r));
        return r < 0;
}

static GBytes *to_pem(gnutls_x509_privkey_t key, GError **error)
{
        gnutls_datum_t pem = { 0 };
        GBytes *bytes;
        int r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

        if (failed(r, "the authority's key", error))
                return NULL;
        bytes = store_secret_new(pem.data, pem.size);
        gnutls_memset(pem.data, 0, pem.size);
        gnutls_free(pem.data);
        return bytes;
}

GBytes *authority_key_new(const AuthorityOptions *o, gnutls_privkey_t *ret_key, GError **error)
{
        gnutls_x509_privkey_t key;
        g_autoptr(GBytes) pem = NULL;
        int r = gnutls_x509_privkey_init(&key);

        if (failed(r, "the authority's key", error))
                return NULL;
        r = gnutls_x509_privkey_generate(key, key_type_algorithm(o->key_type), key_type_bits(o->key_type), 0);
        if (!failed(r, "the authority's key", error))
                pem = to_pem(key, error);
        gnutls_x509_privkey_deinit(key);
        return pem && authority_key_open(o, pem, ret_key, error) ? g_steal_pointer(&pem) : NULL;
}

static bool begins_with(GBytes *content, const char *text)
{
        size_t size;
        const char *data = g_bytes_get_data(content, &size);

        return size >= strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

bool authority_key_open(const AuthorityOptions *o, GBytes *content, gnutls_privkey_t *ret_key, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(content, NULL),
                             (unsigned) g_bytes_get_size(content) };
        gnutls_privkey_t key;
        int r;

        if (g_strstr_len((char *) d.data, d.size, "BEGIN ENCRYPTED PRIVATE KEY")) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "is encrypted, and nobody is there to ask for a password");
                return false;
        }
        r = gnutls_privkey_init(&key);
        if (failed(r, "cannot be opened", error))
                return false;
        r = gnutls_privkey_import_x509_raw(key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (failed(r, "holds no private key", error)) {
                gnutls_privkey_deinit(key);
                return false;
        }
        *ret_key = key;
        return true;
}

bool authority_key_is_on_token(GBytes *content)
{
        return begins_with(content, "pkcs11:");
}

void authority_key_destroy(const AuthorityOptions *o, GBytes *content)
{
        (void) o;
        (void) content; /* a file's caller removes it */
}
