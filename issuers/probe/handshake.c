/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A TLS handshake as a client that trusts anybody. Nothing is judged here: the chain is handed on as served.
 * Owns the session while it lasts. */

#include "issuers/probe/handshake.h"

#include "common/error.h"
#include "common/key-effort.h"
#include "issuers/probe/deadline.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <string.h>

#define CHAIN_MAX 32

/* What is looked for during a handshake. */
typedef struct Seen {
        Handshake *handshake;
        bool proven; /* the server's certificate came, with a signature by its key */
} Seen;

/* ---- What is seen ---- */

Handshake *handshake_free(Handshake *h)
{
        if (!h)
                return NULL;
        g_ptr_array_unref(h->chain);
        g_free(h->protocol);
        g_free(h->cipher);
        g_free(h);
        return NULL;
}

static void unref_bytes(void *bytes)
{
        g_bytes_unref(bytes);
}

static Handshake *handshake_new(void)
{
        Handshake *h = g_new0(Handshake, 1);

        h->chain = g_ptr_array_new_with_free_func(unref_bytes);
        return h;
}

static void take_chain(Handshake *h, gnutls_session_t session)
{
        unsigned n = 0;
        const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &n);

        g_ptr_array_set_size(h->chain, 0);
        for (unsigned i = 0; list && i < MIN(n, CHAIN_MAX); i++)
                g_ptr_array_add(h->chain, g_bytes_new(list[i].data, list[i].size));
}

/* Called once the certificate is there and, but for RSA key exchange, its key has signed (RFC 8446, 4.4.3;
 * RFC 5246, 7.4.3): with TLS 1.2 a server that insists on a certificate of ours ends the handshake after
 * this. */
static int on_certificate(gnutls_session_t session)
{
        Seen *seen = gnutls_session_get_ptr(session);
        gnutls_kx_algorithm_t kx = gnutls_kx_get(session);

        take_chain(seen->handshake, session);
        seen->proven = kx != GNUTLS_KX_RSA;
        return 0; /* trusted */
}

/* The server asks for a certificate of ours: none. */
static int on_certificate_request(gnutls_session_t session, const gnutls_datum_t *issuers, int n_issuers,
                                  const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
                                  gnutls_retr2_st *ret_certificate)
{
        Seen *seen = gnutls_session_get_ptr(session);

        seen->handshake->wants_client_certificate = true;
        ret_certificate->ncerts = 0;
        return 0;
}

static void take_facts(Handshake *h, gnutls_session_t session)
{
        h->protocol = g_strdup(gnutls_protocol_get_name(gnutls_protocol_get_version(session)) ?: "?");
        h->cipher = g_strdup(gnutls_cipher_get_name(gnutls_cipher_get(session)) ?: "?");
}

/* ---- The handshake ---- */

bool probe_is_address(const char *name)
{
        unsigned char buffer[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, name, buffer) == 1 || inet_pton(AF_INET6, name, buffer) == 1;
}

static int prepare(gnutls_session_t session, gnutls_certificate_credentials_t credentials, int fd,
                   const char *server_name, Seen *seen)
{
        int r = gnutls_priority_set_direct(session, PROBE_PRIORITY, NULL);

        if (r >= 0)
                r = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
        if (r >= 0 && server_name && *server_name && !probe_is_address(server_name))
                r = gnutls_server_name_set(session, GNUTLS_NAME_DNS, server_name, strlen(server_name));
        gnutls_certificate_set_verify_function(credentials, on_certificate);
        gnutls_certificate_set_retrieve_function(credentials, on_certificate_request);
        gnutls_session_set_ptr(session, seen);
        gnutls_transport_set_int(session, fd);
        gnutls_handshake_set_timeout(session, 0); /* the deadline is ours */
        return r;
}

/* Before each message of the server is worked on. Of a key that would take hours neither a signature is verified nor
 * anything encrypted to it: the deadline would not be looked at meanwhile. */
static int on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming, const gnutls_datum_t *message)
{
        unsigned n = 0;
        const gnutls_datum_t *chain = incoming ? gnutls_certificate_get_peers(session, &n) : NULL;
        gnutls_x509_crt_t leaf;
        bool good;

        if (!chain || n == 0 || gnutls_x509_crt_init(&leaf) < 0)
                return 0;
        good = gnutls_x509_crt_import(leaf, &chain[0], GNUTLS_X509_FMT_DER) < 0 || cert_key_is_quick(leaf);
        gnutls_x509_crt_deinit(leaf);
        return good ? 0 : GNUTLS_E_ILLEGAL_PARAMETER;
}

int probe_shake(gnutls_session_t session, int fd, uint64_t deadline)
{
        int r;

        gnutls_handshake_set_hook_function(session, (unsigned) GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, on_message);
        while ((r = gnutls_handshake(session)) < 0 && !gnutls_error_is_fatal(r)) {
                short events = gnutls_record_get_direction(session) ? POLLOUT : POLLIN;

                if (deadline_left(deadline) == 0 ||
                    (r == GNUTLS_E_AGAIN && !deadline_wait(fd, events, deadline)))
                        return GNUTLS_E_TIMEDOUT;
        }
        return r;
}

/* What a failed handshake means to the administrator. */
static const char *failure_words(int r)
{
        switch (r) {
        case GNUTLS_E_TIMEDOUT:
                return "the TLS handshake did not end in time";
        case GNUTLS_E_PREMATURE_TERMINATION:
        case GNUTLS_E_PULL_ERROR: /* it was reset */
        case GNUTLS_E_PUSH_ERROR:
                return "the server closed the connection in the TLS handshake";
        case GNUTLS_E_UNEXPECTED_PACKET:
        case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        case GNUTLS_E_RECORD_OVERFLOW:
                return "the server does not speak TLS there, or only after STARTTLS";
        default:
                return gnutls_strerror(r);
        }
}

static void describe_failure(gnutls_session_t session, int r, GError **error)
{
        static const char hint[] =
                "Check the service's TLS settings and log, and \"connect\" and \"starttls\" in "
                "\"verify\" of the manifest.";

        if (r == GNUTLS_E_FATAL_ALERT_RECEIVED)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SERVING,
                            "the server refused the TLS handshake: %s\n%s",
                            gnutls_alert_get_name(gnutls_alert_get(session)) ?: "unknown alert", hint);
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SERVING, "%s\n%s", failure_words(r), hint);
}

static bool run(gnutls_session_t session, int fd, uint64_t deadline, Seen *seen, GError **error)
{
        int r = probe_shake(session, fd, deadline);

        if (r < 0 && !(seen->proven && seen->handshake->wants_client_certificate)) {
                describe_failure(session, r, error);
                return false;
        }
        if (r >= 0) {
                take_chain(seen->handshake, session);
                gnutls_bye(session, GNUTLS_SHUT_WR); /* does not block; a server would log its absence */
        }
        take_facts(seen->handshake, session);
        if (seen->handshake->chain->len > 0)
                return true;
        g_set_error_literal(error, CERT_ERROR, CERT_ERROR_NOT_SERVING, "the server showed no certificate");
        return false;
}

bool probe_handshake(int fd, const char *server_name, uint64_t deadline, Handshake **ret_handshake,
                     GError **error)
{
        g_autoptr(Handshake) handshake = handshake_new();
        Seen seen = { .handshake = handshake };
        gnutls_certificate_credentials_t credentials = NULL;
        gnutls_session_t session = NULL;
        bool ok = false;
        int r;

        r = gnutls_certificate_allocate_credentials(&credentials);
        if (r >= 0)
                r = gnutls_init(&session,
                                GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
        if (r >= 0)
                r = prepare(session, credentials, fd, server_name, &seen);
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SERVING, "preparing the TLS handshake: %s",
                            gnutls_strerror(r));
        else
                ok = run(session, fd, deadline, &seen, error);
        if (session)
                gnutls_deinit(session);
        if (credentials)
                gnutls_certificate_free_credentials(credentials);
        if (ok)
                *ret_handshake = g_steal_pointer(&handshake);
        return ok;
}
