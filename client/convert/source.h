/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Reading what other programs wrote: whole, never more than was agreed, never blocking. */

#define SOURCE_SIZE_MAX (16 * 1024 * 1024)

typedef enum SourceLinks {
        SOURCE_FOLLOW, /* a file that somebody named */
        SOURCE_REFUSE,
} SourceLinks;

/* `opened` is the path as it is opened, `name` as it is said. *ret_text ends in a NUL that *ret_size does not count;
 * it may hold others. Caller owns. */
bool source_read(const char *opened, const char *name, SourceLinks links, size_t max, char **ret_text, size_t *ret_size,
                 GError **error);

/* The names in a folder, sorted, without hidden ones; caller owns (g_strfreev). A folder that is not there has none
 * where `missing` is so allowed. */
char **source_list(const char *opened, const char *name, bool may_be_missing, GError **error);
