/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/doctor/report.h"
#include "client/doctor/session.h"
#include "client/doctor/target.h"

#include <string.h>

static void test_kinds(void)
{
        static const struct {
                const char *text;
                TargetKind kind;
        } cases[] = {
                { "web", TARGET_CERTIFICATE },
                { "www.example.org", TARGET_CERTIFICATE },
                { "www.example.org:443", TARGET_SERVER },
                { "192.0.2.1:8443", TARGET_SERVER },
                { "[2001:db8::1]:443", TARGET_SERVER },
                { "/run/web.socket", TARGET_SERVER },
                { "", TARGET_WRONG },
                { ":443", TARGET_WRONG },
                { "web:", TARGET_WRONG },
                { "web:https", TARGET_WRONG },
                { "web:0", TARGET_WRONG },
                { "web:65536", TARGET_WRONG },
                { "2001:db8::1", TARGET_WRONG },
                { "2001:db8::1:443", TARGET_WRONG },
                { "authority:site", TARGET_WRONG },
                { "https://www.example.org/", TARGET_WRONG },
                { "[]:443", TARGET_WRONG },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                const char *why = NULL;

                g_test_message("%s", cases[i].text);
                g_assert_cmpint(target_kind(cases[i].text, &why), ==, cases[i].kind);
                g_assert_cmpint(why != NULL, ==, cases[i].kind == TARGET_WRONG);
        }
}

static void test_server(void)
{
        static const struct {
                const char *text, *server_name, *starttls, *name, *wanted_starttls;
        } cases[] = {
                { "www.example.org:443", NULL, NULL, "www.example.org", NULL },
                { "www.example.org.:443", NULL, "none", "www.example.org", NULL },
                { "127.0.0.1:25", "mail.example.org", "smtp", "mail.example.org", "smtp" },
                { "[fe80::1%eth0]:443", NULL, NULL, "fe80::1", NULL },
                { "/run/web.socket", NULL, NULL, NULL, NULL },
                { "/run/web.socket", "www.example.org", NULL, "www.example.org", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Target) t = target_of_server(cases[i].text, cases[i].server_name, cases[i].starttls);

                g_assert_cmpstr(t->connect, ==, cases[i].text);
                g_assert_cmpstr(t->name, ==, cases[i].name);
                g_assert_cmpstr(t->starttls, ==, cases[i].wanted_starttls);
        }
}

static void test_certificate(void)
{
        char *sans[] = { (char *) "ip:192.0.2.1", (char *) "*.example.org", (char *) "www.example.org", NULL };
        CertDetail d = { .name = (char *) "web", .sans = sans, .verify_connect = (char *) "127.0.0.1:443",
                         .verify_name = (char *) "", .verify_starttls = (char *) "none" };
        g_autoptr(Target) first = target_of_certificate(&d, NULL, NULL), second = NULL, third = NULL;

        g_assert_cmpstr(first->connect, ==, "127.0.0.1:443");
        g_assert_cmpstr(first->name, ==, "www.example.org"); /* no address, and nothing with an asterisk */
        g_assert_null(first->starttls);
        d.verify_name = (char *) "shop.example.org";
        d.verify_starttls = (char *) "imap";
        second = target_of_certificate(&d, NULL, NULL);
        g_assert_cmpstr(second->name, ==, "shop.example.org");
        g_assert_cmpstr(second->starttls, ==, "imap");
        d.verify_connect = (char *) "";
        third = target_of_certificate(&d, "x.example.org", "smtp");
        g_assert_null(third->connect);
}

static void test_wrapping(void)
{
        static const struct {
                const char *text;
                unsigned indent, columns;
                const char *lines;
        } cases[] = {
                { "one two three", 0, 0, "one two three" },
                { "one two three", 2, 9, "  one two\n  three" },
                { "a-word-that-is-longer-than-the-line and", 2, 10, "  a-word-that-is-longer-than-the-line\n  and" },
                { "", 4, 40, "" },
                { "zwölf Wörter…", 0, 8, "zwölf\nWörter…" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *lines = report_wrap(cases[i].text, cases[i].indent, cases[i].columns);

                g_assert_cmpstr(lines, ==, cases[i].lines);
        }
}

static void test_answers_of_http(void)
{
        static const struct {
                const char *name, *text;
                int status;
                bool speaks;
                uint64_t time;
        } cases[] = {
                { "nginx that wants a certificate",
                  "HTTP/1.1 400 Bad Request\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n<title>400 No required SSL certificate "
                  "was sent</title>",
                  400, true, UINT64_C(784111777000000) },
                { "a page about certificates", "HTTP/1.1 200 OK\r\n\r\nour certificates", 200, false, 0 },
                { "another refusal", "HTTP/1.0 403 Forbidden\r\ndate:Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", 403, false,
                  UINT64_C(784111777000000) },
                { "a date in the body", "HTTP/1.1 404 No\r\n\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 404, false, 0 },
                { "a date that is none", "HTTP/1.1 404 No\r\nDate: Sun, 99 Foo 1994 08:49:37 GMT\r\n\r\n", 404, false, 0 },
                { "a day that does not exist", "HTTP/1.1 404 No\r\nDate: Sun, 31 Feb 1994 08:49:37 GMT\r\n\r\n", 404, false, 0 },
                { "no HTTP", "* OK IMAP\r\n", 0, false, 0 },
                { "half a line", "HTTP/1.", 0, false, 0 },
                { "nothing", "", 0, false, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(Session) s = session_new();

                g_test_message("%s", cases[i].name);
                session_read_http(s, cases[i].text, strlen(cases[i].text));
                g_assert_cmpint(s->http_status, ==, cases[i].status);
                g_assert_cmpint(s->http_speaks_of_certificates, ==, cases[i].speaks);
                g_assert_cmpuint(s->server_time, ==, cases[i].time);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/target/kinds", test_kinds);
        g_test_add_func("/target/server", test_server);
        g_test_add_func("/target/certificate", test_certificate);
        g_test_add_func("/report/wrapping", test_wrapping);
        g_test_add_func("/session/answers-of-http", test_answers_of_http);
        return g_test_run();
}
