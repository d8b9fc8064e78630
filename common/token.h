/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <stdbool.h>

/* A PKCS#11 token and what a `pkcs11:` URI (RFC 7512) names in it, by GnuTLS over the modules that p11-kit is
 * configured with. The PIN comes from the URI alone; nobody is ever asked, and a token is never locked
 * (common/pin.h). Every call may take long: on a thread, where there is a loop. Errors are KEY_STORAGE, say
 * what to do, and show no PIN. */

typedef struct Token Token;

/* Reads the PIN and looks whether the token is there and can be logged in to. Until it is freed no other
 * process or thread with the same `memory` (of refused PINs; a path as the host has it) can use a token this
 * way: free it soon. Keys that were found live on. */
Token *token_open(const char *uri, const char *memory, GError **error);
Token *token_free(Token *t); /* NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Token, token_free)

/* The key that the URI names; the caller deinits both. When the token holds none, it succeeds with both NULL.
 */
bool token_find_key(Token *t, gnutls_privkey_t *ret_private, gnutls_pubkey_t *ret_public, GError **error);

/* Makes a key with the URI's `object` as its label (without one: `label`) and `id` (NULL: the URI's, or
 * none). */
bool token_make_key(Token *t, KeyType type, const char *label, GBytes *id, GError **error);

/* The URI of the one private key that the URI names, with its token's serial number and its id: no PIN,
 * caller owns. With `id` only a key of that id counts. Several, or none, is an error. */
char *token_key_reference(Token *t, GBytes *id, GError **error);

/* Removes the private key that the URI names, and its public half; fine when it is not there. */
bool token_remove_key(Token *t, GError **error);

/* The URI as people may see it: whatever follows "pin-value=" is not theirs to see. Caller owns. */
char *token_uri_shown(const char *uri);
