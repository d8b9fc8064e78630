/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

/* A TLS handshake as a client that trusts anybody: only to see what is served. */

typedef struct Handshake {
        GPtrArray *chain; /* GBytes*: DER, leaf first */
        char *protocol;   /* "TLS1.3" */
        char *cipher;     /* "AES-256-GCM" */
        bool wants_client_certificate;
} Handshake;

/* Shakes hands over `fd` (not blocking) and says goodbye. `server_name` is sent as SNI unless NULL or an
 * address (RFC 6066, 3). That the server holds the certificate's key was proven when this returns true; a
 * server that then ends the connection because we show no certificate of our own has been seen all the same.
 * Errors: CERT_ERROR_NOT_SERVING, in words. */
bool probe_handshake(int fd, const char *server_name, uint64_t deadline, Handshake **ret_handshake,
                     GError **error);

Handshake *handshake_free(Handshake *h);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Handshake, handshake_free)

/* ---- For a client of another kind ---- */

/* As old a server as GnuTLS still speaks to: what is served must be seen even where it should be improved. */
#define PROBE_PRIORITY "NORMAL:%COMPAT:+VERS-TLS1.0:+VERS-TLS1.1:+RSA:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1"

/* Shakes hands over `fd` (not blocking). 0, or a GnuTLS error; GNUTLS_E_TIMEDOUT at the deadline. */
int probe_shake(gnutls_session_t session, int fd, uint64_t deadline);

/* An IPv4 or IPv6 address, which is never sent as SNI (RFC 6066, 3). */
bool probe_is_address(const char *name);
