/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/part.h"
#include "issuers/local/store.h"
#include "issuers/revocation-reason.h"

#include <errno.h>
#include <gnutls/x509.h>

/* What a local authority revoked: the file REVOKED_FILE of its folder, a line for each certificate. It grows
 * at its end and is kept in memory, so that one more costs the same however many there are. */

#define REVOKED_FILE       "revoked"
#define REVOKED_SERIAL_MAX 20 /* octets, RFC 5280, 4.1.2.2 */

/* Times are seconds since 1970. */
typedef struct RevokedEntry {
        unsigned char serial[REVOKED_SERIAL_MAX];
        unsigned char serial_size;
        unsigned char reason;
        char authority[PART_FINGERPRINT + 1]; /* which of its certificates signed it */
        int64_t revoked, not_after;
} RevokedEntry;

typedef struct Revoked Revoked;

/* Reads the list, none where there is no file. A last line that was not written to its end does not count.
 * KEY_STORAGE. */
Revoked *revoked_new(const Store *s, GError **error);
Revoked *revoked_free(Revoked *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Revoked, revoked_free)

/* Whether the file is still the one that was read, or written by this. */
bool revoked_is_current(const Revoked *r, const Store *s);

bool revoked_has(const Revoked *r, const RevokedEntry *entry);

/* With the lock held exclusively and the list current: on disk when it returns. One that is listed stays as
 * it is. */
bool revoked_add(Revoked *r, Store *s, const RevokedEntry *entry, GError **error);

/* With the lock held exclusively and the list current: forgets those that ended before `time`; writes nothing
 * when there is none. */
bool revoked_drop(Revoked *r, Store *s, int64_t time, GError **error);

unsigned revoked_size(const Revoked *r);
const RevokedEntry *revoked_entry(const Revoked *r, unsigned i); /* in the order in which they were added */
