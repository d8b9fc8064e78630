/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <stdbool.h>

/* An authority's key in the ways in which it can be protected. What a key's file holds is known here only;
 * the store keeps it as it is. Its memory is wiped when it is freed. All errors are KEY_STORAGE. */

/* Makes a key of the options' type and protection. Returns the content of its file (the caller writes it and
 * owns it) and the key itself (the caller deinits). */
GBytes *authority_key_new(const AuthorityOptions *o, gnutls_privkey_t *ret_key, GError **error);

/* The key of a file's content, whatever protection the options now ask for; the caller deinits. The messages
 * begin with what is wrong ("holds no private key"): the caller says of which file. */
bool authority_key_open(const AuthorityOptions *o, GBytes *content, gnutls_privkey_t *ret_key,
                        GError **error);

/* Whether opening it would ask a token. */
bool authority_key_is_on_token(GBytes *content);

/* What a token keeps goes; for a file there is nothing to do, its caller removes it. */
void authority_key_destroy(const AuthorityOptions *o, GBytes *content);
