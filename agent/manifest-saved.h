/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

/* The last good manifest, kept in the state folder: the agent ends when idle, and a manifest that is broken meanwhile
 * must not leave the next one without any. */

/* Keeps a copy of the files that this manifest was read from; does nothing when that one is kept already. */
void manifest_saved_keep(const Manifest *manifest);

/* The kept one, checked anew; NULL when there is none, or when it is no longer good (said in the log). */
Manifest *manifest_saved_load(void);
