/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Private JWKs: each type is read, signs, and has the public half that another implementation gives it; a key
 * whose numbers are not one key's, or that is none to sign with, is refused. */

#include "common/base64url.h"
#include "common/error.h"
#include "common/signature.h"
#include "issuers/keyholder/jwk.h"
#include "tests/unit/jose-published.h"
#include "tests/unit/jose-vectors.h"

#include <string.h>

static bool import(const char *json, gnutls_pubkey_t *ret_public, char **ret_key_id, GError **error)
{
        g_autoptr(GBytes) bytes = g_bytes_new(json, strlen(json));
        g_autoptr(GBytes) signature = NULL;
        gnutls_privkey_t private_key;
        const char *algorithm;

        if (!jwk_import(bytes, &private_key, ret_public, ret_key_id, error))
                return false;
        algorithm = signature_default(*ret_public);
        signature = signature_make(private_key, *ret_public, algorithm, "data", 4, NULL);
        g_assert_true(signature_verify(*ret_public, algorithm, "data", 4, signature));
        gnutls_privkey_deinit(private_key);
        return true;
}

/* `json` with the first `from` in it replaced; caller owns. */
static char *edit(const char *json, const char *from, const char *to)
{
        const char *at = strstr(json, from);

        g_assert_nonnull(at);
        return g_strdup_printf("%.*s%s%s", (int) (at - json), json, to, at + strlen(from));
}

static void assert_refused(const char *json, CertError code, const char *part)
{
        g_autoptr(GError) error = NULL;
        gnutls_pubkey_t public_key;
        char *key_id;

        g_assert_false(import(json, &public_key, &key_id, &error));
        g_assert_error(error, CERT_ERROR, (int) code);
        if (!strstr(error->message, part))
                g_error("\"%s\" says nothing of \"%s\"", error->message, part);
}

static void test_each_type_has_the_public_half_that_another_gives_it(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(jose_keys); i++) {
                g_autofree char *key_id = NULL, *wanted = g_strdup_printf("the %s key", jose_keys[i].name),
                                *spki = NULL;
                g_autoptr(GError) error = NULL;
                gnutls_pubkey_t public_key;
                gnutls_datum_t der;

                g_assert_true(import(jose_keys[i].jwk, &public_key, &key_id, &error));
                g_assert_cmpstr(key_id, ==, wanted);
                g_assert_cmpint(gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_DER, &der), >=, 0);
                spki = base64url_encode(der.data, der.size);
                g_assert_cmpstr(spki, ==, jose_keys[i].spki);
                gnutls_free(der.data);
                gnutls_pubkey_deinit(public_key);
        }
}

static void test_the_standards_rsa_key_signs_if_it_is_meant_to(void)
{
        g_autofree char *jwk = edit(RFC7517_JWK, "\"use\":\"enc\"", "\"use\":\"sig\""), *key_id = NULL;
        gnutls_pubkey_t public_key;

        assert_refused(RFC7517_JWK, CERT_ERROR_NOT_SUPPORTED, "not one to sign with");
        g_assert_true(import(jwk, &public_key, &key_id, NULL));
        g_assert_cmpstr(key_id, ==, "juliet@capulet.lit");
        g_assert_cmpstr(signature_default(public_key), ==, "rsa-sha256");
        gnutls_pubkey_deinit(public_key);
}

static void test_a_key_without_a_name_has_an_empty_one(void)
{
        g_autofree char *jwk = edit(jose_keys[0].jwk, "\"kid\": \"the P-256 key\",", ""), *key_id = NULL;
        gnutls_pubkey_t public_key;

        g_assert_true(import(jwk, &public_key, &key_id, NULL));
        g_assert_cmpstr(key_id, ==, "");
        gnutls_pubkey_deinit(public_key);
}

static void test_names_that_are_none_are_refused(void)
{
        g_autofree char *filler = g_strnfill(JWK_KEY_ID_MAX + 1, 'x'),
                        *quoted = g_strdup_printf("\"%s\"", filler);
        const char *const names[] = {
                "\"a\\nb\"", "\"a\\u001b[2J\"", "\"\\u202egnp\"", "\"\\u0085\"", "7", "null", quoted
        };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *jwk = edit(jose_keys[0].jwk, "\"the P-256 key\"", names[i]);

                assert_refused(jwk, CERT_ERROR_ISSUER_PROTOCOL, "\"kid\"");
        }
}

/* The value of a member, as it stands in the text; caller owns. */
static char *value(const char *jwk, const char *member)
{
        g_autofree char *start = g_strdup_printf("\"%s\": \"", member);
        const char *at = strstr(jwk, start);

        g_assert_nonnull(at);
        at += strlen(start);
        return g_strndup(at, strcspn(at, "\""));
}

static void test_numbers_that_are_not_of_one_key_are_refused(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(jose_keys); i++) {
                static const char *const members[] = { "x", "y", "d" };

                for (size_t m = 0; m < G_N_ELEMENTS(members); m++) {
                        g_autofree char *member = g_strdup_printf("\"%s\": ", members[m]), *text = NULL,
                                        *other = NULL;
                        g_autofree char *jwk = NULL, *zero = NULL, *nothing = NULL;
                        g_autofree uint8_t *data = NULL;
                        size_t size;

                        if (!strstr(jose_keys[i].jwk, member))
                                continue;
                        text = value(jose_keys[i].jwk, members[m]);
                        data = base64url_decode(text, strlen(text), &size);
                        data[size / 2] ^= 4; /* not on the curve, or another number */
                        other = base64url_encode(data, size);
                        jwk = edit(jose_keys[i].jwk, text, other);
                        assert_refused(jwk, CERT_ERROR_ISSUER_PROTOCOL, "do not belong together");
                        memset(data, 0, size);
                        g_free(other);
                        other = base64url_encode(data, size);
                        zero = edit(jose_keys[i].jwk, text, other);
                        assert_refused(zero, CERT_ERROR_ISSUER_PROTOCOL, "do not belong together");
                        nothing = edit(jose_keys[i].jwk, text, "");
                        assert_refused(nothing, CERT_ERROR_ISSUER_PROTOCOL, "no such number");
                }
        }
}

/* (0, 0) and the like are on no curve; -P is, with x the same. */
static void test_the_opposite_point_is_refused(void)
{
        g_autofree char *y = value(jose_keys[0].jwk, "y"), *jwk = NULL, *text = NULL;
        /* 2^256 - 2^224 + 2^192 + 2^96 - 1 (SEC 2, 2.4.2) */
        static const uint8_t p[32] = { 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    1,    0,    0,    0,
                                       0,    0,    0,    0,    0,    0,    0,    0,    0,    0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
        size_t size;
        g_autofree uint8_t *data = base64url_decode(y, strlen(y), &size);
        int borrow = 0;

        for (int i = 31; i >= 0; i--) {
                int digit = p[i] - data[i] - borrow;

                borrow = digit < 0;
                data[i] = (uint8_t) digit;
        }
        text = base64url_encode(data, size);
        jwk = edit(jose_keys[0].jwk, y, text);
        assert_refused(jwk, CERT_ERROR_ISSUER_PROTOCOL, "do not belong together");
}

static void test_rsa_numbers_that_are_not_of_one_key_are_refused(void)
{
        static const char *const changes[][2] = {
                { "\"n\":\"t6Q8", "\"n\":\"t6Q9" },   { "\"d\":\"GRtb", "\"d\":\"GRtc" },
                { "\"p\":\"2rnS", "\"p\":\"2rnT" },   { "\"e\":\"AQAB\"", "\"e\":\"AQAD\"" },
                { "\"dq\":\"AvfS", "\"DQ\":\"AvfS" }, { "\"e\":\"AQAB\"", "\"e\":\"\"" },
                { "\"e\":\"AQAB\"", "\"e\":65537" },  { "\"n\":\"t6Q8", "\"n\":\"t6Q!" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autofree char *jwk = edit(RFC7517_JWK, "\"use\":\"enc\",", "");
                g_autofree char *changed = edit(jwk, changes[i][0], changes[i][1]);

                assert_refused(changed, CERT_ERROR_ISSUER_PROTOCOL,
                               i < 4 ? "do not belong together" : "is no JWK");
        }
}

/* What follows from the others is computed anew (GnuTLS does), so that a wrong one does no harm: a fault in
 * CRT would give the key away (Boneh, DeMillo, Lipton 1997). `import` checks the signature. */
static void test_wrong_rsa_numbers_that_follow_from_others_do_no_harm(void)
{
        static const char *const changes[][2] = {
                { "\"dp\":\"KkMT", "\"dp\":\"KkMU" },
                { "\"dq\":\"AvfS", "\"dq\":\"AvfT" },
                { "\"qi\":\"lSQi", "\"qi\":\"lSQj" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autofree char *jwk = edit(RFC7517_JWK, "\"use\":\"enc\",", ""), *key_id = NULL;
                g_autofree char *changed = edit(jwk, changes[i][0], changes[i][1]);
                g_autoptr(GError) error = NULL;
                gnutls_pubkey_t public_key;

                if (import(changed, &public_key, &key_id, &error))
                        gnutls_pubkey_deinit(public_key);
                else
                        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
        }
}

static void test_what_is_no_private_key_is_refused(void)
{
        static const struct {
                const char *json;
                CertError code;
                const char *part;
        } cases[] = {
                { "", CERT_ERROR_ISSUER_PROTOCOL, "no JSON object" },
                { "[]", CERT_ERROR_ISSUER_PROTOCOL, "no JSON object" },
                { "{", CERT_ERROR_ISSUER_PROTOCOL, "no JSON object" },
                { "{\"kty\":\"EC\",\"kty\":\"EC\"}", CERT_ERROR_ISSUER_PROTOCOL, "no JSON object" },
                { "{}", CERT_ERROR_NOT_SUPPORTED, "\"kty\"" },
                { "{\"kty\":\"oct\",\"k\":\"AAAA\"}", CERT_ERROR_NOT_SUPPORTED, "\"kty\"" },
                { "{\"kty\":\"EC\",\"crv\":\"secp256k1\"}", CERT_ERROR_NOT_SUPPORTED, "\"crv\"" },
                { "{\"kty\":\"OKP\",\"crv\":\"X25519\"}", CERT_ERROR_NOT_SUPPORTED, "\"crv\"" },
                { "{\"kty\":\"EC\",\"crv\":\"P-256\"}", CERT_ERROR_ISSUER_PROTOCOL, "is missing" },
                { "{\"kty\":\"RSA\"}", CERT_ERROR_ISSUER_PROTOCOL, "is missing" },
        };
        g_autofree char *public_one = edit(jose_keys[0].jwk, "\"d\"", "\"D\"");
        g_autofree char *other_curve = edit(jose_keys[0].jwk, "P-256", "P-384");

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                assert_refused(cases[i].json, cases[i].code, cases[i].part);
        assert_refused(public_one, CERT_ERROR_ISSUER_PROTOCOL, "is missing");
        assert_refused(other_curve, CERT_ERROR_ISSUER_PROTOCOL, "no such number");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/jwk/types", test_each_type_has_the_public_half_that_another_gives_it);
        g_test_add_func("/jwk/rsa", test_the_standards_rsa_key_signs_if_it_is_meant_to);
        g_test_add_func("/jwk/no-name", test_a_key_without_a_name_has_an_empty_one);
        g_test_add_func("/jwk/names", test_names_that_are_none_are_refused);
        g_test_add_func("/jwk/numbers", test_numbers_that_are_not_of_one_key_are_refused);
        g_test_add_func("/jwk/opposite", test_the_opposite_point_is_refused);
        g_test_add_func("/jwk/rsa-numbers", test_rsa_numbers_that_are_not_of_one_key_are_refused);
        g_test_add_func("/jwk/rsa-derived", test_wrong_rsa_numbers_that_follow_from_others_do_no_harm);
        g_test_add_func("/jwk/no-private-key", test_what_is_no_private_key_is_refused);
        return g_test_run();
}
