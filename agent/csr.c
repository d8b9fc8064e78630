/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A certificate request, from the manifest's wishes and a key. It owns nothing: wishes and key go in, DER
 * comes out. */

#include "agent/csr.h"

#include "common/error.h"

static bool failed(int r, CertError code, const char *what, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, code, "%s: %s", what, gnutls_strerror(r));
        return r < 0;
}

/* RFC 5280, 4.2.1.3: a certificate for RSA key transport needs keyEncipherment; no other key can encipher. */
static unsigned key_usage(const Key *key, unsigned usage)
{
        bool rsa = gnutls_pubkey_get_pk_algorithm(key_public(key), NULL) == GNUTLS_PK_RSA;

        return GNUTLS_KEY_DIGITAL_SIGNATURE |
               (rsa && (usage & USAGE_SERVER) ? GNUTLS_KEY_KEY_ENCIPHERMENT : 0);
}

static bool add_usages(gnutls_x509_crq_t crq, const ManifestCertificate *c, const Key *key, GError **error)
{
        int r = gnutls_x509_crq_set_key_usage(crq, key_usage(key, c->usage));

        if (r >= 0 && (c->usage & USAGE_SERVER))
                r = gnutls_x509_crq_set_key_purpose_oid(crq, GNUTLS_KP_TLS_WWW_SERVER, 0);
        if (r >= 0 && (c->usage & USAGE_CLIENT))
                r = gnutls_x509_crq_set_key_purpose_oid(crq, GNUTLS_KP_TLS_WWW_CLIENT, 0);
        return !failed(r, CERT_ERROR_KEY_STORAGE, "usages of a certificate request", error);
}

static bool add_names(gnutls_x509_crq_t crq, const ManifestCertificate *c, GError **error)
{
        const char *where = NULL;
        int r = c->subject && *c->subject ? gnutls_x509_crq_set_dn(crq, c->subject, &where) : 0;

        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "subject \"%s\" cannot be written in a certificate request: %s\n"
                            "Write \"subject\" as RFC 4514 says: CN=www.example.org,O=Example",
                            c->subject, gnutls_strerror(r));
                return false;
        }
        for (guint i = 0; c->sans && i < c->sans->len; i++)
                if (!san_add_to_request(c->sans->pdata[i], crq, error))
                        return false;
        return true;
}

static GBytes *sign(gnutls_x509_crq_t crq, const Key *key, GError **error)
{
        KeyType type = key_type(key);
        gnutls_datum_t der = { 0 };
        int r = gnutls_x509_crq_set_pubkey(crq, key_public(key));

        if (r >= 0)
                r = gnutls_x509_crq_privkey_sign(crq, key_private(key),
                                                 type < 0 ? GNUTLS_DIG_SHA256 : key_type_digest(type), 0);
        if (r >= 0)
                r = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der);
        if (failed(r, CERT_ERROR_KEY_STORAGE, "signing a certificate request", error))
                return NULL;
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

GBytes *csr_new(const ManifestCertificate *c, const Key *key, GError **error)
{
        gnutls_x509_crq_t crq;
        GBytes *der = NULL;
        int r = gnutls_x509_crq_init(&crq);

        if (failed(r, CERT_ERROR_KEY_STORAGE, "a certificate request", error))
                return NULL;
        r = gnutls_x509_crq_set_version(crq, 1); /* v1 (0), the only one there is: RFC 2986, 4.1 */
        if (!failed(r, CERT_ERROR_KEY_STORAGE, "a certificate request", error) && add_names(crq, c, error) &&
            add_usages(crq, c, key, error))
                der = sign(crq, key, error);
        gnutls_x509_crq_deinit(crq);
        return der;
}
