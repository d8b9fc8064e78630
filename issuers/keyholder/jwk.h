/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/abstract.h>
#include <stdbool.h>

/* A private JSON Web Key (RFC 7517): EC on P-256, P-384 or P-521 and RSA (RFC 7518, section 6), Ed25519 (RFC
 * 8037). */

#define JWK_KEY_ID_MAX 1024 /* bytes */

/* The key, its public half (gnutls_privkey_deinit(), gnutls_pubkey_deinit()) and its "kid" ("": it has none);
 * caller owns them. ISSUER_PROTOCOL: it is no such thing, or its halves do not belong together.
 * NOT_SUPPORTED: another type of key. What is copied of `json` is wiped. */
bool jwk_import(GBytes *json, gnutls_privkey_t *ret_private_key, gnutls_pubkey_t *ret_public_key,
                char **ret_key_id, GError **error);
