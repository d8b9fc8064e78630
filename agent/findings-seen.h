/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/audit.h"

/* Which findings were told already, over restarts: each is told once, as long as it stays; and when all was looked at last.
 * Kept in CERT_FINDINGS_FILE. */

typedef struct FindingsSeen FindingsSeen;

FindingsSeen *findings_seen_load(void); /* what cannot be read was never seen */
FindingsSeen *findings_seen_free(FindingsSeen *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FindingsSeen, findings_seen_free)

/* When all was looked at last, microseconds since 1970; 0: never. */
uint64_t findings_seen_audited(const FindingsSeen *s);

/* Takes in what was found of these names (NULL: of all there are). Returns those that are new (const Finding *, borrowed);
 * the caller owns the array. When it was `complete`, those that are no longer found are forgotten, and told again when they
 * come back. */
GPtrArray *findings_seen_take(FindingsSeen *s, const GArray *findings, const char *const *names, bool complete);

/* All was looked at `now`. */
void findings_seen_note_audit(FindingsSeen *s, uint64_t now);

/* Something has changed since it was read or written. */
bool findings_seen_is_changed(const FindingsSeen *s);

/* Writes it when something has changed. */
bool findings_seen_save(FindingsSeen *s, GError **error);
