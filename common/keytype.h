/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

/* The kinds of key that a manifest may name. */

typedef enum KeyType {
        KEY_TYPE_ECDSA_P256,
        KEY_TYPE_ECDSA_P384,
        KEY_TYPE_ECDSA_P521,
        KEY_TYPE_ED25519,
        KEY_TYPE_RSA_2048,
        KEY_TYPE_RSA_3072,
        KEY_TYPE_RSA_4096,
        _KEY_TYPE_MAX,
        _KEY_TYPE_INVALID = -EINVAL,
} KeyType;

const char *key_type_to_string(KeyType type); /* "ecdsa-p256" */
KeyType key_type_from_string(const char *s);

/* GnuTLS's parameters for making such a key: the algorithm and, as gnutls_privkey_generate() takes them,
 * bits or GNUTLS_CURVE_TO_BITS(). */
gnutls_pk_algorithm_t key_type_algorithm(KeyType type);
unsigned key_type_bits(KeyType type);

/* The hash that goes with it in a signature (RFC 5758 strengths; ed25519: its own, GNUTLS_DIG_SHA512). */
gnutls_digest_algorithm_t key_type_digest(KeyType type);

/* The type of a public key, or _KEY_TYPE_INVALID when a manifest could not have asked for it. */
KeyType key_type_of(gnutls_pubkey_t key);
