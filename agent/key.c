/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A private key in memory: made, read from PEM, used to sign, and known by the digest of its public half. It
 * owns GnuTLS's objects and the PEM, whose memory is wiped. Keys in a token are in agent/key-token.c. */

#include "agent/key.h"

#include "agent/generation.h"
#include "common/error.h"
#include "common/signature.h"

#include <gnutls/crypto.h>
#include <string.h>

/* A private key's PEM is never larger: RSA-16384 with all its parts takes 13 KiB. */
#define PEM_MAX (1024 * 1024)

struct Key {
        int references; /* atomic: threads share keys */
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        GBytes *pem;
};

static bool storage_error(GError **error, int r, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s: %s", what, gnutls_strerror(r));
        return false;
}

/* ---- Life ---- */

Key *key_wrap(gnutls_privkey_t private_key, gnutls_pubkey_t public_key, GBytes *pem)
{
        Key *k = g_new0(Key, 1);

        k->references = 1;
        k->private_key = private_key;
        k->public_key = public_key;
        k->pem = pem ? g_bytes_ref(pem) : NULL;
        return k;
}

Key *key_ref(Key *k)
{
        if (k)
                g_atomic_int_inc(&k->references);
        return k;
}

Key *key_unref(Key *k)
{
        if (!k || !g_atomic_int_dec_and_test(&k->references))
                return NULL;
        if (k->private_key)
                gnutls_privkey_deinit(k->private_key);
        if (k->public_key)
                gnutls_pubkey_deinit(k->public_key);
        g_clear_pointer(&k->pem, g_bytes_unref);
        g_free(k);
        return NULL;
}

/* From a parsed key, which it takes in any case: GnuTLS wipes it when it is released. */
static Key *key_of_x509(gnutls_x509_privkey_t x509, GBytes *pem, GError **error)
{
        g_autoptr(Key) k = key_wrap(NULL, NULL, pem);
        int r = gnutls_privkey_init(&k->private_key);

        if (r >= 0)
                r = gnutls_privkey_import_x509(k->private_key, x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
        if (r < 0) {
                gnutls_x509_privkey_deinit(x509);
                storage_error(error, r, "a private key");
                return NULL;
        }
        r = gnutls_pubkey_init(&k->public_key);
        if (r >= 0)
                r = gnutls_pubkey_import_privkey(k->public_key, k->private_key, 0, 0);
        if (r < 0) {
                storage_error(error, r, "the public half of a private key");
                return NULL;
        }
        return g_steal_pointer(&k);
}

static GBytes *export_pkcs8(gnutls_x509_privkey_t x509, GError **error)
{
        gnutls_datum_t pem = { 0 };
        GBytes *bytes;
        int r = gnutls_x509_privkey_export2_pkcs8(x509, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

        if (r < 0) {
                storage_error(error, r, "writing a private key as PEM");
                return NULL;
        }
        bytes = secret_bytes_new(pem.data, pem.size);
        gnutls_memset(pem.data, 0, pem.size);
        gnutls_free(pem.data);
        return bytes;
}

Key *key_new(KeyType type, GError **error)
{
        g_autoptr(GBytes) pem = NULL;
        gnutls_x509_privkey_t x509;
        int r = gnutls_x509_privkey_init(&x509);

        if (r < 0) {
                storage_error(error, r, "making a private key");
                return NULL;
        }
        r = gnutls_x509_privkey_generate(x509, key_type_algorithm(type), key_type_bits(type), 0);
        if (r < 0)
                storage_error(error, r, "making a private key");
        else
                pem = export_pkcs8(x509, error);
        if (!pem) {
                gnutls_x509_privkey_deinit(x509);
                return NULL;
        }
        return key_of_x509(x509, pem, error);
}

static bool import_pem(gnutls_x509_privkey_t x509, const void *pem, size_t size, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) pem, size };
        int r;

        if (size > PEM_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "a private key of %zu bytes is none",
                            size);
                return false;
        }
        r = gnutls_x509_privkey_import2(x509, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (r == GNUTLS_E_DECRYPTION_FAILED || (size > 0 && g_strstr_len(pem, size, "BEGIN ENCRYPTED PRIVATE KEY"))) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "the private key is encrypted, and the agent asks nobody for a password\n"
                            "Decrypt it with: openssl pkey -in FILE -out FILE.new; or remove the file, and a "
                            "new key "
                            "is made.");
                return false;
        }
        return r >= 0 || storage_error(error, r, "there is no private key in PEM that can be read");
}

Key *key_new_from_pem(GBytes *pem, GError **error)
{
        gnutls_x509_privkey_t x509;
        size_t size;
        const void *data = g_bytes_get_data(pem, &size);
        int r = gnutls_x509_privkey_init(&x509);

        if (r < 0) {
                storage_error(error, r, "reading a private key");
                return NULL;
        }
        if (!import_pem(x509, data, size, error)) {
                gnutls_x509_privkey_deinit(x509);
                return NULL;
        }
        return key_of_x509(x509, pem, error);
}

/* ---- What it holds ---- */

gnutls_privkey_t key_private(const Key *k)
{
        return k->private_key;
}

gnutls_pubkey_t key_public(const Key *k)
{
        return k->public_key;
}

GBytes *key_pem(const Key *k)
{
        return k->pem;
}

KeyType key_type(const Key *k)
{
        return key_type_of(k->public_key);
}

GBytes *key_spki(const Key *k, GError **error)
{
        gnutls_datum_t der = { 0 };
        int r = gnutls_pubkey_export2(k->public_key, GNUTLS_X509_FMT_DER, &der);

        if (r < 0) {
                storage_error(error, r, "writing a public key");
                return NULL;
        }
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

GBytes *key_sign(const Key *k, const char *algorithm, const void *data, size_t size, GError **error)
{
        return signature_make(k->private_key, k->public_key, algorithm, data, size, error);
}

/* ---- Digests ---- */

char *key_digest(gnutls_pubkey_t key, GError **error)
{
        unsigned char digest[32];
        size_t size = sizeof(digest);
        int r = gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, digest, &size);
        static const char hex[] = "0123456789abcdef";
        char *text;

        if (r < 0) {
                storage_error(error, r, "the digest of a public key");
                return NULL;
        }
        text = g_malloc(2 * size + 1);
        for (size_t i = 0; i < size; i++) {
                text[2 * i] = hex[digest[i] >> 4];
                text[2 * i + 1] = hex[digest[i] & 15];
        }
        text[2 * size] = '\0';
        return text;
}

char *key_digest_of_pem(const void *pem, size_t size, GError **error)
{
        g_autoptr(GBytes) bytes = g_bytes_new_static(pem, size);
        g_autoptr(Key) k = key_new_from_pem(bytes, error);

        return k ? key_digest(k->public_key, error) : NULL;
}

char *key_digest_of_uri(const char *uri, GError **error)
{
        g_autoptr(Key) k = key_new_from_uri(uri, _KEY_TYPE_INVALID, /* make_missing= */ false, error);

        return k ? key_digest(k->public_key, error) : NULL;
}

char *key_digest_of_certificate(gnutls_x509_crt_t crt, GError **error)
{
        gnutls_pubkey_t key;
        char *digest = NULL;
        int r = gnutls_pubkey_init(&key);

        if (r < 0) {
                storage_error(error, r, "a public key");
                return NULL;
        }
        r = gnutls_pubkey_import_x509(key, crt, 0);
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "a certificate's public key: %s",
                            gnutls_strerror(r));
        else
                digest = key_digest(key, error);
        gnutls_pubkey_deinit(key);
        return digest;
}
