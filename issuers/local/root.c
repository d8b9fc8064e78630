/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The making of an authority: its key and its self-signed certificate. It owns nothing. */

#include "issuers/local/root.h"

#include "common/error.h"
#include "common/timespan.h"
#include "issuers/local/sign.h"
#include "issuers/local/store.h"

#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

#define COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280, appendix A.1 */

static bool failed(int r, const char *what, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s: %s", what, gnutls_strerror(r));
        return r < 0;
}

GBytes *root_new_key(KeyType type, GError **error)
{
        gnutls_x509_privkey_t key;
        gnutls_datum_t pem = { 0 };
        GBytes *bytes;
        int r = gnutls_x509_privkey_init(&key);

        if (failed(r, "the authority's key", error))
                return NULL;
        r = gnutls_x509_privkey_generate(key, key_type_algorithm(type), key_type_bits(type), 0);
        if (r >= 0)
                r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                      &pem);
        gnutls_x509_privkey_deinit(key);
        if (failed(r, "the authority's key", error))
                return NULL;
        bytes = store_secret_new(pem.data, pem.size);
        gnutls_memset(pem.data, 0, pem.size);
        gnutls_free(pem.data);
        return bytes;
}

/* "NAME local authority HOST", cut to what a common name may hold. */
static int set_default_subject(gnutls_x509_crt_t crt, const char *name)
{
        char host[256] = "";
        g_autofree char *cn = NULL;

        if (gethostname(host, sizeof(host) - 1) < 0)
                strcpy(host, "localhost");
        cn = g_strdup_printf("%.32s local authority %s", name, host);
        return gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                             MIN(strlen(cn), COMMON_NAME_MAX));
}

static bool set_subject(gnutls_x509_crt_t crt, const AuthorityOptions *o, GError **error)
{
        const char *where = NULL;
        int r = o->subject ? gnutls_x509_crt_set_dn(crt, o->subject, &where)
                           : set_default_subject(crt, o->name);

        if (r >= 0)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                    "issuers.%s.subject: \"%s\" is no name as RFC 4514 writes it: %s\nWrite it as: "
                    "CN=Example CA,O=Example",
                    o->name, o->subject ?: "", gnutls_strerror(r));
        return false;
}

/* RFC 5280, 4.2.1.1 to 4.2.1.9. One authority may stand below it, as a rotation needs. */
static int set_profile(gnutls_x509_crt_t crt)
{
        unsigned char id[64];
        size_t size = sizeof(id);
        int r = gnutls_x509_crt_set_version(crt, 3);

        if (r >= 0)
                r = gnutls_x509_crt_set_basic_constraints(crt, 1, 1);
        if (r >= 0)
                r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
        if (r >= 0)
                r = gnutls_x509_crt_get_key_id(crt, 0, id, &size);
        if (r >= 0)
                r = gnutls_x509_crt_set_subject_key_id(crt, id, size);
        return r < 0 ? r : gnutls_x509_crt_set_authority_key_id(crt, id, size);
}

static bool fill(gnutls_x509_crt_t crt, const AuthorityOptions *o, gnutls_x509_privkey_t key, uint64_t now,
                 GError **error)
{
        unsigned char serial[SERIAL_SIZE];
        int r;

        if (!sign_random_serial(serial, error) || !set_subject(crt, o, error))
                return false;
        r = gnutls_x509_crt_set_key(crt, key);
        if (r >= 0)
                r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
        if (r >= 0)
                r = gnutls_x509_crt_set_activation_time(crt, now / USEC_PER_SEC - 60);
        if (r >= 0)
                r = gnutls_x509_crt_set_expiration_time(crt, (now + o->lifetime) / USEC_PER_SEC);
        if (r >= 0)
                r = set_profile(crt);
        return !failed(r, "the authority's certificate", error);
}

static gnutls_digest_algorithm_t digest_for(gnutls_privkey_t key)
{
        gnutls_pubkey_t public_key;
        KeyType type = _KEY_TYPE_INVALID;

        if (gnutls_pubkey_init(&public_key) < 0)
                return GNUTLS_DIG_SHA256;
        if (gnutls_pubkey_import_privkey(public_key, key, 0, 0) >= 0)
                type = key_type_of(public_key);
        gnutls_pubkey_deinit(public_key);
        return type < 0 ? GNUTLS_DIG_SHA256 : key_type_digest(type);
}

static GBytes *sign_itself(gnutls_x509_crt_t crt, gnutls_x509_privkey_t x509, GError **error)
{
        gnutls_privkey_t key;
        gnutls_datum_t pem = { 0 };
        int r = gnutls_privkey_init(&key);

        if (failed(r, "the authority's certificate", error))
                return NULL;
        r = gnutls_privkey_import_x509(key, x509, 0);
        if (r >= 0)
                r = gnutls_x509_crt_privkey_sign(crt, crt, key, digest_for(key), 0);
        if (r >= 0)
                r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
        gnutls_privkey_deinit(key);
        if (failed(r, "signing the authority's certificate", error))
                return NULL;
        return g_bytes_new_with_free_func(pem.data, pem.size, gnutls_free, pem.data);
}

static bool import_key(GBytes *pem, gnutls_x509_privkey_t *ret_key, GError **error)
{
        size_t size;
        const void *data = g_bytes_get_data(pem, &size);
        gnutls_datum_t d = { (unsigned char *) data, size };
        int r = gnutls_x509_privkey_init(ret_key);

        if (failed(r, "the authority's key", error))
                return false;
        r = gnutls_x509_privkey_import2(*ret_key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (failed(r, "ca.key of the authority, whose certificate is to be made, cannot be read", error)) {
                gnutls_x509_privkey_deinit(*ret_key);
                return false;
        }
        return true;
}

GBytes *root_new_certificate(const AuthorityOptions *o, GBytes *key_pem, uint64_t now, GError **error)
{
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        GBytes *pem = NULL;

        if (!import_key(key_pem, &key, error))
                return NULL;
        if (!failed(gnutls_x509_crt_init(&crt), "the authority's certificate", error)) {
                if (fill(crt, o, key, now, error))
                        pem = sign_itself(crt, key, error);
                gnutls_x509_crt_deinit(crt);
        }
        gnutls_x509_privkey_deinit(key);
        return pem;
}
