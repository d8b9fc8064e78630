/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/doctor/identity.h"

#include <glib.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

/* One TLS session with a server, and all that it shows. Nobody is trusted and nothing is judged: these are facts. */

typedef enum SessionEnd {
        SESSION_ESTABLISHED, /* the handshake was done; whether we were let in, `refused` says */
        SESSION_ALERT,       /* the server ended the handshake and said why */
        SESSION_CLOSED,      /* it ended the connection without a word */
        SESSION_TIMED_OUT,
        SESSION_NOT_TLS,     /* what came was no TLS */
        SESSION_FAILED,      /* we ended it: `error` */
} SessionEnd;

#define SESSION_NO_ALERT (-1)

typedef struct Session {
        SessionEnd end;
        int error; /* GnuTLS's */
        int alert; /* that the server sent, in the handshake or after it */
        GPtrArray *chain; /* GBytes*: DER, as sent */
        gnutls_protocol_t version; /* GNUTLS_VERSION_UNKNOWN: it did not come so far */
        char *protocol, *cipher;   /* "TLS1.3" "AES-256-GCM"; "" */
        bool proven;       /* the server's certificate came, and its key signed */
        bool asked;        /* the server wants a certificate of ours */
        GPtrArray *asked_for; /* GBytes*: DER names of the CAs it takes; empty: it named none */
        bool presented;    /* we showed one */
        bool refused;      /* after it had seen our certificate, or that there is none */
        bool is_http;      /* it answered as HTTP does, within TLS */
        int http_status;   /* 0: it did not */
        bool http_speaks_of_certificates; /* a refusal in words */
        uint64_t server_time; /* the server's own clock (its Date field), microseconds since 1970; 0: unknown */
} Session;

typedef struct SessionOptions {
        const char *server_name;  /* SNI; NULL, or an address: none */
        const char *http_host;    /* NULL: what speaks there is not HTTP */
        const Identity *identity; /* or NULL */
} SessionOptions;

/* Over `fd`, which does not block and stays the caller's. Always comes back, at `deadline` (CLOCK_MONOTONIC, microseconds)
 * at the latest. NULL only when GnuTLS cannot be set up at all. */
Session *session_run(int fd, const SessionOptions *options, uint64_t deadline, GError **error);

Session *session_new(void);
Session *session_free(Session *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

/* Reads an answer of HTTP (or whatever it is) into the session's facts. Pure. */
void session_read_http(Session *s, const char *text, size_t size);
