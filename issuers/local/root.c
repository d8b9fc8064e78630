/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The making of an authority's self-signed certificate. It owns nothing. */

#include "issuers/local/root.h"

#include "common/environment.h"
#include "common/error.h"
#include "common/log.h"
#include "common/timespan.h"
#include "issuers/local/sign.h"

#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

#define BACKDATE_USEC   USEC_PER_MINUTE /* clocks differ */
#define COMMON_NAME_MAX 64              /* ub-common-name, RFC 5280, appendix A.1 */

static bool failed(int r, const char *what, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s: %s", what, gnutls_strerror(r));
        return r < 0;
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

/* RFC 5280, 4.2.1.1 to 4.2.1.10. */
static int set_profile(gnutls_x509_crt_t crt, const AuthorityOptions *o)
{
        unsigned char id[64];
        size_t size = sizeof(id);
        int r = gnutls_x509_crt_set_version(crt, 3);

        if (r >= 0)
                r = gnutls_x509_crt_set_basic_constraints(crt, 1, (int) o->path_length);
        if (r >= 0)
                r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
        if (r >= 0)
                r = gnutls_x509_crt_get_key_id(crt, 0, id, &size);
        if (r >= 0)
                r = gnutls_x509_crt_set_subject_key_id(crt, id, size);
        if (r >= 0)
                r = gnutls_x509_crt_set_authority_key_id(crt, id, size);
        return r < 0 ? r : constraints_set(o->names, crt);
}

/* So that a host of another environment knows it, whoever brings a certificate of it there. A word that no certificate can
 * carry is no reason to be without an authority. */
static int set_environment(gnutls_x509_crt_t crt, const AuthorityOptions *o)
{
        int r = o->environment ? environment_mark(crt, o->environment) : 0;

        if (r != GNUTLS_E_INVALID_REQUEST)
                return r;
        log_full(LOG_WARNING, &(LogContext){ .issuer = o->name },
                 "the environment \"%s\" is not ASCII of at most 64 characters, so the authority's certificate does not say "
                 "it, ignoring",
                 o->environment);
        return 0;
}

static bool fill(gnutls_x509_crt_t crt, const AuthorityOptions *o, gnutls_pubkey_t key, uint64_t now,
                 GError **error)
{
        unsigned char serial[SERIAL_SIZE];
        int r;

        if (!sign_random_serial(serial, error) || !set_subject(crt, o, error))
                return false;
        r = gnutls_x509_crt_set_pubkey(crt, key);
        if (r >= 0)
                r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
        if (r >= 0)
                r = gnutls_x509_crt_set_activation_time(
                        crt, (time_t) ((now - MIN(now, BACKDATE_USEC)) / USEC_PER_SEC));
        if (r >= 0)
                r = gnutls_x509_crt_set_expiration_time(crt, (time_t) ((now + o->lifetime) / USEC_PER_SEC));
        if (r >= 0)
                r = set_profile(crt, o);
        if (r >= 0)
                r = set_environment(crt, o);
        return !failed(r, "the authority's certificate", error);
}

static gnutls_digest_algorithm_t digest_for(gnutls_pubkey_t key)
{
        KeyType type = key_type_of(key);

        return type < 0 ? GNUTLS_DIG_SHA256 : key_type_digest(type);
}

gnutls_digest_algorithm_t root_digest_of(gnutls_x509_crt_t crt)
{
        gnutls_digest_algorithm_t digest = GNUTLS_DIG_SHA256;
        gnutls_pubkey_t key;

        if (gnutls_pubkey_init(&key) < 0)
                return digest;
        if (gnutls_pubkey_import_x509(key, crt, 0) >= 0)
                digest = digest_for(key);
        gnutls_pubkey_deinit(key);
        return digest;
}

static GBytes *sign_itself(gnutls_x509_crt_t crt, gnutls_privkey_t key, gnutls_digest_algorithm_t digest,
                           GError **error)
{
        gnutls_datum_t pem = { 0 };
        int r = gnutls_x509_crt_privkey_sign(crt, crt, key, digest, 0);

        if (r >= 0)
                r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
        if (failed(r, "signing the authority's certificate", error))
                return NULL;
        return g_bytes_new_with_free_func(pem.data, pem.size, gnutls_free, pem.data);
}

static gnutls_pubkey_t public_key_of(gnutls_privkey_t key, GError **error)
{
        gnutls_pubkey_t public_key;
        int r = gnutls_pubkey_init(&public_key);

        if (failed(r, "the authority's public key", error))
                return NULL;
        r = gnutls_pubkey_import_privkey(public_key, key, 0, 0);
        if (failed(r, "the authority's public key", error)) {
                gnutls_pubkey_deinit(public_key);
                return NULL;
        }
        return public_key;
}

GBytes *root_new_certificate(const AuthorityOptions *o, gnutls_privkey_t key, uint64_t now, GError **error)
{
        gnutls_pubkey_t public_key = public_key_of(key, error);
        gnutls_x509_crt_t crt;
        GBytes *pem = NULL;

        if (!public_key)
                return NULL;
        if (!failed(gnutls_x509_crt_init(&crt), "the authority's certificate", error)) {
                if (fill(crt, o, public_key, now, error))
                        pem = sign_itself(crt, key, digest_for(public_key), error);
                gnutls_x509_crt_deinit(crt);
        }
        gnutls_pubkey_deinit(public_key);
        return pem;
}
