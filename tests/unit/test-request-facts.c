/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a request of unknown origin says is repeated as it stands, and what is wrong with it is told. The
 * requests are OpenSSL's, kept as the fuzzer's seeds. */

#include "client/request/describe.h"
#include "common/error.h"

#include <string.h>

static RequestFacts *facts_of(const char *seed, GError **error)
{
        g_autofree char *path =
                g_test_build_filename(G_TEST_DIST, "..", "fuzz", "corpus", "describe", seed, NULL);
        g_autofree char *data = NULL;
        g_autoptr(GBytes) content = NULL;
        size_t size;

        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        content = g_bytes_new_take(g_steal_pointer(&data), size);
        return request_facts_new(content, error);
}

static void test_what_it_says(void)
{
        g_autoptr(RequestFacts) f = facts_of("server", NULL);
        const char *const names[] = { "www.example.org",   "ip:192.0.2.1",     "ip:2001:db8::1",
                                      "email:a@b.example", "uri:spiffe://x/y", NULL };

        g_assert_nonnull(f);
        g_assert_cmpstr(f->subject, ==, "CN=www.example.org");
        g_assert_true(g_strv_equal((const char *const *) f->names.texts, names));
        g_assert_cmpuint(f->names.count, ==, 5);
        g_assert_cmpstr(f->key_type, ==, "ecdsa-p256");
        g_assert_cmpuint(f->key_bits, ==, 256);
        g_assert_cmpint(f->usage, ==, USAGE_SERVER);
        g_assert_true(f->is_proven);
        g_assert_cmpuint(f->left_out->len, ==, 0);
}

static void test_pem_and_der_alike(void)
{
        g_autoptr(RequestFacts) f = facts_of("pem", NULL);

        g_assert_nonnull(f);
        g_assert_true(f->is_proven);
}

/* The hyphens that end the one begin the other: GnuTLS's reader finds "harmless.example" in it, a reader that has passed
 * over these hyphens "bank.internal". Who confirms the one must not have the other signed. */
static void test_two_requests_that_look_like_one(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(facts_of("two-in-one", &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_nonnull(strstr(error->message, "not exactly one certificate request"));
}

/* By the rules of the authority itself, in its words. */
static void test_what_is_not_signed(void)
{
        static const struct {
                const char *seed, *reason;
        } cases[] = {
                { "bad-signature", "not signed by its own key" },
                { "negative", "a negative version" },
                { "weak", "RSA of 512 bits is not certified" },
                { "authority", "CA:TRUE" },
                { "critical", "the critical extension 1.2.3.4" },
                { "bad-names", "names of the request cannot be read" },
                { "others", "names of the request cannot be read" },
                { "nul", "a NUL byte" },
                { "many", "asks for 101 names" },
                { "purposes", "neither serverAuth nor clientAuth" },
                { "empty", "no subject alternative name" },
                { "escapes", "cannot be printed" },
        };
        static const Wish none = { NULL };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(RequestFacts) f = facts_of(cases[i].seed, NULL);
                g_autoptr(GError) error = NULL;

                g_test_message("%s", cases[i].seed);
                g_assert_nonnull(f);
                g_assert_false(describe_verdict(f, &none, &error));
                g_assert_nonnull(error);
                g_test_message("%s", error->message);
                g_assert_nonnull(strstr(error->message, cases[i].reason));
                g_assert_nonnull(strchr(error->message, '\n')); /* and what to do */
        }
}

/* Other names, or another usage, take the place of those that cannot be. */
static void test_what_a_wish_mends(void)
{
        static char *names[] = { "a.example", NULL };
        static const struct {
                const char *seed;
                Wish wish;
        } cases[] = {
                { "server", { NULL } },
                { "nul", { .names = names } },
                { "many", { .names = names } },
                { "empty", { .names = names } },
                { "password", { .usage = USAGE_CLIENT } },
                { "purposes", { .usage = USAGE_SERVER } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(RequestFacts) f = facts_of(cases[i].seed, NULL);
                g_autoptr(GError) error = NULL;

                g_test_message("%s", cases[i].seed);
                g_assert_true(describe_verdict(f, &cases[i].wish, &error));
                g_assert_no_error(error);
        }
}

static void test_a_wished_name_that_is_none(void)
{
        static char *names[] = { "a.example", "ip:1.2.3", NULL };
        const Wish wish = { .names = names };
        g_autoptr(RequestFacts) f = facts_of("server", NULL);
        g_autoptr(GError) error = NULL;

        g_assert_false(describe_verdict(f, &wish, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
}

static void test_what_is_left_out(void)
{
        g_autoptr(RequestFacts) password = facts_of("password", NULL), critical = facts_of("critical", NULL);

        g_assert_cmpuint(password->left_out->len, ==, 1);
        g_assert_cmpstr(password->left_out->pdata[0], ==, "its challenge password");
        g_assert_cmpuint(critical->left_out->len, ==, 2);
        g_assert_cmpstr(critical->left_out->pdata[1], ==, "the extension 1.2.3.5");
}

static void test_what_is_no_request(void)
{
        static const char *const seeds[] = { "cut", "certificate" };

        for (size_t i = 0; i < G_N_ELEMENTS(seeds); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(facts_of(seeds[i], &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        }
}

static void test_controls_in_a_subject_are_seen_and_harmless(void)
{
        g_autoptr(RequestFacts) f = facts_of("escapes", NULL);

        g_assert_true(strstr(f->subject, "\\1b") != NULL);
        g_assert_null(strchr(f->subject, '\033'));
        g_assert_null(strchr(f->subject, '\a'));
}

/* ---- Lists of names, byte by byte ---- */

#define LIST(bytes) (const guint8 *) bytes, sizeof(bytes) - 1

static void test_lists_of_names(void)
{
        static const struct {
                const guint8 *der;
                size_t size;
                bool good;
                guint count;
                const char *first;
        } cases[] = {
                { LIST("\x30\x00"), true, 0, NULL },
                { LIST("\x30\x03\x82\x01x"), true, 1, "x" },
                { LIST("\x30\x81\x03\x82\x01x"), false, 0, NULL }, /* a length in more octets than it needs */
                { LIST("\x30\x04\x82\x02x\0"), true, 1, "dns:x\\00" },
                { LIST("\x30\x04\x82\x02\xc3\xa4"), true, 1, "dns:\\c3\\a4" },
                { LIST("\x30\x05\x82\x03"
                       "a b"),
                  true, 1, "dns:a\\20b" },
                { LIST("\x30\x05\x82\x03ip:"), true, 1, "dns:ip:" }, /* not an address's text */
                { LIST("\x30\x02\x82\x00"), true, 1, "dns:" },
                { LIST("\x30\x05\x87\x03\x01\x02\x03"), true, 1, "ip:\\01\\02\\03" },
                { LIST("\x30\x06\x87\x04\xc0\x00\x02\x01"), true, 1, "ip:192.0.2.1" },
                { LIST("\x30\x02\xa0\x00"), true, 1, "other:other-name" },
                { LIST(""), false, 0, NULL },
                { LIST("\x30"), false, 0, NULL },
                { LIST("\x31\x00"), false, 0, NULL },
                { LIST("\x30\x03\x82\x01xx"), false, 0, NULL },    /* something behind it */
                { LIST("\x30\x80\x82\x01x\0\0"), false, 0, NULL }, /* a length that is not said */
                { LIST("\x30\x85\0\0\0\0\x03\x82\x01x"), false, 0, NULL },
                { LIST("\x30\x06\x82\x01x\x82\x7fy"), false, 1, "x" }, /* a name longer than the list */
                { LIST("\x30\x84\xff\xff\xff\xff"), false, 0, NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                RequestNames names;

                g_test_message("case %zu", i);
                g_assert_cmpint(request_names_read(cases[i].der, cases[i].size, &names), ==, cases[i].good);
                g_assert_cmpuint(names.count, ==, cases[i].count);
                g_assert_cmpstr(names.texts[0], ==, cases[i].first);
                request_names_clear(&names);
        }
}

/* A megabyte of names is read in one go: 262,144 of them in far less than a second. */
static void test_a_megabyte_of_names(void)
{
        enum { N = 1 << 18 };
        g_autofree guint8 *der = g_malloc(5 + 4 * N);
        gint64 began = g_get_monotonic_time();
        RequestNames names;

        memcpy(der, "\x30\x83\x10\x00\x00", 5);
        for (size_t i = 0; i < N; i++)
                memcpy(der + 5 + 4 * i,
                       "\x82\x02"
                       "ab",
                       4);
        g_assert_true(request_names_read(der, 5 + 4 * N, &names));
        g_assert_cmpuint(names.count, ==, N);
        g_assert_cmpuint(g_strv_length(names.texts), ==, REQUEST_NAMES_KEPT);
        g_assert_cmpint(g_get_monotonic_time() - began, <, 5 * G_USEC_PER_SEC);
        request_names_clear(&names);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/request-facts/what-it-says", test_what_it_says);
        g_test_add_func("/request-facts/pem-and-der-alike", test_pem_and_der_alike);
        g_test_add_func("/request-facts/two-requests-that-look-like-one", test_two_requests_that_look_like_one);
        g_test_add_func("/request-facts/what-is-not-signed", test_what_is_not_signed);
        g_test_add_func("/request-facts/what-a-wish-mends", test_what_a_wish_mends);
        g_test_add_func("/request-facts/a-wished-name-that-is-none", test_a_wished_name_that_is_none);
        g_test_add_func("/request-facts/what-is-left-out", test_what_is_left_out);
        g_test_add_func("/request-facts/what-is-no-request", test_what_is_no_request);
        g_test_add_func("/request-facts/controls-in-a-subject",
                        test_controls_in_a_subject_are_seen_and_harmless);
        g_test_add_func("/request-facts/lists-of-names", test_lists_of_names);
        g_test_add_func("/request-facts/a-megabyte-of-names", test_a_megabyte_of_names);
        return g_test_run();
}
