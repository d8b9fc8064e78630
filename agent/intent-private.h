/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/intent.h"

/* Between the intent's two files only. */

/* Caller owns. */
char *intent_to_json(const Intent *intent, size_t *ret_size);
/* NULL when it is no intent. Nothing in it is taken that an install would not write: paths are absolute,
 * staged names bare and of the kind that agent/stage.c makes. */
Intent *intent_from_json(GBytes *content);
