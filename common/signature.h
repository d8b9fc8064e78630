/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stddef.h>

/* Signatures by the names that org.certagent1.Signer gives their algorithms ("ecdsa-sha256", "rsa-pss-sha256", …). ECDSA's are
 * in DER (RFC 3279, 2.2.3). With "-digest" behind the name (not Ed25519's), `data` is the digest itself. */

/* `public_key` is the private key's public half. An algorithm that is unknown, or not for this type of key, is
 * CERT_ERROR_NOT_SUPPORTED, anything else KEY_STORAGE. Caller owns. */
GBytes *signature_make(gnutls_privkey_t private_key, gnutls_pubkey_t public_key, const char *algorithm,
                       const void *data, size_t size, GError **error);

/* Whether the signature is this key's. */
bool signature_verify(gnutls_pubkey_t key, const char *algorithm, const void *data, size_t size, GBytes *signature);

/* The algorithm to use where nobody asks for another: of a digest as strong as the key, which is what JOSE pairs with
 * each curve (RFC 7518, 3.4). NULL: a key that signs by none of them. Static. */
const char *signature_default(gnutls_pubkey_t key);
