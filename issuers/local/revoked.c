/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The list of what was revoked: the entries in memory, an index of them by authority and serial number, and
 * which file they were read from. A line of the file is
 *
 *   SERIAL AUTHORITY REVOKED NOT-AFTER REASON
 *
 * in hex, hex, seconds, seconds and RFC 5280's name. */

#include "issuers/local/revoked.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX_SIZE (256 * 1024 * 1024)
#define LINE_FIELDS   5
#define LINE_MAX_SIZE 160

struct Revoked {
        GPtrArray *entries; /* RevokedEntry*, as they were added */
        GHashTable *index;  /* the same, by authority and serial number */
        uint64_t size;      /* of the file's complete lines */
        StoreFile file;     /* as it was then */
};

/* ---- Entries ---- */

static guint entry_hash(gconstpointer p)
{
        const RevokedEntry *e = p;
        guint hash = 5381;

        /* All of it: not every authority's serial numbers are random. */
        for (unsigned i = 0; i < e->serial_size; i++)
                hash = hash * 33 + e->serial[i];
        return hash;
}

static gboolean entry_equal(gconstpointer a, gconstpointer b)
{
        const RevokedEntry *x = a, *y = b;

        return x->serial_size == y->serial_size && memcmp(x->serial, y->serial, x->serial_size) == 0 &&
               g_str_equal(x->authority, y->authority);
}

static void take_entry(Revoked *r, const RevokedEntry *entry)
{
        RevokedEntry *e = g_memdup2(entry, sizeof(*entry));

        g_ptr_array_add(r->entries, e);
        g_hash_table_add(r->index, e);
}

/* ---- Lines ---- */

static bool read_hex(const char *text, unsigned char *data, size_t max, size_t *ret_size)
{
        size_t size = strlen(text) / 2;

        if (size == 0 || size > max || strlen(text) % 2 != 0)
                return false;
        for (size_t i = 0; i < size; i++) {
                int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);

                if (high < 0 || low < 0)
                        return false;
                data[i] = (unsigned char) (high << 4 | low);
        }
        *ret_size = size;
        return true;
}

static bool read_number(const char *text, int64_t *ret)
{
        return g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, ret, NULL);
}

/* Cuts the line up. */
static bool read_line(char *line, RevokedEntry *e)
{
        char *fields[LINE_FIELDS], *rest = line;
        RevocationReason reason;
        size_t size, n = 0;

        for (char *field; n < LINE_FIELDS && (field = strsep(&rest, " "));)
                fields[n++] = field;
        if (n != LINE_FIELDS || rest || strlen(fields[1]) != PART_FINGERPRINT)
                return false;
        reason = revocation_reason_from_string(fields[4]);
        *e = (RevokedEntry){ .reason = (unsigned char) MAX(reason, 0) };
        memcpy(e->authority, fields[1], PART_FINGERPRINT);
        if (reason < 0 || !read_hex(fields[0], e->serial, sizeof(e->serial), &size) ||
            !read_number(fields[2], &e->revoked) || !read_number(fields[3], &e->not_after))
                return false;
        e->serial_size = (unsigned char) size;
        return true;
}

static void append_line(GString *text, const RevokedEntry *e)
{
        for (unsigned i = 0; i < e->serial_size; i++)
                g_string_append_printf(text, "%02x", e->serial[i]);
        g_string_append_printf(text, " %s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s\n", e->authority,
                               e->revoked, e->not_after,
                               revocation_reason_to_string((RevocationReason) e->reason));
}

/* ---- The file ---- */

static bool read_lines(Revoked *r, const Store *s, GBytes *content, GError **error)
{
        size_t size;
        const char *data = g_bytes_get_data(content, &size), *at = data, *end;

        for (; (end = memchr(at, '\n', size - (size_t) (at - data))); at = end + 1) {
                char line[LINE_MAX_SIZE];
                RevokedEntry e;

                if ((size_t) (end - at) < sizeof(line)) {
                        memcpy(line, at, (size_t) (end - at));
                        line[end - at] = '\0';
                }
                if ((size_t) (end - at) >= sizeof(line) || !read_line(line, &e)) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                                    "%s/" REVOKED_FILE " is damaged in its line %u\n"
                                    "Restore it from a backup, or remove that line: what it revoked is then "
                                    "no longer.",
                                    store_shown(s), r->entries->len + 1);
                        return false;
                }
                take_entry(r, &e);
        }
        r->size = (uint64_t) (at - data);
        return true;
}

Revoked *revoked_new(const Store *s, GError **error)
{
        g_autoptr(Revoked) r = g_new0(Revoked, 1);
        g_autoptr(GBytes) content = NULL;

        r->entries = g_ptr_array_new_with_free_func(g_free);
        r->index = g_hash_table_new(entry_hash, entry_equal);
        r->file = store_file(s, REVOKED_FILE);
        if (!store_read(s, REVOKED_FILE, FILE_MAX_SIZE, &content, error) ||
            (content && g_bytes_get_size(content) > 0 && !read_lines(r, s, content, error)))
                return NULL;
        return g_steal_pointer(&r);
}

Revoked *revoked_free(Revoked *r)
{
        if (!r)
                return NULL;
        g_hash_table_unref(r->index);
        g_ptr_array_unref(r->entries);
        g_free(r);
        return NULL;
}

bool revoked_is_current(const Revoked *r, const Store *s)
{
        StoreFile now = store_file(s, REVOKED_FILE);

        return now.inode == r->file.inode && now.size == r->file.size && now.changed_ns == r->file.changed_ns;
}

bool revoked_has(const Revoked *r, const RevokedEntry *entry)
{
        return g_hash_table_contains(r->index, entry);
}

bool revoked_add(Revoked *r, Store *s, const RevokedEntry *entry, GError **error)
{
        g_autoptr(GString) line = NULL;

        if (revoked_has(r, entry))
                return true;
        line = g_string_new(NULL);
        append_line(line, entry);
        if (!store_append(s, REVOKED_FILE, r->size, line->str, line->len, error))
                return false;
        take_entry(r, entry);
        r->size += line->len;
        r->file = store_file(s, REVOKED_FILE);
        return true;
}

static GPtrArray *those_from(const Revoked *r, int64_t time)
{
        GPtrArray *kept = g_ptr_array_new();

        for (unsigned i = 0; i < r->entries->len; i++) {
                RevokedEntry *e = g_ptr_array_index(r->entries, i);

                if (e->not_after >= time)
                        g_ptr_array_add(kept, e);
        }
        return kept;
}

bool revoked_drop(Revoked *r, Store *s, int64_t time, GError **error)
{
        g_autoptr(GPtrArray) kept = those_from(r, time), before = NULL;
        g_autoptr(GString) text = NULL;
        g_autoptr(GBytes) content = NULL;

        if (kept->len == r->entries->len)
                return true;
        text = g_string_new(NULL);
        for (unsigned i = 0; i < kept->len; i++)
                append_line(text, g_ptr_array_index(kept, i));
        content = g_string_free_to_bytes(g_steal_pointer(&text));
        if (!store_write(s, REVOKED_FILE, content, error))
                return false;
        r->size = g_bytes_get_size(content);
        before = g_steal_pointer(&r->entries);
        r->entries = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_remove_all(r->index);
        for (unsigned i = 0; i < kept->len; i++)
                take_entry(r, g_ptr_array_index(kept, i));
        r->file = store_file(s, REVOKED_FILE);
        return true;
}

unsigned revoked_size(const Revoked *r)
{
        return r->entries->len;
}

const RevokedEntry *revoked_entry(const Revoked *r, unsigned i)
{
        return g_ptr_array_index(r->entries, i);
}
