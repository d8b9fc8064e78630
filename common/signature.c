/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signatures
 *
 * The one table from the names of algorithms on the bus to GnuTLS's, and signing by them. It owns nothing.
 */

#include "common/signature.h"

#include "common/error.h"

#include <gnutls/crypto.h>
#include <string.h>

#define DIGEST_SUFFIX "-digest"

typedef struct SignatureAlgorithm {
        const char *name;
        gnutls_pk_algorithm_t key;
        gnutls_sign_algorithm_t sign;
} SignatureAlgorithm;

static const SignatureAlgorithm algorithms[] = {
        { "ecdsa-sha256", GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA256 },
        { "ecdsa-sha384", GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA384 },
        { "ecdsa-sha512", GNUTLS_PK_ECDSA, GNUTLS_SIGN_ECDSA_SHA512 },
        { "ed25519", GNUTLS_PK_EDDSA_ED25519, GNUTLS_SIGN_EDDSA_ED25519 },
        { "rsa-sha256", GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_SHA256 },
        { "rsa-sha384", GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_SHA384 },
        { "rsa-sha512", GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_SHA512 },
        { "rsa-pss-sha256", GNUTLS_PK_RSA, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256 },
};

/* "NAME-digest" is the algorithm NAME of a digest that was made already; Ed25519 takes none (RFC 8032, 5.1.6). */
static const SignatureAlgorithm *algorithm_find(const char *name, bool *ret_of_digest)
{
        bool of_digest = g_str_has_suffix(name, DIGEST_SUFFIX);
        size_t length = strlen(name) - (of_digest ? strlen(DIGEST_SUFFIX) : 0);

        for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++) {
                const SignatureAlgorithm *a = &algorithms[i];

                if (strlen(a->name) != length || !g_str_has_prefix(name, a->name))
                        continue;
                *ret_of_digest = of_digest;
                return of_digest && a->key == GNUTLS_PK_EDDSA_ED25519 ? NULL : a;
        }
        return NULL;
}

static int sign_digest(gnutls_privkey_t private_key, gnutls_sign_algorithm_t algorithm, const gnutls_datum_t *digest,
                       gnutls_datum_t *ret_signature)
{
        if (digest->size != gnutls_hash_get_len(gnutls_sign_get_hash_algorithm(algorithm)))
                return GNUTLS_E_HASH_FAILED;
        return gnutls_privkey_sign_hash2(private_key, algorithm, 0, digest, ret_signature);
}

GBytes *signature_make(gnutls_privkey_t private_key, gnutls_pubkey_t public_key, const char *algorithm,
                       const void *data, size_t size, GError **error)
{
        bool of_digest = false;
        const SignatureAlgorithm *a = algorithm_find(algorithm, &of_digest);
        gnutls_datum_t in = { (unsigned char *) data, size }, out = { 0 };
        int r, have = gnutls_pubkey_get_pk_algorithm(public_key, NULL);

        if (!a) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "no such signature algorithm");
                return NULL;
        }
        if ((int) a->key != have) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "a key for %s does not sign with \"%s\"", gnutls_pk_get_name(have), a->name);
                return NULL;
        }
        r = of_digest ? sign_digest(private_key, a->sign, &in, &out)
                      : gnutls_privkey_sign_data2(private_key, a->sign, 0, &in, &out);
        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "signing: %s", gnutls_strerror(r));
                return NULL;
        }
        return g_bytes_new_with_free_func(out.data, out.size, gnutls_free, out.data);
}

bool signature_verify(gnutls_pubkey_t key, const char *algorithm, const void *data, size_t size, GBytes *signature)
{
        bool of_digest = false;
        const SignatureAlgorithm *a = algorithm_find(algorithm, &of_digest);
        gnutls_datum_t in = { (unsigned char *) data, size }, out;
        gsize out_size;

        out.data = (unsigned char *) g_bytes_get_data(signature, &out_size);
        out.size = (unsigned) out_size;
        if (!a)
                return false;
        return (of_digest ? gnutls_pubkey_verify_hash2(key, a->sign, 0, &in, &out)
                          : gnutls_pubkey_verify_data2(key, a->sign, 0, &in, &out)) >= 0;
}

const char *signature_default(gnutls_pubkey_t key)
{
        unsigned bits = 0;
        int algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);

        switch (algorithm) {
        case GNUTLS_PK_ECDSA:
                return bits > 384 ? "ecdsa-sha512" : bits > 256 ? "ecdsa-sha384" : "ecdsa-sha256";
        case GNUTLS_PK_EDDSA_ED25519:
                return "ed25519";
        case GNUTLS_PK_RSA:
                return "rsa-sha256";
        default:
                return NULL;
        }
}
