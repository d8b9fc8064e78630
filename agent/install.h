/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/generation.h"

/* Installing: putting generations in the place of the managed files, so that no reader ever finds a key and
 * a certificate that do not match for longer than two renames, and a crash at any point is finished at the
 * next start. The order is in install.c; folders are walked in agent/folder.c, intents kept in
 * agent/intent.c. */

typedef struct InstallItem {
        const ManifestCertificate *certificate;
        const Generation *generation;
        GError *error; /* out: set when this one could not be installed; its files are then as before */
        bool changed;  /* out: something was written */
} InstallItem;

/* Installs all items of one pass together: stages each (final owner, mode and SELinux label, synced), one
 * intent for all that could be staged, renames, folders synced, intent removed. An item that fails fails
 * alone. Never blocks on a FIFO, never follows a link that another user could have made. Errors:
 * INSTALL_FAILED with path, cause and hint. The caller saves each generation first (generation_save_many()): the
 * recovery takes from there what a crash lost, and names it by its number. */
void install_batch(InstallItem *items, size_t n_items);

/* Mends owner and mode, and writes derived files (chain, CA, combined, the directory's) anew from the
 * generation where they differ, with no new certificate. Same rules. */
bool install_repair(const ManifestCertificate *c, const Generation *g, GError **error);

/* Finishes what a crash cut off: called at start and by cert-agent-recover.service. Returns the names of the
 * certificates whose files were finished in `ret_names` (char*, caller owns the array): their units must be
 * told. A damaged intent is set aside and said. Also sweeps stale staged files of the intents. */
bool install_recover(GPtrArray **ret_names, GError **error);

/* True when an intent is there (cheap: for ConditionDirectoryNotEmpty-like decisions and idle exit). */
bool install_is_cut_off(void);
