/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subtrees of names: which texts are some, their normal form, what the extension carries of a network, and
 * which names lie in them. */

#include "common/error.h"
#include "common/subtree.h"

#include <string.h>

static Subtree *parse(const char *text)
{
        g_autoptr(GError) error = NULL;
        Subtree *t = subtree_parse(text, &error);

        g_assert_no_error(error);
        g_assert_nonnull(t);
        return t;
}

static void test_subtrees_have_one_normal_form(void)
{
        static const struct {
                const char *text, *normal;
        } cases[] = {
                { "example.org", "example.org" },
                { "dns:Example.ORG", "example.org" },
                { "DNS:internal", "internal" },
                { "bücher.example", "xn--bcher-kva.example" },
                { "ip:192.0.2.0/24", "ip:192.0.2.0/24" },
                { "ip:192.0.2.7/32", "ip:192.0.2.7/32" },
                { "ip:0.0.0.0/0", "ip:0.0.0.0/0" },
                { "ip:2001:DB8:0::/32", "ip:2001:db8::/32" },
                { "ip:::/0", "ip:::/0" },
                { "email:Example.org", "email:example.org" },
                { "email:.example.org", "email:.example.org" },
                { "email:Jo@Example.org", "email:Jo@example.org" },
                { "uri:Example.org", "uri:example.org" },
                { "uri:.example.org", "uri:.example.org" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Subtree) t = parse(cases[i].text);
                g_autofree char *text = subtree_to_string(t);

                g_assert_cmpstr(text, ==, cases[i].normal);
        }
}

static void test_what_is_no_subtree_is_refused_with_what_to_write(void)
{
        static const struct {
                const char *text, *told;
        } cases[] = {
                { "", "empty" },
                { "dns:", "empty" },
                { ".example.org", "Write \"example.org\"" },
                { "*.example.org", "Write the name alone" },
                { "a b", "no DNS name" },
                { "192.0.2.1", "neither a DNS name nor an IP address" },
                { "192.0.2.0/24", "Write \"ip:192.0.2.0/24\"" },
                { "ip:192.0.2.0", "no network" },
                { "ip:192.0.2.0/33", "no network" },
                { "ip:192.0.2.0/", "no network" },
                { "ip:192.0.2.0/-1", "no network" },
                { "ip:192.0.2.0/24/8", "no network" },
                { "ip:192.0.2.0/255.255.255.0", "no network" },
                { "ip:300.0.0.0/8", "no network" },
                { "ip:192.0.2.1/24", "Write \"ip:192.0.2.0/24\"" },
                { "ip:2001:db8::1/64", "Write \"ip:2001:db8::/64\"" },
                { "ip:2001:db8::/129", "no network" },
                { "email:", "empty" },
                { "email:@example.org", "no email address" },
                { "email:*.example.org", "Write the name alone" },
                { "uri:https://example.org/", "Write \"uri:example.org\"" },
                { "uri:example.org:443", "Write \"uri:example.org\"" },
                { "uri:192.0.2.1", "neither a DNS name" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;

                g_test_message("%s", cases[i].text);
                g_assert_null(subtree_parse(cases[i].text, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                if (!strstr(error->message, cases[i].told))
                        g_error("\"%s\" is not in: %s", cases[i].told, error->message);
        }
}

/* RFC 5280, 4.2.1.10: "eight octets ... 0A 09 08 00 FF FF FF 00" for 10.9.8.0/24. */
static void test_a_network_is_address_and_mask(void)
{
        static const uint8_t v4[] = { 10, 9, 8, 0, 255, 255, 255, 0 },
                             odd[] = { 10, 8, 0, 0, 255, 248, 0, 0 };
        g_autoptr(Subtree) a = parse("ip:10.9.8.0/24"), b = parse("ip:10.8.0.0/13"),
                           c = parse("ip:2001:db8::/33");

        g_assert_cmpmem(a->network, a->network_size, v4, sizeof(v4));
        g_assert_cmpmem(b->network, b->network_size, odd, sizeof(odd));
        g_assert_cmpuint(c->network_size, ==, 32);
        g_assert_cmphex(c->network[16 + 3], ==, 0xff);
        g_assert_cmphex(c->network[16 + 4], ==, 0x80);
        g_assert_cmphex(c->network[16 + 5], ==, 0);
}

static void test_names_lie_in_a_subtree_or_not(void)
{
        static const struct {
                const char *subtree, *name;
                bool inside;
        } cases[] = {
                { "example.org", "example.org", true },
                { "example.org", "www.example.org", true },
                { "example.org", "a.b.example.org", true },
                { "example.org", "*.example.org", true },
                { "example.org", "badexample.org", false },
                { "example.org", "org", false },
                { "www.example.org", "*.example.org", false },
                { "www.example.org", "*.www.example.org", true },
                { "example.org", "example.org.evil.example", false },
                { "example.org", "email:a@example.org", false },
                { "ip:192.0.2.0/24", "ip:192.0.2.255", true },
                { "ip:192.0.2.0/24", "ip:192.0.3.0", false },
                { "ip:192.0.2.8/29", "ip:192.0.2.15", true },
                { "ip:192.0.2.8/29", "ip:192.0.2.16", false },
                { "ip:0.0.0.0/0", "ip:255.255.255.255", true },
                { "ip:0.0.0.0/0", "ip:::1", false },
                { "ip:2001:db8::/32", "ip:2001:db8:ffff::1", true },
                { "ip:2001:db8::/32", "ip:2001:db9::1", false },
                { "email:example.org", "email:a@example.org", true },
                { "email:example.org", "email:a@mail.example.org", false },
                { "email:.example.org", "email:a@mail.example.org", true },
                { "email:.example.org", "email:a@example.org", false },
                { "email:a@example.org", "email:a@example.org", true },
                { "email:a@example.org", "email:b@example.org", false },
                { "email:a@example.org", "email:A@example.org", false },
                { "uri:example.org", "uri:https://EXAMPLE.org:8443/x", true },
                { "uri:example.org", "uri:spiffe://www.example.org/x", false },
                { "uri:.example.org", "uri:spiffe://www.example.org/x", true },
                { "uri:.example.org", "uri:spiffe://example.org/x", false },
                { "uri:example.org", "uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Subtree) t = parse(cases[i].subtree);
                g_autoptr(San) san = san_parse(cases[i].name, NULL);

                g_test_message("%s %s", cases[i].subtree, cases[i].name);
                g_assert_cmpint(subtree_covers(t, san), ==, cases[i].inside);
        }
}

static void test_what_an_excluded_subtree_keeps_out(void)
{
        static const struct {
                const char *subtree, *name;
                bool out;
        } cases[] = {
                { "example.org", "*.example.org", true },
                { "www.example.org", "*.example.org", true },
                { "a.www.example.org", "*.example.org", false },
                { "www.example.org", "*.example.com", false },
                { "www.example.org", "example.org", false },
                { "ip:192.0.2.0/24", "*.example.org", false },
                { "uri:example.org", "uri:https://example.com/", false },
                { "uri:example.org", "uri:https://example.org@example.com/", false },
                { "uri:example.org", "uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true },
                { "uri:example.org", "uri:https://192.0.2.1/", true },
                { "uri:example.org", "uri:https://[2001:db8::1]/", true },
                { "email:example.org", "email:a@example.com", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Subtree) t = parse(cases[i].subtree);
                g_autoptr(San) san = san_parse(cases[i].name, NULL);

                g_test_message("%s %s", cases[i].subtree, cases[i].name);
                g_assert_nonnull(san);
                g_assert_cmpint(subtree_touches(t, san), ==, cases[i].out);
        }
}

static void test_forms_that_only_a_certificate_has(void)
{
        static const struct {
                gnutls_x509_subject_alt_name_t type;
                const char *value;
                unsigned size;
                const char *text, *inside, *outside;
        } cases[] = {
                { GNUTLS_SAN_DNSNAME, "", 0, "", "www.example.org", "ip:192.0.2.1" },
                { GNUTLS_SAN_DNSNAME, ".Example.org", 12, ".example.org", "*.example.org", "example.org" },
                { GNUTLS_SAN_RFC822NAME, "A@Example.org", 13, "email:A@example.org", "email:A@example.org",
                  "email:a@example.org" },
                { GNUTLS_SAN_RFC822NAME, "", 0, "email:", "email:a@example.org", "example.org" },
                { GNUTLS_SAN_URI, "", 0, "uri:", "uri:https://example.org/", "example.org" },
                { GNUTLS_SAN_IPADDRESS, "\xc0\0\2\7\xff\xff\xff\0", 8, "ip:192.0.2.0/24", "ip:192.0.2.9",
                  "ip:192.0.3.0" },
                { GNUTLS_SAN_IPADDRESS, "\xc0\0\2\0\xff\0\xff\0", 8, "ip:192.0.2.0/255.0.255.0",
                  "ip:192.9.2.9", "ip:192.0.3.0" },
                { GNUTLS_SAN_IPADDRESS, "\xc0\0\2", 3, "ip:?", NULL, "ip:192.0.2.1" },
                { GNUTLS_SAN_DN, "0\0", 2, "a directory name", NULL, "example.org" },
                { GNUTLS_SAN_OTHERNAME, "x", 1, "a name of an unknown kind", NULL, "example.org" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                gnutls_datum_t value = { (unsigned char *) cases[i].value, cases[i].size };
                g_autoptr(Subtree) t = subtree_new(cases[i].type, &value);
                g_autoptr(San) inside = cases[i].inside ? san_parse(cases[i].inside, NULL) : NULL;
                g_autoptr(San) outside = san_parse(cases[i].outside, NULL);
                g_autofree char *text = subtree_to_string(t);

                g_assert_cmpstr(text, ==, cases[i].text);
                g_assert_true(!inside || subtree_covers(t, inside));
                g_assert_false(subtree_touches(t, outside));
        }
}

static void test_excluded_wins_and_other_types_are_free(void)
{
        g_autoptr(Subtree) domain = parse("example.org"), secret = parse("secret.example.org");
        g_autoptr(GPtrArray) permitted = g_ptr_array_new(), excluded = g_ptr_array_new();
        g_autoptr(San) www = san_parse("www.example.org", NULL),
                       hidden = san_parse("a.secret.example.org", NULL),
                       other = san_parse("www.example.com", NULL), address = san_parse("ip:192.0.2.1", NULL);

        g_assert_true(subtree_permits(NULL, NULL, other));
        g_ptr_array_add(permitted, domain);
        g_ptr_array_add(excluded, secret);
        g_assert_true(subtree_permits(permitted, excluded, www));
        g_assert_false(subtree_permits(permitted, excluded, hidden));
        g_assert_false(subtree_permits(permitted, excluded, other));
        g_assert_true(subtree_permits(NULL, excluded, other));
        g_assert_true(subtree_permits(permitted, excluded, address));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/subtree/normal-form", test_subtrees_have_one_normal_form);
        g_test_add_func("/subtree/refused", test_what_is_no_subtree_is_refused_with_what_to_write);
        g_test_add_func("/subtree/network", test_a_network_is_address_and_mask);
        g_test_add_func("/subtree/covers", test_names_lie_in_a_subtree_or_not);
        g_test_add_func("/subtree/excluded", test_what_an_excluded_subtree_keeps_out);
        g_test_add_func("/subtree/certificate", test_forms_that_only_a_certificate_has);
        g_test_add_func("/subtree/permits", test_excluded_wins_and_other_types_are_free);
        return g_test_run();
}
