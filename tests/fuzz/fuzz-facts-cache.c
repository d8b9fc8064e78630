/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever stands in a cache file whose checksum is right, its entries are found by their names and stay within it, and
 * the facts in them are the same after they were packed and read again. The input: how many entries the header
 * says, and the file behind the header. */

#include "agent/facts-cache.h"
#include "agent/leaf.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_SIZE 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *path_of_file(void)
{
        return g_strdup_printf("%s/cert-agent-fuzz-cache.%d", g_get_tmp_dir(), (int) getpid());
}

static void write_cache(const char *path, unsigned entries, const uint8_t *data, size_t size)
{
        g_autoptr(FactsWriter) w = facts_writer_new(FACTS_CACHE_FACTS);
        GByteArray *bytes = NULL;

        for (unsigned i = 0; i < entries; i++)
                bytes = facts_writer_begin(w, "");
        if (bytes) {
                g_byte_array_set_size(bytes, HEADER_SIZE);
                g_byte_array_append(bytes, data, size);
        }
        facts_writer_write(w, path);
}

static void check_facts(const uint8_t *data, size_t size)
{
        g_autofree uint8_t *exact = g_memdup2(data, size); /* so that a byte too far is seen */
        Unpack u = unpack_new(exact, size);
        g_autofree LeafFacts *leaf = leaf_unpack(&u), *again = NULL;
        g_autoptr(GByteArray) first = g_byte_array_new(), second = g_byte_array_new();

        if (!leaf)
                return;
        leaf_pack(first, leaf);
        u = unpack_new(first->data, first->len);
        again = leaf_unpack(&u);
        g_assert_nonnull(again);
        g_assert_true(unpack_is_whole(&u));
        leaf_pack(second, again);
        g_assert_cmpmem(first->data, first->len, second->data, second->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *path = path_of_file();
        g_autoptr(FactsCache) cache = NULL;
        const uint8_t *entry, *found;
        size_t length, found_length;

        if (size == 0)
                return 0;
        check_facts(data, size);
        write_cache(path, data[0], data + 1, size - 1);
        cache = facts_cache_open(path, FACTS_CACHE_FACTS);
        g_assert_cmpint(g_unlink(path), ==, 0);
        for (size_t i = 0; i < facts_cache_size(cache); i++) {
                const char *name = facts_cache_entry(cache, i, &entry, &length);

                g_assert_true(facts_cache_find(cache, name, &found, &found_length));
                g_assert_true(found == entry && found_length == length);
                check_facts(entry, length);
        }
        return 0;
}
