/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client certificate whose key is elsewhere, shown to a real TLS server that asks for one: every kind of key, both
 * versions of TLS, and every way in which that can fail. */

#include "agent/key.h"
#include "common/error.h"
#include "common/timespan.h"
#include "issuers/http.h"
#include "tests/unit/fixture.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TLS_1_3 "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define TLS_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

typedef enum Manner {
        MANNER_ANSWER,
        MANNER_REFUSE,    /* an alert, after the handshake: the certificate is not taken */
        MANNER_BREAK_OFF, /* in the middle of the answer */
        MANNER_HANG,      /* after the handshake */
} Manner;

/* A server on a thread, which takes so many connections. */
typedef struct Server {
        const char *priority;
        Manner manner;
        unsigned connections;
        int listener;
        uint16_t port;
        GThread *thread;
        gnutls_certificate_credentials_t credentials;
        /* What it saw, of each connection; read after server_end(). */
        GPtrArray *shown;    /* GBytes* of DER: the client's leaf; an empty one: none */
        GPtrArray *versions; /* char*, static */
        unsigned chain;      /* certificates that were shown last */
        GString *request;    /* of all */
        int result;          /* the last handshake's */
} Server;

static gnutls_datum_t datum_of(GBytes *bytes)
{
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);

        return (gnutls_datum_t){ (unsigned char *) data, (unsigned) size };
}

static void note_client(Server *s, gnutls_session_t session)
{
        unsigned n = 0, status = 1;
        const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);

        g_ptr_array_add(s->shown, n > 0 ? g_bytes_new(chain[0].data, chain[0].size) : g_bytes_new_static("", 0));
        g_ptr_array_add(s->versions, (char *) gnutls_protocol_get_name(gnutls_protocol_get_version(session)));
        s->chain = n;
        if (n > 0) {
                g_assert_cmpint(gnutls_certificate_verify_peers2(session, &status), >=, 0);
                g_assert_cmpuint(status, ==, 0);
        }
}

static bool read_request(Server *s, gnutls_session_t session)
{
        char data[4096];

        for (size_t begin = s->request->len;;) {
                ssize_t n = gnutls_record_recv(session, data, sizeof(data));

                if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN)
                        continue;
                if (n <= 0)
                        return false;
                g_string_append_len(s->request, data, n);
                if (strstr(s->request->str + begin, "\r\n\r\n"))
                        return true;
        }
}

static void answer(Server *s, gnutls_session_t session)
{
        static const char whole[] = "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\ndone",
                          part[] = "HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\nonly this";

        switch (s->manner) {
        case MANNER_ANSWER:
                while (read_request(s, session))
                        gnutls_record_send(session, whole, strlen(whole));
                gnutls_bye(session, GNUTLS_SHUT_WR);
                return;
        case MANNER_BREAK_OFF:
                if (read_request(s, session))
                        gnutls_record_send(session, part, strlen(part));
                return;
        case MANNER_REFUSE:
                gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
                return;
        case MANNER_HANG:
                while (read_request(s, session))
                        ; /* until the client has had enough */
        }
}

static void serve_one(Server *s, int fd)
{
        gnutls_session_t session;

        g_assert_cmpint(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL), >=, 0);
        g_assert_cmpint(gnutls_priority_set_direct(session, s->priority, NULL), >=, 0);
        g_assert_cmpint(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, s->credentials), >=, 0);
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
        gnutls_handshake_set_timeout(session, 60000);
        gnutls_transport_set_int(session, fd);
        do
                s->result = gnutls_handshake(session);
        while (s->result < 0 && !gnutls_error_is_fatal(s->result));
        if (s->result >= 0) {
                note_client(s, session);
                answer(s, session);
        }
        gnutls_deinit(session);
        close(fd);
}

static void *serve(void *p)
{
        Server *s = p;

        for (unsigned i = 0; i < s->connections; i++) {
                int fd = accept(s->listener, NULL, NULL);

                if (fd < 0)
                        break;
                serve_one(s, fd);
        }
        return NULL;
}

/* A leaf of `a`'s for 127.0.0.1 over `key`. */
static GBytes *leaf_new(const FixtureAuthority *a, const char *name, GBytes *key)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new(name);
        time_t now = time(NULL);

        fixture_certificate_set_sans(c, (const char *[]){ "ip:127.0.0.1", NULL });
        c->usage = USAGE_SERVER | USAGE_CLIENT;
        return fixture_authority_sign(a, c, key, now - 3600, now + 3600);
}

static void server_set_identity(Server *s, const FixtureAuthority *a)
{
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256), leaf = leaf_new(a, "server", key);
        gnutls_datum_t der = datum_of(leaf), pem = datum_of(key), root = datum_of(a->der), leaf_pem;
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &leaf_pem), >=, 0);
        g_assert_cmpint(gnutls_certificate_allocate_credentials(&s->credentials), >=, 0);
        g_assert_cmpint(gnutls_certificate_set_x509_key_mem(s->credentials, &leaf_pem, &pem, GNUTLS_X509_FMT_PEM), >=, 0);
        g_assert_cmpint(gnutls_certificate_set_x509_trust_mem(s->credentials, &root, GNUTLS_X509_FMT_DER), ==, 1);
        gnutls_x509_crt_deinit(crt);
        gnutls_free(leaf_pem.data);
}

static Server *server_start(const FixtureAuthority *a, const char *priority, Manner manner, unsigned connections)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);
        Server *s = g_new0(Server, 1);

        s->priority = priority;
        s->manner = manner;
        s->connections = connections;
        s->shown = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        s->versions = g_ptr_array_new();
        s->request = g_string_new(NULL);
        server_set_identity(s, a);
        s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(s->listener, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(s->listener, 8), ==, 0);
        g_assert_cmpint(getsockname(s->listener, (struct sockaddr *) &address, &size), ==, 0);
        s->port = ntohs(address.sin_port);
        s->thread = g_thread_new("server", serve, s);
        return s;
}

/* After this what it saw may be read. */
static void server_end(Server *s)
{
        if (!s->thread)
                return;
        shutdown(s->listener, SHUT_RDWR); /* ends accept() */
        g_thread_join(g_steal_pointer(&s->thread));
}

static void server_free(Server *s)
{
        server_end(s);
        close(s->listener);
        gnutls_certificate_free_credentials(s->credentials);
        g_ptr_array_unref(s->shown);
        g_ptr_array_unref(s->versions);
        g_string_free(s->request, TRUE);
        g_free(s);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)

/* ---- The client ---- */

/* A certificate with its key, as the agent has them. */
typedef struct Who {
        Key *key;
        GPtrArray *chain;
        GPtrArray *asked; /* char*: algorithms of the signatures that were asked for */
        bool refuse;
} Who;

/* An authority below `a`. */
static FixtureAuthority *intermediate_new(const FixtureAuthority *a)
{
        FixtureAuthority *b = fixture_authority_new();
        gnutls_datum_t der;

        g_assert_cmpint(gnutls_x509_crt_set_dn(b->crt, "CN=Intermediate", NULL), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_sign2(b->crt, a->crt, a->key, GNUTLS_DIG_SHA256, 0), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(b->crt, GNUTLS_X509_FMT_DER, &der), >=, 0);
        g_bytes_unref(b->der);
        b->der = g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
        return b;
}

static Who *who_new(const FixtureAuthority *a, KeyType type)
{
        g_autoptr(FixtureAuthority) between = intermediate_new(a);
        Who *w = g_new0(Who, 1);
        g_autoptr(GBytes) pem = fixture_key_new(type);

        w->key = key_new_from_pem(pem, NULL);
        w->chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        w->asked = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(w->chain, leaf_new(between, "client", pem));
        g_ptr_array_add(w->chain, g_bytes_ref(between->der));
        return w;
}

static void who_free(Who *w)
{
        key_unref(w->key);
        g_ptr_array_unref(w->chain);
        g_ptr_array_unref(w->asked);
        g_free(w);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Who, who_free)

static GBytes *sign(const char *algorithm, const void *data, size_t size, void *userdata, GError **error)
{
        Who *w = userdata;

        g_ptr_array_add(w->asked, g_strdup(algorithm));
        if (!w->refuse)
                return key_sign(w->key, algorithm, data, size, error);
        g_set_error_literal(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "the token was taken out");
        return NULL;
}

static GBytes *pem_of(const FixtureAuthority *a)
{
        gnutls_datum_t pem;

        g_assert_cmpint(gnutls_x509_crt_export2(a->crt, GNUTLS_X509_FMT_PEM, &pem), >=, 0);
        return g_bytes_new_with_free_func(pem.data, pem.size, gnutls_free, pem.data);
}

/* `who` NULL: no certificate is shown. */
static HttpAnswer *ask(Http *h, const Server *s, const FixtureAuthority *trusted, Who *who, GError **error)
{
        g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/1.0/rekey", s->port);
        g_autoptr(GBytes) roots = pem_of(trusted);
        HttpClient client = { .chain = who ? who->chain : NULL, .sign = sign, .userdata = who };
        HttpRequest request = { .method = "GET",
                                .url = url,
                                .roots = roots,
                                .client = who ? &client : NULL,
                                .answer_max = 4096,
                                .timeout_usec = (s->manner == MANNER_HANG ? 5 : 60) * USEC_PER_SEC };

        return http_send(h, &request, error);
}

static void assert_done(const HttpAnswer *a, const GError *error)
{
        g_assert_no_error(error);
        g_assert_cmpuint(a->status, ==, 201);
        g_assert_cmpmem(g_bytes_get_data(a->body, NULL), g_bytes_get_size(a->body), "done", 4);
}

/* ---- Cases ---- */

static void test_every_kind_of_key_is_taken(void)
{
        static const char *const priorities[] = { TLS_1_3, TLS_1_2 };
        static const char *const versions[] = { "TLS1.3", "TLS1.2" };
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Http) h = http_new();

        for (KeyType type = 0; type < _KEY_TYPE_MAX; type++)
                for (size_t i = 0; i < G_N_ELEMENTS(priorities); i++) {
                        g_autoptr(Server) s = server_start(a, priorities[i], MANNER_ANSWER, 1);
                        g_autoptr(Who) who = who_new(a, type);
                        g_autoptr(GError) error = NULL;
                        g_autoptr(HttpAnswer) got = ask(h, s, a, who, &error);

                        assert_done(got, error);
                        server_end(s);
                        g_assert_cmpuint(s->shown->len, ==, 1);
                        g_assert_true(g_bytes_equal(s->shown->pdata[0], who->chain->pdata[0]));
                        g_assert_cmpuint(s->chain, ==, 2);
                        g_assert_cmpstr(s->versions->pdata[0], ==, versions[i]);
                }
}

/* A connection was made for one who was known by a certificate: nobody else's request goes over it. */
static void test_a_connection_is_nobody_elses(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Server) s = server_start(a, TLS_1_3, MANNER_ANSWER, 4);
        g_autoptr(Who) one = who_new(a, KEY_TYPE_ECDSA_P256), other = who_new(a, KEY_TYPE_ECDSA_P256);
        Who *const order[] = { one, other, NULL, one };
        g_autoptr(Http) h = http_new();

        for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(HttpAnswer) got = ask(h, s, a, order[i], &error);

                assert_done(got, error);
                if (!order[i]) /* its connection is kept, and this server has one at a time */
                        h = (http_free(h), http_new());
        }
        server_end(s);
        g_assert_cmpuint(s->shown->len, ==, G_N_ELEMENTS(order));
        for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
                if (order[i])
                        g_assert_true(g_bytes_equal(s->shown->pdata[i], order[i]->chain->pdata[0]));
                else
                        g_assert_cmpuint(g_bytes_get_size(s->shown->pdata[i]), ==, 0);
}

static void assert_fails(Manner manner, const char *priority, CertError code, const char *words)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Server) s = server_start(a, priority, manner, 1);
        g_autoptr(Who) who = who_new(a, KEY_TYPE_ECDSA_P256);
        g_autoptr(Http) h = http_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(HttpAnswer) got = ask(h, s, a, who, &error);

        g_assert_null(got);
        g_assert_error(error, CERT_ERROR, (int) code);
        g_assert_nonnull(strstr(error->message, words));
        g_assert_nonnull(strchr(error->message, '\n'));
}

static void test_a_server_that_refuses_is_told_from_one_that_is_gone(void)
{
        assert_fails(MANNER_REFUSE, TLS_1_3, CERT_ERROR_ISSUER_REFUSED, "does not take the certificate");
        assert_fails(MANNER_REFUSE, TLS_1_2, CERT_ERROR_ISSUER_REFUSED, "does not take the certificate");
        assert_fails(MANNER_BREAK_OFF, TLS_1_3, CERT_ERROR_ISSUER_UNREACHABLE, "broke off");
        assert_fails(MANNER_BREAK_OFF, TLS_1_2, CERT_ERROR_ISSUER_UNREACHABLE, "broke off");
        assert_fails(MANNER_HANG, TLS_1_3, CERT_ERROR_ISSUER_TIMEOUT, "did not answer");
}

static void test_a_signature_that_is_refused_is_the_error(void)
{
        static const KeyType types[] = { KEY_TYPE_ECDSA_P256, KEY_TYPE_ED25519, KEY_TYPE_RSA_2048 };

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                g_autoptr(FixtureAuthority) a = fixture_authority_new();
                g_autoptr(Server) s = server_start(a, TLS_1_3, MANNER_ANSWER, 1);
                g_autoptr(Who) who = who_new(a, types[i]);
                g_autoptr(Http) h = http_new();
                g_autoptr(GError) error = NULL;
                HttpAnswer *got;

                who->refuse = true;
                got = ask(h, s, a, who, &error);
                g_assert_null(got);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
                g_assert_cmpstr(error->message, ==, "the token was taken out");
                server_end(s);
                g_assert_cmpuint(s->shown->len, ==, 0);
        }
}

/* The key of another certificate: noticed on this side. */
static void test_a_key_that_is_not_the_certificates_is_not_used(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Server) s = server_start(a, TLS_1_3, MANNER_ANSWER, 1);
        g_autoptr(Who) who = who_new(a, KEY_TYPE_ECDSA_P256), other = who_new(a, KEY_TYPE_ECDSA_P256);
        g_autoptr(Http) h = http_new();
        g_autoptr(GError) error = NULL;
        Key *key = who->key;
        HttpAnswer *got;

        who->key = other->key;
        got = ask(h, s, a, who, &error);
        who->key = key;
        g_assert_null(got);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_nonnull(strstr(error->message, "no pair"));
        server_end(s);
        g_assert_cmpuint(s->shown->len, ==, 0);
}

static void test_nothing_is_said_to_a_server_of_another_root(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new_between(time(NULL) - 60, time(NULL) + 3600);
        g_autoptr(FixtureAuthority) other = fixture_authority_new_between(time(NULL) - 60, time(NULL) + 3600);
        g_autoptr(Server) s = server_start(a, TLS_1_3, MANNER_ANSWER, 2);
        g_autoptr(Who) who = who_new(a, KEY_TYPE_ECDSA_P256);
        g_autoptr(Http) h = http_new();
        g_autoptr(GError) error = NULL;
        HttpAnswer *got = ask(h, s, other, who, &error);

        g_assert_null(got);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
        server_end(s);
        g_assert_cmpstr(s->request->str, ==, "");
}

static void test_what_is_no_certificate_is_not_shown(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Server) s = server_start(a, TLS_1_3, MANNER_ANSWER, 1);
        g_autoptr(Who) who = who_new(a, KEY_TYPE_ECDSA_P256);
        g_autoptr(Http) h = http_new();
        g_autoptr(GError) empty = NULL, wrong = NULL;

        g_ptr_array_set_size(who->chain, 0);
        g_assert_null(ask(h, s, a, who, &empty));
        g_assert_error(empty, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_ptr_array_add(who->chain, g_bytes_new_static("not DER", 7));
        g_assert_null(ask(h, s, a, who, &wrong));
        g_assert_error(wrong, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/http-client/every kind of key is taken", test_every_kind_of_key_is_taken);
        g_test_add_func("/http-client/a connection is nobody else's", test_a_connection_is_nobody_elses);
        g_test_add_func("/http-client/a server that refuses is told from one that is gone",
                        test_a_server_that_refuses_is_told_from_one_that_is_gone);
        g_test_add_func("/http-client/a signature that is refused is the error",
                        test_a_signature_that_is_refused_is_the_error);
        g_test_add_func("/http-client/a key that is not the certificate's is not used",
                        test_a_key_that_is_not_the_certificates_is_not_used);
        g_test_add_func("/http-client/nothing is said to a server of another root",
                        test_nothing_is_said_to_a_server_of_another_root);
        g_test_add_func("/http-client/what is no certificate is not shown", test_what_is_no_certificate_is_not_shown);
        return g_test_run();
}
