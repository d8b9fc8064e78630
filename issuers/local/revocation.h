/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"
#include "issuers/local/revoked.h"

/* The revoking of certificates, and the lists that tell of it (RFC 5280, section 5). */

/* The lists of revoked certificates that this process has read, by authority; each is read anew when its file
 * was replaced. */
typedef struct RevocationLists RevocationLists;

RevocationLists *revocation_lists_new(void);
RevocationLists *revocation_lists_free(RevocationLists *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RevocationLists, revocation_lists_free)

/* What an authority that is present revoked; borrowed. KEY_STORAGE. */
const Revoked *revocation_list(RevocationLists *l, const AuthorityLook *look, const AuthorityOptions *o, GError **error);

/* The serial numbers, in lower-case hex, of what is not past its end at `now` (microseconds since 1970); NULL
 * ends, caller owns. */
char **revocation_serials(RevocationLists *l, const AuthorityLook *look, const AuthorityOptions *o,
                          uint64_t now, GError **error);

/* Lists a certificate (DER) of the authority, whichever part signed it; on disk when it returns. Once more is
 * fine, and changes nothing. ISSUER_REFUSED: it is none of the authority's. NOT_SUPPORTED: a reason that is
 * not known here. BAD_CERTIFICATE. */
bool revocation_add(RevocationLists *l, const AuthorityOptions *o, GBytes *der, const char *reason,
                    uint64_t now, GError **error);

/* A list for each part, signed by it: GBytes* of DER, in the order of parts; caller owns. What ended before
 * the last list was signed is forgotten (RFC 5280, 5). */
GPtrArray *revocation_sign(RevocationLists *l, const AuthorityOptions *o, uint64_t now, GError **error);
