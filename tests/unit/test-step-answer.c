/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a step-ca answers: which provisioner is taken, which chain, and what each refusal is called. */

#include "common/error.h"
#include "common/timespan.h"
#include "issuers/step/step-private.h"
#include "tests/unit/fixture.h"

#include <gnutls/abstract.h>
#include <string.h>

#define PRINT "3956ce01b4caa6b69214968ac65777f9db5a8d6ffd45def1de6f2d6a625bd396"
#define CONFIG                                                                                               \
        "{\"name\":\"ca\",\"url\":\"https://"                                                                \
        "ca.example:9000\",\"provisioner\":\"admin\",\"root_fingerprint\":\"" PRINT "\"}"
#define JWK(name, kid, key)                                                                                  \
        "{\"type\":\"JWK\",\"name\":\"" name "\",\"key\":{\"kid\":\"" kid "\"},\"encryptedKey\":\"" key "\"" \
        "}"
#define DAY (24 * 60 * 60)

/* Of these options, which stay the caller's. */
static StepCall call_of(StepOptions *o)
{
        return (StepCall){ .options = o, .url = o->urls[0] };
}

static JsonObject *object_of(const char *text)
{
        g_autoptr(GBytes) bytes = g_bytes_new_static(text, strlen(text));

        return step_json_parse(bytes);
}

/* ---- JSON ---- */

static void test_json(void)
{
        static const struct {
                const char *text;
                bool good;
        } cases[] = {
                { "{}", true },
                { "{\"a\":[[[[[[[[[[1]]]]]]]]]]}", true },
                { "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", true },
                { "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", true },
                { "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", false },
                { "{\"a\":\"\\\\\",\"b\":[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]}", false },
                /* What json-glib reads and JSON is not: quotes and comments in which a double quote means nothing. */
                { "{\"a\":'\"',\"b\":[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]}", false },
                { "{\"a\":/*\"*/[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]],\"b\":\"\"}", false },
                { "{\"a\"://\"\n[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]],\"b\":\"\"}", false },
                { "{\"a\":#\"\n[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]],\"b\":\"\"}", false },
                { "{\"a\": -1.5e+3,\t\"b\": true,\r\n\"c\": null}", true },
                { "[1]", false },
                { "{\"a\":", false },
                { "", false },
                { "<html>", false },
                { "{\"a\":\"\xff\"}", false },
        };
        g_autofree char *deep = g_strnfill(STEP_ANSWER_MAX, '[');
        g_autoptr(GBytes) bytes = g_bytes_new_static(deep, STEP_ANSWER_MAX);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(JsonObject) o = object_of(cases[i].text);

                g_test_message("%s", cases[i].text);
                g_assert_cmpint(o != NULL, ==, cases[i].good);
        }
        g_assert_null(step_json_parse(bytes));
}

/* ---- Provisioners ---- */

static void test_provisioners(void)
{
        static const struct {
                const char *list, *kid; /* NULL: none is found */
                int type;
                const char *other, *names;
                bool elsewhere;
        } cases[] = {
                { JWK("admin", "k1", "e1"), "k1", STEP_PROVISIONER_JWK, NULL, "\"admin\"", false },
                { JWK("other", "k1", "e1") "," JWK("admin", "k2", "e2"), "k2", STEP_PROVISIONER_JWK, NULL,
                  "\"other\", \"admin\"", false },
                { "{\"type\":\"X5C\",\"name\":\"admin\"}", "", STEP_PROVISIONER_X5C, NULL, "\"admin\"",
                  false },
                { "{\"type\":\"OIDC\",\"name\":\"admin\"}", NULL, 0, "OIDC", "\"admin\"", false },
                { "{\"type\":\"ACME\",\"name\":\"admin\"}," JWK("admin", "k3", "e3"), "k3",
                  STEP_PROVISIONER_JWK, "ACME", "\"admin\", \"admin\"", false },
                { "{\"type\":\"JWK\",\"name\":\"admin\",\"key\":{\"kid\":\"k\"}}", NULL, 0, NULL, "\"admin\"",
                  true },
                { "{\"type\":\"JWK\",\"name\":\"admin\",\"encryptedKey\":\"e\"}", NULL, 0, NULL, "\"admin\"",
                  true },
                { "{\"type\":\"JWK\",\"name\":\"\\u001b[31mred\"}", NULL, 0, NULL, "\"?[31mred\"", false },
                { "{\"name\":\"admin\"},{\"type\":7,\"name\":\"admin\"}", NULL, 0, NULL, "", false },
                { "", NULL, 0, NULL, "", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text =
                        g_strdup_printf("{\"provisioners\":[%s],\"nextCursor\":\"\"}", cases[i].list);
                g_autofree char *cursor = NULL;
                g_autoptr(JsonObject) o = object_of(text);
                g_autoptr(GError) error = NULL;
                g_auto(StepSearch) s = { 0 };

                g_test_message("%s", cases[i].list);
                step_search_init(&s, "admin");
                g_assert_true(step_search_take_page(&s, o, &cursor, &error));
                g_assert_cmpstr(s.found ? s.found->key_id : NULL, ==, cases[i].kid);
                g_assert_cmpint(s.found ? (int) s.found->type : 0, ==, cases[i].type);
                g_assert_cmpstr(s.other_type, ==, cases[i].other);
                g_assert_cmpstr(s.names->str, ==, cases[i].names);
                g_assert_cmpint(s.key_elsewhere, ==, cases[i].elsewhere);
                g_assert_null(cursor);
        }
}

static void test_pages(void)
{
        static const char *const bad[] = {
                "{}", "{\"provisioners\":{}}", "{\"provisioners\":[1]}",
                "{\"provisioners\":[],\"nextCursor\":\"here\"}", /* where it is already */
        };
        g_autoptr(GString) many = g_string_new("{\"provisioners\":[{}");

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autofree char *cursor = g_strdup("here");
                g_autoptr(JsonObject) o = object_of(bad[i]);
                g_autoptr(GError) error = NULL;
                g_auto(StepSearch) s = { 0 };

                step_search_init(&s, "admin");
                g_assert_false(step_search_take_page(&s, o, &cursor, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
                g_assert_cmpstr(cursor, ==, "here");
        }
        for (int i = 0; i < 10000; i++)
                g_string_append(many, ",{}");
        g_string_append(many, "],\"nextCursor\":\"a\"}");
        {
                g_autofree char *cursor = NULL;
                g_autoptr(JsonObject) o = object_of(many->str);
                g_autoptr(GError) error = NULL;
                g_auto(StepSearch) s = { 0 };

                step_search_init(&s, "admin");
                g_assert_false(step_search_take_page(&s, o, &cursor, &error));
                g_assert_nonnull(strstr(error->message, "more than 10,000"));
        }
}

/* ---- Refusals ---- */

#define FORBIDDEN "The request was forbidden by the certificate authority: "

static void test_refusals(void)
{
        static const struct {
                unsigned status;
                const char *reason;
                CertError code;
                const char *says, *hint;
                bool later;
        } cases[] = {
                { 400, "The request could not be completed: missing csr.", CERT_ERROR_ISSUER_REFUSED,
                  "refuses it (400): missing csr.", "provisioner", false },
                { 403,
                  FORBIDDEN "requested duration of 9000h1m0s is more than the authorized maximum certificate "
                            "duration of "
                            "720h1m0s.",
                  CERT_ERROR_ISSUER_REFUSED, "(403): requested duration of 9000h1m0s", "\"lifetime\"",
                  false },
                { 403, FORBIDDEN "certificate request RSA key must be at least 2048 bits (256 bytes).",
                  CERT_ERROR_ISSUER_REFUSED, "2048 bits", "\"key.type\"", false },
                { 403,
                  FORBIDDEN "certificate request does not contain the valid DNS names - got [a b], want [a].",
                  CERT_ERROR_ISSUER_REFUSED, "got [a b], want [a]", "\"sans\"", false },
                { 403, FORBIDDEN "dns name \"evil.example\" not allowed", CERT_ERROR_ISSUER_REFUSED,
                  "evil.example", "policy", false },
                { 403, "\x1b[31m\nred", CERT_ERROR_ISSUER_REFUSED, "(403): ?[31m?red", "", false },
                { 401, NULL, CERT_ERROR_ISSUER_PROTOCOL, "wants to know who asks (401)", "login", false },
                { 403, NULL, CERT_ERROR_ISSUER_REFUSED, "it gives no reason", "log", false },
                { 404, "not found", CERT_ERROR_ISSUER_PROTOCOL, "has no such page (404): not found",
                  "/health", false },
                { 405, NULL, CERT_ERROR_ISSUER_PROTOCOL, "has no such page (405)", "/health", false },
                { 429, NULL, CERT_ERROR_ISSUER_REFUSED,
                  "was asked too often (429); it wants to be asked again in 2min", "\"connections\"", true },
                { 503, "busy", CERT_ERROR_ISSUER_UNREACHABLE,
                  "(503): busy; it wants to be asked again in 2min", "log", true },
                { 500, "an Internal Server Error.", CERT_ERROR_ISSUER_PROTOCOL, "failed (500): an Internal",
                  "log", false },
                { 502, NULL, CERT_ERROR_ISSUER_UNREACHABLE, "failed (502)", "proxy", false },
                { 302, NULL, CERT_ERROR_ISSUER_PROTOCOL,
                  "sends us on (302) to https://elsewhere?/, which is not followed", "\"url\"", false },
                { 304, NULL, CERT_ERROR_ISSUER_PROTOCOL, "status 304", "\"url\"", false },
                { 204, NULL, CERT_ERROR_ISSUER_PROTOCOL, "status 204", "\"url\"", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(StepOptions) options = step_options_new(CONFIG, NULL);
                StepCall c = call_of(options);
                g_autoptr(JsonObject) o = json_object_new();
                g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), o);
                HttpAnswer a = { .status = cases[i].status,
                                 .location = (char *) "https://elsewhere\x1b/",
                                 .retry_after_usec = 120 * USEC_PER_SEC };
                g_autoptr(GError) error = NULL;
                g_autoptr(GBytes) body = NULL;
                char *text;

                if (cases[i].reason)
                        json_object_set_string_member(o, "message", cases[i].reason);
                text = json_to_string(node, FALSE);
                a.body = body = g_bytes_new_take(text, strlen(text));
                step_refusal(&c, &a, "asking for a certificate", &error);
                g_test_message("%s", error->message);
                g_assert_error(error, CERT_ERROR, (int) cases[i].code);
                g_assert_true(g_str_has_prefix(error->message,
                                               "asking for a certificate: https://ca.example:9000 "));
                g_assert_nonnull(strstr(error->message, cases[i].says));
                g_assert_nonnull(strstr(cert_error_hint(error), cases[i].hint));
                g_assert_cmpint(c.later, ==, cases[i].later);
                g_assert_cmpuint(c.retry_after_usec, ==, cases[i].later ? 120 * USEC_PER_SEC : 0);
        }
}

/* The clock stands first among the causes of a 401 when it is one or nobody knows, and nowhere when it is none. */
static void test_unauthorized(void)
{
        static const struct {
                int seconds; /* the server's clock less ours; 0: it says none */
                const char *says;
        } cases[] = { { 0, "whether this host's clock is right" },
                      { 5, NULL },
                      { -30, NULL },
                      { 7200, "2h behind the CA's" },
                      { -86400, "1d ahead of the CA's" } };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(StepOptions) options = step_options_new(CONFIG, NULL);
                StepCall c = call_of(options);
                g_autoptr(GBytes) body = g_bytes_new_static("{\"status\":401,\"message\":\"No.\"}", 29);
                HttpAnswer a = { .status = 401, .body = body };
                g_autoptr(GError) error = NULL;

                if (cases[i].seconds)
                        a.date_usec = (uint64_t) ((int64_t) now_realtime() +
                                                  cases[i].seconds * (int64_t) USEC_PER_SEC +
                                                  (cases[i].seconds > 0 ? (int64_t) USEC_PER_SEC / 2 : 0));
                c.token_sent = true;
                step_refusal(&c, &a, "asking for a certificate", &error);
                g_test_message("%s", error->message);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
                g_assert_nonnull(strstr(error->message, "never says why"));
                g_assert_nonnull(strstr(error->message, "\"admin\""));
                g_assert_cmpint(strstr(error->message, "clock") != NULL, ==, cases[i].says != NULL);
                if (cases[i].says)
                        g_assert_nonnull(strstr(error->message, cases[i].says));
        }
}

static void test_no_object(void)
{
        static const struct {
                const char *body, *says;
        } cases[] = { { "", "is empty" },
                      { "<html>", "(200, text/html, 6 bytes) is not that of a step-ca" },
                      { "[]", "is not that of a step-ca" } };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(StepOptions) options = step_options_new(CONFIG, NULL);
                StepCall c = call_of(options);
                g_autoptr(GBytes) body = g_bytes_new_static(cases[i].body, strlen(cases[i].body));
                HttpAnswer a = { .status = 200, .body = body, .content_type = (char *) "text/html" };
                g_autoptr(GError) error = NULL;

                g_assert_null(step_answer_object(&c, &a, "asking", &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
                g_assert_nonnull(strstr(error->message, cases[i].says));
        }
}

/* ---- Chains ---- */

/* A request for one name, and a CA that can answer it. */
typedef struct Bench {
        StepCall call;
        FixtureAuthority *ca;
        ManifestCertificate *wish;
        GBytes *key;
        IssuerRequest request;
} Bench;

static void bench_up(Bench *b, gconstpointer data)
{
        gnutls_datum_t pem;
        gnutls_x509_privkey_t key;
        gsize size;

        b->call = call_of(step_options_new(CONFIG, NULL));
        b->ca = fixture_authority_new();
        b->wish = fixture_certificate_new("web");
        b->key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        pem.data = (unsigned char *) g_bytes_get_data(b->key, &size);
        pem.size = (unsigned) size;
        g_assert_cmpint(gnutls_x509_privkey_init(&key), >=, 0);
        g_assert_cmpint(gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_init(&b->request.crq), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_set_key(b->request.crq, key), >=, 0);
        gnutls_x509_privkey_deinit(key);
        b->request.sans = g_strsplit("web.example", " ", -1);
}

static void bench_down(Bench *b, gconstpointer data)
{
        step_options_free(b->call.options);
        fixture_authority_free(b->ca);
        fixture_certificate_free(b->wish);
        g_bytes_unref(b->key);
        gnutls_x509_crq_deinit(b->request.crq);
        g_strfreev(b->request.sans);
}

static GPtrArray *chain_new(const Bench *b, time_t from, time_t to)
{
        GPtrArray *chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        time_t now = time(NULL);

        g_ptr_array_add(chain, fixture_authority_sign(b->ca, b->wish, b->key, now + from, now + to));
        g_ptr_array_add(chain, g_bytes_ref(b->ca->der));
        return chain;
}

static void assert_bad(const Bench *b, GPtrArray *chain, const char *says)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(step_chain_check(&b->call, chain, &b->request, &error));
        g_test_message("%s", error->message);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_nonnull(strstr(error->message, says));
}

static void test_chain_good(Bench *b, gconstpointer data)
{
        g_autoptr(GPtrArray) chain = chain_new(b, -60, DAY), ahead = chain_new(b, 200, DAY);
        g_autoptr(GError) error = NULL;

        g_assert_true(step_chain_check(&b->call, chain, &b->request, &error));
        g_assert_true(
                step_chain_check(&b->call, ahead, &b->request, &error)); /* a clock that is a little behind */
        g_assert_no_error(error);
}

static void test_chain_key(Bench *b, gconstpointer data)
{
        g_autoptr(GPtrArray) chain = NULL;

        g_bytes_unref(b->key);
        b->key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        chain = chain_new(b, -60, DAY);
        assert_bad(b, chain, "for another key than the one that was asked for");
}

static void test_chain_names(Bench *b, gconstpointer data)
{
        const char *const more[] = { "web.example", "evil.example", NULL }, *const none[] = { NULL };
        g_autoptr(GPtrArray) wider = NULL, empty = NULL;

        fixture_certificate_set_sans(b->wish, more);
        wider = chain_new(b, -60, DAY);
        assert_bad(b, wider, "it has \"evil.example web.example\", asked for was \"web.example\"");
        fixture_certificate_set_sans(b->wish, none);
        empty = chain_new(b, -60, DAY);
        assert_bad(b, empty, "it has \"\"");
}

static void test_chain_dates(Bench *b, gconstpointer data)
{
        g_autoptr(GPtrArray) over = chain_new(b, -DAY, -60), later = chain_new(b, 600, DAY);

        assert_bad(b, over, "that ended at 20");
        assert_bad(b, later, "that is not valid before 20");
}

static void test_chain_none(Bench *b, gconstpointer data)
{
        g_autoptr(GPtrArray) empty = g_ptr_array_new(),
                             noise = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);

        g_ptr_array_add(noise, g_bytes_new_static("not DER", 7));
        assert_bad(b, empty, "no certificate");
        assert_bad(b, noise, "no certificate");
}

/* Exactly one certificate in each text, at most 16 of them, and never fewer than a leaf and its issuer of an
 * old server's. */
static void test_chain_read(Bench *b, gconstpointer data)
{
        static const struct {
                const char *answer; /* $: the certificate */
                unsigned length;    /* 0: refused */
        } cases[] = {
                { "{\"certChain\":[\"$\",\"$\"],\"crt\":\"no\"}", 2 },
                { "{\"certChain\":[\"$\"]}", 1 },
                { "{\"certChain\":[],\"crt\":\"$\",\"ca\":\"$\"}", 2 },
                { "{\"crt\":\"$\",\"ca\":\"$\"}", 2 },
                { "{\"crt\":\"$\"}", 0 },
                { "{\"certChain\":[\"$$\"]}", 0 },
                { "{\"certChain\":[\"$\",7]}", 0 },
                { "{\"certChain\":[null]}", 0 },
                { "{\"certChain\":[\"\"]}", 0 },
                { "{\"certChain\":[\"$\",\"$\",\"$\",\"$\",\"$\",\"$\",\"$\",\"$\",\"$\",\"$\",\"$\",\"$\","
                  "\"$\",\"$\",\"$\",\"$\","
                  "\"$\"]}",
                  0 },
                { "{\"certChain\":[\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\"]}", 0 },
                { "{}", 0 },
        };
        gnutls_datum_t pem;
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        g_autofree char *quoted = NULL;

        g_assert_cmpint(gnutls_x509_crt_export2(b->ca->crt, GNUTLS_X509_FMT_PEM, &pem), >=, 0);
        text = g_strndup((const char *) pem.data, pem.size);
        gnutls_free(pem.data);
        lines = g_strsplit(text, "\n", -1);
        quoted = g_strjoinv("\\n", lines);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(GStrv) parts = g_strsplit(cases[i].answer, "$", -1);
                g_autofree char *answer = g_strjoinv(quoted, parts);
                g_autoptr(JsonObject) o = object_of(answer);
                g_autoptr(GError) error = NULL;
                g_autoptr(GPtrArray) chain = step_chain_of_answer(&b->call, o, &error);

                g_test_message("%s", cases[i].answer);
                g_assert_cmpuint(chain ? chain->len : 0, ==, cases[i].length);
                if (!chain)
                        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
        }
}

static void add(const char *words, void (*test)(Bench *, gconstpointer))
{
        g_autofree char *path = g_strconcat("/step-answer/", words, NULL);

        g_test_add(path, Bench, NULL, bench_up, test, bench_down);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/step-answer/JSON with an end", test_json);
        g_test_add_func("/step-answer/the provisioner among all", test_provisioners);
        g_test_add_func("/step-answer/pages that are none", test_pages);
        g_test_add_func("/step-answer/each refusal has its name and hint", test_refusals);
        g_test_add_func("/step-answer/a refused token, by the clock or not", test_unauthorized);
        g_test_add_func("/step-answer/no JSON", test_no_object);
        add("a chain as it was asked for", test_chain_good);
        add("a chain for another key", test_chain_key);
        add("a chain for other names", test_chain_names);
        add("a chain of another time", test_chain_dates);
        add("no chain", test_chain_none);
        add("a chain read from the answer", test_chain_read);
        return g_test_run();
}
