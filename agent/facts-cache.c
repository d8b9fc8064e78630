/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The cache file
 *
 * Layout, all numbers little-endian:
 *
 *     u32 kind, u32 entries, u64 size of what follows the header, u64 checksum of it
 *     entries, ascending by name: u32 size of the rest of the entry, string name (agent/pack.h), bytes
 *
 * The whole file is read at once rather than mapped: a mapping of a file that is cut short kills the process. The
 * checksum finds rot, not malice (the state folder is root's); all the same every bound is checked.
 */

#include "agent/facts-cache.h"

#include "agent/folder.h"
#include "agent/pack.h"
#include "agent/readfile.h"
#include "common/log.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEADER_SIZE 24
#define CACHE_MAX (UINT32_C(1) << 30)

typedef struct Slot {
        const char *name;
        const uint8_t *data;
        size_t size;
} Slot;

struct FactsCache {
        GBytes *content;
        Slot *slots;
        size_t n_slots, cursor;
};

struct FactsWriter {
        GByteArray *bytes;
        FactsCacheKind kind;
        uint32_t entries;
        size_t entry; /* where the current entry's size stands */
};

/* 64 bits over eight bytes at a time: multiply and fold, so that each bit of the input moves all of the sum. */
static uint64_t checksum(const uint8_t *data, size_t size)
{
        const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
        uint64_t sum = size * prime, word;

        for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
                memcpy(&word, data, sizeof(word));
                sum = (sum ^ GUINT64_FROM_LE(word)) * prime;
                sum ^= sum >> 32;
        }
        for (; size > 0; data++, size--)
                sum = ((sum ^ *data) * prime) ^ (sum >> 29);
        return sum;
}

static bool read_slots(FactsCache *c, Unpack u, uint32_t n)
{
        c->slots = g_new(Slot, n);
        for (uint32_t i = 0; i < n; i++) {
                uint32_t size = unpack_u32(&u);
                Unpack entry;
                Slot *slot = &c->slots[i];

                if (u.damaged || size > (size_t) (u.end - u.at))
                        return false;
                entry = unpack_new(u.at, size);
                u.at += size;
                slot->name = unpack_string(&entry);
                slot->data = entry.at;
                slot->size = (size_t) (entry.end - entry.at);
                if (entry.damaged || !slot->name || (i > 0 && strcmp(slot[-1].name, slot->name) >= 0))
                        return false;
                c->n_slots = i + 1;
        }
        return unpack_is_whole(&u);
}

static bool read_content(FactsCache *c, FactsCacheKind kind)
{
        size_t size;
        const uint8_t *data = g_bytes_get_data(c->content, &size);
        Unpack u = unpack_new(data, size);
        uint32_t entries;

        if (unpack_u32(&u) != (uint32_t) kind)
                return false;
        entries = unpack_u32(&u);
        if (unpack_u64(&u) != size - HEADER_SIZE || unpack_u64(&u) != checksum(data + HEADER_SIZE, size - HEADER_SIZE))
                return false;
        /* An entry is at least its size and an empty name. */
        return !u.damaged && entries <= (size - HEADER_SIZE) / 9 && read_slots(c, u, entries);
}

FactsCache *facts_cache_open(const char *path, FactsCacheKind kind)
{
        g_autofree char *file = host_path(path);
        FactsCache *c = g_new0(FactsCache, 1);

        if (readfile_at(AT_FDCWD, file, CACHE_MAX, &c->content, NULL) != READ_DONE)
                return c;
        if (g_bytes_get_size(c->content) < HEADER_SIZE || !read_content(c, kind))
                c->n_slots = 0;
        return c;
}

FactsCache *facts_cache_free(FactsCache *c)
{
        if (!c)
                return NULL;
        g_clear_pointer(&c->content, g_bytes_unref);
        g_free(c->slots);
        g_free(c);
        return NULL;
}

size_t facts_cache_size(const FactsCache *c)
{
        return c->n_slots;
}

const char *facts_cache_entry(const FactsCache *c, size_t i, const uint8_t **ret_data, size_t *ret_size)
{
        *ret_data = c->slots[i].data;
        *ret_size = c->slots[i].size;
        return c->slots[i].name;
}

/* The first slot whose name is not less than `name`. */
static size_t find_slot(const FactsCache *c, const char *name)
{
        size_t low = 0, high = c->n_slots;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(c->slots[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

bool facts_cache_find(FactsCache *c, const char *name, const uint8_t **ret_data, size_t *ret_size)
{
        if (c->cursor >= c->n_slots || !g_str_equal(c->slots[c->cursor].name, name))
                c->cursor = find_slot(c, name);
        if (c->cursor >= c->n_slots || !g_str_equal(c->slots[c->cursor].name, name))
                return false;
        (void) facts_cache_entry(c, c->cursor++, ret_data, ret_size);
        return true;
}

FactsWriter *facts_writer_new(FactsCacheKind kind)
{
        static const uint8_t header[HEADER_SIZE];
        FactsWriter *w = g_new0(FactsWriter, 1);

        w->bytes = g_byte_array_new();
        w->kind = kind;
        g_byte_array_append(w->bytes, header, sizeof(header));
        return w;
}

FactsWriter *facts_writer_free(FactsWriter *w)
{
        if (!w)
                return NULL;
        g_byte_array_unref(w->bytes);
        g_free(w);
        return NULL;
}

GByteArray *facts_writer_begin(FactsWriter *w, const char *name)
{
        w->entry = w->bytes->len;
        w->entries++;
        pack_u32(w->bytes, 0);
        pack_string(w->bytes, name);
        return w->bytes;
}

void facts_writer_end(FactsWriter *w)
{
        uint32_t size = GUINT32_TO_LE((uint32_t) (w->bytes->len - w->entry - sizeof(uint32_t)));

        memcpy(w->bytes->data + w->entry, &size, sizeof(size));
}

static void write_header(FactsWriter *w)
{
        size_t size = w->bytes->len - HEADER_SIZE;
        g_autoptr(GByteArray) header = g_byte_array_sized_new(HEADER_SIZE);

        pack_u32(header, (uint32_t) w->kind);
        pack_u32(header, w->entries);
        pack_u64(header, size);
        pack_u64(header, checksum(w->bytes->data + HEADER_SIZE, size));
        memcpy(w->bytes->data, header->data, HEADER_SIZE);
}

void facts_writer_write(FactsWriter *w, const char *path)
{
        g_autofree char *file = host_path(path), *staged = g_strconcat(file, ".new", NULL);
        bool ok = false;
        int fd;

        write_header(w);
        (void) unlink(staged);
        fd = open(staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0) {
                ok = folder_write_all(fd, w->bytes->data, w->bytes->len) >= 0;
                ok = close(fd) >= 0 && ok;
                ok = ok && rename(staged, file) >= 0;
        }
        if (ok)
                return;
        log_debug("Cannot write the cache %s: %s, ignoring", path, g_strerror(errno));
        (void) unlink(staged);
}
