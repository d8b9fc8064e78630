/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"
#include "issuers/local/store.h"

/* The changes of a local authority. Each can be repeated, and waits for another process's. One that is cut
 * off anywhere is either as if it had never begun, or is gone through with by the next look at the authority:
 * what there is on disk tells which. KEY_STORAGE, or MANIFEST_INVALID for a subject that cannot be written.
 */

/* The authority, where its certificate or its key is missing. What is left of an old one is put aside in its
 * folder. */
bool change_make(const AuthorityOptions *o, GError **error);

/* The next certificate and key, where there is none yet. */
bool change_begin(const AuthorityOptions *o, GError **error);

/* Next becomes current, current becomes old; nothing without a next one. */
bool change_promote(const AuthorityOptions *o, GError **error);

/* What is old is no longer known; its certificates are put aside, its keys destroyed. */
bool change_retire(const AuthorityOptions *o, GError **error);

/* A new certificate and key, whatever state the rest is in: that is put aside, its keys destroyed. */
bool change_recreate(const AuthorityOptions *o, GError **error);

/* With the lock held exclusively: goes through with a change that was cut off after its point of no return.
 * No token is asked. */
bool change_finish(Store *s, const AuthorityOptions *o, GError **error);

/* With the lock held exclusively: the same, and destroys the keys that one left which was to destroy them,
 * also where the authority is damaged. A key that is in a token is destroyed there. What fails is logged, and
 * left to the next look. */
void change_finish_aside(Store *s, const AuthorityOptions *o);
