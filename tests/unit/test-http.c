/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP for issuers, against a server that does as it is told: what goes out, what comes back, whom it trusts,
 * and what each failure is called. */

#include "issuers/http.h"

#include "common/error.h"
#include "common/timespan.h"
#include "tests/unit/web-server.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello"
#define DAY   (24 * 60 * 60)
#define QUICK (2500 * USEC_PER_MSEC)  /* for what is in vain: takes all of it, and must get as far as that */
#define PATIENT (60 * USEC_PER_SEC)

/* A CA, a server's key, and what it is to show. */
typedef struct Bench {
        FixtureAuthority *ca;
        GBytes *roots, *key, *leaf;
        Http *http;
        uint64_t timeout_usec;
} Bench;

static GBytes *pem_of(const FixtureAuthority *a)
{
        gnutls_datum_t pem;

        g_assert_cmpint(gnutls_x509_crt_export2(a->crt, GNUTLS_X509_FMT_PEM, &pem), >=, 0);
        return g_bytes_new_with_free_func(pem.data, pem.size, gnutls_free, pem.data);
}

static GBytes *leaf_new(const FixtureAuthority *ca, GBytes *key, const char *name, time_t from, time_t to)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("server");
        const char *const names[] = { name, NULL };
        time_t now = time(NULL);

        fixture_certificate_set_sans(c, names);
        return fixture_authority_sign(ca, c, key, now + from, now + to);
}

static void bench_up(Bench *b, gconstpointer data)
{
        time_t now = time(NULL);

        b->ca = fixture_authority_new_between(now - 30 * DAY, now + 30 * DAY);
        b->roots = pem_of(b->ca);
        b->key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        b->leaf = leaf_new(b->ca, b->key, "ip:127.0.0.1", -DAY, DAY);
        b->http = http_new();
        b->timeout_usec = PATIENT;
}

static void bench_down(Bench *b, gconstpointer data)
{
        http_free(b->http);
        fixture_authority_free(b->ca);
        g_bytes_unref(b->roots);
        g_bytes_unref(b->key);
        g_bytes_unref(b->leaf);
}

static WebServer *serve(const Bench *b, const char *answer)
{
        return web_server_new(b->leaf, b->key, &(WebScript){ .answer = answer });
}

static WebServer *serve_fault(const Bench *b, const char *answer, WebFault fault)
{
        return web_server_new(b->leaf, b->key, &(WebScript){ .answer = answer, .fault = fault });
}

static HttpAnswer *ask(const Bench *b, const WebServer *s, GError **error)
{
        g_autofree char *url = web_server_url(s, "127.0.0.1", "/path?query");
        const HttpRequest request = {
                .method = "GET", .url = url, .roots = b->roots, .answer_max = 1000, .timeout_usec = b->timeout_usec
        };

        return http_send(b->http, &request, error);
}

/* There is no answer, but this error, in which these words stand, and a hint. */
static void assert_fails(const Bench *b, const WebServer *s, CertError code, const char *words)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpAnswer) a = ask(b, s, &error);

        g_assert_null(a);
        g_test_message("%s", error->message);
        g_assert_error(error, CERT_ERROR, (int) code);
        g_assert_nonnull(strstr(error->message, words));
        g_assert_nonnull(strchr(error->message, '\n'));
}

static void assert_body(const HttpAnswer *a, const char *text)
{
        g_assert_cmpmem(g_bytes_get_data(a->body, NULL), g_bytes_get_size(a->body), text, strlen(text));
}

/* ---- What comes and goes ---- */

static void test_answer(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve(b, "HTTP/1.1 403 No\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                          "content-type: application/json\r\nLocation: /there\r\n"
                                          "Retry-After: 120\r\nContent-Length: 2\r\n\r\n{}");
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpAnswer) a = ask(b, s, &error);

        g_assert_no_error(error);
        g_assert_cmpuint(a->status, ==, 403);
        g_assert_cmpstr(a->content_type, ==, "application/json");
        g_assert_cmpstr(a->location, ==, "/there");
        g_assert_cmpuint(a->date_usec, ==, 784111777 * USEC_PER_SEC);
        g_assert_cmpuint(a->retry_after_usec, ==, 120 * USEC_PER_SEC);
        assert_body(a, "{}");
}

static void test_chunks(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve(b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                          "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpAnswer) a = ask(b, s, &error);

        g_assert_no_error(error);
        assert_body(a, "hello");
}

/* Nothing that the environment or a redirect wants. */
static void test_request(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s =
                serve(b, "HTTP/1.1 302 There\r\nLocation: https://127.0.0.1:1/\r\nSet-Cookie: a=b\r\n"
                         "Content-Length: 0\r\n\r\n");
        g_autofree char *url = web_server_url(s, "127.0.0.1", "/1.0/sign"), *last = NULL;
        const char *const headers[] = { "Content-Type: application/json", "Authorization: Bearer x", NULL };
        g_autoptr(GBytes) body = g_bytes_new_static("{\"a\":1}", 7);
        const HttpRequest request = { .method = "POST",
                                      .url = url,
                                      .headers = headers,
                                      .body = body,
                                      .roots = b->roots,
                                      .answer_max = 1000,
                                      .timeout_usec = PATIENT };

        for (int i = 0; i < 2; i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(HttpAnswer) a = http_send(b->http, &request, &error);

                g_assert_no_error(error);
                g_assert_cmpuint(a->status, ==, 302);
        }
        last = web_server_last(s);
        g_test_message("%s", last);
        g_assert_true(g_str_has_prefix(last, "POST /1.0/sign HTTP/1.1\r\n"));
        g_assert_true(g_str_has_suffix(last, "\r\n\r\n{\"a\":1}"));
        g_assert_nonnull(strstr(last, "\r\nContent-Type: application/json\r\n"));
        g_assert_nonnull(strstr(last, "\r\nAuthorization: Bearer x\r\n"));
        g_assert_null(strstr(last, "Cookie"));
        g_assert_null(strstr(last, "Expect"));
        g_assert_null(strstr(last, "Accept-Encoding"));
        g_assert_cmpuint(web_server_requests(s), ==, 2);
        g_assert_cmpuint(web_server_connections(s), ==, 1);
}

/* By seconds or by a date of the server's own clock (RFC 9110, section 10.2.3), and never longer than a week.
 */
static void test_retry_after(Bench *b, gconstpointer data)
{
        static const struct {
                const char *text;
                uint64_t seconds;
        } cases[] = {
                { "0", 0 },
                { "30", 30 },
                { "Sun, 06 Nov 1994 08:59:37 GMT", 600 },
                { "Sunday, 06-Nov-94 08:59:37 GMT", 600 }, /* RFC 850 */
                { "Sun Nov  6 08:59:37 1994", 600 },       /* asctime() */
                { "Sun, 06 Nov 1994 07:00:00 GMT", 0 },    /* before now */
                { "Sun, 06 Nov 2044 08:59:37 GMT", 7 * DAY },
                { "99999999", 7 * DAY },
                { "99999999999999999999999999", 7 * DAY },
                { "-5", 0 },
                { "soon", 0 },
                { "", 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *answer =
                        g_strdup_printf("HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                        "Retry-After: %s\r\nContent-Length: 0\r\n\r\n",
                                        cases[i].text);
                g_autoptr(WebServer) s = serve(b, answer);
                g_autoptr(GError) error = NULL;
                g_autoptr(HttpAnswer) a = ask(b, s, &error);

                g_test_message("Retry-After: %s", cases[i].text);
                g_assert_no_error(error);
                g_assert_cmpuint(a->retry_after_usec, ==, cases[i].seconds * USEC_PER_SEC);
        }
}

static void test_proxy(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve(b, OK);
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpAnswer) a = NULL;

        g_setenv("https_proxy", "http://127.0.0.1:1", TRUE);
        g_setenv("ALL_PROXY", "http://127.0.0.1:1", TRUE);
        a = ask(b, s, &error);
        g_unsetenv("https_proxy");
        g_unsetenv("ALL_PROXY");
        g_assert_no_error(error);
        assert_body(a, "hello");
}

static void test_plain(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = web_server_new(NULL, NULL, &(WebScript){ .plain = true, .answer = OK });
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpAnswer) a = ask(b, s, &error);

        g_assert_no_error(error);
        assert_body(a, "hello");
}

/* ---- Whom it trusts ---- */

/* A connection that other roots, or none, vouched for is not used. */
static void test_connections(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve(b, OK);
        g_autoptr(FixtureAuthority) other = fixture_authority_new();
        g_autoptr(GBytes) more = pem_of(other);
        g_autofree char *url = web_server_url(s, "127.0.0.1", "/");
        HttpRequest request = { .method = "GET", .url = url, .answer_max = 1000, .timeout_usec = PATIENT };
        g_autoptr(GError) error = NULL;

        http_answer_free(http_send(b->http, &request, &error)); /* nobody vouches */
        g_assert_no_error(error);
        request.roots = more;
        g_assert_null(http_send(b->http, &request, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
        g_clear_error(&error);
        request.roots = b->roots;
        http_answer_free(http_send(b->http, &request, &error));
        g_assert_no_error(error);
        request.roots = more;
        g_assert_null(http_send(b->http, &request, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
        g_assert_cmpuint(web_server_requests(s), ==, 2);
}

/* More sets of roots than are kept, and each is still held to its own. */
static void test_many_roots(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve(b, OK);
        g_autofree char *url = web_server_url(s, "127.0.0.1", "/");

        for (int i = 0; i < 20; i++) {
                g_autoptr(FixtureAuthority) other = fixture_authority_new();
                g_autoptr(GBytes) wrong = pem_of(other);
                HttpRequest request = {
                        .method = "GET", .url = url, .roots = wrong, .answer_max = 1000, .timeout_usec = PATIENT
                };
                g_autoptr(GError) error = NULL, none = NULL;
                g_autoptr(HttpAnswer) a = http_send(b->http, &request, &error), good = ask(b, s, &none);

                g_assert_null(a);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
                g_assert_no_error(none);
                g_assert_nonnull(good);
        }
}

static void test_other_root(Bench *b, gconstpointer data)
{
        g_autoptr(FixtureAuthority) other = fixture_authority_new();
        g_autoptr(GBytes) leaf = leaf_new(other, b->key, "ip:127.0.0.1", -DAY, DAY);
        g_autoptr(WebServer) s = web_server_new(leaf, b->key, &(WebScript){ .answer = OK });

        assert_fails(b, s, CERT_ERROR_ISSUER_AUTHENTICATION, "is signed by a root that is not one of those");
        g_assert_cmpuint(web_server_requests(s), ==, 0);
}

static void test_expired(Bench *b, gconstpointer data)
{
        g_autoptr(GBytes) leaf = leaf_new(b->ca, b->key, "ip:127.0.0.1", -2 * DAY, -DAY);
        g_autoptr(WebServer) s = web_server_new(leaf, b->key, &(WebScript){ .answer = OK });

        assert_fails(b, s, CERT_ERROR_ISSUER_UNREACHABLE, "expired at 20");
        assert_fails(b, s, CERT_ERROR_ISSUER_UNREACHABLE, "This host's clock says 20");
}

static void test_not_yet(Bench *b, gconstpointer data)
{
        g_autoptr(GBytes) leaf = leaf_new(b->ca, b->key, "ip:127.0.0.1", DAY, 2 * DAY);
        g_autoptr(WebServer) s = web_server_new(leaf, b->key, &(WebScript){ .answer = OK });

        assert_fails(b, s, CERT_ERROR_ISSUER_UNREACHABLE, "is not valid before 20");
}

static void test_other_name(Bench *b, gconstpointer data)
{
        g_autoptr(GBytes) leaf = leaf_new(b->ca, b->key, "ca.example", -DAY, DAY);
        g_autoptr(WebServer) s = web_server_new(leaf, b->key, &(WebScript){ .answer = OK });

        assert_fails(b, s, CERT_ERROR_ISSUER_UNREACHABLE,
                     "is not for the name 127.0.0.1, but for: ca.example");
}

/* ---- What goes wrong ---- */

static void test_too_large(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) announced =
                serve(b, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n0123456789");
        g_autoptr(WebServer) endless = web_server_new(
                b->leaf, b->key,
                &(WebScript){
                        .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n",
                        .again = 100000 });

        assert_fails(b, endless, CERT_ERROR_ISSUER_PROTOCOL, "larger than 1000 bytes");
        assert_fails(b, announced, CERT_ERROR_ISSUER_PROTOCOL, "larger than 1000 bytes");
}

static void test_endless_headers(Bench *b, gconstpointer data)
{
        g_autoptr(GString) answer = g_string_new("HTTP/1.1 200 OK\r\n");
        g_autoptr(WebServer) s = NULL;

        for (int i = 0; i < 20000; i++)
                g_string_append(answer, "X-Header: of no use\r\n");
        s = serve(b, answer->str);
        assert_fails(b, s, CERT_ERROR_ISSUER_PROTOCOL, "have no end");
}

static void test_broken_off(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) at_once = serve_fault(b, "", WEB_FAULT_BREAK_OFF);
        g_autoptr(WebServer) in_headers = serve_fault(b, "HTTP/1.1 200 OK\r\nContent-", WEB_FAULT_BREAK_OFF);
        g_autoptr(WebServer) in_body =
                serve_fault(b, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", WEB_FAULT_BREAK_OFF);
        g_autoptr(WebServer) no_length =
                serve_fault(b, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"crt\":", WEB_FAULT_BREAK_OFF);

        assert_fails(b, at_once, CERT_ERROR_ISSUER_UNREACHABLE, "closed the connection without an answer");
        assert_fails(b, in_headers, CERT_ERROR_ISSUER_UNREACHABLE, "closed the connection without an answer");
        assert_fails(b, in_body, CERT_ERROR_ISSUER_UNREACHABLE,
                     "broke off in the middle of its answer, after 5 bytes");
        assert_fails(b, no_length, CERT_ERROR_ISSUER_UNREACHABLE,
                     "broke off in the middle of its answer, after 7 bytes");
}

static void test_slow(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) in_tls = serve_fault(b, "", WEB_FAULT_HANG_IN_TLS);
        g_autoptr(WebServer) no_answer = serve_fault(b, "", WEB_FAULT_HANG);
        g_autoptr(WebServer) in_body =
                serve_fault(b, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", WEB_FAULT_HANG);
        g_autoptr(WebServer) drips = serve_fault(b, OK, WEB_FAULT_DRIP);
        g_autoptr(WebServer) later = web_server_new(
                b->leaf, b->key, &(WebScript){ .first = OK, .answer = "", .fault = WEB_FAULT_HANG });
        g_autoptr(HttpAnswer) first = ask(b, later, NULL);
        int64_t start = g_get_monotonic_time();

        g_assert_nonnull(first);
        b->timeout_usec = QUICK;
        assert_fails(b, later, CERT_ERROR_ISSUER_TIMEOUT,
                     "took the request, but did not answer it within 2s");
        g_assert_cmpuint(web_server_connections(later), ==, 1);
        assert_fails(b, in_tls, CERT_ERROR_ISSUER_TIMEOUT,
                     "took the connection, but no TLS handshake came about within 2s");
        assert_fails(b, no_answer, CERT_ERROR_ISSUER_TIMEOUT,
                     "took the request, but did not answer it within 2s");
        assert_fails(b, in_body, CERT_ERROR_ISSUER_TIMEOUT, "was not done with its answer within 2s");
        assert_fails(b, drips, CERT_ERROR_ISSUER_TIMEOUT, "within 2s");
        g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * QUICK + 20 * USEC_PER_SEC);
}

static void test_not_http(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_fault(b, "220 mail.example ESMTP\r\n\r\n", WEB_FAULT_BREAK_OFF);

        assert_fails(b, s, CERT_ERROR_ISSUER_PROTOCOL, "does not speak HTTP");
}

static void test_no_tls(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = web_server_new(NULL, NULL, &(WebScript){ .plain = true, .answer = OK });
        g_autofree char *plain = web_server_url(s, "127.0.0.1", "/"),
                        *url = g_strconcat("https", plain + 4, NULL);
        const HttpRequest request = {
                .method = "GET", .url = url, .roots = b->roots, .answer_max = 1000, .timeout_usec = PATIENT
        };
        g_autoptr(GError) error = NULL;

        g_assert_null(http_send(b->http, &request, &error));
        g_test_message("%s", error->message);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE);
        g_assert_nonnull(strstr(error->message, "no TLS with 127.0.0.1:"));
}

static void test_not_there(Bench *b, gconstpointer data)
{
        static const struct {
                const char *url, *words;
                CertError code;
        } cases[] = {
                { "https://127.0.0.1:1/", "127.0.0.1:1 refuses the connection",
                  CERT_ERROR_ISSUER_UNREACHABLE },
                { "https://[::1]:1/", "[::1]:1 ", CERT_ERROR_ISSUER_UNREACHABLE },
                { "https://nobody.invalid/", "the host name nobody.invalid cannot be resolved",
                  CERT_ERROR_ISSUER_UNREACHABLE },
                { "ftp://127.0.0.1/", "neither of https nor of http", CERT_ERROR_MANIFEST_INVALID },
                { "file:///etc/passwd", "neither of https nor of http", CERT_ERROR_MANIFEST_INVALID },
                { "https://me:secret@127.0.0.1/", "a user's name", CERT_ERROR_MANIFEST_INVALID },
                { "127.0.0.1", "is no URL", CERT_ERROR_MANIFEST_INVALID },
                { "", "is no URL", CERT_ERROR_MANIFEST_INVALID },
                { "https://127.0.0.1:99999/", "is no URL", CERT_ERROR_MANIFEST_INVALID },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                const HttpRequest request = { .method = "GET",
                                              .url = cases[i].url,
                                              .roots = b->roots,
                                              .answer_max = 1000,
                                              .timeout_usec = 10 * USEC_PER_SEC };
                g_autoptr(GError) error = NULL;

                g_assert_null(http_send(b->http, &request, &error));
                g_test_message("%s", error->message);
                g_assert_error(error, CERT_ERROR, (int) cases[i].code);
                g_assert_nonnull(strstr(error->message, cases[i].words));
                g_assert_null(strstr(error->message, "secret@"));
        }
}

static void add(const char *words, void (*test)(Bench *, gconstpointer))
{
        g_autofree char *path = g_strconcat("/http/", words, NULL);

        g_test_add(path, Bench, NULL, bench_up, test, bench_down);
}

int main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;

        setlocale(LC_ALL, "C");
        g_test_init(&argc, &argv, NULL);
        if (!http_check_library(&error))
                g_error("%s", error->message);
        add("an answer of any status is one", test_answer);
        add("an answer in chunks", test_chunks);
        add("only what was said goes out and nothing is followed", test_request);
        add("when to come again", test_retry_after);
        add("no proxy", test_proxy);
        add("without TLS where the URL says so", test_plain);
        add("a connection is kept for those who vouched for it", test_connections);
        add("more roots than are kept", test_many_roots);
        add("signed by another root", test_other_root);
        add("expired", test_expired);
        add("not valid yet", test_not_yet);
        add("of another name", test_other_name);
        add("too large", test_too_large);
        add("headers without end", test_endless_headers);
        add("broken off", test_broken_off);
        add("slow", test_slow);
        add("not HTTP", test_not_http);
        add("no TLS on that port", test_no_tls);
        add("nobody is there", test_not_there);
        return g_test_run();
}
