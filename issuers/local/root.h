/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"

/* The making of an authority's own key and certificate; PEM, caller owns, the key's memory is wiped when it is freed.
 * KEY_STORAGE, or MANIFEST_INVALID for a subject that cannot be written. */
GBytes *root_new_key(KeyType type, GError **error);
GBytes *root_new_certificate(const AuthorityOptions *o, GBytes *key_pem, uint64_t now, GError **error);
