/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"
#include "issuers/local/revoked.h"

/* The record of what a local authority signed for requests from elsewhere: nobody but the authority knows of these
 * certificates, so each is kept, as ISSUED_FOLDER/SERIAL.der of the authority's folder. It stays when the authority is
 * rotated or made anew. */

#define ISSUED_FOLDER   "issued"
#define ISSUED_SUFFIX   ".der"
#define ISSUED_LIST_MAX 4096              /* certificates in one list */
#define ISSUED_LIST_SIZE (4 * 1024 * 1024) /* and their bytes */

/* One of them; times are seconds since 1970. */
typedef struct IssuedEntry {
        unsigned char serial[REVOKED_SERIAL_MAX];
        unsigned char serial_size;
        char authority[PART_FINGERPRINT + 1]; /* which of its certificates signed it; "": none that is known */
        int64_t not_before, not_after;
} IssuedEntry;

/* What is recorded: IssuedEntry, in no order; caller owns. A file that is none of ours, or damaged, is passed over, and
 * logged. KEY_STORAGE: the folder cannot be read. */
GArray *issued_read(const AuthorityLook *look, GError **error);

/* With the lock held exclusively: records a certificate (DER) that `signer` signed; on disk, with its folder, when it
 * returns. Forgets those that ended over a year before `now` (microseconds since 1970). KEY_STORAGE; ISSUER_REFUSED when
 * there are too many. */
bool issued_add(AuthorityLook *look, const Part *signer, GBytes *der, uint64_t now, GError **error);

/* GBytes* of DER: those that did not end over a year ago, the latest first, as many as one list may hold; caller owns. */
GPtrArray *issued_list(const AuthorityLook *look, uint64_t now, GError **error);

/* One of them as DER, by its serial number (lower-case hex, with or without leading zeros); caller owns.
 * NO_SUCH_CERTIFICATE. */
GBytes *issued_find(const AuthorityLook *look, const AuthorityOptions *o, const char *serial, GError **error);

/* When the last of those ends that `part` signed and that are not revoked (microseconds since 1970); 0: there is none. */
uint64_t issued_until(const GArray *issued, const Part *part, const Revoked *revoked);
