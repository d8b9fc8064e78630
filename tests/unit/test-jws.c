/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON Web Signatures: what the standards print, every kind of key by way of a Signer, and the numbers whose zeros are
 * easily lost. */

#include "common/base64url.h"
#include "common/error.h"
#include "common/signature.h"
#include "issuers/jws.h"
#include "issuers/signer-client.h"
#include "tests/unit/fixture.h"
#include "tests/unit/signer-thread.h"

#include <gnutls/crypto.h>
#include <string.h>

/* DER of an ECDSA signature from the two numbers that a JWS has (RFC 7518, section 3.4); caller owns. */
static GBytes *der_of(const unsigned char *raw, size_t size)
{
        gnutls_datum_t r = { (unsigned char *) raw, (unsigned) size / 2 },
                       s = { (unsigned char *) raw + size / 2, (unsigned) size / 2 }, der;

        g_assert_cmpint(gnutls_encode_rs_value(&der, &r, &s), >=, 0);
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

static void test_the_standards_signatures_have_their_form(void)
{
        static const struct {
                const char *algorithm, *signature;
        } cases[] = {
                /* RFC 7515, appendix A.3.1 and A.4.1; the second's numbers both begin with a short octet. */
                { "ecdsa-sha256",
                  "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q" },
                { "ecdsa-sha512",
                  "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgo"
                  "XD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                size_t size;
                g_autofree unsigned char *raw =
                        base64url_decode(cases[i].signature, strlen(cases[i].signature), &size);
                g_autoptr(GBytes) der = der_of(raw, size), got = NULL;
                g_autoptr(GError) error = NULL;

                got = jws_signature(cases[i].algorithm, der, &error);
                g_assert_no_error(error);
                g_assert_cmpmem(g_bytes_get_data(got, NULL), g_bytes_get_size(got), raw, size);
        }
}

/* RFC 8037, appendix A.4: the whole of it, since Ed25519 has no chance in it. */
static void test_the_standards_ed25519_is_signed_anew(void)
{
        static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                                  "-----END PRIVATE KEY-----\n";
        g_autoptr(GBytes) bytes = g_bytes_new_static(pem, strlen(pem));
        g_autoptr(GError) error = NULL;
        Key *key = key_new_from_pem(bytes, &error);
        g_auto(SignerThread) s = { .current = key };
        g_autofree char *token = NULL;

        g_assert_no_error(error);
        signer_thread_start(&s);
        token = jws_sign(s.bus, "current", "ed25519", "{\"alg\":\"EdDSA\"}", "Example of Ed25519 signing", &error);
        g_assert_no_error(error);
        g_assert_cmpstr(token, ==,
                        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
        signer_thread_end(&s);
        key_unref(key);
}

/* As somebody would who was given the token and the public key. */
static void assert_verifies(const char *token, const Key *key, const char *algorithm)
{
        const char *dot = strrchr(token, '.');
        g_autofree unsigned char *raw = NULL;
        g_autoptr(GBytes) signature = NULL;
        size_t size;

        raw = base64url_decode(dot + 1, strlen(dot + 1), &size);
        g_assert_nonnull(raw);
        signature = g_str_has_prefix(algorithm, "ecdsa") ? der_of(raw, size) : g_bytes_new(raw, size);
        g_assert_true(signature_verify(key_public(key), algorithm, token, (size_t) (dot - token), signature));
}

static const char *const jose_names[_KEY_TYPE_MAX] = {
        [KEY_TYPE_ECDSA_P256] = "ES256", [KEY_TYPE_ECDSA_P384] = "ES384", [KEY_TYPE_ECDSA_P521] = "ES512",
        [KEY_TYPE_ED25519] = "EdDSA",    [KEY_TYPE_RSA_2048] = "RS256",   [KEY_TYPE_RSA_3072] = "RS256",
        [KEY_TYPE_RSA_4096] = "RS256",
};

static void test_every_kind_of_key_signs_as_jose_has_it(void)
{
        for (KeyType type = 0; type < _KEY_TYPE_MAX; type++) {
                Key *key = key_new(type, NULL);
                g_auto(SignerThread) s = { .current = key };
                g_autoptr(GError) error = NULL;
                g_autoptr(GBytes) spki = key_spki(key, NULL);
                const char *algorithm = jws_signer_algorithm(spki, &error);
                g_autofree char *token = NULL;

                g_assert_no_error(error);
                g_assert_cmpstr(jws_algorithm(algorithm), ==, jose_names[type]);
                signer_thread_start(&s);
                token = jws_sign(s.bus, "current", algorithm, "{}", "{\"a\":1}", &error);
                g_assert_no_error(error);
                g_assert_true(g_str_has_prefix(token, "e30.eyJhIjoxfQ."));
                assert_verifies(token, key, algorithm);
                signer_thread_end(&s);
                key_unref(key);
        }
        g_assert_cmpstr(jws_algorithm("rsa-pss-sha256"), ==, "PS256");
        g_assert_null(jws_algorithm("ecdsa-sha256-digest"));
        g_assert_null(jws_algorithm(NULL));
}

/* One signature of 128 has a number that is a byte shorter than the curve: so many are made that some are among them. */
static void test_short_numbers_keep_their_place(void)
{
        g_autoptr(GError) error = NULL;
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        unsigned zeros = 0;

        for (unsigned i = 0; i < 4000 && zeros < 4; i++) {
                g_autofree char *text = g_strdup_printf("text %u", i);
                g_autoptr(GBytes) der = key_sign(key, "ecdsa-sha256", text, strlen(text), NULL), raw = NULL, again = NULL;
                const unsigned char *p;
                size_t size;

                raw = jws_signature("ecdsa-sha256", der, &error);
                g_assert_no_error(error);
                p = g_bytes_get_data(raw, &size);
                g_assert_cmpuint(size, ==, 64);
                again = der_of(p, size);
                g_assert_true(signature_verify(key_public(key), "ecdsa-sha256", text, strlen(text), again));
                zeros += p[0] == 0 || p[32] == 0;
        }
        g_assert_cmpuint(zeros, ==, 4);
        key_unref(key);
}

static void assert_no_signature(const char *algorithm, const void *der, size_t size, CertError code)
{
        g_autoptr(GBytes) bytes = g_bytes_new(der, size);
        g_autoptr(GError) error = NULL;

        g_assert_null(jws_signature(algorithm, bytes, &error));
        g_assert_error(error, CERT_ERROR, (int) code);
}

static void test_what_is_no_signature_is_refused(void)
{
        /* SEQUENCE of two INTEGERs: 1 and 2; and 2^256, which P-256 cannot give. */
        static const unsigned char tiny[] = { 0x30, 6, 2, 1, 1, 2, 1, 2 };
        unsigned char huge[2 + 35 + 3] = { 0x30, 38, 2, 33, 1 };
        g_autoptr(GBytes) small = g_bytes_new_static(tiny, sizeof(tiny)), padded = NULL;
        unsigned char wanted[64] = { 0 };

        wanted[31] = 1;
        wanted[63] = 2;
        padded = jws_signature("ecdsa-sha256", small, NULL);
        g_assert_cmpmem(g_bytes_get_data(padded, NULL), g_bytes_get_size(padded), wanted, sizeof(wanted));

        memcpy(huge + 37, "\x02\x01\x02", 3);
        assert_no_signature("ecdsa-sha256", huge, sizeof(huge), CERT_ERROR_KEY_STORAGE);
        assert_no_signature("ecdsa-sha256", "", 0, CERT_ERROR_KEY_STORAGE);
        assert_no_signature("ecdsa-sha256", tiny, sizeof(tiny) - 1, CERT_ERROR_KEY_STORAGE);
        assert_no_signature("hmac-sha256", tiny, sizeof(tiny), CERT_ERROR_NOT_SUPPORTED);
}

static void test_a_signer_that_refuses_is_the_error(void)
{
        Key *key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_auto(SignerThread) s = { .current = key, .failure = "org.certagent1.Error.KeyStorage" };
        g_auto(SignerThread) none = { 0 };
        g_autoptr(GBytes) no_key = g_bytes_new_static("no key", 6);
        g_autoptr(GError) failed = NULL, missing = NULL, gone = NULL, unusable = NULL;

        signer_thread_start(&s);
        g_assert_null(jws_sign(s.bus, "current", "ecdsa-sha256", "{}", "{}", &failed));
        g_assert_error(failed, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        signer_thread_end(&s);

        signer_thread_start(&none);
        g_assert_null(signer_client_public_key(none.bus, "current", &missing));
        g_assert_error(missing, CERT_ERROR, CERT_ERROR_NOT_AUTHORIZED);
        g_assert_true(g_str_has_prefix(missing->message, "this request has no such key"));
        g_atomic_int_set(&none.stop, 1); /* the agent ends */
        g_thread_join(g_steal_pointer(&none.thread));
        g_assert_null(signer_client_open_account(none.bus, "", &gone));
        g_assert_error(gone, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        none.bus = sd_bus_close_unref(none.bus);

        g_assert_null(jws_signer_algorithm(no_key, &unusable));
        g_assert_error(unusable, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
        key_unref(key);
}

static void test_an_account_is_all_that_the_agent_says(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(GPtrArray) chain = g_ptr_array_new();
        Key *key = key_new(KEY_TYPE_ECDSA_P384, NULL);
        g_auto(SignerThread) s = { .account = key, .key_id = "of the provisioner", .chain = chain };
        g_autoptr(GBytes) spki = key_spki(key, NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(SignerAccount) account = NULL;

        g_ptr_array_add(chain, a->der);
        g_ptr_array_add(chain, a->der);
        signer_thread_start(&s);
        account = signer_client_open_account(s.bus, "a.b.c.d.e", &error);
        g_assert_no_error(error);
        g_assert_true(g_bytes_equal(account->public_key, spki));
        g_assert_cmpstr(account->algorithm, ==, "ecdsa-sha384");
        g_assert_cmpstr(account->key_id, ==, "of the provisioner");
        g_assert_cmpuint(account->chain->len, ==, 2);
        g_assert_true(g_bytes_equal(account->chain->pdata[1], a->der));
        signer_thread_end(&s);
        g_assert_cmpstr(s.encrypted_key, ==, "a.b.c.d.e");
        key_unref(key);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/jws/the standards' signatures have their form", test_the_standards_signatures_have_their_form);
        g_test_add_func("/jws/the standard's Ed25519 is signed anew", test_the_standards_ed25519_is_signed_anew);
        g_test_add_func("/jws/every kind of key signs as JOSE has it", test_every_kind_of_key_signs_as_jose_has_it);
        g_test_add_func("/jws/short numbers keep their place", test_short_numbers_keep_their_place);
        g_test_add_func("/jws/what is no signature is refused", test_what_is_no_signature_is_refused);
        g_test_add_func("/jws/a Signer that refuses is the error", test_a_signer_that_refuses_is_the_error);
        g_test_add_func("/jws/an account is all that the agent says", test_an_account_is_all_that_the_agent_says);
        return g_test_run();
}
