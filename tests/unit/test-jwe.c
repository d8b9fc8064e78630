/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JWE: envelopes of other implementations are opened, in each combination of algorithms; whatever was
 * changed, is cut off or asks for absurd work is refused by name, and before any work is done. */

#include "common/base64url.h"
#include "common/error.h"
#include "issuers/keyholder/jwe.h"
#include "tests/unit/jose-published.h"
#include "tests/unit/jose-vectors.h"

#include <string.h>

static GBytes *open_text(const char *jwe, const char *password, GError **error)
{
        return jwe_open(jwe, password, strlen(password), error);
}

static void assert_opens(const char *jwe, const char *password, const char *text)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) content = open_text(jwe, password, &error);

        g_assert_no_error(error);
        g_assert_cmpmem(g_bytes_get_data(content, NULL), g_bytes_get_size(content), text, strlen(text));
}

/* What it says must name what is wrong, and what can be done. */
static void assert_refused(const char *jwe, const char *password, CertError code, const char *part)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) content = open_text(jwe, password, &error);

        g_assert_null(content);
        g_assert_error(error, CERT_ERROR, (int) code);
        if (part && !strstr(error->message, part))
                g_error("\"%s\" says nothing of \"%s\"", error->message, part);
        if (strstr(error->message, password))
                g_error("\"%s\" says the password", error->message);
}

static void test_every_combination_of_another_implementation_is_opened(void)
{
        g_assert_cmpuint(G_N_ELEMENTS(jose_envelopes), ==, 18);
        for (size_t i = 0; i < G_N_ELEMENTS(jose_envelopes); i++)
                assert_opens(jose_envelopes[i].jwe, JOSE_PASSWORD, JOSE_TEXT);
}

static void test_the_example_of_the_standard_is_opened(void)
{
        assert_opens(RFC7517_JWE, RFC7517_PASSWORD, RFC7517_JWK);
}

static void test_a_key_of_step_is_opened(void)
{
        g_autoptr(GBytes) content = open_text(STEP_JWE, JOSE_PASSWORD, NULL);

        g_assert_nonnull(content);
        g_assert_nonnull(g_strstr_len(g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content),
                                      STEP_KEY_ID));
}

static void test_another_password_is_told_from_everything_else(void)
{
        static const char *const wrong[] = { "Correct horse", "correct horse ", "correct hors", "" };

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;

                for (size_t j = 0; j < G_N_ELEMENTS(jose_envelopes); j++) {
                        g_assert_null(open_text(jose_envelopes[j].jwe, wrong[i], &error));
                        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
                        g_clear_error(&error);
                }
        }
}

static char *join(char **parts)
{
        return g_strjoinv(".", parts);
}

static void test_each_part_cut_off_is_refused(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(jose_envelopes); i++) {
                for (unsigned part = 0; part < 5; part++) {
                        g_auto(GStrv) parts = g_strsplit(jose_envelopes[i].jwe, ".", -1);
                        g_autofree char *whole = g_strdup(parts[part]);

                        for (size_t length = 0; length < strlen(whole);
                             length += length + 9 < strlen(whole) ? 7 : 1) {
                                g_autoptr(GError) error = NULL;
                                g_autofree char *cut = NULL;

                                g_free(parts[part]);
                                parts[part] = g_strndup(whole, length);
                                cut = join(parts);
                                g_assert_null(open_text(cut, JOSE_PASSWORD, &error));
                                g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
                        }
                }
        }
}

/* A part with one bit of one byte turned, at any place. Caller owns. */
static char *turn(const char *jwe, unsigned part, size_t byte)
{
        g_auto(GStrv) parts = g_strsplit(jwe, ".", -1);
        size_t size;
        g_autofree uint8_t *data = base64url_decode(parts[part], strlen(parts[part]), &size);

        data[byte % size] ^= 1;
        g_free(parts[part]);
        parts[part] = base64url_encode(data, size);
        return join(parts);
}

static void test_what_was_changed_is_refused(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(jose_envelopes); i++) {
                for (size_t byte = 0; byte < 40; byte += 3) {
                        g_autofree char *key = turn(jose_envelopes[i].jwe, 1, byte);
                        g_autofree char *iv = turn(jose_envelopes[i].jwe, 2, byte);
                        g_autofree char *content = turn(jose_envelopes[i].jwe, 3, byte);
                        g_autofree char *tag = turn(jose_envelopes[i].jwe, 4, byte);

                        /* That it is not the password, but the wrapped key, nobody can tell. */
                        assert_refused(key, JOSE_PASSWORD, CERT_ERROR_ISSUER_AUTHENTICATION, "password");
                        assert_refused(iv, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "was changed");
                        assert_refused(content, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "was changed");
                        assert_refused(tag, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "was changed");
                }
        }
}

static void test_parts_of_another_envelope_are_refused(void)
{
        /* The same algorithms but for the key's, so that the sizes are right. */
        g_auto(GStrv) a = g_strsplit(jose_envelopes[2].jwe, ".", -1),
                      b = g_strsplit(jose_envelopes[8].jwe, ".", -1);

        g_assert_cmpstr(jose_envelopes[2].enc, ==, jose_envelopes[8].enc);
        for (unsigned part = 1; part < 5; part++) {
                g_autofree char *mixed = NULL;
                char *own = a[part];

                a[part] = b[part];
                mixed = join(a);
                a[part] = own;
                if (part == 1)
                        assert_refused(mixed, JOSE_PASSWORD, CERT_ERROR_ISSUER_AUTHENTICATION, "password");
                else
                        assert_refused(mixed, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "was changed");
        }
}

/* The header is authenticated as it is written, also where it says the same. */
static void test_a_header_that_says_the_same_otherwise_is_refused(void)
{
        g_auto(GStrv) parts = g_strsplit(jose_envelopes[0].jwe, ".", -1);
        g_autofree char *changed = NULL;
        size_t size;
        g_autofree char *header = base64url_decode(parts[0], strlen(parts[0]), &size);
        g_autofree char *longer = g_strdup_printf("%.*s ", (int) size, header);

        g_free(parts[0]);
        parts[0] = base64url_encode(longer, strlen(longer));
        changed = join(parts);
        assert_refused(changed, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "was changed");
}

static char *with_header(const char *header)
{
        g_auto(GStrv) parts = g_strsplit(jose_envelopes[0].jwe, ".", -1);

        g_free(parts[0]);
        parts[0] = base64url_encode(header, strlen(header));
        return join(parts);
}

#define HEADER(alg, enc, more)                                                                               \
        "{\"alg\":\"" alg "\",\"enc\":\"" enc "\",\"p2s\":\"AAAAAAAAAAAAAAAAAAAAAA\"" more "}"
#define P2C(value) HEADER("PBES2-HS256+A128KW", "A128GCM", ",\"p2c\":" value)

static void test_headers_that_are_refused(void)
{
        static const struct {
                const char *header;
                CertError code;
                const char *part;
        } cases[] = {
                { "", CERT_ERROR_ISSUER_PROTOCOL, "no JSON" },
                { "[]", CERT_ERROR_ISSUER_PROTOCOL, "no JSON object" },
                { "{}", CERT_ERROR_ISSUER_PROTOCOL, "\"alg\"" },
                { "{\"alg\":7}", CERT_ERROR_ISSUER_PROTOCOL, "\"alg\"" },
                { P2C("1000") "x", CERT_ERROR_ISSUER_PROTOCOL, "no JSON" },
                { P2C("1000,\"p2c\":2000000"), CERT_ERROR_ISSUER_PROTOCOL, "no JSON object" }, /* twice */
                { HEADER("PBES2-HS256+A128KW", "A128GCM", ""), CERT_ERROR_ISSUER_PROTOCOL, "no \"p2c\"" },
                { P2C("\"1000\""), CERT_ERROR_ISSUER_PROTOCOL, "no \"p2c\"" },
                { P2C("null"), CERT_ERROR_ISSUER_PROTOCOL, "no \"p2c\"" },
                { P2C("0"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { P2C("-1000"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { P2C("999"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { P2C("1000.0"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { P2C("1e3"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { P2C("2000001"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { P2C("2147483648"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { P2C("4294968296"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" }, /* 2^32 + 1000 */
                { P2C("99999999999999999999999999"), CERT_ERROR_ISSUER_PROTOCOL, "p2c" },
                { HEADER("dir", "A128GCM", ",\"p2c\":1000"), CERT_ERROR_NOT_SUPPORTED, "\"dir\"" },
                { HEADER("RSA-OAEP", "A128GCM", ",\"p2c\":1000"), CERT_ERROR_NOT_SUPPORTED, "\"RSA-OAEP\"" },
                { HEADER("pbes2-hs256+a128kw", "A128GCM", ",\"p2c\":1000"), CERT_ERROR_NOT_SUPPORTED,
                  "pbes2" },
                { HEADER("A\\u001b[31m", "A128GCM", ",\"p2c\":1000"), CERT_ERROR_NOT_SUPPORTED,
                  "\"A?[31m\"" },
                { HEADER("PBES2-HS256+A128KW", "none", ",\"p2c\":1000"), CERT_ERROR_NOT_SUPPORTED,
                  "\"none\"" },
                { P2C("1000,\"zip\":\"DEF\""), CERT_ERROR_NOT_SUPPORTED, "zip" },
                { P2C("1000,\"crit\":[\"exp\"]"), CERT_ERROR_NOT_SUPPORTED, "crit" },
                { "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128GCM\",\"p2c\":1000}",
                  CERT_ERROR_ISSUER_PROTOCOL, "p2s" },
                { "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128GCM\",\"p2c\":1000,\"p2s\":\"AAAAAAAAAA=\"}",
                  CERT_ERROR_ISSUER_PROTOCOL, "p2s" },
                { "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128GCM\",\"p2c\":1000,\"p2s\":\"AAAAAAAAAA\"}",
                  CERT_ERROR_ISSUER_PROTOCOL, "7 bytes" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *jwe = with_header(cases[i].header);

                assert_refused(jwe, JOSE_PASSWORD, cases[i].code, cases[i].part);
        }
}

static void test_a_header_too_large_or_deep_is_refused(void)
{
        g_autofree char *salt = g_strnfill(1367, 'A'); /* 1025 bytes */
        g_autofree char *long_salt =
                g_strdup_printf("{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A128GCM\",\"p2c\":1000,"
                                "\"p2s\":\"%s\"}",
                                salt);
        g_autofree char *deep = g_strnfill(200, '['), *wide = g_strnfill(8 * 1024, ' ');
        g_autofree char *jwe = with_header(long_salt), *deep_jwe = with_header(deep),
                        *wide_jwe = with_header(wide);
        g_autofree char *huge = g_strnfill(JWE_SIZE_MAX + 1, 'A');

        assert_refused(jwe, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "1025 bytes");
        assert_refused(deep_jwe, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "no JSON");
        assert_refused(wide_jwe, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "header of more than");
        assert_refused(huge, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "64 KiB");
}

static void test_what_has_not_five_parts_is_refused(void)
{
        static const char *const cases[] = {
                "", ".", "....", "a.b.c.d", ".....", "eyJhbGciOiAiUEJFUzI", "{}"
        };
        g_autofree char *six = g_strconcat(jose_envelopes[0].jwe, ".", NULL);
        g_autofree char *line = g_strconcat(jose_envelopes[0].jwe, "\n", NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                assert_refused(cases[i], JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "no JWE");
        assert_refused(six, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "five parts");
        assert_refused(line, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "base64url");
}

/* What is asked for must not be done before it is looked at: 4 * 10^9 hashes take minutes. */
static void test_absurd_work_takes_no_time(void)
{
        g_autofree char *jwe = with_header(P2C("4000000000"));
        int64_t start = g_get_monotonic_time();

        assert_refused(jwe, JOSE_PASSWORD, CERT_ERROR_ISSUER_PROTOCOL, "p2c");
        g_assert_cmpint(g_get_monotonic_time() - start, <, 30 * G_USEC_PER_SEC);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/jwe/combinations", test_every_combination_of_another_implementation_is_opened);
        g_test_add_func("/jwe/standard", test_the_example_of_the_standard_is_opened);
        g_test_add_func("/jwe/step", test_a_key_of_step_is_opened);
        g_test_add_func("/jwe/password", test_another_password_is_told_from_everything_else);
        g_test_add_func("/jwe/cut-off", test_each_part_cut_off_is_refused);
        g_test_add_func("/jwe/changed", test_what_was_changed_is_refused);
        g_test_add_func("/jwe/mixed", test_parts_of_another_envelope_are_refused);
        g_test_add_func("/jwe/header-changed", test_a_header_that_says_the_same_otherwise_is_refused);
        g_test_add_func("/jwe/headers", test_headers_that_are_refused);
        g_test_add_func("/jwe/too-large", test_a_header_too_large_or_deep_is_refused);
        g_test_add_func("/jwe/five-parts", test_what_has_not_five_parts_is_refused);
        g_test_add_func("/jwe/absurd-work", test_absurd_work_takes_no_time);
        return g_test_run();
}
