/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The certificates that the host's administrator added to those it trusts, and for a folder with hash links a file for each
 * of them: such a link leads to a file of one certificate, and a bundle holds several while its authority is rotated. */

/* Those in the PEM files of a folder and the folders in it whose names end in `suffix` ("": all): fingerprint (SHA-256,
 * lower-case hex) -> PEM. Files that hold no such certificates are named in the log and skipped. Caller owns.
 * G_FILE_ERROR when a folder or file cannot be read; a missing folder is an empty one. */
GHashTable *parts_read(const char *folder, const char *suffix, GError **error);

/* Whether all of them that are authorities are in a bundle file. BAD_CERTIFICATE names one that is not. */
bool parts_are_in(GHashTable *parts, const char *bundle, GError **error);

/* Writes those that have no file of their own in the folder yet. */
bool parts_write(GHashTable *parts, const char *folder, GError **error);

/* Removes files of this kind that are none of these, and hash links to them or to nothing. */
bool parts_prune(GHashTable *parts, const char *folder, GError **error);
