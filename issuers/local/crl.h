/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/part.h"
#include "issuers/local/revoked.h"

/* A certificate revocation list as one part of an authority signs it (RFC 5280, section 5). */

/* `number` is larger than that of each list before; times in seconds since 1970. Those entries are listed
 * that are of this part. DER, caller owns. KEY_STORAGE. */
GBytes *crl_new(const Part *part, gnutls_privkey_t key, uint64_t number, int64_t this_update,
                int64_t next_update, const Revoked *revoked, GError **error);
