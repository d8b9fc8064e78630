/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* JSON Web Signatures (RFC 7515, compact serialization; algorithms of RFC 7518, section 3, and RFC 8037) whose key is the
 * agent's: signed through org.certagent1.Signer. */

/* The "alg" that goes with an algorithm of Signer's ("ecdsa-sha256": "ES256"); NULL when there is none. Static. */
const char *jws_algorithm(const char *signer_algorithm);

/* The algorithm of Signer's with which a key (SubjectPublicKeyInfo, DER) makes signatures that JOSE knows: the curve names
 * its hash (RFC 7518, section 3.4), RSA takes SHA-256. NULL with NOT_SUPPORTED for other keys. Static. */
const char *jws_signer_algorithm(GBytes *public_key, GError **error);

/* A signature as Signer gives it, in the form that a JWS has: of ECDSA not the DER, but both numbers in the width of the
 * curve (RFC 7518, section 3.4). Caller owns. */
GBytes *jws_signature(const char *signer_algorithm, GBytes *signature, GError **error);

/* header and payload are JSON texts; the header says its own "alg". Signed by `key` of the Signer at `bus`. Caller
 * owns. */
char *jws_sign(sd_bus *bus, const char *key, const char *signer_algorithm, const char *header, const char *payload,
               GError **error);
