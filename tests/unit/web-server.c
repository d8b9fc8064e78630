/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An HTTPS server that does as it is told. It owns its threads, its sockets and its TLS credentials. */

#include "tests/unit/web-server.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX   65536
#define TLS_HANDSHAKE 0x16 /* RFC 8446, section 5.1 */

struct WebServer {
        WebScript script;
        char *answer, *first;
        gnutls_certificate_credentials_t credentials;
        int fd;
        uint16_t port;
        GThread *thread;
        GMutex lock; /* of what follows */
        unsigned connections, requests;
        char *last;
        GArray *open;       /* int: connections */
        GPtrArray *threads; /* one for each connection that there was */
};

/* A connection, with or without TLS. */
typedef struct Connection {
        WebServer *server;
        int fd;
        gnutls_session_t session; /* NULL: plain */
        unsigned answered;
} Connection;

static ssize_t receive(Connection *c, void *data, size_t size)
{
        ssize_t n;

        if (!c->session)
                return recv(c->fd, data, size, 0);
        do
                n = gnutls_record_recv(c->session, data, size);
        while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN);
        return n;
}

static bool transmit(Connection *c, const char *data, size_t size)
{
        while (size > 0) {
                ssize_t n = c->session ? gnutls_record_send(c->session, data, MIN(size, 16384))
                                       : send(c->fd, data, size, MSG_NOSIGNAL);

                if (n < 0)
                        return false;
                data += n;
                size -= (size_t) n;
        }
        return true;
}

/* ---- Requests ---- */

static size_t length_of_body(const char *head)
{
        const char *p = strcasestr(head, "\r\nContent-Length:");

        return p ? (size_t) g_ascii_strtoull(p + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

/* One whole request; false when there is none any more. */
static bool read_request(Connection *c)
{
        g_autofree char *text = g_malloc0(REQUEST_MAX + 1);
        size_t size = 0;
        const char *end;

        while (!(end = strstr(text, "\r\n\r\n")) || size < (size_t) (end + 4 - text) + length_of_body(text)) {
                ssize_t n = size < REQUEST_MAX ? receive(c, text + size, REQUEST_MAX - size) : 0;

                if (n <= 0)
                        return false;
                size += (size_t) n;
                if (!c->session && text[0] == TLS_HANDSHAKE)
                        break; /* a server of HTTP does not wait for the end of that */
        }
        g_mutex_lock(&c->server->lock);
        c->server->requests++;
        g_free(c->server->last);
        c->server->last = g_steal_pointer(&text);
        g_mutex_unlock(&c->server->lock);
        return true;
}

/* Until the other side has closed. */
static void wait_for_end(Connection *c)
{
        char byte;

        while (recv(c->fd, &byte, 1, 0) > 0)
                ;
}

static bool drip(Connection *c, const char *answer)
{
        for (; *answer; answer++) {
                if (!transmit(c, answer, 1))
                        return false;
                g_usleep(100000);
        }
        return true;
}

static bool answer_request(Connection *c)
{
        const WebScript *script = &c->server->script;
        const char *answer = c->server->answer, *rest = g_strrstr(answer, "\r\n\r\n");

        if (c->answered++ == 0 && c->server->first)
                return transmit(c, c->server->first, strlen(c->server->first));
        if (script->fault == WEB_FAULT_DRIP)
                return drip(c, answer);
        if (!transmit(c, answer, strlen(answer)))
                return false;
        for (unsigned i = 0; i < script->again; i++)
                if (!transmit(c, rest + 4, strlen(rest + 4)))
                        return false;
        if (script->fault == WEB_FAULT_HANG)
                wait_for_end(c);
        return script->fault == WEB_FAULT_NONE;
}

/* ---- Connections ---- */

static bool shake_hands(Connection *c)
{
        int r;

        if (c->server->script.plain)
                return true;
        g_assert_cmpint(gnutls_init(&c->session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL), >=, 0);
        gnutls_set_default_priority(c->session);
        gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->server->credentials);
        gnutls_transport_set_int(c->session, c->fd);
        do
                r = gnutls_handshake(c->session);
        while (r < 0 && !gnutls_error_is_fatal(r));
        return r >= 0;
}

static gpointer serve(gpointer data)
{
        Connection *c = data;
        WebServer *s = c->server;

        if (s->script.fault == WEB_FAULT_HANG_IN_TLS)
                wait_for_end(c);
        else if (shake_hands(c))
                while (read_request(c) && answer_request(c))
                        ;
        if (c->session && s->script.fault == WEB_FAULT_NONE)
                gnutls_bye(c->session, GNUTLS_SHUT_WR);
        if (c->session)
                gnutls_deinit(c->session);
        shutdown(c->fd, SHUT_RDWR); /* closed at the end, when no number is mistaken any more */
        g_free(c);
        return NULL;
}

static gpointer run(gpointer data)
{
        WebServer *s = data;
        int fd;

        while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
                Connection *c = g_new0(Connection, 1);

                c->server = s;
                c->fd = fd;
                g_mutex_lock(&s->lock);
                s->connections++;
                g_array_append_val(s->open, fd);
                g_ptr_array_add(s->threads, g_thread_new("connection", serve, c));
                g_mutex_unlock(&s->lock);
        }
        return NULL;
}

/* ---- The server ---- */

static gnutls_datum_t datum_of(GBytes *bytes)
{
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);

        return (gnutls_datum_t){ (unsigned char *) data, (unsigned) size };
}

static gnutls_certificate_credentials_t credentials_new(GBytes *leaf, GBytes *key_pem)
{
        gnutls_datum_t der = datum_of(leaf), key = datum_of(key_pem);
        gnutls_certificate_credentials_t credentials;
        gnutls_x509_privkey_t parsed;
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_certificate_allocate_credentials(&credentials), >=, 0);
        g_assert_cmpint(gnutls_x509_privkey_init(&parsed), >=, 0);
        g_assert_cmpint(gnutls_x509_privkey_import2(parsed, &key, GNUTLS_X509_FMT_PEM, NULL, 0), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_certificate_set_x509_key(credentials, &crt, 1, parsed), >=, 0);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(parsed);
        return credentials;
}

WebServer *web_server_new(GBytes *leaf, GBytes *key_pem, const WebScript *script)
{
        WebServer *s = g_new0(WebServer, 1);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof(address);

        s->script = *script;
        s->answer = g_strdup(script->answer);
        s->first = g_strdup(script->first);
        s->open = g_array_new(FALSE, FALSE, sizeof(int));
        s->threads = g_ptr_array_new();
        g_mutex_init(&s->lock);
        if (!script->plain)
                s->credentials = credentials_new(leaf, key_pem);
        s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(s->fd, (struct sockaddr *) &address, length), ==, 0);
        g_assert_cmpint(listen(s->fd, 16), ==, 0);
        g_assert_cmpint(getsockname(s->fd, (struct sockaddr *) &address, &length), ==, 0);
        s->port = ntohs(address.sin_port);
        s->thread = g_thread_new("web-server", run, s);
        return s;
}

WebServer *web_server_free(WebServer *s)
{
        if (!s)
                return NULL;
        shutdown(s->fd, SHUT_RDWR); /* accept() and recv() return */
        g_thread_join(s->thread);
        for (guint i = 0; i < s->threads->len; i++) {
                shutdown(g_array_index(s->open, int, i), SHUT_RDWR);
                g_thread_join(s->threads->pdata[i]);
                close(g_array_index(s->open, int, i));
        }
        g_array_unref(s->open);
        g_ptr_array_unref(s->threads);
        close(s->fd);
        if (s->credentials)
                gnutls_certificate_free_credentials(s->credentials);
        g_mutex_clear(&s->lock);
        g_free(s->answer);
        g_free(s->first);
        g_free(s->last);
        g_free(s);
        return NULL;
}

char *web_server_url(const WebServer *s, const char *host, const char *path)
{
        return g_strdup_printf("%s://%s:%u%s", s->script.plain ? "http" : "https", host, s->port, path);
}

static unsigned read_counter(WebServer *s, const unsigned *counter)
{
        unsigned n;

        g_mutex_lock(&s->lock);
        n = *counter;
        g_mutex_unlock(&s->lock);
        return n;
}

unsigned web_server_connections(WebServer *s)
{
        return read_counter(s, &s->connections);
}

unsigned web_server_requests(WebServer *s)
{
        return read_counter(s, &s->requests);
}

char *web_server_last(WebServer *s)
{
        char *last;

        g_mutex_lock(&s->lock);
        last = g_strdup(s->last);
        g_mutex_unlock(&s->lock);
        return last;
}
