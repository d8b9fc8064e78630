/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base64url: the vectors of the standards, both ways, and every text that is no encoder's. */

#include "common/base64url.h"

#include <string.h>

static void test_the_standards_vectors_are_written_and_read(void)
{
        /* RFC 4648, section 10, without padding; RFC 7515, appendix C. */
        static const struct {
                const char *bytes, *text;
                size_t size;
        } cases[] = {
                { "", "", 0 },
                { "f", "Zg", 1 },
                { "fo", "Zm8", 2 },
                { "foo", "Zm9v", 3 },
                { "foob", "Zm9vYg", 4 },
                { "fooba", "Zm9vYmE", 5 },
                { "foobar", "Zm9vYmFy", 6 },
                { "\003\354\377\340\301", "A-z_4ME", 5 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = base64url_encode(cases[i].bytes, cases[i].size);
                size_t size = 99;
                g_autofree char *bytes = base64url_decode(cases[i].text, strlen(cases[i].text), &size);

                g_assert_cmpstr(text, ==, cases[i].text);
                g_assert_nonnull(bytes);
                g_assert_cmpmem(bytes, size, cases[i].bytes, cases[i].size);
        }
}

static void test_all_bytes_in_all_lengths_come_back(void)
{
        unsigned char in[256];

        for (size_t i = 0; i < sizeof(in); i++)
                in[i] = (unsigned char) (i * 167 + 13);
        for (size_t n = 0; n <= sizeof(in); n++) {
                g_autofree char *text = base64url_encode(in, n);
                size_t size;
                g_autofree char *out = base64url_decode(text, strlen(text), &size);

                g_assert_nonnull(out);
                g_assert_cmpmem(out, size, in, n);
        }
}

static void test_what_no_encoder_writes_is_refused(void)
{
        static const char *const cases[] = {
                "Z",       "Zm9vY", /* no bytes have this length */
                "Zg==",    "Zm8=",  /* padding */
                "A+z/4ME",          /* the other alphabet */
                "Zm9v\n",  " Zm9v",       "Zm 9v", "Zm9v.",
                "Zm\n9v",  "Zm9\xc3\xa9", "Zh",    "Zm9vYh", /* bits left over that are not zero */
                "Zm9",     "Zm9vYmF",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                size_t size = 99;

                g_assert_null(base64url_decode(cases[i], strlen(cases[i]), &size));
                g_assert_cmpuint(size, ==, 99);
        }
        g_assert_null(base64url_decode("Zm\0v", 4, &(size_t){ 0 }));
}

static void test_only_the_length_that_is_given_is_read(void)
{
        size_t size;
        g_autofree char *bytes = base64url_decode("Zm9v.Zm9v", 4, &size);

        g_assert_cmpmem(bytes, size, "foo", 3);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/base64url/vectors", test_the_standards_vectors_are_written_and_read);
        g_test_add_func("/base64url/both-ways", test_all_bytes_in_all_lengths_come_back);
        g_test_add_func("/base64url/refused", test_what_no_encoder_writes_is_refused);
        g_test_add_func("/base64url/length", test_only_the_length_that_is_given_is_read);
        return g_test_run();
}
