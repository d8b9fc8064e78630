/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* SELinux labels of new files: what the policy says of the final path is set before the file is made, so that
 * it never stands under the hidden name's label. Without SELinux, or where it is off, nothing is done. */

typedef struct Labels Labels;

/* Reads the policy's table of paths; once for many files. NULL where SELinux is off or the table cannot be
 * read (said in the log): every function takes NULL. */
Labels *labels_new(void);
Labels *labels_free(Labels *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Labels, labels_free)

/* What this thread makes next gets the label of `path` (as the manifest has it) and `type` (S_IFREG, S_IFDIR,
 * S_IFLNK), until labels_leave(). */
void labels_enter(Labels *l, const char *path, mode_t type);
void labels_leave(Labels *l);
