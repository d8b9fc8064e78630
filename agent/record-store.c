/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store of records
 *
 * Owns the records that the agent holds while it runs, and the summary file that lets it start without reading
 * one JSON file a certificate. The summary is believed for a record only while the record's file is the same
 * inode of the same size and times. History stays on disk until somebody asks for it.
 */

#include "agent/facts-cache.h"
#include "agent/pack.h"
#include "agent/record-file.h"
#include "common/names.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct StoreEntry {
        Record *record; /* NULL: removed */
        FileIdentity identity;
        bool known; /* there is a file */
} StoreEntry;

struct RecordStore {
        GHashTable *entries; /* name (the record's, or owned by a removed entry) -> StoreEntry* */
        FactsCache *summary; /* NULL when it was let go after it was written */
        int folder;          /* -1: not there yet */
        bool changed;        /* the summary file does not say what is held */
};

static void store_entry_free(gpointer p)
{
        StoreEntry *e = p;

        record_free(e->record);
        g_free(e);
}

RecordStore *record_store_new(void)
{
        RecordStore *s = g_new0(RecordStore, 1);

        s->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, store_entry_free);
        s->folder = record_folder_open(false, NULL);
        s->summary = facts_cache_open(CERT_RECORD_SUMMARY_FILE, FACTS_CACHE_RECORDS);
        return s;
}

RecordStore *record_store_free(RecordStore *s)
{
        if (!s)
                return NULL;
        g_hash_table_unref(s->entries);
        facts_cache_free(s->summary);
        if (s->folder >= 0)
                close(s->folder);
        g_free(s);
        return NULL;
}

/* ---- The summary ---- */

static void pack_identity(GByteArray *a, const FileIdentity *id)
{
        pack_u64(a, id->dev);
        pack_u64(a, id->ino);
        pack_u64(a, id->size);
        pack_u64(a, id->mtime_ns);
        pack_u64(a, id->ctime_ns);
}

static FileIdentity unpack_identity(Unpack *u)
{
        FileIdentity id;

        id.dev = unpack_u64(u);
        id.ino = unpack_u64(u);
        id.size = unpack_u64(u);
        id.mtime_ns = unpack_u64(u);
        id.ctime_ns = unpack_u64(u);
        return id;
}

static void pack_record(GByteArray *a, const Record *r)
{
        pack_string(a, r->issuer);
        pack_string(a, r->request_digest);
        pack_u32(a, r->generation);
        pack_string(a, r->fingerprint);
        pack_string(a, r->revoked);
        pack_string(a, r->taken);
        pack_u64(a, r->last_renewal);
        pack_string(a, r->authority);
        pack_string(a, r->source);
        pack_u64(a, r->unused_since);
        pack_string(a, r->answered);
        pack_u32(a, r->failures);
        pack_string(a, r->failed_digest);
        pack_string(a, r->failed_issuer);
        pack_u64(a, r->failed_at);
        pack_u64(a, r->retry_at);
        pack_u8(a, r->retry_told);
        pack_string(a, r->error >= 0 ? cert_error_to_name(r->error) : NULL);
        pack_string(a, r->message);
        pack_string(a, r->hint);
        pack_u8(a, r->blocked);
        pack_u8(a, r->degraded);
        pack_u32(a, r->pending);
        pack_string(a, r->pending_digest);
        pack_u8(a, r->pending_imported);
        pack_string(a, r->token);
        pack_string(a, r->token_digest);
        pack_u32(a, r->token_generation);
        pack_u64(a, r->poll_at);
        pack_u64(a, r->requested_at);
        pack_u64(a, r->reminded_at);
}

static Record *unpack_record(const char *name, Unpack *u)
{
        Record *r = g_new0(Record, 1); /* not record_new(): the history stays on disk */
        const char *error;

        r->name = g_strdup(name);
        r->issuer = unpack_strdup(u);
        r->request_digest = unpack_strdup(u);
        r->generation = unpack_u32(u);
        r->fingerprint = unpack_strdup(u);
        r->revoked = unpack_strdup(u);
        r->taken = unpack_strdup(u);
        r->last_renewal = unpack_u64(u);
        r->authority = unpack_strdup(u);
        r->source = unpack_strdup(u);
        r->unused_since = unpack_u64(u);
        r->answered = unpack_strdup(u);
        r->failures = unpack_u32(u);
        r->failed_digest = unpack_strdup(u);
        r->failed_issuer = unpack_strdup(u);
        r->failed_at = unpack_u64(u);
        r->retry_at = unpack_u64(u);
        r->retry_told = unpack_u8(u);
        error = unpack_string(u);
        r->error = error ? cert_error_from_name(error) : _CERT_ERROR_INVALID;
        r->message = unpack_strdup(u);
        r->hint = unpack_strdup(u);
        r->blocked = unpack_u8(u);
        r->degraded = unpack_u8(u);
        r->pending = unpack_u32(u);
        r->pending_digest = unpack_strdup(u);
        r->pending_imported = unpack_u8(u);
        r->token = unpack_strdup(u);
        r->token_digest = unpack_strdup(u);
        r->token_generation = unpack_u32(u);
        r->poll_at = unpack_u64(u);
        r->requested_at = unpack_u64(u);
        r->reminded_at = unpack_u64(u);
        return unpack_is_whole(u) ? r : record_free(r);
}

static FactsCache *summary_of(RecordStore *s)
{
        if (!s->summary)
                s->summary = facts_cache_open(CERT_RECORD_SUMMARY_FILE, FACTS_CACHE_RECORDS);
        return s->summary;
}

/* The record as the summary has it, if its file is still the same. */
static Record *recall(RecordStore *s, const char *name, FileIdentity *ret_identity)
{
        FileIdentity seen, now;
        const uint8_t *data;
        char file[256];
        struct stat st;
        Unpack u;
        size_t size;

        if (s->folder < 0 || !facts_cache_find(summary_of(s), name, &data, &size))
                return NULL;
        if (g_snprintf(file, sizeof(file), "%s.json", name) >= (int) sizeof(file) ||
            fstatat(s->folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return NULL;
        u = unpack_new(data, size);
        seen = unpack_identity(&u);
        now = file_identity(&st);
        if (!file_identity_equal(&seen, &now))
                return NULL;
        *ret_identity = now;
        return unpack_record(name, &u);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* All names: those held, and those of the old summary that nobody asked for meanwhile. Borrowed. */
static GPtrArray *names_of(RecordStore *s)
{
        GPtrArray *names = g_ptr_array_new();
        FactsCache *summary = summary_of(s);
        const uint8_t *data;
        GHashTableIter iter;
        gpointer name;
        size_t size;

        g_hash_table_iter_init(&iter, s->entries);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                g_ptr_array_add(names, name);
        for (size_t i = 0; i < facts_cache_size(summary); i++) {
                const char *other = facts_cache_entry(summary, i, &data, &size);

                if (!g_hash_table_contains(s->entries, other))
                        g_ptr_array_add(names, (char *) other);
        }
        g_ptr_array_sort(names, compare_names);
        return names;
}

static void write_entry(RecordStore *s, FactsWriter *w, const char *name, uint64_t now_ns)
{
        const StoreEntry *e = g_hash_table_lookup(s->entries, name);
        const uint8_t *data;
        GByteArray *a;
        size_t size;

        if (!e && facts_cache_find(s->summary, name, &data, &size)) {
                g_byte_array_append(facts_writer_begin(w, name), data, size);
                facts_writer_end(w);
        } else if (e && e->record && e->known && file_identity_is_settled(&e->identity, now_ns)) {
                a = facts_writer_begin(w, name);
                pack_identity(a, &e->identity);
                pack_record(a, e->record);
                facts_writer_end(w);
        }
}

void record_store_write_summary(RecordStore *s)
{
        if (s->changed) {
                g_autoptr(FactsWriter) w = facts_writer_new(FACTS_CACHE_RECORDS);
                g_autoptr(GPtrArray) names = names_of(s);
                uint64_t now_ns = now_realtime() * 1000;

                for (unsigned i = 0; i < names->len; i++)
                        write_entry(s, w, g_ptr_array_index(names, i), now_ns);
                facts_writer_write(w, CERT_RECORD_SUMMARY_FILE);
                s->changed = false;
        }
        s->summary = facts_cache_free(s->summary);
}

/* ---- Records ---- */

static void keep(RecordStore *s, Record *r, const FileIdentity *identity, bool known)
{
        StoreEntry *e = g_new0(StoreEntry, 1);

        e->record = r;
        e->identity = *identity;
        e->known = known;
        g_hash_table_replace(s->entries, g_strdup(r->name), e);
}

bool record_store_get(RecordStore *s, const char *name, Record **ret_record, bool *ret_known, GError **error)
{
        StoreEntry *e = g_hash_table_lookup(s->entries, name);
        FileIdentity identity = {};
        bool known = true;
        Record *r;

        if (!e || !e->record) {
                r = recall(s, name, &identity);
                if (!r) {
                        if (!record_file_load(s->folder, name, &r, &identity, &known, error))
                                return false;
                        if (known)
                                g_clear_pointer(&r->history, g_ptr_array_unref);
                        s->changed = s->changed || known;
                }
                keep(s, r, &identity, known);
                e = g_hash_table_lookup(s->entries, name);
        }
        *ret_record = e->record;
        if (ret_known)
                *ret_known = e->known;
        return true;
}

/* Which file it is after it was saved; the history need not stay in memory then. */
static void note_saved(RecordStore *s, Record *r)
{
        StoreEntry *e = g_hash_table_lookup(s->entries, r->name);
        g_autofree char *file = record_file_name(r->name);
        struct stat st;

        if (!e || e->record != r || !file || fstatat(s->folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        e->identity = file_identity(&st);
        e->known = true;
        g_clear_pointer(&r->history, g_ptr_array_unref);
}

bool record_store_save(RecordStore *s, Record *const *records, size_t n, GError **error)
{
        if (n == 0)
                return true;
        s->changed = true;
        if (!record_save_many(records, n, error))
                return false;
        if (s->folder < 0)
                s->folder = record_folder_open(false, NULL);
        for (size_t i = 0; s->folder >= 0 && i < n; i++)
                note_saved(s, records[i]);
        return true;
}

bool record_store_reload(RecordStore *s, const char *name, Record **ret_record, GError **error)
{
        g_hash_table_remove(s->entries, name);
        s->changed = true;
        return record_store_get(s, name, ret_record, NULL, error);
}

bool record_store_remove(RecordStore *s, const char *name, GError **error)
{
        if (!record_remove(name, error))
                return false;
        /* A mark without a record keeps the old summary's entry from being written again. */
        g_hash_table_replace(s->entries, g_strdup(name), g_new0(StoreEntry, 1));
        s->changed = true;
        return true;
}
