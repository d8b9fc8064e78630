/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority's key: made, opened and destroyed, by one of three protections. It knows the content of a key
 * file from its first line: PKCS#8 as it is, PKCS#8 encrypted with a secret that systemd unseals for this
 * process alone, or the reference to a key in a token (issuers/local/key-reference.c). It owns nothing: the
 * files are the store's. */

#include "issuers/local/authority-key.h"

#include "common/error.h"
#include "common/secret.h"
#include "issuers/local/key-reference.h"
#include "issuers/local/seal.h"
#include "issuers/local/store.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

static bool failed(int r, const char *what, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s: %s", what, gnutls_strerror(r));
        return r < 0;
}

/* Which of the three a file's content is. */
static KeyProtection protection_of(GBytes *content)
{
        size_t size;
        const char *data = g_bytes_get_data(content, &size);

        if (key_reference_is(content))
                return KEY_PROTECTION_TOKEN;
        return size > 0 && g_strstr_len(data, (gssize) size, "BEGIN ENCRYPTED PRIVATE KEY")
                       ? KEY_PROTECTION_CREDENTIAL
                       : KEY_PROTECTION_FILE;
}

bool authority_key_is_on_token(GBytes *content)
{
        return key_reference_is(content);
}

/* ---- Making ---- */

/* `password` NULL: as it is; else encrypted by PBES2 with AES-256 (RFC 8018, 6.2). */
static GBytes *to_pem(gnutls_x509_privkey_t key, const char *password, GError **error)
{
        gnutls_datum_t pem = { 0 };
        GBytes *bytes;
        int r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, password,
                                                  password ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN,
                                                  &pem);

        if (failed(r, "the authority's key", error))
                return NULL;
        bytes = secret_bytes_new(pem.data, pem.size);
        gnutls_memset(pem.data, 0, pem.size);
        gnutls_free(pem.data);
        return bytes;
}

static GBytes *new_pem(const AuthorityOptions *o, GError **error)
{
        bool sealed = o->key_protection == KEY_PROTECTION_CREDENTIAL;
        g_autoptr(Seal) seal = sealed ? seal_open(error) : NULL;
        gnutls_x509_privkey_t key;
        GBytes *pem = NULL;
        int r;

        if ((sealed && !seal) || failed(gnutls_x509_privkey_init(&key), "the authority's key", error))
                return NULL;
        r = gnutls_x509_privkey_generate(key, key_type_algorithm(o->key_type), key_type_bits(o->key_type), 0);
        if (!failed(r, "the authority's key", error))
                pem = to_pem(key, sealed ? seal_password(seal) : NULL, error);
        gnutls_x509_privkey_deinit(key);
        return pem;
}

GBytes *authority_key_new(const AuthorityOptions *o, gnutls_privkey_t *ret_key, GError **error)
{
        g_autoptr(GBytes) content =
                o->key_protection == KEY_PROTECTION_TOKEN ? key_reference_new(o, error) : new_pem(o, error);

        if (!content)
                return NULL;
        if (authority_key_open(o, content, ret_key, error))
                return g_steal_pointer(&content);
        authority_key_destroy(o, content);
        return NULL;
}

/* ---- Opening ---- */

static bool refuse_seal(const char *issuer, GError *missing, GError **error)
{
        g_autofree char *summary = cert_error_summary(missing);

        g_set_error(
                error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                "is encrypted with the credential " SEAL_CREDENTIAL ": %s\n"
                "If " SEAL_FILE
                " is gone, restore it from a backup; it opens on this host only. Without one the key is "
                "lost: to begin a new authority, which no client trusts yet: certctl authority rotate --now %s",
                summary, issuer);
        g_error_free(missing);
        return false;
}

static bool import_pem(const char *issuer, gnutls_privkey_t key, GBytes *content, const char *password, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(content, NULL),
                             (unsigned) g_bytes_get_size(content) };
        int r = gnutls_privkey_import_x509_raw(key, &d, GNUTLS_X509_FMT_PEM, password, 0);

        if (password && r == GNUTLS_E_DECRYPTION_FAILED) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "is encrypted with another " SEAL_CREDENTIAL
                            " than this host's\nRestore the " SEAL_FILE
                            " that it was made with from a backup, or begin a new authority, which no client "
                            "trusts yet: "
                            "certctl authority rotate --now %s",
                            issuer);
                return false;
        }
        return !failed(r, "holds no private key", error);
}

static bool open_pem(const char *issuer, GBytes *content, KeyProtection protection, gnutls_privkey_t *ret_key,
                     GError **error)
{
        bool sealed = protection == KEY_PROTECTION_CREDENTIAL;
        GError *missing = NULL;
        g_autoptr(Seal) seal = sealed ? seal_open(&missing) : NULL;
        gnutls_privkey_t key;

        if (missing)
                return refuse_seal(issuer, missing, error);
        if (failed(gnutls_privkey_init(&key), "cannot be opened", error))
                return false;
        if (!import_pem(issuer, key, content, sealed ? seal_password(seal) : NULL, error)) {
                gnutls_privkey_deinit(key);
                return false;
        }
        *ret_key = key;
        return true;
}

bool authority_key_open(const AuthorityOptions *o, GBytes *content, gnutls_privkey_t *ret_key, GError **error)
{
        KeyProtection protection = protection_of(content);

        return protection == KEY_PROTECTION_TOKEN ? key_reference_open(o, content, ret_key, error)
                                                  : open_pem(o->name, content, protection, ret_key, error);
}

void authority_key_destroy(const AuthorityOptions *o, GBytes *content)
{
        if (key_reference_is(content))
                key_reference_destroy(o, content);
}
