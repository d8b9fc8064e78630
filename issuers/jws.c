/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON Web Signatures
 *
 * What JOSE calls the Signer's algorithms, the form in which it wants their signatures, and the compact serialization. It
 * owns nothing, and knows neither header nor payload but as text.
 */

#include "issuers/jws.h"

#include "common/base64url.h"
#include "common/error.h"
#include "common/signature.h"
#include "issuers/signer-client.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>

typedef struct Algorithm {
        const char *signer;
        const char *jose;
        size_t field; /* bytes of each of the two numbers of ECDSA; 0: the signature is taken as it is */
} Algorithm;

/* RFC 7518, section 3.1; RFC 8037, section 3.1. */
static const Algorithm algorithms[] = {
        { "ecdsa-sha256", "ES256", 32 }, { "ecdsa-sha384", "ES384", 48 }, { "ecdsa-sha512", "ES512", 66 },
        { "ed25519", "EdDSA", 0 },       { "rsa-sha256", "RS256", 0 },    { "rsa-sha384", "RS384", 0 },
        { "rsa-sha512", "RS512", 0 },    { "rsa-pss-sha256", "PS256", 0 },
};

static const Algorithm *find(const char *signer_algorithm)
{
        for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++)
                if (g_strcmp0(algorithms[i].signer, signer_algorithm) == 0)
                        return &algorithms[i];
        return NULL;
}

const char *jws_algorithm(const char *signer_algorithm)
{
        const Algorithm *a = find(signer_algorithm);

        return a ? a->jose : NULL;
}

/* ---- The algorithm of a key ---- */

const char *jws_signer_algorithm(GBytes *public_key, GError **error)
{
        const char *algorithm = NULL;
        gnutls_pubkey_t key;
        gnutls_datum_t der;
        size_t size;
        int r = gnutls_pubkey_init(&key);

        der.data = (unsigned char *) g_bytes_get_data(public_key, &size);
        der.size = (unsigned) size;
        if (r >= 0) {
                r = gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER);
                algorithm = r < 0 ? NULL : signature_default(key);
                gnutls_pubkey_deinit(key);
        }
        if (!algorithm)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "a key that signs no token: %s",
                            r < 0 ? gnutls_strerror(r) : "it is neither RSA, ECDSA nor Ed25519");
        return algorithm;
}

/* ---- The signature ---- */

/* A number as GnuTLS gives it (with or without zeros before it) at the end of a field of zeros. */
static bool put_number(unsigned char *field, size_t width, const gnutls_datum_t *number)
{
        const unsigned char *p = number->data;
        size_t size = number->size;

        for (; size > 0 && *p == 0; size--)
                p++;
        if (size > width)
                return false;
        memcpy(field + width - size, p, size);
        return true;
}

static GBytes *raw_ecdsa(size_t width, GBytes *signature, GError **error)
{
        g_autofree unsigned char *raw = g_malloc0(2 * width);
        gnutls_datum_t der, r = { 0 }, s = { 0 };
        bool fits = false;
        size_t size;
        int n;

        der.data = (unsigned char *) g_bytes_get_data(signature, &size);
        der.size = (unsigned) size;
        n = gnutls_decode_rs_value(&der, &r, &s);
        if (n >= 0)
                fits = put_number(raw, width, &r) && put_number(raw + width, width, &s);
        gnutls_free(r.data);
        gnutls_free(s.data);
        if (fits)
                return g_bytes_new_take(g_steal_pointer(&raw), 2 * width);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "the agent's signature is no ECDSA of that curve: %s",
                    n < 0 ? gnutls_strerror(n) : "it is too long");
        return NULL;
}

GBytes *jws_signature(const char *signer_algorithm, GBytes *signature, GError **error)
{
        const Algorithm *a = find(signer_algorithm);

        if (!a) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "JOSE has no name for the algorithm \"%s\"",
                            signer_algorithm);
                return NULL;
        }
        return a->field > 0 ? raw_ecdsa(a->field, signature, error) : g_bytes_ref(signature);
}

/* RFC 7515, section 5.1. */
char *jws_sign(sd_bus *bus, const char *key, const char *signer_algorithm, const char *header, const char *payload,
               GError **error)
{
        g_autofree char *protected = base64url_encode(header, strlen(header));
        g_autofree char *body = base64url_encode(payload, strlen(payload));
        g_autofree char *input = g_strconcat(protected, ".", body, NULL), *encoded = NULL;
        g_autoptr(GBytes) given = NULL, signature = NULL;
        size_t size;
        const void *data;

        given = signer_client_sign(bus, key, signer_algorithm, input, strlen(input), error);
        signature = given ? jws_signature(signer_algorithm, given, error) : NULL;
        if (!signature)
                return NULL;
        data = g_bytes_get_data(signature, &size);
        encoded = base64url_encode(data, size);
        return g_strconcat(input, ".", encoded, NULL);
}
