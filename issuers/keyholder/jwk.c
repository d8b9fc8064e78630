/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A private JWK
 *
 * From JSON to GnuTLS's key. It owns the numbers between the two, which are wiped; the strict reader's
 * document wipes the text and its own strings (which is why it is not json-glib: that keeps copies which
 * nobody can reach). A public half that is not this private key's would make every signature worthless, and
 * for Ed25519 give the key away: so a key is used once, for a text of our own, before it is believed.
 */

#include "issuers/keyholder/jwk.h"

#include "common/base64url.h"
#include "common/error.h"
#include "common/json.h"
#include "common/signature.h"

#include <gnutls/crypto.h>
#include <string.h>

#define PARTS_MAX     8
#define RSA_BYTES_MIN 256  /* 2048 bits: RFC 7518, section 3.3 */
#define RSA_BYTES_MAX 1024 /* 8192: one signature with more takes longer than anybody waits */

/* RFC 7518, sections 6.2 and 6.3; RFC 8037, section 2. The order is that of GnuTLS's import; `size` 0: any.
 */
typedef struct JwkType {
        const char *kty, *crv;
        gnutls_ecc_curve_t curve; /* invalid: RSA */
        size_t size;
        const char *parts[PARTS_MAX];
} JwkType;

static const JwkType types[] = {
        { "EC", "P-256", GNUTLS_ECC_CURVE_SECP256R1, 32, { "x", "y", "d" } },
        { "EC", "P-384", GNUTLS_ECC_CURVE_SECP384R1, 48, { "x", "y", "d" } },
        { "EC", "P-521", GNUTLS_ECC_CURVE_SECP521R1, 66, { "x", "y", "d" } },
        { "OKP", "Ed25519", GNUTLS_ECC_CURVE_ED25519, 32, { "x", "d" } },
        { "RSA", NULL, GNUTLS_ECC_CURVE_INVALID, 0, { "n", "e", "d", "p", "q", "qi", "dp", "dq" } },
};

typedef struct Numbers {
        gnutls_datum_t part[PARTS_MAX];
} Numbers;

static void numbers_clear(Numbers *n)
{
        for (size_t i = 0; i < PARTS_MAX; i++) {
                if (n->part[i].data)
                        gnutls_memset(n->part[i].data, 0, n->part[i].size);
                g_free(n->part[i].data);
        }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Numbers, numbers_clear)

static bool refuse(GError **error, CertError code, const char *what)
{
        g_set_error(error, CERT_ERROR, code,
                    "the account's key %s\nIt is what the CA hands out: ask its operator to make the account "
                    "(the "
                    "provisioner) anew.",
                    what);
        return false;
}

/* ---- Reading ---- */

static const char *member_string(const JsonValue *jwk, const char *key)
{
        const JsonValue *v = json_value_member(jwk, key);

        return v && v->kind == JSON_KIND_STRING ? v->string : NULL;
}

static const JwkType *find_type(const JsonValue *jwk)
{
        const char *kty = member_string(jwk, "kty"), *crv = member_string(jwk, "crv");

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
                if (g_strcmp0(kty, types[i].kty) == 0 && (!types[i].crv || g_strcmp0(crv, types[i].crv) == 0))
                        return &types[i];
        return NULL;
}

/* Coordinates and private values have the length of the field, zeros in front included (RFC 7518,
 * sections 6.2.1.2 and 6.2.2.1). */
static bool read_numbers(const JsonValue *jwk, const JwkType *t, Numbers *n)
{
        for (size_t i = 0; i < PARTS_MAX && t->parts[i]; i++) {
                const char *text = member_string(jwk, t->parts[i]);
                size_t size = 0;

                if (!text)
                        return false;
                n->part[i].data = base64url_decode(text, strlen(text), &size);
                n->part[i].size = (unsigned) size;
                if (!n->part[i].data || size == 0 || size > RSA_BYTES_MAX || (t->size > 0 && size != t->size))
                        return false;
        }
        return t->size > 0 || n->part[0].size >= RSA_BYTES_MIN;
}

/* It is written into the header of each token, and into messages for people. */
static bool read_key_id(const JsonValue *jwk, char **ret, GError **error)
{
        const JsonValue *v = json_value_member(jwk, "kid");
        const char *text = v ? member_string(jwk, "kid") : "";
        bool good = text && strlen(text) <= JWK_KEY_ID_MAX;

        for (const char *p = text; good && *p; p = g_utf8_next_char(p))
                good = g_unichar_isprint(g_utf8_get_char(p));
        if (!good)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "has a name (\"kid\") that is none");
        *ret = g_strdup(text);
        return true;
}

static bool check_use(const JsonValue *jwk, GError **error)
{
        const JsonValue *use = json_value_member(jwk, "use");

        if (!use || g_strcmp0(member_string(jwk, "use"), "sig") == 0)
                return true;
        return refuse(error, CERT_ERROR_NOT_SUPPORTED, "is not one to sign with (\"use\")");
}

/* ---- GnuTLS's key ---- */

static int import_numbers(gnutls_privkey_t key, const JwkType *t, const Numbers *n)
{
        const gnutls_datum_t *p = n->part;

        if (t->curve == GNUTLS_ECC_CURVE_INVALID)
                return gnutls_privkey_import_rsa_raw(key, &p[0], &p[1], &p[2], &p[3], &p[4], &p[5], &p[6],
                                                     &p[7]);
        if (t->curve == GNUTLS_ECC_CURVE_ED25519)
                return gnutls_privkey_import_ecc_raw(key, t->curve, &p[0], NULL, &p[1]);
        return gnutls_privkey_import_ecc_raw(key, t->curve, &p[0], &p[1], &p[2]);
}

/* What the JWK says is the public half, and not what would follow from the private one. */
static int import_public(gnutls_pubkey_t key, const JwkType *t, const Numbers *n)
{
        const gnutls_datum_t *p = n->part;

        if (t->curve == GNUTLS_ECC_CURVE_INVALID)
                return gnutls_pubkey_import_rsa_raw(key, &p[0], &p[1]);
        return gnutls_pubkey_import_ecc_raw(key, t->curve, &p[0],
                                            t->curve == GNUTLS_ECC_CURVE_ED25519 ? NULL : &p[1]);
}

static bool belong_together(gnutls_privkey_t private_key, gnutls_pubkey_t public_key)
{
        static const char text[] = "is this the private key of that public key?";
        const char *algorithm = signature_default(public_key);
        g_autoptr(GBytes) signature = NULL;

        if (gnutls_privkey_verify_params(private_key) < 0)
                return false;
        signature = algorithm ? signature_make(private_key, public_key, algorithm, text, sizeof(text), NULL)
                              : NULL;
        return signature && signature_verify(public_key, algorithm, text, sizeof(text), signature);
}

static bool import(const JwkType *t, const Numbers *n, gnutls_privkey_t *ret_private_key,
                   gnutls_pubkey_t *ret_public_key, GError **error)
{
        gnutls_privkey_t private_key = NULL;
        gnutls_pubkey_t public_key = NULL;

        if (gnutls_privkey_init(&private_key) >= 0 && gnutls_pubkey_init(&public_key) >= 0 &&
            import_numbers(private_key, t, n) >= 0 && import_public(public_key, t, n) >= 0 &&
            belong_together(private_key, public_key)) {
                *ret_private_key = private_key;
                *ret_public_key = public_key;
                return true;
        }
        gnutls_privkey_deinit(private_key);
        gnutls_pubkey_deinit(public_key);
        return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "is none: its numbers do not belong together");
}

bool jwk_import(GBytes *json, gnutls_privkey_t *ret_private_key, gnutls_pubkey_t *ret_public_key,
                char **ret_key_id, GError **error)
{
        size_t size;
        const char *text = g_bytes_get_data(json, &size);
        g_autoptr(JsonDocument) d = json_document_new_secret(g_memdup2(text, size), size);
        const JsonValue *jwk = json_document_root(d);
        g_autofree char *key_id = NULL;
        g_auto(Numbers) n = { 0 };
        const JwkType *t;

        if (!jwk || jwk->kind != JSON_KIND_OBJECT || json_document_faults(d)->len > 0)
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "is no JWK: it is no JSON object");
        t = find_type(jwk);
        if (!t)
                return refuse(error, CERT_ERROR_NOT_SUPPORTED,
                              "is of a type (\"kty\", \"crv\") that is not known here");
        if (!check_use(jwk, error) || !read_key_id(jwk, &key_id, error))
                return false;
        if (!read_numbers(jwk, t, &n))
                return refuse(error, CERT_ERROR_ISSUER_PROTOCOL,
                              "is no JWK: a part of it is missing, or is no such "
                              "number");
        if (!import(t, &n, ret_private_key, ret_public_key, error))
                return false;
        *ret_key_id = g_steal_pointer(&key_id);
        return true;
}
