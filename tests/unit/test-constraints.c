/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Name constraints: their text forms, each rule of matching, the way into a certificate and back, and what is
 * refused before it is signed. */

#include "common/constraint.h"
#include "common/error.h"
#include "issuers/local/constraints.h"

#include <string.h>

/* ---- Text forms ---- */

static void test_the_text_forms(void)
{
        static const struct {
                const char *text, *normal; /* NULL: refused */
                const char *says;
        } cases[] = {
                { "example.org", "dns:example.org", NULL },
                { "dns:Example.ORG.", "dns:example.org", NULL },
                { "DNS:internal", "dns:internal", NULL },
                { "dns:büro.example", "dns:xn--bro-hoa.example", NULL },
                { "ip:192.0.2.0/24", "ip:192.0.2.0/24", NULL },
                { "192.0.2.0/24", "ip:192.0.2.0/24", NULL },
                { "ip:192.0.2.7", "ip:192.0.2.7/32", NULL },
                { "ip:0.0.0.0/0", "ip:0.0.0.0/0", NULL },
                { "ip:10.128.0.0/9", "ip:10.128.0.0/9", NULL },
                { "ip:2001:db8::/32", "ip:2001:db8::/32", NULL },
                { "ip:::/0", "ip:::/0", NULL },
                { "ip:::1", "ip:::1/128", NULL },
                { "email:example.org", "email:example.org", NULL },
                { "email:.example.org", "email:.example.org", NULL },
                { "email:Root@Example.org", "email:Root@example.org", NULL },
                { "uri:host.example.org", "uri:host.example.org", NULL },
                { "uri:.Example.org", "uri:.example.org", NULL },
                { "", NULL, "no name" },
                { "dns:", NULL, "no name" },
                { ".example.org", NULL, "without" },
                { "*.example.org", NULL, "wildcard" },
                { "exa mple.org", NULL, "no DNS name" },
                { "192.0.2.300", NULL, "neither a DNS name" },
                { "ip:192.0.2.0/33", NULL, "from 0 to 32" },
                { "ip:192.0.2.0/", NULL, "from 0 to 32" },
                { "ip:192.0.2.0/-1", NULL, "from 0 to 32" },
                { "ip:192.0.2.0/255.255.255.0", NULL, "from 0 to 32" },
                { "ip:192.0.2.1/24", NULL, "ip:192.0.2.0/24" },
                { "ip:2001:db8::1/32", NULL, "ip:2001:db8::/32" },
                { "ip:example.org", NULL, "no network" },
                { "email:", NULL, "no name" },
                { "email:@example.org", NULL, "no email" },
                { "email:a@", NULL, "no name" },
                { "uri:https://example.org/", NULL, "not the name of a host" },
                { "uri:example.org:443", NULL, "not the name of a host" },
                { "dirname:CN=x", NULL, "no DNS name" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Constraint) c = constraint_parse(cases[i].text, &error);
                g_autofree char *normal = c ? constraint_to_string(c) : NULL;

                g_test_message("%s", cases[i].text);
                g_assert_cmpstr(normal, ==, cases[i].normal);
                if (normal)
                        continue;
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                if (!strstr(error->message, cases[i].says))
                        g_error("%s: \"%s\" does not say \"%s\"", cases[i].text, error->message,
                                cases[i].says);
        }
}

static void test_an_error_names_the_key(void)
{
        char *permitted[] = { (char *) "example.org", (char *) "ip:none", NULL };
        g_autoptr(GError) error = NULL;

        g_assert_null(constraints_new("site", NULL, permitted, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
        g_assert_true(g_str_has_prefix(error->message, "issuers.site.names.excluded[1]: "));
}

/* ---- Matching ---- */

typedef enum Relation {
        OUTSIDE,
        TOUCHES, /* for a wildcard: some of what it stands for */
        HELD,
} Relation;

static void test_which_names_lie_in_a_subtree(void)
{
        static const struct {
                const char *constraint, *name;
                Relation relation;
        } cases[] = {
                { "dns:example.org", "example.org", HELD },
                { "dns:example.org", "www.example.org", HELD },
                { "dns:example.org", "a.b.EXAMPLE.org", HELD },
                { "dns:example.org", "badexample.org", OUTSIDE },
                { "dns:example.org", "example.org.evil.example", OUTSIDE },
                { "dns:example.org", "org", OUTSIDE },
                { "dns:example.org", "*.example.org", HELD },
                { "dns:www.example.org", "*.example.org", TOUCHES },
                { "dns:a.www.example.org", "*.example.org", OUTSIDE },
                { "dns:www.example.org", "*.www.example.org", HELD },
                { "dns:example.org", "*.example.com", OUTSIDE },
                { "dns:example.org", "ip:192.0.2.1", OUTSIDE },
                { "dns:example.org", "email:a@example.org", OUTSIDE },
                { "ip:192.0.2.0/24", "ip:192.0.2.255", HELD },
                { "ip:192.0.2.0/24", "ip:192.0.3.0", OUTSIDE },
                { "ip:192.0.2.128/25", "ip:192.0.2.127", OUTSIDE },
                { "ip:192.0.2.7", "ip:192.0.2.7", HELD },
                { "ip:0.0.0.0/0", "ip:203.0.113.9", HELD },
                { "ip:0.0.0.0/0", "ip:::1", OUTSIDE },
                { "ip:2001:db8::/33", "ip:2001:db8:7fff::1", HELD },
                { "ip:2001:db8::/33", "ip:2001:db8:8000::1", OUTSIDE },
                { "ip:::/0", "ip:192.0.2.1", OUTSIDE },
                { "email:example.org", "email:a@Example.org", HELD },
                { "email:example.org", "email:a@sub.example.org", OUTSIDE },
                { "email:.example.org", "email:a@sub.example.org", HELD },
                { "email:.example.org", "email:a@example.org", OUTSIDE },
                { "email:Root@example.org", "email:Root@EXAMPLE.org", HELD },
                { "email:Root@example.org", "email:root@example.org", OUTSIDE },
                { "uri:host.example.org", "uri:https://host.example.org:8443/x?y", HELD },
                { "uri:host.example.org", "uri:https://a.host.example.org/", OUTSIDE },
                { "uri:.example.org", "uri:spiffe://host.example.org/web", HELD },
                { "uri:.example.org", "uri:spiffe://example.org/web", OUTSIDE },
                { "uri:example.org", "uri:https://example.org@evil.example/", OUTSIDE },
                { "uri:example.org", "uri:urn:uuid:f81d4fae", TOUCHES },
                { "uri:example.org", "uri:https://192.0.2.1/", TOUCHES },
                { "uri:example.org", "uri:https://[2001:db8::1]/", TOUCHES },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Constraint) c = constraint_parse(cases[i].constraint, NULL);
                g_autoptr(San) name = san_parse(cases[i].name, NULL);

                g_test_message("%s in %s", cases[i].name, cases[i].constraint);
                g_assert_nonnull(c);
                g_assert_nonnull(name);
                g_assert_cmpint(constraint_holds(c, name), ==, cases[i].relation == HELD);
                g_assert_cmpint(constraint_touches(c, name), ==, cases[i].relation >= TOUCHES);
        }
}

static void test_forms_that_only_a_certificate_has(void)
{
        static const struct {
                gnutls_x509_subject_alt_name_t type;
                const char *value;
                unsigned size;
                const char *shown, *held, *outside;
        } cases[] = {
                { GNUTLS_SAN_DNSNAME, "", 0, "dns:", "www.example.org", NULL },
                { GNUTLS_SAN_DNSNAME, ".Example.org", 12, "dns:.example.org", "*.example.org",
                  "example.org" },
                { GNUTLS_SAN_RFC822NAME, "", 0, "email:", "email:a@example.org", NULL },
                { GNUTLS_SAN_URI, "", 0, "uri:", "uri:https://example.org/", NULL },
                { GNUTLS_SAN_IPADDRESS, "\xc0\0\2\0\xff\0\xff\0", 8, "ip:192.0.2.0/255.0.255.0",
                  "ip:192.9.2.9", "ip:192.0.3.0" },
                { GNUTLS_SAN_IPADDRESS, "\xc0\0\2", 3, "ip:?", NULL, "ip:192.0.2.1" },
                { GNUTLS_SAN_DN, "0\0", 2, "a directory name", NULL, "example.org" },
                { GNUTLS_SAN_OTHERNAME, "x", 1, "a name of an unknown kind", NULL, "example.org" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                gnutls_datum_t value = { (unsigned char *) cases[i].value, cases[i].size };
                g_autoptr(Constraint) c = constraint_new(cases[i].type, &value);
                g_autoptr(San) held = cases[i].held ? san_parse(cases[i].held, NULL) : NULL;
                g_autoptr(San) outside = cases[i].outside ? san_parse(cases[i].outside, NULL) : NULL;
                g_autofree char *shown = constraint_to_string(c);

                g_assert_cmpstr(shown, ==, cases[i].shown);
                g_assert_true(!held || constraint_holds(c, held));
                g_assert_true(!outside || !constraint_touches(c, outside));
        }
}

/* ---- Certificates ---- */

static char **words(const char *text)
{
        return *text ? g_strsplit(text, " ", -1) : NULL;
}

static Constraints *constraints_of_words(const char *permitted, const char *excluded)
{
        g_auto(GStrv) p = words(permitted), e = words(excluded);
        g_autoptr(GError) error = NULL;
        Constraints *c = constraints_new("site", p, e, &error);

        g_assert_no_error(error);
        return c;
}

static gnutls_x509_crt_t crt_new(const char *subject, const char *sans)
{
        g_auto(GStrv) names = words(sans);
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_version(crt, 3), >=, 0);
        if (*subject)
                g_assert_cmpint(gnutls_x509_crt_set_dn(crt, subject, NULL), >=, 0);
        for (char **n = names; n && *n; n++) {
                g_autoptr(San) san = san_parse(*n, NULL);

                g_assert_true(san && san_add_to_certificate(san, crt, NULL));
        }
        return crt;
}

static void test_they_survive_a_certificate(void)
{
        g_autoptr(Constraints) c =
                constraints_of_words("example.org ip:192.0.2.0/24 ip:2001:db8::/32 email:a@example.org",
                                     "dns:secret.example.org uri:.example.com email:.example.com");
        g_autoptr(Constraints) again = NULL, none = NULL;
        gnutls_x509_crt_t crt = crt_new("CN=x", ""), plain = crt_new("CN=x", "");
        gnutls_datum_t value = { 0 };
        unsigned critical = 0;

        g_assert_cmpint(constraints_set(c, crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_get_extension_by_oid2(crt, "2.5.29.30", 0, &value, &critical), >=, 0);
        gnutls_free(value.data);
        g_assert_true(critical);
        again = constraints_of_certificate(crt, NULL);
        for (int k = 0; k < 2; k++) {
                const GPtrArray *a = k ? c->excluded : c->permitted,
                                *b = k ? again->excluded : again->permitted;

                g_assert_cmpuint(a->len, ==, b->len);
                for (unsigned i = 0; i < a->len; i++) {
                        g_autofree char *x = constraint_to_string(a->pdata[i]),
                                        *y = constraint_to_string(b->pdata[i]);

                        g_assert_cmpstr(x, ==, y);
                }
        }
        none = constraints_of_certificate(plain, NULL);
        g_assert_cmpuint(none->permitted->len + none->excluded->len, ==, 0);
        g_assert_cmpint(constraints_set(none, plain), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_get_extension_by_oid2(plain, "2.5.29.30", 0, &value, &critical), ==,
                        GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_crt_deinit(plain);
}

static void test_what_may_be_signed(void)
{
        static const struct {
                const char *permitted, *excluded, *subject, *sans;
                const char *says; /* NULL: signed */
        } cases[] = {
                { "", "", "CN=anything.example", "a.example ip:192.0.2.1 uri:urn:x", NULL },
                { "example.org", "", "CN=www.example.org", "www.example.org *.example.org", NULL },
                { "example.org", "", "", "www.example.org", NULL },
                { "example.org", "", "CN=www.example.org", "www.example.org www.example.com",
                  "\"www.example.com\": its constraints permit only dns:example.org" },
                { "example.org example.net", "", "", "x.example.net", NULL },
                { "example.org example.net", "", "", "x.example.com",
                  "permit only dns:example.org, dns:example.net" },
                { "example.org", "", "", "ip:192.0.2.1 email:a@b.example uri:https://b.example/", NULL },
                { "example.org ip:192.0.2.0/24", "", "", "ip:198.51.100.1", "permit only ip:192.0.2.0/24" },
                { "example.org ip:192.0.2.0/24", "", "", "ip:2001:db8::1", "\"ip:2001:db8::1\"" },
                { "ip:192.0.2.0/24 ip:2001:db8::/32", "", "", "ip:2001:db8::1 ip:192.0.2.9", NULL },
                { "example.org", "secret.example.org", "", "secret.example.org",
                  "exclude dns:secret.example.org" },
                { "example.org", "secret.example.org", "", "a.secret.example.org",
                  "exclude dns:secret.example.org" },
                { "example.org", "secret.example.org", "", "*.example.org",
                  "exclude dns:secret.example.org" },
                { "", "ip:10.0.0.0/8", "", "ip:10.1.2.3", "exclude ip:10.0.0.0/8" },
                { "", "ip:10.0.0.0/8", "", "ip:11.1.2.3 ip:::ffff:10.1.2.3", NULL },
                { "email:example.org", "", "", "email:a@example.com", "\"email:a@example.com\"" },
                { "uri:example.org", "", "", "uri:urn:x:y", "permit only uri:example.org" },
                { "", "uri:example.org", "", "uri:urn:x:y", "exclude uri:example.org" },
                /* the common name */
                { "example.org", "", "CN=www.example.com", "", "\"www.example.com\"" },
                { "example.org", "", "CN=*.example.com", "email:a@b.example", "\"*.example.com\"" },
                { "example.org", "", "CN=www.example.com", "www.example.org", NULL },
                { "example.org", "", "CN=www.example.org", "", NULL },
                { "example.org", "", "CN=Alice", "email:a@b.example", NULL },
                { "example.org", "", "CN=Example Web Server", "email:a@b.example", NULL },
                { "ip:192.0.2.0/24", "", "CN=198.51.100.1", "", "\"ip:198.51.100.1\"" },
                { "", "example.com", "CN=www.example.com", "ip:192.0.2.1", "exclude dns:example.com" },
                { "", "example.com", "CN=a.example,CN=www.example.com", "", "exclude dns:example.com" },
                /* an email address in the subject */
                { "email:example.org", "", "EMAIL=a@example.com,CN=Alice", "", "\"email:a@example.com\"" },
                { "email:example.org", "", "EMAIL=a@example.org,CN=Alice", "", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Constraints) c = constraints_of_words(cases[i].permitted, cases[i].excluded);
                g_autoptr(GError) error = NULL;
                gnutls_x509_crt_t crt = crt_new(cases[i].subject, cases[i].sans);
                bool good = constraints_check(c, "site", crt, &error);

                gnutls_x509_crt_deinit(crt);
                g_test_message("%s | %s: %s %s", cases[i].permitted, cases[i].excluded, cases[i].subject,
                               cases[i].sans);
                if (!cases[i].says)
                        g_assert_no_error(error);
                g_assert_cmpint(good, ==, !cases[i].says);
                if (good)
                        continue;
                g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
                if (!strstr(error->message, cases[i].says))
                        g_error("\"%s\" does not say \"%s\"", error->message, cases[i].says);
                g_assert_nonnull(strstr(error->message, "\nChange the name"));
        }
}

static void test_a_directory_name_is_not_passed_over(void)
{
        g_autoptr(Constraints) c = constraints_of_words("", "");
        gnutls_datum_t name = { (unsigned char *) "0\0", 2 };
        gnutls_x509_crt_t named = crt_new("CN=www.example.org", "www.example.org"),
                          empty = crt_new("", "www.example.org");
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(c->permitted, constraint_new(GNUTLS_SAN_DN, &name));
        g_assert_false(constraints_check(c, "site", named, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
        g_assert_true(constraints_check(c, "site", empty, NULL));
        gnutls_x509_crt_deinit(named);
        gnutls_x509_crt_deinit(empty);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/constraints/the text forms", test_the_text_forms);
        g_test_add_func("/constraints/an error names the key", test_an_error_names_the_key);
        g_test_add_func("/constraints/which names lie in a subtree", test_which_names_lie_in_a_subtree);
        g_test_add_func("/constraints/forms that only a certificate has",
                        test_forms_that_only_a_certificate_has);
        g_test_add_func("/constraints/they survive a certificate", test_they_survive_a_certificate);
        g_test_add_func("/constraints/what may be signed", test_what_may_be_signed);
        g_test_add_func("/constraints/a directory name is not passed over",
                        test_a_directory_name_is_not_passed_over);
        return g_test_run();
}
