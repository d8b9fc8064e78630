/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One TLS session, to see everything. What the server thinks of our certificate, or of its absence, shows in three places:
 * with TLS 1.2 in the handshake, with TLS 1.3 at the first read after it (RFC 8446, 4.4.2.4 and 6.2), and with nginx only in
 * the answer to a request. So after the handshake it is listened for a moment, and then, where the server has
 * nothing to say of its own, one request is made. */

#include "client/doctor/session.h"

#include "common/error.h"
#include "common/timespan.h"
#include "issuers/probe/deadline.h"
#include "issuers/probe/handshake.h"

#include <poll.h>
#include <string.h>

#define CHAIN_SENT_MAX  32
#define ASKED_FOR_MAX   256
#define ANSWER_MAX      (16 * 1024)
#define LISTEN_USEC     (400 * USEC_PER_MSEC) /* for what the server says of its own: at least, */
#define LISTEN_MAX_USEC (2 * USEC_PER_SEC)    /* and at most; between them three times what the handshake took */
#define ANSWER_USEC     (5 * USEC_PER_SEC)
#define HTTP_PROTOCOL   "http/1.1"

/* While it lasts. */
typedef struct Meeting {
        Session *session;
        const SessionOptions *options;
        gnutls_session_t tls;
        int fd;
        uint64_t deadline;
        GByteArray *heard;
} Meeting;

static void unref_bytes(void *bytes)
{
        g_bytes_unref(bytes);
}

Session *session_new(void)
{
        Session *s = g_new0(Session, 1);

        s->alert = SESSION_NO_ALERT;
        s->version = GNUTLS_VERSION_UNKNOWN;
        s->chain = g_ptr_array_new_with_free_func(unref_bytes);
        s->asked_for = g_ptr_array_new_with_free_func(unref_bytes);
        s->protocol = g_strdup("");
        s->cipher = g_strdup("");
        return s;
}

Session *session_free(Session *s)
{
        if (!s)
                return NULL;
        g_ptr_array_unref(s->chain);
        g_ptr_array_unref(s->asked_for);
        g_free(s->protocol);
        g_free(s->cipher);
        g_free(s);
        return NULL;
}

/* ---- What comes in the handshake ---- */

static void take_chain(Session *s, gnutls_session_t tls)
{
        unsigned n = 0;
        const gnutls_datum_t *list = gnutls_certificate_get_peers(tls, &n);

        g_ptr_array_set_size(s->chain, 0);
        for (unsigned i = 0; list && i < MIN(n, CHAIN_SENT_MAX); i++)
                g_ptr_array_add(s->chain, g_bytes_new(list[i].data, list[i].size));
}

/* The server's certificate is there and, but for RSA key exchange, its key has signed. */
static int on_certificate(gnutls_session_t tls)
{
        Meeting *m = gnutls_session_get_ptr(tls);

        take_chain(m->session, tls);
        m->session->proven = gnutls_kx_get(tls) != GNUTLS_KX_RSA;
        return 0;
}

/* The certificate is shown whichever CAs the server names: whether it is the wrong one is to be seen. */
static int on_request(gnutls_session_t tls, const gnutls_datum_t *names, int n_names, const gnutls_pk_algorithm_t *algorithms,
                      int n_algorithms, gnutls_pcert_st **ret_certificates, unsigned *ret_n, gnutls_privkey_t *ret_key)
{
        Meeting *m = gnutls_session_get_ptr(tls);
        const Identity *i = m->options->identity;

        m->session->asked = true;
        for (int n = 0; n < MIN(n_names, ASKED_FOR_MAX); n++)
                g_ptr_array_add(m->session->asked_for, g_bytes_new(names[n].data, names[n].size));
        *ret_certificates = i ? i->certificates : NULL;
        *ret_n = i ? i->chain.n : 0;
        *ret_key = i ? i->key : NULL;
        m->session->presented = i != NULL;
        return 0;
}

static void take_facts(Session *s, gnutls_session_t tls)
{
        s->version = gnutls_protocol_get_version(tls);
        g_free(s->protocol);
        s->protocol = g_strdup(gnutls_protocol_get_name(s->version) ?: "");
        g_free(s->cipher);
        s->cipher = g_strdup(gnutls_cipher_get_name(gnutls_cipher_get(tls)) ?: "");
}

/* ---- How it ended ---- */

static SessionEnd end_of(int r)
{
        switch (r) {
        case GNUTLS_E_FATAL_ALERT_RECEIVED:
                return SESSION_ALERT;
        case GNUTLS_E_TIMEDOUT:
                return SESSION_TIMED_OUT;
        case GNUTLS_E_PREMATURE_TERMINATION:
        case GNUTLS_E_PULL_ERROR: /* it was reset */
        case GNUTLS_E_PUSH_ERROR:
                return SESSION_CLOSED;
        case GNUTLS_E_UNEXPECTED_PACKET:
        case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        case GNUTLS_E_RECORD_OVERFLOW:
                return SESSION_NOT_TLS;
        default:
                return SESSION_FAILED;
        }
}

static void take_failure(Meeting *m, int r)
{
        Session *s = m->session;

        s->end = end_of(r);
        s->error = r;
        if (s->end == SESSION_ALERT)
                s->alert = (int) gnutls_alert_get(m->tls);
        /* Once the server's certificate has been proven, what is left for it to refuse is us (RFC 5246, 7.3). */
        s->refused = s->proven && s->asked && (s->end == SESSION_ALERT || s->end == SESSION_CLOSED);
}

/* ---- What comes after it ---- */

typedef enum Hearing {
        HEARD_NOTHING,
        HEARD_DATA,
        HEARD_END,
        HEARD_ALERT,
} Hearing;

/* A renegotiation or a warning is passed over. */
static Hearing hear(Meeting *m, uint64_t until)
{
        char buffer[4096];
        ssize_t n;

        for (;;) {
                n = gnutls_record_recv(m->tls, buffer, sizeof buffer);
                if (n > 0) {
                        g_byte_array_append(m->heard, (const uint8_t *) buffer, (guint) n);
                        return HEARD_DATA;
                }
                if (n == GNUTLS_E_FATAL_ALERT_RECEIVED) {
                        m->session->alert = (int) gnutls_alert_get(m->tls);
                        return HEARD_ALERT;
                }
                if (n == 0 || gnutls_error_is_fatal((int) n))
                        return HEARD_END;
                if (deadline_left(until) == 0 || (n == GNUTLS_E_AGAIN && !deadline_wait(m->fd, POLLIN, until)))
                        return HEARD_NOTHING;
        }
}

static bool say(Meeting *m, const char *text)
{
        size_t left = strlen(text);
        uint64_t until = MIN(deadline_in(ANSWER_USEC), m->deadline);

        while (left > 0) {
                ssize_t n = gnutls_record_send(m->tls, text, left);

                if (n > 0) {
                        text += n;
                        left -= (size_t) n;
                } else if (gnutls_error_is_fatal((int) n) || !deadline_wait(m->fd, POLLOUT, until))
                        return false;
        }
        return true;
}

/* One request, and of its answer as much as says something. */
static Hearing ask(Meeting *m)
{
        uint64_t until = MIN(deadline_in(ANSWER_USEC), m->deadline);
        g_autofree char *request = g_strdup_printf("GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: certctl-doctor\r\n"
                                                   "Accept: */*\r\nConnection: close\r\n\r\n",
                                                   m->options->http_host);
        Hearing h = HEARD_DATA;

        /* What could not be said was perhaps answered already: by an alert. */
        (void) say(m, request);
        while (h == HEARD_DATA && m->heard->len < ANSWER_MAX)
                h = hear(m, until);
        session_read_http(m->session, (const char *) m->heard->data, m->heard->len);
        return m->heard->len > 0 ? HEARD_DATA : h;
}

static bool speaks_http(const Meeting *m)
{
        gnutls_datum_t chosen;

        return gnutls_alpn_get_selected_protocol(m->tls, &chosen) >= 0 && chosen.size == strlen(HTTP_PROTOCOL) &&
               memcmp(chosen.data, HTTP_PROTOCOL, chosen.size) == 0;
}

static void listen_on(Meeting *m, uint64_t took)
{
        uint64_t patience = CLAMP(3 * took, LISTEN_USEC, LISTEN_MAX_USEC);
        bool is_http = speaks_http(m), may_ask = m->options->http_host && (is_http || m->session->asked);
        Hearing h;

        if (!m->session->asked && !is_http)
                return;
        /* HTTP's servers speak when they are asked, but an alert would come at once. */
        h = hear(m, MIN(deadline_in(is_http && !m->session->asked ? 0 : patience), m->deadline));
        if (h == HEARD_NOTHING && may_ask) {
                h = ask(m);
                if (h == HEARD_END && !is_http) /* what is no HTTP server may well hang up on who talks HTTP to it */
                        h = HEARD_NOTHING;
        }
        if (m->session->asked && (h == HEARD_ALERT || h == HEARD_END))
                m->session->refused = true;
        if (m->session->asked && m->session->http_status >= 400 && m->session->http_speaks_of_certificates)
                m->session->refused = true;
}

/* ---- HTTP ---- */

static const char *header(const char *text, const char *end, const char *name)
{
        size_t length = strlen(name);

        for (const char *line = text; line && line < end; line = memchr(line, '\n', (size_t) (end - line))) {
                line += *line == '\n';
                if ((size_t) (end - line) > length && g_ascii_strncasecmp(line, name, length) == 0)
                        return line + length;
        }
        return NULL;
}

/* IMF-fixdate (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT"; 0 when it is none. */
static uint64_t read_date(const char *text, const char *end)
{
        static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        g_autofree char *value = g_strndup(text, MIN((size_t) (end - text), 64));
        char month[4] = "";
        int day, year, hour, minute, second;

        if (sscanf(value, " %*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &day, month, &year, &hour, &minute, &second) != 6)
                return 0;
        for (int i = 0; i < (int) G_N_ELEMENTS(months); i++)
                if (g_str_equal(months[i], month)) {
                        g_autoptr(GDateTime) t = g_date_time_new_utc(year, i + 1, day, hour, minute, second);

                        return t && g_date_time_to_unix(t) > 0 ? (uint64_t) g_date_time_to_unix(t) * USEC_PER_SEC : 0;
                }
        return 0;
}

void session_read_http(Session *s, const char *text, size_t size)
{
        g_autofree char *copy = g_strndup(text ?: "", size), *low = NULL;
        const char *body = strstr(copy, "\r\n\r\n"), *date;
        const char *end = body ?: copy + strlen(copy);

        if (sscanf(copy, "HTTP/%*1d.%*1d %3d", &s->http_status) != 1 || s->http_status < 100) {
                s->http_status = 0;
                return;
        }
        s->is_http = true;
        date = header(copy, end, "Date:");
        s->server_time = date ? read_date(date, end) : 0;
        low = g_ascii_strdown(copy, -1);
        s->http_speaks_of_certificates = s->http_status >= 400 && strstr(low, "certificate");
}

/* ---- The session ---- */

static int prepare(Meeting *m, gnutls_certificate_credentials_t credentials)
{
        const char *name = m->options->server_name;
        gnutls_datum_t http = { (unsigned char *) HTTP_PROTOCOL, strlen(HTTP_PROTOCOL) };
        int r = gnutls_priority_set_direct(m->tls, PROBE_PRIORITY, NULL);

        if (r >= 0)
                r = gnutls_credentials_set(m->tls, GNUTLS_CRD_CERTIFICATE, credentials);
        if (r >= 0 && name && *name && !probe_is_address(name))
                r = gnutls_server_name_set(m->tls, GNUTLS_NAME_DNS, name, strlen(name));
        if (r >= 0 && m->options->http_host)
                r = gnutls_alpn_set_protocols(m->tls, &http, 1, 0);
        gnutls_certificate_set_verify_function(credentials, on_certificate);
        gnutls_certificate_set_retrieve_function2(credentials, on_request);
        gnutls_session_set_ptr(m->tls, m);
        gnutls_transport_set_int(m->tls, m->fd);
        gnutls_handshake_set_timeout(m->tls, 0); /* the deadline is ours */
        return r;
}

static void meet(Meeting *m)
{
        uint64_t begun = (uint64_t) g_get_monotonic_time();
        int r = probe_shake(m->tls, m->fd, m->deadline);

        take_facts(m->session, m->tls);
        if (r < 0) {
                take_failure(m, r);
                return;
        }
        m->session->end = SESSION_ESTABLISHED;
        m->session->proven = true;
        take_chain(m->session, m->tls);
        listen_on(m, (uint64_t) g_get_monotonic_time() - begun);
        gnutls_bye(m->tls, GNUTLS_SHUT_WR); /* does not block; a server would log its absence */
}

Session *session_run(int fd, const SessionOptions *options, uint64_t deadline, GError **error)
{
        g_autoptr(Session) s = session_new();
        g_autoptr(GByteArray) heard = g_byte_array_new();
        Meeting m = { .session = s, .options = options, .fd = fd, .deadline = deadline, .heard = heard };
        gnutls_certificate_credentials_t credentials = NULL;
        int r = gnutls_certificate_allocate_credentials(&credentials);

        if (r >= 0)
                r = gnutls_init(&m.tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
        if (r >= 0)
                r = prepare(&m, credentials);
        if (r >= 0)
                meet(&m);
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SERVING, "preparing the TLS handshake: %s", gnutls_strerror(r));
        if (m.tls)
                gnutls_deinit(m.tls);
        if (credentials)
                gnutls_certificate_free_credentials(credentials);
        return r >= 0 ? g_steal_pointer(&s) : NULL;
}
