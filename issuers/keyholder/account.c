/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An account's key, opened
 *
 * However it came, it is a private key with a public half, a name or a chain by which the CA knows it, and
 * the algorithm that goes with it. It owns all of these.
 */

#include "issuers/keyholder/account.h"

#include "common/error.h"
#include "common/signature.h"
#include "issuers/keyholder/jwe.h"
#include "issuers/keyholder/jwk.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

struct Account {
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        GBytes *spki;
        const char *algorithm;
        char *key_id;
        GPtrArray *chain;
};

static Account *account_new(void)
{
        Account *a = g_new0(Account, 1);

        a->chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        return a;
}

Account *account_free(Account *a)
{
        if (!a)
                return NULL;
        if (a->private_key)
                gnutls_privkey_deinit(a->private_key);
        if (a->public_key)
                gnutls_pubkey_deinit(a->public_key);
        g_clear_pointer(&a->spki, g_bytes_unref);
        g_free(a->key_id);
        g_ptr_array_unref(a->chain);
        g_free(a);
        return NULL;
}

static bool failed(int r, const char *what, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s: %s", what, gnutls_strerror(r));
        return r < 0;
}

/* What follows from the public half, once that is there. */
static bool complete(Account *a, GError **error)
{
        gnutls_datum_t der = { 0 };

        a->algorithm = signature_default(a->public_key);
        if (!a->algorithm) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "holds a key of a type that no token is signed with\nUse one of ECDSA, Ed25519 "
                            "or RSA.");
                return false;
        }
        if (failed(gnutls_pubkey_export2(a->public_key, GNUTLS_X509_FMT_DER, &der), "its public half", error))
                return false;
        a->spki = g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
        return true;
}

/* ---- Encrypted by the CA ---- */

Account *account_open_encrypted(const char *encrypted_key, const Secret *password, GError **error)
{
        g_autoptr(GBytes) json = jwe_open(encrypted_key, password->data, password->size, error);
        g_autoptr(Account) a = account_new();

        if (json && jwk_import(json, &a->private_key, &a->public_key, &a->key_id, error) &&
            complete(a, error))
                return g_steal_pointer(&a);
        return NULL;
}

/* ---- PEM ---- */

/* PKCS#8's own encryption, and that of OpenSSL's before it. */
static bool pem_is_encrypted(GBytes *pem)
{
        size_t size;
        const char *text = g_bytes_get_data(pem, &size);

        return size > 0 && (g_strstr_len(text, (gssize) size, "BEGIN ENCRYPTED PRIVATE KEY") ||
                            g_strstr_len(text, (gssize) size, "Proc-Type: 4,ENCRYPTED"));
}

/* A wrong password shows as whatever the garbage is that it gives. */
static bool cannot_open(GBytes *pem, const Secret *password, int r, GError **error)
{
        if (!pem_is_encrypted(pem))
                return !failed(r, "holds no private key in PEM that can be read", error);
        if (password)
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                            "is not opened by this password");
        else
                g_set_error(
                        error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                        "is encrypted, and the manifest names no password for it\nAdd \"password_file\" or "
                        "\"password_credential\" to the issuer in the manifest.");
        return false;
}

static bool import_key(Account *a, GBytes *pem, const Secret *password, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(pem, NULL),
                             (unsigned) g_bytes_get_size(pem) };
        gnutls_x509_privkey_t key;
        int r = gnutls_x509_privkey_init(&key);

        if (failed(r, "cannot be opened", error))
                return false;
        r = gnutls_x509_privkey_import2(key, &d, GNUTLS_X509_FMT_PEM,
                                        password ? (const char *) password->data : NULL, 0);
        if (r < 0) {
                gnutls_x509_privkey_deinit(key);
                return cannot_open(pem, password, r, error);
        }
        r = gnutls_privkey_init(&a->private_key);
        if (r >= 0)
                r = gnutls_privkey_import_x509(a->private_key, key, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE);
        if (r < 0)
                gnutls_x509_privkey_deinit(key);
        else
                r = gnutls_pubkey_init(&a->public_key);
        if (r >= 0)
                r = gnutls_pubkey_import_privkey(a->public_key, a->private_key, 0, 0);
        return !failed(r, "cannot be opened", error);
}

static bool is_of(gnutls_x509_crt_t crt, gnutls_pubkey_t key)
{
        unsigned char a[32], b[32];
        size_t a_size = sizeof(a), b_size = sizeof(b);

        return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, a, &a_size) >= 0 &&
               gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, b, &b_size) >= 0 && a_size == b_size &&
               memcmp(a, b, a_size) == 0;
}

static bool take_chain(Account *a, const gnutls_x509_crt_t *list, unsigned n, const char *file,
                       GError **error)
{
        if (n > ACCOUNT_CHAIN_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "has its certificate in %s, which holds %u of them\nAt most %d are taken: the "
                            "leaf, and those "
                            "that lead to the CA's root.",
                            file, n, ACCOUNT_CHAIN_MAX);
                return false;
        }
        if (!is_of(list[0], a->public_key)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "is not the key of the first certificate in %s\nPut the certificate of this key "
                            "there, "
                            "before those that lead to the CA's root.",
                            file);
                return false;
        }
        for (unsigned i = 0; i < n; i++) {
                gnutls_datum_t der;

                if (failed(gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_DER, &der), "its certificate",
                           error))
                        return false;
                g_ptr_array_add(a->chain,
                                g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data));
        }
        return true;
}

static bool import_chain(Account *a, GBytes *pem, const char *file, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(pem, NULL),
                             (unsigned) g_bytes_get_size(pem) };
        gnutls_x509_crt_t *list = NULL;
        unsigned n = 0;
        bool good;
        int r = gnutls_x509_crt_list_import2(&list, &n, &d, GNUTLS_X509_FMT_PEM,
                                             GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);

        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "has no certificate: %s holds none in PEM that can be read, leaf first, each "
                            "followed by the "
                            "one that certifies it: %s",
                            file, gnutls_strerror(r));
                return false;
        }
        good = take_chain(a, list, n, file, error);
        for (unsigned i = 0; i < n; i++)
                gnutls_x509_crt_deinit(list[i]);
        gnutls_free(list);
        return good;
}

Account *account_open_pem(GBytes *key, GBytes *certificates, const char *certificate_file,
                          const Secret *password, GError **error)
{
        g_autoptr(Account) a = account_new();

        if (!import_key(a, key, password, error) || !complete(a, error) ||
            !import_chain(a, certificates, certificate_file, error))
                return NULL;
        a->key_id = g_strdup("");
        return g_steal_pointer(&a);
}

/* ---- What it holds ---- */

GBytes *account_public_key(const Account *a)
{
        return a->spki;
}

const char *account_algorithm(const Account *a)
{
        return a->algorithm;
}

const char *account_key_id(const Account *a)
{
        return a->key_id;
}

GPtrArray *account_chain(const Account *a)
{
        return a->chain;
}

GBytes *account_sign(const Account *a, const char *algorithm, const void *data, size_t size, GError **error)
{
        return signature_make(a->private_key, a->public_key, algorithm, data, size, error);
}
