/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A cache file: packed bytes by name, in one file that is read at once and replaced as a whole. It may vanish or
 * be damaged at any time: then it is empty, and everything is found out anew. Holds no secret. */

typedef enum FactsCacheKind {
        FACTS_CACHE_FACTS = 0x32544346,   /* the inventory's: "FCT2" */
        FACTS_CACHE_RECORDS = 0x36434552, /* the record store's: "REC6" */
} FactsCacheKind;

typedef struct FactsCache FactsCache;

/* Reads the file at `path` (as the host has it). Never NULL; empty when there is no sound one of this kind. */
FactsCache *facts_cache_open(const char *path, FactsCacheKind kind);
FactsCache *facts_cache_free(FactsCache *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FactsCache, facts_cache_free)

/* The bytes kept for a name, borrowed. Asking in the order of the names is fastest. */
bool facts_cache_find(FactsCache *c, const char *name, const uint8_t **ret_data, size_t *ret_size);
/* All entries in the order of their names: facts_cache_size() of them, counted from 0. */
size_t facts_cache_size(const FactsCache *c);
const char *facts_cache_entry(const FactsCache *c, size_t i, const uint8_t **ret_data, size_t *ret_size);

/* A new content: entries in ascending order of their names (strcmp), each once, then written. */
typedef struct FactsWriter FactsWriter;

FactsWriter *facts_writer_new(FactsCacheKind kind);
FactsWriter *facts_writer_free(FactsWriter *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FactsWriter, facts_writer_free)
GByteArray *facts_writer_begin(FactsWriter *w, const char *name); /* append the entry's bytes to this */
void facts_writer_end(FactsWriter *w);
/* Replaces the file at `path`, 0600, in one rename, not synced: it is a cache. Failing is not an error. */
void facts_writer_write(FactsWriter *w, const char *path);
