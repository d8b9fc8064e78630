/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"
#include "issuers/local/store.h"

/* What the changes of a local authority put aside in its folder: the folders before-ID and retired-ID. One
 * whose keys are to be destroyed bears the suffix until they are. */

#define ASIDE_DESTROY ".destroy"

/* Whether a file of this name is put aside when another authority takes its place. */
bool aside_takes(const char *name);

/* Whether a folder is there whose keys are to be destroyed. */
bool aside_is_left(const Store *s, bool *ret, GError **error);

/* With the lock held exclusively: destroys the keys of all such folders, and removes the oldest of those
 * without a key when there are many. What fails is logged, and keeps no
 * other key from being destroyed. */
void aside_finish(Store *s, const AuthorityOptions *o);

/* Destroys the key of one file, unless another one of `names` (what is in the authority's folder; NULL ends)
 * holds the same, and removes the file. */
bool aside_destroy_key(Store *s, const AuthorityOptions *o, const char *const *names, const char *file,
                       GError **error);
