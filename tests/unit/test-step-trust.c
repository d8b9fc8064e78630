/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom a step issuer trusts: a root fetched by its fingerprint, compared and kept, or a file; and which of
 * several servers it asks. */

#include "common/error.h"
#include "common/names.h"
#include "common/path.h"
#include "common/timespan.h"
#include "issuers/step/step-private.h"
#include "tests/unit/web-server.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY (24 * 60 * 60)

/* A CA with a server in a test root; what the server answers to everything is the root of `shown`. */
typedef struct Bench {
        char *root;
        FixtureAuthority *ca, *other;
        GBytes *key, *leaf;
        StepProcess *process;
        StepCall call;
} Bench;

static GBytes *pem_of(const FixtureAuthority *a)
{
        gnutls_datum_t pem;

        g_assert_cmpint(gnutls_x509_crt_export2(a->crt, GNUTLS_X509_FMT_PEM, &pem), >=, 0);
        return g_bytes_new_with_free_func(pem.data, pem.size, gnutls_free, pem.data);
}

static char *fingerprint_of(const FixtureAuthority *a)
{
        return g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, a->der);
}

static void bench_up(Bench *b, gconstpointer data)
{
        const char *const names[] = { "ip:127.0.0.1", NULL };
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("server");
        time_t now = time(NULL);

        b->root = fixture_root_new();
        fixture_make_folder(b->root, CERT_STEP_CACHE_DIR, 0755);
        b->ca = fixture_authority_new_between(now - DAY, now + DAY);
        b->other = fixture_authority_new_between(now - DAY, now + DAY);
        b->key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        fixture_certificate_set_sans(c, names);
        b->leaf = fixture_authority_sign(b->ca, c, b->key, now - 60, now + DAY);
        b->process = step_process_new();
}

static void bench_down(Bench *b, gconstpointer data)
{
        step_options_free(b->call.options);
        step_process_free(b->process);
        fixture_authority_free(b->ca);
        fixture_authority_free(b->other);
        g_bytes_unref(b->key);
        g_bytes_unref(b->leaf);
        fixture_root_free(b->root);
}

/* {"ca": PEM} of this root. */
static WebServer *serve_root(const Bench *b, const FixtureAuthority *shown)
{
        g_autoptr(GBytes) pem = pem_of(shown);
        gsize size;
        const char *text = g_bytes_get_data(pem, &size);
        g_autofree char *whole = g_strndup(text, size), *quoted = g_strescape(whole, NULL);
        g_autofree char *answer =
                g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n{\"ca\":\"%s\"}",
                                strlen(quoted) + strlen("{\"ca\":\"\"}"), quoted);

        return web_server_new(b->leaf, b->key, &(WebScript){ .answer = answer });
}

static WebServer *serve(const Bench *b, const char *answer)
{
        return web_server_new(b->leaf, b->key, &(WebScript){ .answer = answer });
}

/* `trust`: members of the issuer's object; `urls`: JSON. */
static void begin(Bench *b, const char *urls, const char *trust)
{
        g_autofree char *config =
                g_strdup_printf("{\"name\":\"ca\",\"url\":%s,\"provisioner\":\"admin\",%s}", urls, trust);
        g_autoptr(GError) error = NULL;

        step_options_free(b->call.options);
        b->call = (StepCall){ .process = b->process, .options = step_options_new(config, &error) };
        g_assert_no_error(error);
        b->call.deadline = (uint64_t) g_get_monotonic_time() + 60 * USEC_PER_SEC;
}

static void begin_with(Bench *b, const WebServer *s, const char *trust)
{
        g_autofree char *url = web_server_url(s, "127.0.0.1", ""), *quoted = g_strdup_printf("\"%s\"", url);

        begin(b, quoted, trust);
}

static char *by_fingerprint(const FixtureAuthority *a)
{
        g_autofree char *print = fingerprint_of(a);

        return g_strdup_printf("\"root_fingerprint\":\"%s\"", print);
}

static char *cache_file(const FixtureAuthority *a)
{
        g_autofree char *print = fingerprint_of(a),
                        *path = g_strconcat(CERT_STEP_CACHE_DIR, "/", print, ".pem", NULL);

        return host_path(path);
}

static void forget(Bench *b)
{
        step_process_free(b->process);
        b->process = step_process_new();
        b->call.process = b->process;
}

static void assert_trusts(Bench *b, const FixtureAuthority *a)
{
        g_autoptr(GBytes) pem = pem_of(a);
        g_autoptr(GError) error = NULL;
        GBytes *roots = step_trust(&b->call, b->call.options->urls[0], &error);

        g_assert_no_error(error);
        g_assert_true(g_bytes_equal(roots, pem));
}

static void assert_trusts_nobody(Bench *b, CertError code, const char *says)
{
        g_autoptr(GError) error = NULL;
        GBytes *roots = step_trust(&b->call, b->call.options->urls[0], &error);

        g_assert_null(roots);
        g_test_message("%s", error->message);
        g_assert_error(error, CERT_ERROR, (int) code);
        g_assert_nonnull(strstr(error->message, says));
        g_assert_nonnull(strchr(error->message, '\n'));
}

/* ---- Fingerprints ---- */

/* The folder is the process's own, and one that was taken over may have left anything there. */
static void test_kept_odd(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->ca);
        g_autofree char *trust = by_fingerprint(b->ca), *file = cache_file(b->ca);
        int fd;

        begin_with(b, s, trust);
        g_assert_cmpint(mkfifo(file, 0600), ==, 0);
        assert_trusts(b, b->ca);
        g_assert_true(g_file_test(file, G_FILE_TEST_IS_REGULAR)); /* written anew */
        fd = g_open(file, O_WRONLY | O_CLOEXEC);
        g_assert_cmpint(ftruncate(fd, INT64_C(1) << 40), ==, 0); /* with holes */
        close(fd);
        forget(b);
        assert_trusts(b, b->ca);
        g_assert_cmpuint(web_server_requests(s), ==, 2);
}


/* Asked for once, by its name; then the file is enough, for another process too. */
static void test_fetched(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->ca);
        g_autofree char *trust = by_fingerprint(b->ca), *print = fingerprint_of(b->ca), *last = NULL,
                        *line = NULL;

        begin_with(b, s, trust);
        assert_trusts(b, b->ca);
        last = web_server_last(s);
        line = g_strdup_printf("GET /root/%s HTTP/1.1\r\n", print);
        g_assert_true(g_str_has_prefix(last, line));
        assert_trusts(b, b->ca);
        forget(b);
        assert_trusts(b, b->ca);
        g_assert_cmpuint(web_server_requests(s), ==, 1);
}

static void test_another(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->other);
        g_autofree char *trust = by_fingerprint(b->ca), *file = cache_file(b->ca);

        begin_with(b, s, trust);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "gave another certificate");
        g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
}

/* What is kept is worth no more than what its hash says. */
static void test_kept_wrong(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->ca);
        g_autoptr(GBytes) pem = pem_of(b->other);
        g_autofree char *trust = by_fingerprint(b->ca), *file = cache_file(b->ca);

        begin_with(b, s, trust);
        g_assert_true(
                g_file_set_contents(file, g_bytes_get_data(pem, NULL), (gssize) g_bytes_get_size(pem), NULL));
        assert_trusts(b, b->ca);
        g_assert_cmpuint(web_server_requests(s), ==, 1);
        g_assert_true(g_file_set_contents(file, "noise", -1, NULL));
        forget(b);
        assert_trusts(b, b->ca);
        g_assert_cmpuint(web_server_requests(s), ==, 2);
}

static void test_unknown(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve(b, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
        g_autofree char *trust = by_fingerprint(b->ca);

        begin_with(b, s, trust);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION,
                             "the CA's root changed, or this is another CA");
}

static void test_no_answer(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) html = serve(b, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>");
        g_autoptr(WebServer) busy =
                serve(b, "HTTP/1.1 503 Busy\r\nRetry-After: 604800\r\nContent-Length: 0\r\n\r\n");
        g_autofree char *trust = by_fingerprint(b->ca);

        begin_with(b, html, trust);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_PROTOCOL, "gave no root certificate");
        begin_with(b, busy, trust);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_UNREACHABLE, "(503)");
        begin(b, "\"https://127.0.0.1:1\"", trust);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_UNREACHABLE, "refuses the connection");
}

/* Before anybody vouches for a server it cannot say how long nobody shall ask: whoever is in between for a moment would
 * keep the host from its certificates for a week. */
static void test_later(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) busy =
                serve(b, "HTTP/1.1 503 Busy\r\nRetry-After: 604800\r\nContent-Length: 0\r\n\r\n");
        g_autofree char *trust = by_fingerprint(b->ca);

        begin_with(b, busy, trust);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_UNREACHABLE, "(503)");
        g_assert_false(b->call.later);
        g_assert_cmpuint(b->call.retry_after_usec, ==, 0);
}

static void test_expired(Bench *b, gconstpointer data)
{
        time_t now = time(NULL);
        g_autoptr(FixtureAuthority) old = fixture_authority_new_between(now - 2 * DAY, now - DAY);
        g_autoptr(WebServer) s = serve_root(b, old);
        g_autofree char *trust = by_fingerprint(old);

        begin_with(b, s, trust);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "expired at 20");
}

/* While a root is changed the manifest names two of them, and the CA has one. */
static void test_two(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->ca);
        g_autofree char *first = fingerprint_of(b->other), *second = fingerprint_of(b->ca);
        g_autofree char *trust = g_strdup_printf("\"root_fingerprint\":[\"%s\",\"%s\"]", first, second);

        begin_with(b, s, trust);
        assert_trusts(b, b->ca);
}

/* A server of another root is not trusted, whatever it says its root is. */
static void test_changed(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->other);
        g_autofree char *trust = by_fingerprint(b->other), *print = fingerprint_of(b->other);
        g_autoptr(GError) error = NULL;

        begin_with(b, s, trust);
        g_assert_null(step_ask(&b->call, "GET", "/health", NULL, NULL, NULL, &error));
        g_test_message("%s", error->message);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
        g_assert_nonnull(strstr(error->message, print));
        g_assert_nonnull(strstr(error->message, "nothing was trusted anew"));
        g_assert_null(b->call.url);
}

/* ---- A file ---- */

#define ROOT_FILE "/etc/ca.pem"

static void write_root_file(const Bench *b, const char *text)
{
        g_autofree char *path = host_path(ROOT_FILE);

        fixture_make_folder(b->root, "/etc", 0755);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void test_file(Bench *b, gconstpointer data)
{
        g_autoptr(GBytes) pem = pem_of(b->ca), another = pem_of(b->other);
        g_autofree char *text = g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));
        g_autofree char *after = g_strndup(g_bytes_get_data(another, NULL), g_bytes_get_size(another));

        begin(b, "\"https://127.0.0.1:1\"", "\"root\":\"" ROOT_FILE "\"");
        write_root_file(b, text);
        assert_trusts(b, b->ca);
        write_root_file(b, after); /* read anew */
        assert_trusts(b, b->other);
}

static void test_file_wrong(Bench *b, gconstpointer data)
{
        gnutls_x509_crt_t crt;
        gnutls_datum_t der, pem;
        gsize size;
        g_autofree char *leaf = NULL,
                        *key = g_strndup(g_bytes_get_data(b->key, NULL), g_bytes_get_size(b->key)),
                        *path = host_path(ROOT_FILE);

        der.data = (unsigned char *) g_bytes_get_data(b->leaf, &size);
        der.size = (unsigned) size;
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), >=, 0);
        leaf = g_strndup((const char *) pem.data, pem.size);
        gnutls_free(pem.data);
        gnutls_x509_crt_deinit(crt);

        begin(b, "\"https://127.0.0.1:1\"", "\"root\":\"" ROOT_FILE "\"");
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "the root file " ROOT_FILE " is not there");
        write_root_file(b, leaf);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "is no CA's certificate");
        write_root_file(b, key);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "holds a private key");
        write_root_file(b, "");
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "holds no certificate");
        write_root_file(b, "noise");
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "holds no certificate");
        g_assert_cmpint(g_unlink(path), ==, 0);
        g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "no regular file");
        g_assert_cmpint(g_rmdir(path), ==, 0);
        g_assert_cmpint(mkfifo(path, 0644), ==, 0); /* which does not hold it up */
        assert_trusts_nobody(b, CERT_ERROR_ISSUER_AUTHENTICATION, "no regular file");
}

/* ---- Several servers ---- */

static void test_next(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->ca);
        g_autofree char *url = web_server_url(s, "127.0.0.1", ""), *trust = by_fingerprint(b->ca);
        g_autofree char *urls = g_strdup_printf("[\"https://127.0.0.1:1\",\"%s\"]", url);
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpAnswer) a = NULL;

        begin(b, urls, trust);
        a = step_ask(&b->call, "POST", "/1.0/sign", "{}", NULL, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(a->status, ==, 200);
        g_assert_cmpstr(b->call.url, ==, url);
}

static void test_none(Bench *b, gconstpointer data)
{
        g_autofree char *trust = by_fingerprint(b->ca);
        g_autoptr(GError) error = NULL;

        begin(b, "[\"https://127.0.0.1:1\",\"https://127.0.0.1:2\"]", trust);
        g_assert_null(step_ask(&b->call, "GET", "/health", NULL, NULL, NULL, &error));
        g_test_message("%s", error->message);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE);
        g_assert_nonnull(strstr(error->message, "none of the CA's 2 servers answers"));
        g_assert_nonnull(strstr(error->message, "127.0.0.1:2 refuses"));
}

static void test_no_time(Bench *b, gconstpointer data)
{
        g_autoptr(WebServer) s = serve_root(b, b->ca);
        g_autofree char *trust = by_fingerprint(b->ca);
        g_autoptr(GError) error = NULL;

        begin_with(b, s, trust);
        assert_trusts(b, b->ca);
        b->call.deadline = 1;
        g_assert_null(step_ask(&b->call, "GET", "/health", NULL, NULL, NULL, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_TIMEOUT);
}

static void add(const char *words, void (*test)(Bench *, gconstpointer))
{
        g_autofree char *path = g_strconcat("/step-trust/", words, NULL);

        g_test_add(path, Bench, NULL, bench_up, test, bench_down);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add("a root is fetched once and kept", test_fetched);
        add("another root than was asked for", test_another);
        add("what is kept was changed", test_kept_wrong);
        add("what is kept is no such file", test_kept_odd);
        add("the CA does not know the root", test_unknown);
        add("no answer that is one", test_no_answer);
        add("a server that nobody vouches for says when to ask again", test_later);
        add("a root that expired", test_expired);
        add("one of two roots is there", test_two);
        add("a server of another root", test_changed);
        add("a file is read each time", test_file);
        add("a file that will not do", test_file_wrong);
        add("the next server", test_next);
        add("no server at all", test_none);
        add("no time left", test_no_time);
        return g_test_run();
}
