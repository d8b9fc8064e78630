/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subject alternative names: which texts are names, their normal form, and that a request and a certificate
 * give back what was put in. */

#include "common/error.h"
#include "common/san.h"

#include <gnutls/x509-ext.h>
#include <string.h>

typedef struct Good {
        const char *text, *normal;
} Good;

static void test_names_have_one_normal_form(void)
{
        static const Good cases[] = {
                { "www.example.org", "www.example.org" },
                { "WWW.Example.ORG.", "www.example.org" },
                { "dns:www.example.org", "www.example.org" },
                { "DNS:www.example.org", "www.example.org" },
                { "localhost", "localhost" },
                { "*.example.org", "*.example.org" },
                { "3com.example", "3com.example" },
                { "bücher.example", "xn--bcher-kva.example" },
                { "*.bücher.example", "*.xn--bcher-kva.example" },
                { "ip:192.0.2.1", "ip:192.0.2.1" },
                { "192.0.2.1", "ip:192.0.2.1" },
                { "2001:DB8:0:0::1", "ip:2001:db8::1" },
                { "ip:::1", "ip:::1" },
                { "email:Jo.Doe@Example.ORG", "email:Jo.Doe@example.org" },
                { "uri:spiffe://example.org/web", "uri:spiffe://example.org/web" },
                { "uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                  "uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6" },
                { "uri:https://[2001:db8::1]/x", "uri:https://[2001:db8::1]/x" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(San) san = san_parse(cases[i].text, &error);
                g_autofree char *text = NULL;

                g_assert_no_error(error);
                text = san_to_string(san);
                g_assert_cmpstr(san_text_value(text), ==, san->value);
                g_assert_cmpstr(text, ==, cases[i].normal);
        }
}

static void test_what_is_no_name_is_refused_with_the_reason(void)
{
        static const Good cases[] = {
                { "", "empty" },
                { ".", "empty label" },
                { "a..b", "empty label" },
                { ".example.org", "empty label" },
                { "-a.example", "hyphen" },
                { "a-.example", "hyphen" },
                { "a b.example", "no DNS name" },
                { "a_b.example", "no DNS name" },
                { "user@example.org", "email:" },
                { "https://example.org", "uri:" },
                { "192.0.2.300", "neither" },
                { "1.2.3", "neither" },
                { "ip:192.0.2", "no IP address" },
                { "ip:192.0.2.0/24", "networks" },
                { "ip:fe80::1%eth0", "no IP address" },
                { "ip:", "no IP address" },
                { "*", "wildcard" },
                { "*.org", "wildcard" },
                { "*.*.example.org", "wildcard" },
                { "www.*.example.org", "wildcard" },
                { "w*.example.org", "wildcard" },
                { "*example.org", "wildcard" },
                { "email:@example.org", "no email" },
                { "email:a", "no email" },
                { "email:a@*.example.org", "wildcard" },
                { "email:a..b@example.org", "no email" },
                { "email:jörg@example.org", "no email" },
                { "uri:web", "absolute URI" },
                { "uri:spiffe:", "absolute URI" },
                { "uri:spiffe:///web", "host" },
                { "uri:https://a b/", "absolute URI" },
                { "\x1b[31m.example", "no DNS name" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(San) san = san_parse(cases[i].text, &error);

                g_test_message("%s", cases[i].text);
                g_assert_null(san);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                g_assert_nonnull(strstr(error->message, cases[i].normal));
        }
}

static void test_lengths_end_where_the_standards_say(void)
{
        g_autofree char *label63 = g_strnfill(63, 'a'), *label64 = g_strnfill(64, 'a');
        g_autofree char *good = g_strconcat(label63, ".example", NULL),
                        *bad = g_strconcat(label64, ".example", NULL);
        g_autofree char *name253 = g_strdup_printf("%s.%s.%s.%.61s", label63, label63, label63, label63);
        g_autofree char *name254 = g_strdup_printf("%s.%s.%s.%.62s", label63, label63, label63, label63);
        g_autoptr(San) a = san_parse(good, NULL), b = san_parse(bad, NULL);
        g_autoptr(San) c = san_parse(name253, NULL), d = san_parse(name254, NULL);

        g_assert_nonnull(a);
        g_assert_null(b);
        g_assert_cmpuint(strlen(name253), ==, 253);
        g_assert_nonnull(c);
        g_assert_null(d);
}

static void test_a_request_gives_back_its_names_sorted(void)
{
        static const char *const texts[] = { "www.example.org", "uri:spiffe://example.org/web",
                                             "ip:2001:db8::1",  "*.example.org",
                                             "ip:192.0.2.1",    "email:a@b.example",
                                             "www.example.org" };
        static const char *const expected[] = { "*.example.org",
                                                "email:a@b.example",
                                                "ip:192.0.2.1",
                                                "ip:2001:db8::1",
                                                "uri:spiffe://example.org/web",
                                                "www.example.org",
                                                NULL };
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) list = NULL;
        gnutls_x509_crq_t crq;

        g_assert_cmpint(gnutls_x509_crq_init(&crq), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(San) san = san_parse(texts[i], &error);

                g_assert_no_error(error);
                g_assert_true(san_add_to_request(san, crq, &error));
        }
        list = san_list_of_request(crq, &error);
        g_assert_no_error(error);
        g_assert_cmpstrv(list, expected);
        gnutls_x509_crq_deinit(crq);
}

/* The names of a certificate whose extension is these bytes: made by hand, since GnuTLS writes no broken one.
 */
static char **list_of_extension(const void *der, size_t size, GError **error)
{
        char **list;
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        if (size > 0)
                g_assert_cmpint(gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", der, size, 0), ==, 0);
        list = san_list_of_certificate(crt, error);
        gnutls_x509_crt_deinit(crt);
        return list;
}

/* One GeneralName with the given tag: 0x82 dNSName, 0x86 URI, 0x87 iPAddress. */
static char **list_of_one(uint8_t tag, const void *data, uint8_t size, GError **error)
{
        uint8_t der[4 + 100] = { 0x30, (uint8_t) (size + 2), tag, size };

        g_assert_cmpuint(size, <=, 100);
        memcpy(der + 4, data, size);
        return list_of_extension(der, 4 + (size_t) size, error);
}

static char **list_of_many(unsigned n, GError **error)
{
        gnutls_subject_alt_names_t names;
        gnutls_datum_t extension;
        char **list;

        g_assert_cmpint(gnutls_subject_alt_names_init(&names), ==, 0);
        for (unsigned i = 0; i < n; i++) {
                g_autofree char *name = g_strdup_printf("h%u.example", i);
                gnutls_datum_t d = { (unsigned char *) name, (unsigned) strlen(name) };

                g_assert_cmpint(gnutls_subject_alt_names_set(names, GNUTLS_SAN_DNSNAME, &d, NULL), ==, 0);
        }
        g_assert_cmpint(gnutls_x509_ext_export_subject_alt_names(names, &extension), ==, 0);
        list = list_of_extension(extension.data, extension.size, error);
        gnutls_free(extension.data);
        gnutls_subject_alt_names_deinit(names);
        return list;
}

static void test_a_certificate_without_names_has_an_empty_list(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) list = list_of_extension(NULL, 0, &error);

        g_assert_no_error(error);
        g_assert_nonnull(list);
        g_assert_null(list[0]);
}

static void test_a_name_with_a_nul_byte_is_a_bad_certificate(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) list = list_of_one(0x86, "uri:a\0b", 7, &error);

        g_assert_null(list);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

static void test_an_address_of_five_bytes_is_a_bad_certificate(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) list = list_of_one(0x87, "\1\2\3\4\5", 5, &error);

        g_assert_null(list);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

static void test_a_dns_name_cannot_pose_as_an_address(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) posing = list_of_one(0x82, "ip:192.0.2.1", 12, &error);
        g_auto(GStrv) bare = list_of_one(0x82, "192.0.2.1", 9, &error);
        g_auto(GStrv) upper = list_of_one(0x82, "WWW.example", 11, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(posing[0], ==, "dns:ip:192.0.2.1");
        g_assert_cmpstr(bare[0], ==, "dns:192.0.2.1");
        g_assert_cmpstr(upper[0], ==, "www.example");
}

static void test_a_thousand_names_are_read_and_one_more_is_not(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) all = list_of_many(1000, &error);
        g_auto(GStrv) too_many = NULL;

        g_assert_no_error(error);
        g_assert_cmpuint(g_strv_length(all), ==, 1000);
        too_many = list_of_many(1001, &error);
        g_assert_null(too_many);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/san/names-have-one-normal-form", test_names_have_one_normal_form);
        g_test_add_func("/san/what-is-no-name-is-refused-with-the-reason",
                        test_what_is_no_name_is_refused_with_the_reason);
        g_test_add_func("/san/lengths-end-where-the-standards-say", test_lengths_end_where_the_standards_say);
        g_test_add_func("/san/a-request-gives-back-its-names-sorted",
                        test_a_request_gives_back_its_names_sorted);
        g_test_add_func("/san/a-certificate-without-names-has-an-empty-list",
                        test_a_certificate_without_names_has_an_empty_list);
        g_test_add_func("/san/a-name-with-a-nul-byte-is-a-bad-certificate",
                        test_a_name_with_a_nul_byte_is_a_bad_certificate);
        g_test_add_func("/san/an-address-of-five-bytes-is-a-bad-certificate",
                        test_an_address_of_five_bytes_is_a_bad_certificate);
        g_test_add_func("/san/a-dns-name-cannot-pose-as-an-address",
                        test_a_dns_name_cannot_pose_as_an_address);
        g_test_add_func("/san/a-thousand-names-are-read-and-one-more-is-not",
                        test_a_thousand_names_are_read_and_one_more_is_not);
        return g_test_run();
}
