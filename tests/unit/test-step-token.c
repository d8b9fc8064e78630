/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tokens that a step-ca is shown: what is in them, who signed them, and what they are not made of. */

#include "common/base64url.h"
#include "common/error.h"
#include "common/signature.h"
#include "issuers/jws.h"
#include "tests/unit/step-call.h"

#include <gnutls/crypto.h>
#include <string.h>

#define URL          "https://ca.example:9000"
#define ONE_URL      ", \"url\": \"" URL "\""
#define BY_PASSWORD  ", \"password_file\": \"/etc/pw\""
#define BY_KEY       ", \"x5c_cert_file\": \"/etc/x.pem\", \"x5c_key_file\": \"/etc/x.key\""

/* ---- Reading a token ---- */

static JsonObject *part_of(const char *token, unsigned index)
{
        g_auto(GStrv) parts = g_strsplit(token, ".", -1);
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autofree char *text = NULL;
        size_t size;

        g_assert_cmpuint(g_strv_length(parts), ==, 3);
        text = base64url_decode(parts[index], strlen(parts[index]), &size);
        g_assert_true(json_parser_load_from_data(parser, text, (gssize) size, NULL));
        return json_node_dup_object(json_parser_get_root(parser));
}

#define header_of(token) part_of(token, 0)
#define claims_of(token) part_of(token, 1)

static void assert_string(JsonObject *o, const char *name, const char *wanted)
{
        g_assert_cmpstr(json_object_get_string_member_with_default(o, name, "(none)"), ==, wanted);
}

/* By the certificate or key that it names, as the CA verifies it. */
static void assert_signed_by(const char *token, const Key *key, const char *algorithm)
{
        const char *dot = strrchr(token, '.');
        size_t size;
        g_autofree unsigned char *raw = base64url_decode(dot + 1, strlen(dot + 1), &size);
        gnutls_datum_t r = { raw, (unsigned) size / 2 }, s = { raw + size / 2, (unsigned) size / 2 }, der;
        g_autoptr(GBytes) signature = NULL;

        g_assert_cmpint(gnutls_encode_rs_value(&der, &r, &s), >=, 0);
        signature = g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
        g_assert_true(signature_verify(key_public(key), algorithm, token, (size_t) (dot - token), signature));
}

static void assert_times(JsonObject *claims)
{
        int64_t now = g_get_real_time() / G_USEC_PER_SEC, iat = json_object_get_int_member(claims, "iat");

        g_assert_cmpint(iat, <=, now);
        g_assert_cmpint(iat, >=, now - 120);
        g_assert_cmpint(json_object_get_int_member(claims, "nbf"), ==, iat);
        g_assert_cmpint(json_object_get_int_member(claims, "exp"), ==, iat + 300);
}

/* ---- By the provisioner's key ---- */

static void test_a_token_says_what_it_is_for(void)
{
        static const char *const sans[] = { "a.example", "email:m@b.example", "ip:192.0.2.1", "ip:2001:db8::1",
                                            "uri:spiffe://x/y", NULL };
        static const char *const plain[] = { "a.example", "m@b.example", "192.0.2.1", "2001:db8::1", "spiffe://x/y" };
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_auto(SignerThread) s = { .account = key };
        g_autoptr(StepCall) c = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *token = NULL;
        g_autoptr(JsonObject) header = NULL, claims = NULL;
        JsonArray *names;

        signer_thread_start(&s);
        c = step_call_new(ONE_URL BY_PASSWORD, &s);
        step_call_know(c, STEP_PROVISIONER_JWK);
        token = step_token(c, "/1.0/sign", "a.example", sans, &error);
        g_assert_no_error(error);
        header = header_of(token);
        g_assert_cmpuint(json_object_get_size(header), ==, 3);
        assert_string(header, "alg", "ES256");
        assert_string(header, "typ", "JWT");
        assert_string(header, "kid", "the key's id");
        claims = claims_of(token);
        g_assert_cmpuint(json_object_get_size(claims), ==, 9);
        assert_string(claims, "aud", URL "/1.0/sign");
        assert_string(claims, "iss", "admin");
        assert_string(claims, "sub", "a.example");
        assert_string(claims, "sha", c->options->fingerprints[0]);
        assert_times(claims);
        names = json_object_get_array_member(claims, "sans");
        g_assert_cmpuint(json_array_get_length(names), ==, G_N_ELEMENTS(plain));
        for (guint i = 0; i < G_N_ELEMENTS(plain); i++)
                g_assert_cmpstr(json_array_get_string_element(names, i), ==, plain[i]);
        assert_signed_by(token, key, "ecdsa-sha256");
        signer_thread_end(&s);
        g_assert_cmpstr(s.encrypted_key, ==, "a.b.c.d.e");
        key_unref(key);
}

static void test_no_two_tokens_are_alike(void)
{
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_auto(SignerThread) s = { .account = key };
        g_autoptr(StepCall) c = NULL;
        g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        signer_thread_start(&s);
        c = step_call_new(ONE_URL BY_PASSWORD, &s);
        step_call_know(c, STEP_PROVISIONER_JWK);
        for (unsigned i = 0; i < 100; i++) {
                g_autofree char *token = step_token(c, "/1.0/revoke", "123", NULL, NULL);
                g_autoptr(JsonObject) claims = claims_of(token);
                const char *id = json_object_get_string_member(claims, "jti");

                g_assert_cmpuint(strlen(id), >=, 22); /* 128 bits */
                g_assert_true(g_hash_table_add(ids, g_strdup(id)));
                g_assert_false(json_object_has_member(claims, "sans"));
        }
        signer_thread_end(&s);
        key_unref(key);
}

/* What would end a JSON string, were it written into one by hand. */
static void test_names_cannot_break_out(void)
{
        static const char odd[] = "x\",\"iss\":\"other\\";
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_auto(SignerThread) s = { .account = key };
        g_autoptr(StepCall) c = NULL;
        g_autofree char *token = NULL;
        g_autoptr(JsonObject) claims = NULL;

        signer_thread_start(&s);
        c = step_call_new(ONE_URL BY_PASSWORD, &s);
        step_call_know(c, STEP_PROVISIONER_JWK);
        token = step_token(c, "/1.0/sign", odd, (const char *[]){ odd, NULL }, NULL);
        claims = claims_of(token);
        assert_string(claims, "iss", "admin");
        assert_string(claims, "sub", odd);
        g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(claims, "sans"), 0), ==, odd);
        signer_thread_end(&s);
        key_unref(key);
}

static void test_a_certificate_in_the_place_of_a_password(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(GPtrArray) chain = g_ptr_array_new();
        Key *key = key_new(KEY_TYPE_ECDSA_P384, NULL);
        g_auto(SignerThread) s = { .account = key, .chain = chain };
        g_autoptr(StepCall) c = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *token = NULL, *wanted = NULL;
        g_autoptr(JsonObject) header = NULL, claims = NULL;

        g_ptr_array_add(chain, a->der);
        wanted = g_base64_encode(g_bytes_get_data(a->der, NULL), g_bytes_get_size(a->der));
        signer_thread_start(&s);
        c = step_call_new(ONE_URL BY_KEY, &s);
        step_call_know(c, STEP_PROVISIONER_X5C);
        token = step_token(c, "/1.0/sign", "a.example", (const char *[]){ "a.example", NULL }, &error);
        g_assert_no_error(error);
        header = header_of(token);
        assert_string(header, "alg", "ES384");
        g_assert_false(json_object_has_member(header, "kid"));
        g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(header, "x5c"), 0), ==, wanted);
        claims = claims_of(token);
        assert_string(claims, "aud", URL "/1.0/sign#x5c/admin");
        assert_signed_by(token, key, "ecdsa-sha384");
        signer_thread_end(&s);
        g_assert_cmpstr(s.encrypted_key, ==, "");
        key_unref(key);
}

static void assert_no_token(SignerThread *s, const char *more, StepProvisionerType type, CertError code)
{
        g_autoptr(StepCall) c = NULL;
        g_autoptr(GError) error = NULL;

        signer_thread_start(s);
        c = step_call_new(more, s);
        step_call_know(c, type);
        g_assert_null(step_token(c, "/1.0/sign", "a.example", NULL, &error));
        g_assert_error(error, CERT_ERROR, (int) code);
        signer_thread_end(s);
}

static void test_what_signs_no_token_makes_none(void)
{
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_auto(SignerThread) refusing = { .account = key, .failure = "org.certagent1.Error.IssuerAuthentication" };
        g_auto(SignerThread) without = { .account = key }, odd = { .account = key, .algorithm = "hmac-sha256" };

        assert_no_token(&refusing, ONE_URL BY_PASSWORD, STEP_PROVISIONER_JWK, CERT_ERROR_ISSUER_AUTHENTICATION);
        assert_no_token(&without, ONE_URL BY_KEY, STEP_PROVISIONER_X5C, CERT_ERROR_MANIFEST_INVALID);
        assert_no_token(&odd, ONE_URL BY_PASSWORD, STEP_PROVISIONER_JWK, CERT_ERROR_NOT_SUPPORTED);
        key_unref(key);
}

/* ---- By the certificate's key ---- */

static void test_a_renewal_is_asked_for_by_the_certificate(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(ManifestCertificate) m = fixture_certificate_new("web");
        g_autoptr(GBytes) pem = fixture_key_new(KEY_TYPE_ECDSA_P256), leaf = fixture_authority_sign(a, m, pem, 0, 1 << 30);
        Key *key = key_new_from_pem(pem, NULL);
        g_auto(SignerThread) s = { .current = key };
        g_autoptr(IssuerRequest) r = step_request_new(m, key, leaf);
        g_autoptr(StepCall) c = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *token = NULL;
        g_autoptr(JsonObject) header = NULL, claims = NULL;

        signer_thread_start(&s);
        c = step_call_new(ONE_URL, &s);
        token = step_renewal_token(c, r, "/1.0/renew", &error);
        g_assert_no_error(error);
        header = header_of(token);
        assert_string(header, "alg", "ES256");
        g_assert_cmpuint(json_array_get_length(json_object_get_array_member(header, "x5cInsecure")), ==, 1);
        claims = claims_of(token);
        assert_string(claims, "aud", URL "/1.0/renew");
        assert_string(claims, "iss", "step-ca-client/1.0");
        assert_string(claims, "sub", "web.example");
        assert_times(claims);
        assert_signed_by(token, key, "ecdsa-sha256");
        signer_thread_end(&s);
        g_assert_cmpuint(s.opened, ==, 0); /* no password was asked for */
        key_unref(key);
}

static void test_a_subject_is_a_name_without_its_kind(void)
{
        g_autoptr(ManifestCertificate) m = fixture_certificate_new("web");
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_autoptr(IssuerRequest) named = step_request_new(m, key, NULL), unnamed = NULL;
        g_autofree char *common = step_subject(named), *address = NULL;

        g_assert_cmpstr(common, ==, "web.example");
        fixture_certificate_set_sans(m, (const char *[]){ "ip:192.0.2.1", NULL });
        g_free(m->subject);
        m->subject = g_strdup("");
        unnamed = step_request_new(m, key, NULL);
        address = step_subject(unnamed);
        g_assert_cmpstr(address, ==, "192.0.2.1");
        key_unref(key);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/step-token/a token says what it is for", test_a_token_says_what_it_is_for);
        g_test_add_func("/step-token/no two tokens are alike", test_no_two_tokens_are_alike);
        g_test_add_func("/step-token/names cannot break out", test_names_cannot_break_out);
        g_test_add_func("/step-token/a certificate in the place of a password",
                        test_a_certificate_in_the_place_of_a_password);
        g_test_add_func("/step-token/what signs no token makes none", test_what_signs_no_token_makes_none);
        g_test_add_func("/step-token/a renewal is asked for by the certificate",
                        test_a_renewal_is_asked_for_by_the_certificate);
        g_test_add_func("/step-token/a subject is a name without its kind", test_a_subject_is_a_name_without_its_kind);
        return g_test_run();
}
