/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
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
