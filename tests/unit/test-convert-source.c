/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The forms of other programs' files: certbot's dialect, certmonger's requests; and what an entry makes of names and
 * paths. */

#include "client/convert/certbot-conf.h"
#include "client/convert/certmonger-request.h"
#include "client/convert/entry.h"
#include "common/error.h"

#include <string.h>

/* ---- certbot ---- */

static void test_conf_values(void)
{
        static const struct {
                const char *what, *line;
                const char *value; /* NULL: it has no single text */
        } cases[] = {
                { "plain", "key = a b", "a b" },
                { "without spaces", "key=a", "a" },
                { "empty", "key =", "" },
                { "a comment behind it", "key = a # b, c", "a" },
                { "a comment without a space", "key = a#b", "a" },
                { "double quotes", "key = \"a, b # c\"", "a, b # c" },
                { "single quotes", "key = 'a \"b\"'  # c", "a \"b\"" },
                { "the other quote inside", "key = \"it's\"", "it's" },
                { "quotes that do not end it", "key = \"a\" b \"c\"", "a\" b \"c" },
                { "a backslash", "key = a\\nb", "a\\nb" },
                { "an equals sign", "key = a=b", "a=b" },
                { "a list", "key = a, b", NULL },
                { "a list of one", "key = /var/www,", NULL },
                { "a quoted list", "key = \"a\", \"b\"", NULL },
                { "a value with another in it", "key = %(other)s", NULL },
                { "a percent sign", "key = 100%", "100%" },
                { "three quotes", "key = '''a 'b' \"c\"''' # d", "a 'b' \"c\"" },
                { "several lines", "key = \"\"\"a\n  b\nc\"\"\"", "a\n  b\nc" },
                { "a space that ends the first of several lines", "key = '''a \nb'''", "a \nb" },
                { "a carriage return", "key = \"a\"\r", "a" },
                { "a quoted key", "\"key\" = a", "a" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = g_strdup_printf("# head\n\n%s\nother = x\n", cases[i].line);
                g_autoptr(GError) error = NULL;
                g_autoptr(CertbotConf) c = certbot_conf_new(text, &error);

                g_test_message("%s", cases[i].what);
                g_assert_no_error(error);
                g_assert_true(certbot_conf_has(c, "", "key"));
                g_assert_cmpstr(certbot_conf_get(c, "", "key"), ==, cases[i].value);
                g_assert_cmpstr(certbot_conf_get(c, "", "other"), ==, "x");
        }
}

static void test_conf_sections(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(CertbotConf) c = certbot_conf_new("a = 1\n"
                                                    "[renewalparams] # what\n"
                                                    "a = 2\n"
                                                    "[[webroot_map]]\n"
                                                    "a = 3\n"
                                                    "[[ other ]]\n"
                                                    "a = 4\n"
                                                    "[\"acme\"]\n"
                                                    "a = 5\n",
                                                    &error);

        g_assert_no_error(error);
        g_assert_cmpstr(certbot_conf_get(c, "", "a"), ==, "1");
        g_assert_cmpstr(certbot_conf_get(c, "renewalparams", "a"), ==, "2");
        g_assert_cmpstr(certbot_conf_get(c, "renewalparams/webroot_map", "a"), ==, "3");
        g_assert_cmpstr(certbot_conf_get(c, "renewalparams/other", "a"), ==, "4");
        g_assert_cmpstr(certbot_conf_get(c, "acme", "a"), ==, "5");
        g_assert_null(certbot_conf_get(c, "", "b"));
        g_assert_false(certbot_conf_has(c, "", "b"));
}

static void test_conf_faults(void)
{
        static const struct {
                const char *text, *says;
        } cases[] = {
                { "a = 1\nb\n", "line 2: this is neither" },
                { "= 1\n", "line 1: this is neither" },
                { "a = \"b\n", "line 1: a quote has no end" },
                { "a = '''b\nc\n", "a value in three quotes has no end" },
                { "a = '''b''' c\n", "something follows" },
                { "a = 1\na = 2\n", "line 2: this key stands here for the second time" },
                { "[a]\n[b]\n[a]\n", "line 3: this section stands here for the second time" },
                { "[a\n", "this is no section" },
                { "[a]]\n", "this is no section" },
                { "[[a]]\n", "too deep" },
                { "a = \xff\n", "not UTF-8" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(CertbotConf) c = certbot_conf_new(cases[i].text, &error);

                g_assert_null(c);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                g_test_message("%s", error->message);
                g_assert_nonnull(strstr(error->message, cases[i].says));
        }
}

/* ---- certmonger ---- */

static void test_request(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(CertmongerRequest) r = certmonger_request_new("id=20260101120000\n"
                                                                "=old_form=yes\n"
                                                                "# comment\n"
                                                                "KEY_TYPE=RSA\n"
                                                                "empty=\n"
                                                                "template_hostname=a.example.org,b\\,c\\\\,d\n"
                                                                "cert=-----BEGIN CERTIFICATE-----\r\n"
                                                                " MIIB\n"
                                                                " -----END CERTIFICATE-----\n"
                                                                "post_certsave_command=/bin/systemctl restart httpd\n"
                                                                "id=second\n",
                                                                &error);
        g_auto(GStrv) names = NULL, none = NULL;

        g_assert_no_error(error);
        names = certmonger_request_list(r, "template_hostname");
        none = certmonger_request_list(r, "template_email");
        g_assert_cmpstr(certmonger_request_get(r, "id"), ==, "20260101120000");
        g_assert_cmpstr(certmonger_request_get(r, "old_form"), ==, "yes");
        g_assert_cmpstr(certmonger_request_get(r, "key_type"), ==, "RSA");
        g_assert_null(certmonger_request_get(r, "empty"));
        g_assert_null(certmonger_request_get(r, "missing"));
        g_assert_cmpstr(certmonger_request_get(r, "cert"), ==,
                        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----");
        g_assert_cmpstr(certmonger_request_get(r, "post_certsave_command"), ==, "/bin/systemctl restart httpd");
        g_assert_cmpuint(g_strv_length(names), ==, 3);
        g_assert_cmpstr(names[1], ==, "b,c\\");
        g_assert_cmpuint(g_strv_length(none), ==, 0);
}

static void test_request_faults(void)
{
        static const struct {
                const char *text, *says;
        } cases[] = {
                { "a=b\nno key\n", "line 2: this is no" },
                { " goes on\n", "line 1: this goes on" },
                { "==x\n", "line 1: this is no" },
                { "a=\xff\n", "not UTF-8" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(CertmongerRequest) r = certmonger_request_new(cases[i].text, &error);

                g_assert_null(r);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                g_assert_nonnull(strstr(error->message, cases[i].says));
        }
}

/* ---- Entries ---- */

static void test_names(void)
{
        static const struct {
                const char *text, *name;
        } cases[] = {
                { "www.example.org", "www.example.org" },
                { "*.example.org", "wildcard.example.org" },
                { "Example CA / web server", "Example-CA-web-server" },
                { "2001:db8::1", "2001-db8-1" },
                { "a@b.example", "a-b.example" },
                { "_x", "x" },
                { "...", "certificate" },
                { "\303\274ber", "ber" },
                { "x.", "x" },
                { "", "certificate" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *name = entry_name_from(cases[i].text);

                g_assert_cmpstr(name, ==, cases[i].name);
        }
}

static void test_sans(void)
{
        static const struct {
                const char *text, *san; /* NULL: none */
        } cases[] = {
                { "www.example.org", "www.example.org" },
                { "WWW.example.org.", "www.example.org" },
                { "DNS:www.example.org", "www.example.org" },
                { "192.0.2.1", "ip:192.0.2.1" },
                { "IP:192.0.2.1", "ip:192.0.2.1" },
                { "2001:DB8:0::1", "ip:2001:db8::1" },
                { "a@b.example", "email:a@b.example" },
                { "spiffe://x/y", "uri:spiffe://x/y" },
                { "URI:spiffe://x/y", "uri:spiffe://x/y" },
                { "not a name", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Entry) e = entry_new(1, NULL);
                g_autoptr(GError) error = NULL;
                bool good = entry_add_san(e, cases[i].text, &error);

                g_test_message("%s", cases[i].text);
                g_assert_cmpint(good, ==, cases[i].san != NULL);
                g_assert_cmpint(good, ==, error == NULL);
                if (good)
                        g_assert_true(entry_has_san(e, cases[i].san));
        }
}

static void test_paths(void)
{
        static const struct {
                const char *path;
                bool good;
        } cases[] = {
                { "/etc/tls/web.pem", true }, { "/a", true },          { "etc/tls/web.pem", false }, { "/etc/../tls/web.pem", false },
                { "/etc//tls", false },       { "/etc/tls/", false },  { "/", false },               { "", false },
                { "/a\nb", false },           { "/a\xff", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpint(entry_path_fault(cases[i].path) == NULL, ==, cases[i].good);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/convert-source/certbot/values", test_conf_values);
        g_test_add_func("/convert-source/certbot/sections", test_conf_sections);
        g_test_add_func("/convert-source/certbot/faults", test_conf_faults);
        g_test_add_func("/convert-source/certmonger/request", test_request);
        g_test_add_func("/convert-source/certmonger/faults", test_request_faults);
        g_test_add_func("/convert-source/entry/names", test_names);
        g_test_add_func("/convert-source/entry/sans", test_sans);
        g_test_add_func("/convert-source/entry/paths", test_paths);
        return g_test_run();
}
