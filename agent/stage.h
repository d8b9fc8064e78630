/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/folder.h"
#include "agent/label.h"
#include "agent/manifest.h"

#include <glib.h>
#include <stdbool.h>

/* Staging: a file or link is made beside its target, under a hidden name that cannot be guessed, and takes
 * the target's place by a rename. Staged names are ".NAME.16 HEX DIGITS.cert-agent". Errors are
 * INSTALL_FAILED; `path` is the target's, for messages and labels. */

/* Writes a file that is not there yet (`name`, bare): made with mode 0, given its owner and then its mode
 * while it is empty, and filled only then. */
bool stage_write(const Folder *folder, const char *name, const char *path, GBytes *content,
                 const FileAttributes *a, Labels *labels, bool sync, GError **error);

/* Stages a file, or a link with this text, for the target `name`; *ret_staged is its bare name, caller owns.
 */
bool stage_file(const Folder *folder, const char *name, const char *path, GBytes *content,
                const FileAttributes *a, Labels *labels, bool sync, char **ret_staged, GError **error);
bool stage_link(const Folder *folder, const char *name, const char *path, const char *text, Labels *labels,
                char **ret_staged, GError **error);

/* Puts what was staged in the target's place. What stood there, if no folder, is gone, whatever it was; what
 * a link there led to is not touched. */
bool stage_rename(const Folder *folder, const char *staged, const char *name, const char *path,
                  GError **error);

/* Whether this is a staged name; *ret_target (or NULL) is the target's name that it begins with, caller owns.
 */
bool stage_is_name(const char *name, char **ret_target);

/* Removes what crashes left of earlier stagings for these targets (a set of bare names). */
void stage_sweep(const Folder *folder, GHashTable *targets);
