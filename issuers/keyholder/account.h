/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/secret.h"

#include <glib.h>
#include <stdbool.h>

/* The key of an account at a CA, opened: what the process keeps, and signs by. */

#define ACCOUNT_CHAIN_MAX 16 /* certificates */

typedef struct Account Account;

Account *account_free(Account *a); /* the key is wiped; NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Account, account_free)

/* From a JWK in a JWE (issuers/keyholder/jwe.h), whose errors these are. */
Account *account_open_encrypted(const char *encrypted_key, const Secret *password, GError **error);

/* From a key in PEM (PKCS#8, also encrypted; PKCS#1; SEC 1) and its certificates, leaf first (each one
 * certified by the next: RFC 7515, section 4.1.6). `password` may be NULL, and may be there without need.
 * ISSUER_AUTHENTICATION: it does not open the key. KEY_STORAGE: encrypted, and no password is there; no key;
 * no certificate; not of one another. Messages go on after the name of the key's file ("is encrypted"), and
 * name `certificate_file`. */
Account *account_open_pem(GBytes *key, GBytes *certificates, const char *certificate_file,
                          const Secret *password, GError **error);

GBytes *account_public_key(const Account *a);    /* SubjectPublicKeyInfo, DER; borrowed */
const char *account_algorithm(const Account *a); /* of org.certagent1.Signer's names; static */
const char *account_key_id(const Account *a);    /* or ""; borrowed */
GPtrArray *account_chain(const Account *a);      /* GBytes* of DER, leaf first; or empty; borrowed */

/* As signature_make(). Caller owns. */
GBytes *account_sign(const Account *a, const char *algorithm, const void *data, size_t size, GError **error);
