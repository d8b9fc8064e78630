/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* JSON Web Signatures (RFC 7515, compact serialization; algorithms of RFC 7518, section 3, and RFC 8037) whose key is the
 * agent's: signed through org.certagent1.Signer. */

/* The "alg" that goes with an algorithm of Signer's ("ecdsa-sha256": "ES256"); NULL when there is none. Static. */
const char *jws_algorithm(const char *signer_algorithm);

/* header and payload are JSON texts; the header says its own "alg". Signed by `key` of the Signer at `bus`. Caller
 * owns. */
char *jws_sign(sd_bus *bus, const char *key, const char *signer_algorithm, const char *header, const char *payload,
               GError **error);
