/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Name constraints: their text forms, each rule of matching, the way into a certificate and back, and what is
 * refused before it is signed. */

#include "common/subtree.h"
#include "common/error.h"
#include "issuers/local/constraints.h"

#include <string.h>

/* ---- The manifest ---- */

static void test_an_error_names_the_key(void)
{
        char *permitted[] = { (char *) "example.org", (char *) "ip:none", NULL };
        g_autoptr(GError) error = NULL;

        g_assert_null(constraints_new("site", NULL, permitted, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
        g_assert_true(g_str_has_prefix(error->message, "issuers.site.names.excluded[1]: "));
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
                        g_autofree char *x = subtree_to_string(a->pdata[i]),
                                        *y = subtree_to_string(b->pdata[i]);

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
                  "\"www.example.com\": its constraints permit only example.org" },
                { "example.org example.net", "", "", "x.example.net", NULL },
                { "example.org example.net", "", "", "x.example.com",
                  "permit only example.org, example.net" },
                { "example.org", "", "", "ip:192.0.2.1 email:a@b.example uri:https://b.example/", NULL },
                { "example.org ip:192.0.2.0/24", "", "", "ip:198.51.100.1", "permit only ip:192.0.2.0/24" },
                { "example.org ip:192.0.2.0/24", "", "", "ip:2001:db8::1", "\"ip:2001:db8::1\"" },
                { "ip:192.0.2.0/24 ip:2001:db8::/32", "", "", "ip:2001:db8::1 ip:192.0.2.9", NULL },
                { "example.org", "secret.example.org", "", "secret.example.org",
                  "exclude secret.example.org" },
                { "example.org", "secret.example.org", "", "a.secret.example.org",
                  "exclude secret.example.org" },
                { "example.org", "secret.example.org", "", "*.example.org", "exclude secret.example.org" },
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
                { "", "example.com", "CN=www.example.com", "ip:192.0.2.1", "exclude example.com" },
                { "", "example.com", "CN=a.example,CN=www.example.com", "", "exclude example.com" },
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

        g_ptr_array_add(c->permitted, subtree_new(GNUTLS_SAN_DN, &name));
        g_assert_false(constraints_check(c, "site", named, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
        g_assert_true(constraints_check(c, "site", empty, NULL));
        gnutls_x509_crt_deinit(named);
        gnutls_x509_crt_deinit(empty);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/constraints/an error names the key", test_an_error_names_the_key);
        g_test_add_func("/constraints/they survive a certificate", test_they_survive_a_certificate);
        g_test_add_func("/constraints/what may be signed", test_what_may_be_signed);
        g_test_add_func("/constraints/a directory name is not passed over",
                        test_a_directory_name_is_not_passed_over);
        return g_test_run();
}
