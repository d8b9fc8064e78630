/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority: read from its folder and judged, or made there. It owns the parsed certificate and key,
 * and remembers which files they were. The making of a certificate for it is in issuers/local/root.c, the
 * files are handled in issuers/local/store.c. */

#include "issuers/local/authority.h"

#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"
#include "issuers/config.h"
#include "issuers/local/root.h"
#include "issuers/local/store.h"

#include <string.h>

#define LIFETIME_DEFAULT             (3652 * USEC_PER_DAY) /* ten years */
#define CERTIFICATE_LIFETIME_DEFAULT (90 * USEC_PER_DAY)
#define LIFETIME_MIN                 USEC_PER_HOUR
#define LIFETIME_MAX                 (100 * 366 * USEC_PER_DAY)

struct Authority {
        char *name;
        StoreMark mark;
        gnutls_x509_crt_t crt;
        gnutls_privkey_t key;
        gnutls_digest_algorithm_t digest;
        GBytes *der;
};

/* ---- Options ---- */

/* A name becomes a folder's. */
static bool name_is_safe(const char *name)
{
        return *name && *name != '.' && *name != '-' && strlen(name) <= 128 &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                       strlen(name);
}

static bool check_options(const AuthorityOptions *o, GError **error)
{
        if (!name_is_safe(o->name)) {
                g_set_error(
                        error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                        "an issuer's name of type \"local\" is made of letters, digits, '.', '_' and '-'");
                return false;
        }
        if (o->lifetime < LIFETIME_MIN || o->lifetime > LIFETIME_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "issuers.%s.lifetime: an authority lives from one hour to a hundred years",
                            o->name);
                return false;
        }
        return true;
}

AuthorityOptions *authority_options_new(const char *config, GError **error)
{
        g_autoptr(IssuerConfig) c = issuer_config_new(config, error);
        g_autoptr(AuthorityOptions) o = NULL;

        if (!c)
                return NULL;
        o = g_new0(AuthorityOptions, 1);
        o->name = g_strdup(issuer_config_name(c));
        o->key_type = KEY_TYPE_ECDSA_P256;
        o->lifetime = LIFETIME_DEFAULT;
        o->certificate_lifetime = CERTIFICATE_LIFETIME_DEFAULT;
        if (!issuer_config_take_string(c, "subject", &o->subject, error) ||
            !issuer_config_take_key_type(c, "key.type", &o->key_type, error) ||
            !issuer_config_take_span(c, "lifetime", &o->lifetime, error) ||
            !issuer_config_take_span(c, "certificate_lifetime", &o->certificate_lifetime, error) ||
            !issuer_config_done(c, error) || !check_options(o, error))
                return NULL;
        return g_steal_pointer(&o);
}

AuthorityOptions *authority_options_free(AuthorityOptions *o)
{
        if (!o)
                return NULL;
        g_free(o->name);
        g_free(o->subject);
        g_free(o);
        return NULL;
}

/* ---- Reading ---- */

G_GNUC_PRINTF(3, 4)
static void *damaged(const char *name, GError **error, const char *format, ...)
{
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "the authority \"%s\": %s\nRestore " CERT_AUTHORITY_DIR
                    "/%s from a backup. To give it up and begin "
                    "a new one, which no client trusts yet, move that folder away.",
                    name, what, name);
        return NULL;
}

static bool import(Authority *a, GBytes *crt_pem, GBytes *key_pem, GError **error)
{
        size_t size;
        gnutls_datum_t d;
        int r;

        d.data = (unsigned char *) g_bytes_get_data(crt_pem, &size);
        d.size = size;
        r = gnutls_x509_crt_init(&a->crt);
        if (r >= 0)
                r = gnutls_x509_crt_import(a->crt, &d, GNUTLS_X509_FMT_PEM);
        if (r < 0)
                return damaged(a->name, error, "ca.pem holds no certificate: %s", gnutls_strerror(r));
        d.data = (unsigned char *) g_bytes_get_data(key_pem, &size);
        d.size = size;
        if (g_strstr_len((char *) d.data, d.size, "BEGIN ENCRYPTED PRIVATE KEY"))
                return damaged(a->name, error,
                               "ca.key is encrypted, and nobody is there to ask for a password");
        r = gnutls_privkey_init(&a->key);
        if (r >= 0)
                r = gnutls_privkey_import_x509_raw(a->key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
        return r >= 0 || damaged(a->name, error, "ca.key holds no private key: %s", gnutls_strerror(r));
}

/* The key of the key file and that of the certificate are one. */
static bool key_fits(const Authority *a, gnutls_pubkey_t *ret_key)
{
        unsigned char crt_id[32], key_id[32];
        size_t crt_size = sizeof(crt_id), key_size = sizeof(key_id);

        return gnutls_pubkey_import_privkey(*ret_key, a->key, 0, 0) >= 0 &&
               gnutls_pubkey_get_key_id(*ret_key, GNUTLS_KEYID_USE_SHA256, key_id, &key_size) >= 0 &&
               gnutls_x509_crt_get_key_id(a->crt, GNUTLS_KEYID_USE_SHA256, crt_id, &crt_size) >= 0 &&
               crt_size == key_size && memcmp(crt_id, key_id, crt_size) == 0;
}

static bool judge(Authority *a, GError **error)
{
        gnutls_pubkey_t key;
        gnutls_datum_t der = { 0 };
        unsigned critical;
        bool fits;
        KeyType type;

        if (gnutls_pubkey_init(&key) < 0)
                return damaged(a->name, error, "no memory");
        fits = key_fits(a, &key);
        type = fits ? key_type_of(key) : _KEY_TYPE_INVALID;
        gnutls_pubkey_deinit(key);
        if (!fits)
                return damaged(a->name, error, "ca.key is not the key of ca.pem");
        if (gnutls_x509_crt_get_ca_status(a->crt, &critical) <= 0)
                return damaged(a->name, error, "ca.pem is no CA certificate");
        if (gnutls_x509_crt_export2(a->crt, GNUTLS_X509_FMT_DER, &der) < 0)
                return damaged(a->name, error, "ca.pem cannot be written as DER");
        a->der = g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
        a->digest = type < 0 ? GNUTLS_DIG_SHA256 : key_type_digest(type);
        return true;
}

static Authority *parse(const char *name, const StoreContent *content, GError **error)
{
        g_autoptr(Authority) a = g_new0(Authority, 1);

        a->name = g_strdup(name);
        a->mark = content->mark;
        return import(a, content->certificate, content->key, error) && judge(a, error) ? g_steal_pointer(&a)
                                                                                       : NULL;
}

/* ---- Making ---- */

/* With the lock held. The key is on disk before the certificate: what a crash leaves is a key without one,
 * which is gone on with. */
static bool complete(Store *s, const AuthorityOptions *o, const StoreContent *have, GError **error)
{
        g_autoptr(GBytes) key = NULL, certificate = NULL;

        if (!have->key && have->certificate)
                return damaged(o->name, error, "ca.pem is there, but its key ca.key is missing");
        key = have->key ? g_bytes_ref(have->key) : root_new_key(o->key_type, error);
        if (!key)
                return false;
        certificate = root_new_certificate(o, key, now_realtime(), error);
        if (!certificate)
                return false;
        return (have->key || store_write_key(s, key, error)) &&
               store_write_certificate(s, certificate, error);
}

Authority *authority_open(const AuthorityOptions *o, GError **error)
{
        g_autoptr(Store) s = store_open(o->name, error);
        g_auto(StoreContent) content = { 0 };

        if (!s || !store_read(s, &content, error))
                return NULL;
        if (content.key && content.certificate)
                return parse(o->name, &content, error);
        /* First use, perhaps by several processes at once: look again under the lock. */
        if (!store_lock(s, error) || !store_read(s, &content, error))
                return NULL;
        if ((!content.key || !content.certificate) &&
            (!complete(s, o, &content, error) || !store_read(s, &content, error)))
                return NULL;
        if (!content.key || !content.certificate)
                return damaged(o->name, error, "its files vanished while it was made");
        return parse(o->name, &content, error);
}

Authority *authority_free(Authority *a)
{
        if (!a)
                return NULL;
        if (a->crt)
                gnutls_x509_crt_deinit(a->crt);
        if (a->key)
                gnutls_privkey_deinit(a->key);
        g_clear_pointer(&a->der, g_bytes_unref);
        g_free(a->name);
        g_free(a);
        return NULL;
}

bool authority_is_current(const Authority *a)
{
        return store_mark_is_current(a->name, &a->mark);
}

gnutls_x509_crt_t authority_certificate(const Authority *a)
{
        return a->crt;
}

gnutls_privkey_t authority_key(const Authority *a)
{
        return a->key;
}

gnutls_digest_algorithm_t authority_digest(const Authority *a)
{
        return a->digest;
}

GBytes *authority_der(const Authority *a)
{
        return a->der;
}
