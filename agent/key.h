/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>

/* A private key: made in memory or held by a PKCS#11 token. Making one and signing with one take time (RSA
 * seconds, a token on the network more): call them on a thread (agent/offload.h), never in the loop. A Key is
 * immutable and may be used from any thread. Errors are CERT_ERROR_KEY_STORAGE and say what to do. */

typedef struct Key Key;

/* A new key of this type. */
Key *key_new(KeyType type, GError **error);

/* From PEM (PKCS#8, PKCS#1 or SEC 1; other PEM blocks around it do not matter). An encrypted one is refused. */
Key *key_new_from_pem(GBytes *pem, GError **error);

/* The key that a `pkcs11:` URI (RFC 7512) names, made in the token when it is missing and `make_missing`. The PIN
 * comes from the URI's pin-source or pin-value; nobody is ever asked. A key of another type than `type` fails
 * with the words to change it. */
Key *key_new_from_uri(const char *uri, KeyType type, bool make_missing, GError **error);

/* Makes a Key of GnuTLS's objects; takes ownership of both and a reference to `pem` (NULL for a token's key). */
Key *key_wrap(gnutls_privkey_t private_key, gnutls_pubkey_t public_key, GBytes *pem);

Key *key_ref(Key *k);
Key *key_unref(Key *k);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Key, key_unref)

gnutls_privkey_t key_private(const Key *k); /* borrowed */
gnutls_pubkey_t key_public(const Key *k);   /* borrowed */
GBytes *key_pem(const Key *k);              /* PKCS#8 PEM, secret, borrowed; NULL when a token holds it */
KeyType key_type(const Key *k);             /* _KEY_TYPE_INVALID: none that a manifest can name */

/* SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7); caller owns. */
GBytes *key_spki(const Key *k, GError **error);

/* Signs `data` with an algorithm of org.certagent1.Signer's names ("ecdsa-sha256", "rsa-pss-sha256", …; with "-digest"
 * behind it `data` is the digest itself). One that is unknown, or not for this type of key, is CERT_ERROR_NOT_SUPPORTED.
 * Caller owns the signature. */
GBytes *key_sign(const Key *k, const char *algorithm, const void *data, size_t size, GError **error);

/* Whether a certificate and a key belong together: the SHA-256 of the SubjectPublicKeyInfo's DER, lower-case hex,
 * of what the file's bytes, the token or the certificate hold. Caller owns; NULL with KEY_STORAGE, or
 * BAD_CERTIFICATE for a certificate, when there is none. The one for a URI may take long: it asks the token. */
char *key_digest_of_pem(const void *pem, size_t size, GError **error);
char *key_digest_of_uri(const char *uri, GError **error);
char *key_digest_of_certificate(gnutls_x509_crt_t crt, GError **error);
char *key_digest(gnutls_pubkey_t key, GError **error);
