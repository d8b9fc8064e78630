/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What a folder lies in: a version-control checkout, or a folder that lets others not pass. */

typedef struct Surroundings {
        const char *system; /* whose checkout: "Git", …; NULL: none */
        char *checkout;     /* the checkout's topmost folder, as the host has it; NULL: none */
        bool is_closed;     /* it, or one above, can be passed by its owner and group alone */
} Surroundings;

/* What is known of folders, so that thousands of files in one tree cost one way up. Good for a moment. */
typedef struct SurroundingsCache SurroundingsCache;

SurroundingsCache *surroundings_cache_new(void);
SurroundingsCache *surroundings_cache_free(SurroundingsCache *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SurroundingsCache, surroundings_cache_free)

/* Of an open folder. Borrowed from the cache; NULL when it cannot be found out. Blocks. */
const Surroundings *surroundings_of(SurroundingsCache *c, int folder);
