/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <stdbool.h>

/* An authority's key in a PKCS#11 token, and what its file holds in its place: the `pkcs11:` URI of that very
 * key, with the token's serial number and the key's id but no PIN, and on a second line whether the key was
 * made here. The PIN, and how to reach the token, comes from the options' key_uri each time. All errors are
 * KEY_STORAGE. */

bool key_reference_is(GBytes *content);

/* The first key of an authority may be one that is in the token already, if the options' URI names it by
 * label or id; all later ones are made, each with an id of its own. Caller owns. */
GBytes *key_reference_new(const AuthorityOptions *o, GError **error);

/* The caller deinits the key. The message begins with what is wrong: the caller says of which file. */
bool key_reference_open(const AuthorityOptions *o, GBytes *content, gnutls_privkey_t *ret_key,
                        GError **error);

/* Removes a key that was made here from its token; what fails is logged. One that was found there stays. */
void key_reference_destroy(const AuthorityOptions *o, GBytes *content);
