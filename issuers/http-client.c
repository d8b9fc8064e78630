/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The client certificate of a request, whose key is elsewhere
 *
 * curl wants the names of two files, a certificate's and a key's. With GnuTLS such a name may be a URL, and a program may
 * say what URLs of a scheme of its own stand for: ours stand for a chain in memory, and for a key that has its signatures
 * made by somebody else. So the whole handshake stays curl's and GnuTLS's. An identity is of one request: it owns the URL,
 * and what went wrong where GnuTLS could only say that something did. */

#include "issuers/http-private.h"

#include "common/error.h"
#include "common/signature.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/urls.h>
#include <string.h>

#define SCHEME "cert-agent-client:"

struct HttpIdentity {
        const HttpClient *client;
        gnutls_pubkey_t key; /* the certificate's */
        gnutls_pk_algorithm_t type;
        unsigned bits;
        char *url;
        unsigned signatures;
        GError *error; /* the first of sign() */
};

/* GnuTLS hands over nothing but the URL, so the URL says where the identity is. None but http_identity_new() makes one, and
 * it is gone from curl when the request is over. */
static HttpIdentity *identity_of(const char *url)
{
        return (HttpIdentity *) (uintptr_t) g_ascii_strtoull(url + strlen(SCHEME), NULL, 16);
}

static gnutls_datum_t datum_of(GBytes *bytes)
{
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);

        return (gnutls_datum_t){ (unsigned char *) data, (unsigned) size };
}

/* A copy that GnuTLS frees. */
static int give(GBytes *bytes, gnutls_datum_t *ret)
{
        gnutls_datum_t have = datum_of(bytes);

        ret->data = gnutls_malloc(have.size);
        if (!ret->data)
                return GNUTLS_E_MEMORY_ERROR;
        memcpy(ret->data, have.data, have.size);
        ret->size = have.size;
        return 0;
}

/* ---- The key ---- */

typedef struct Algorithm {
        gnutls_pk_algorithm_t key;
        gnutls_digest_algorithm_t digest;
        const char *name; /* of Signer's Sign, for a digest */
} Algorithm;

/* RSA-PSS here is by a plain RSA key (rsaEncryption), RFC 8446, section 4.2.3. SHA-1 is left out: RFC 9155. */
static const Algorithm algorithms[] = {
        { GNUTLS_PK_ECDSA, GNUTLS_DIG_SHA256, "ecdsa-sha256-digest" },
        { GNUTLS_PK_ECDSA, GNUTLS_DIG_SHA384, "ecdsa-sha384-digest" },
        { GNUTLS_PK_ECDSA, GNUTLS_DIG_SHA512, "ecdsa-sha512-digest" },
        { GNUTLS_PK_RSA, GNUTLS_DIG_SHA256, "rsa-sha256-digest" },
        { GNUTLS_PK_RSA, GNUTLS_DIG_SHA384, "rsa-sha384-digest" },
        { GNUTLS_PK_RSA, GNUTLS_DIG_SHA512, "rsa-sha512-digest" },
        { GNUTLS_PK_RSA_PSS, GNUTLS_DIG_SHA256, "rsa-pss-sha256-digest" },
};

static const char *algorithm_name(gnutls_pk_algorithm_t key, gnutls_digest_algorithm_t digest)
{
        for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++)
                if (algorithms[i].key == key && algorithms[i].digest == digest)
                        return algorithms[i].name;
        return NULL;
}

static bool can_sign(const HttpIdentity *i, gnutls_sign_algorithm_t algorithm)
{
        gnutls_pk_algorithm_t key = gnutls_sign_get_pk_algorithm(algorithm);

        if (!gnutls_sign_supports_pk_algorithm(algorithm, i->type))
                return false;
        return key == GNUTLS_PK_EDDSA_ED25519 || algorithm_name(key, gnutls_sign_get_hash_algorithm(algorithm));
}

static int on_info(gnutls_privkey_t key, unsigned flags, void *userdata)
{
        const HttpIdentity *i = userdata;

        if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO)
                return (int) i->type;
        if (flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS)
                return (int) i->bits;
        if (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO)
                return can_sign(i, GNUTLS_FLAGS_TO_SIGN_ALGO(flags));
        return -1; /* it prefers none */
}

/* Signed, and by the certificate's key: a server could only say that something is wrong. */
static GBytes *sign_rightly(const HttpIdentity *i, const char *algorithm, const void *data, size_t size, GError **error)
{
        g_autoptr(GBytes) signature = i->client->sign(algorithm, data, size, i->client->userdata, error);

        if (!signature || signature_verify(i->key, algorithm, data, size, signature))
                return g_steal_pointer(&signature);
        g_set_error_literal(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "the certificate to show to the server and its key are no pair\n"
                            "Have a new one issued: certctl renew --force");
        return NULL;
}

static int sign(HttpIdentity *i, const char *algorithm, const void *data, size_t size, gnutls_datum_t *ret)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) signature = sign_rightly(i, algorithm, data, size, &error);

        if (signature) {
                i->signatures++;
                return give(signature, ret);
        }
        if (!i->error)
                i->error = g_steal_pointer(&error);
        return GNUTLS_E_PK_SIGN_FAILED;
}

/* Only what has no digest of its own comes here: Ed25519 (RFC 8032). */
static int on_sign_data(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *userdata, unsigned flags,
                        const gnutls_datum_t *data, gnutls_datum_t *ret)
{
        return algorithm == GNUTLS_SIGN_EDDSA_ED25519 ? sign(userdata, "ed25519", data->data, data->size, ret)
                                                      : GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
}

/* PKCS#1 v1.5 comes with the digest in a DigestInfo (RFC 8017, section 9.2), and the algorithm says only that. */
static int sign_digest_info(HttpIdentity *i, const gnutls_datum_t *info, gnutls_datum_t *ret)
{
        gnutls_digest_algorithm_t hash;
        unsigned char digest[64];
        unsigned size = sizeof(digest);
        int r = gnutls_decode_ber_digest_info(info, &hash, digest, &size);
        const char *name = r < 0 ? NULL : algorithm_name(GNUTLS_PK_RSA, hash);

        return name ? sign(i, name, digest, size, ret) : GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
}

static int on_sign_digest(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *userdata, unsigned flags,
                          const gnutls_datum_t *digest, gnutls_datum_t *ret)
{
        const char *name;

        if (algorithm == GNUTLS_SIGN_RSA_RAW)
                return sign_digest_info(userdata, digest, ret);
        name = algorithm_name(gnutls_sign_get_pk_algorithm(algorithm), gnutls_sign_get_hash_algorithm(algorithm));
        return name ? sign(userdata, name, digest->data, digest->size, ret) : GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
}

/* ---- What a URL stands for ---- */

static int import_key(gnutls_privkey_t key, const char *url, unsigned flags)
{
        return gnutls_privkey_import_ext4(key, identity_of(url), on_sign_data, on_sign_digest, NULL, NULL, on_info, 0);
}

static int import_leaf(gnutls_x509_crt_t crt, const char *url, unsigned flags)
{
        gnutls_datum_t der = datum_of(identity_of(url)->client->chain->pdata[0]);

        return gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER);
}

/* What comes behind `crt` in the chain. */
static int get_issuer(const char *url, gnutls_x509_crt_t crt, gnutls_datum_t *ret, unsigned flags)
{
        GPtrArray *chain = identity_of(url)->client->chain;

        for (guint i = 0; i + 1 < chain->len; i++) {
                gnutls_datum_t der = datum_of(chain->pdata[i]);

                if (gnutls_x509_crt_equals2(crt, &der))
                        return give(chain->pdata[i + 1], ret);
        }
        return GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

static const gnutls_custom_url_st scheme = {
        .name = SCHEME,
        .name_size = sizeof(SCHEME) - 1,
        .import_key = import_key,
        .import_crt = import_leaf,
        .get_issuer = get_issuer,
};

/* ---- An identity ---- */

static int read_key(HttpIdentity *i)
{
        gnutls_x509_crt_t crt;
        gnutls_datum_t der;
        int r = i->client->chain->len == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : gnutls_pubkey_init(&i->key);

        if (r >= 0)
                r = gnutls_x509_crt_init(&crt);
        if (r < 0)
                return r;
        der = datum_of(i->client->chain->pdata[0]);
        r = gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER);
        if (r >= 0)
                r = gnutls_pubkey_import_x509(i->key, crt, 0);
        gnutls_x509_crt_deinit(crt);
        if (r >= 0)
                r = gnutls_pubkey_get_pk_algorithm(i->key, &i->bits);
        if (r >= 0)
                i->type = (gnutls_pk_algorithm_t) r;
        return r;
}

HttpIdentity *http_identity_new(const HttpClient *client, GError **error)
{
        g_autoptr(HttpIdentity) i = g_new0(HttpIdentity, 1);
        int r;

        i->client = client;
        i->url = g_strdup_printf(SCHEME "%" G_GINT64_MODIFIER "x", (guint64) (uintptr_t) i);
        r = read_key(i);
        if (r >= 0 && !gnutls_url_is_supported(i->url)) /* once in a process */
                r = gnutls_register_custom_url(&scheme);
        if (r >= 0)
                return g_steal_pointer(&i);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "the certificate to show to the server: %s",
                    gnutls_strerror(r));
        return NULL;
}

HttpIdentity *http_identity_free(HttpIdentity *i)
{
        if (!i)
                return NULL;
        if (i->key)
                gnutls_pubkey_deinit(i->key);
        g_clear_error(&i->error);
        g_free(i->url);
        g_free(i);
        return NULL;
}

/* The connection is not kept: who is at its other end was told who we are, and the next request may be somebody else's. */
void http_identity_set(const HttpIdentity *i, CURL *curl)
{
        curl_easy_setopt(curl, CURLOPT_SSLCERT, i->url);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, i->url);
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
}

/* GnuTLS's first signature is a trial, by which it sees that key and certificate are a pair. */
bool http_identity_shown(const HttpIdentity *i)
{
        return i && i->signatures > 1;
}

bool http_identity_failed(HttpIdentity *i, GError **error)
{
        if (!i || !i->error)
                return false;
        g_propagate_error(error, g_steal_pointer(&i->error));
        return true;
}
