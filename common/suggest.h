/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* What was meant by a word that is none of those that there are. */

/* The candidate nearest to `word` by the number of edits, whatever the case of its ASCII letters; borrowed,
 * NULL when none is near. */
const char *suggest_word(const char *word, const char *const *candidates, size_t n);
