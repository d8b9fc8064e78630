/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inventory
 *
 * Owns the facts about what is present. A look at a certificate stats its files; only when one of them is another
 * file, or changed, are they read and compared (agent/examine.c). What came out is kept in memory and in the cache,
 * with the identity of each file that it came from.
 */

#include "agent/inventory.h"

#include "agent/examine.h"
#include "agent/facts-cache.h"
#include "agent/leaf.h"
#include "common/names.h"
#include "common/timespan.h"

#include <string.h>

#define TOKEN_PAUSE_USEC ((gint64) (10 * USEC_PER_MINUTE)) /* less than from one pass of the timer to the next */

typedef struct Entry {
        CertificateFacts facts; /* first: what is given out */
        FileFacts leaf_alone;
        uint32_t generation, uri;
        uint8_t unusable; /* a bit for each slot whose content is not what it should be */
        bool settled;     /* what is known stays true while the files' identities do */
        gint64 token_failed_at; /* CLOCK_MONOTONIC, microseconds; 0: never */
} Entry;

struct Inventory {
        GHashTable *entries; /* name -> Entry* */
        FactsCache *cache;   /* NULL when it was let go after it was written */
        FolderCache *folders;
        GStringChunk *interned; /* fingerprints and digests of authorities: few, and each in thousands of entries */
        bool changed; /* the cache file does not say what is known */
};

static void entry_free(gpointer p)
{
        Entry *e = p;

        g_free(e->facts.leaf);
        g_free(e->facts.content);
        g_free(e->facts.served);
        g_free(e);
}

Inventory *inventory_new(void)
{
        Inventory *i = g_new0(Inventory, 1);

        i->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
        i->folders = folder_cache_new();
        i->interned = g_string_chunk_new(1024);
        return i;
}

Inventory *inventory_free(Inventory *i)
{
        if (!i)
                return NULL;
        g_hash_table_unref(i->entries);
        facts_cache_free(i->cache);
        folder_cache_free(i->folders);
        g_string_chunk_free(i->interned);
        g_free(i);
        return NULL;
}

/* ---- What is known of one certificate ---- */

static FileFacts *entry_file(Entry *e, unsigned slot)
{
        return slot == SLOT_LEAF_ALONE ? &e->leaf_alone : &e->facts.file[slot];
}

/* The state of a file as a glance would see it: one that was read and found unusable looks present. */
static FileState glanced_state(const Entry *e, const FileFacts *f, unsigned slot)
{
        return e->unusable & (1u << slot) ? FILE_STATE_PRESENT : f->state;
}

static bool glance_is_same(Entry *e, const Glance *g)
{
        if (e->generation != g->generation || e->uri != g->uri)
                return false;
        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                const FileFacts *f = entry_file(e, slot);

                if (glanced_state(e, f, slot) != g->file[slot].state || !file_facts_same(f, &g->file[slot]))
                        return false;
        }
        return true;
}

/* Takes over what was seen; `unusable` files are said to be unreadable. */
static void entry_take(Entry *e, const Glance *g)
{
        e->generation = g->generation;
        e->uri = g->uri;
        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                FileFacts *f = entry_file(e, slot);

                *f = g->file[slot];
                if (e->unusable & (1u << slot))
                        f->state = FILE_STATE_UNREADABLE;
        }
}

/* ---- The cache ---- */

/* What stands before the one string that is known of the signer. */
typedef enum SignerKnown {
        SIGNER_NOT_SOUGHT,
        SIGNER_FOUND, /* its fingerprint */
        SIGNER_NONE,  /* the trust_digest of those that were tried */
        _SIGNER_MAX,
} SignerKnown;

static void pack_signer(GByteArray *a, const LeafFacts *leaf)
{
        if (leaf->signed_by) {
                pack_u8(a, SIGNER_FOUND);
                pack_string(a, leaf->signed_by);
        } else if (leaf->not_signed_by) {
                pack_u8(a, SIGNER_NONE);
                pack_string(a, leaf->not_signed_by);
        } else {
                pack_u8(a, SIGNER_NOT_SOUGHT);
        }
}

static void pack_entry(GByteArray *a, Entry *e)
{
        pack_u32(a, e->generation);
        pack_u32(a, e->uri);
        pack_u8(a, e->unusable);
        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                const FileFacts *f = entry_file(e, slot);

                pack_u8(a, glanced_state(e, f, slot));
                if (f->state == FILE_STATE_ABSENT || f->state == FILE_STATE_MISSING)
                        continue;
                pack_u64(a, f->dev);
                pack_u64(a, f->ino);
                pack_u64(a, f->size);
                pack_u64(a, f->mtime_ns);
                pack_u64(a, f->ctime_ns);
        }
        pack_u8(a, e->facts.leaf != NULL);
        if (e->facts.leaf) {
                leaf_pack(a, e->facts.leaf);
                pack_signer(a, e->facts.leaf);
        }
}

static void unpack_signer(Inventory *i, Unpack *u, LeafFacts *leaf)
{
        uint8_t known = unpack_u8(u);
        const char *text = known == SIGNER_NOT_SOUGHT ? NULL : unpack_string(u);
        char *interned;

        if (known >= _SIGNER_MAX || (known != SIGNER_NOT_SOUGHT && !text)) {
                u->damaged = true;
                return;
        }
        interned = text ? g_string_chunk_insert_const(i->interned, text) : NULL;
        if (known == SIGNER_FOUND)
                leaf->signed_by = interned;
        else
                leaf->not_signed_by = interned;
}

static void unpack_file(Unpack *u, FileFacts *f)
{
        f->state = unpack_u8(u);
        if (f->state == FILE_STATE_ABSENT || f->state == FILE_STATE_MISSING)
                return;
        f->dev = unpack_u64(u);
        f->ino = unpack_u64(u);
        f->size = unpack_u64(u);
        f->mtime_ns = unpack_u64(u);
        f->ctime_ns = unpack_u64(u);
}

static FactsCache *cache_of(Inventory *i)
{
        if (!i->cache)
                i->cache = facts_cache_open(CERT_FACTS_FILE, FACTS_CACHE_FACTS);
        return i->cache;
}

/* What the cache knows of these very files. */
static bool recall(Inventory *i, Entry *e, const char *name, const Glance *g)
{
        Entry seen = {};
        const uint8_t *data;
        LeafFacts *leaf = NULL;
        size_t size;
        bool has_leaf;
        Unpack u;

        if (!facts_cache_find(cache_of(i), name, &data, &size))
                return false;
        u = unpack_new(data, size);
        seen.generation = unpack_u32(&u);
        seen.uri = unpack_u32(&u);
        seen.unusable = unpack_u8(&u);
        for (unsigned slot = 0; slot < SLOT_MAX; slot++)
                unpack_file(&u, entry_file(&seen, slot));
        if (u.damaged || !glance_is_same(&seen, g))
                return false;
        has_leaf = unpack_u8(&u);
        if (has_leaf)
                leaf = leaf_unpack(&u);
        if (leaf)
                unpack_signer(i, &u, leaf);
        if (!unpack_is_whole(&u) || (has_leaf && !leaf)) {
                g_free(leaf);
                return false;
        }
        g_free(e->facts.leaf);
        e->facts.leaf = leaf;
        e->unusable = seen.unusable;
        e->settled = true;
        return true;
}

/* ---- A look ---- */

static void set_signer(Inventory *i, LeafFacts *leaf, const AuthorityCertificate *signer, const AuthorityFacts *authority)
{
        leaf->signed_by = signer ? g_string_chunk_insert_const(i->interned, signer->fingerprint) : NULL;
        leaf->not_signed_by = signer ? NULL : g_string_chunk_insert_const(i->interned, authority->trust_digest);
}

/* Who signed a leaf stays true as long as its bytes do, and whoever is its issuer by now. That nobody did is found out
 * again when the authority has other certificates than those that were tried. */
static void entry_find_signer(Inventory *i, Entry *e, const ManifestCertificate *c, const AuthorityFacts *authority,
                              Glance *g)
{
        const AuthorityCertificate *signer;

        if (!authority || !e->facts.leaf || e->facts.leaf->signed_by ||
            g_strcmp0(e->facts.leaf->not_signed_by, authority->trust_digest) == 0)
                return;
        if (!examine_signer(i->folders, c, authority, g, &signer)) {
                e->settled = false;
                return;
        }
        set_signer(i, e->facts.leaf, signer, authority);
        i->changed = i->changed || e->settled;
}

/* What must be found out by reading. */
static void entry_examine(Inventory *i, Entry *e, const ManifestCertificate *c, const Record *r,
                          const AuthorityFacts *authority, Glance *g)
{
        gint64 now = g_get_monotonic_time();
        bool ask_token = !(r && r->blocked) && (e->token_failed_at == 0 || now - e->token_failed_at > TOKEN_PAUSE_USEC);
        Examined x = examine(i->folders, c, r, authority, g, ask_token);

        g_free(e->facts.leaf);
        e->facts.leaf = x.leaf;
        if (x.leaf && authority)
                set_signer(i, x.leaf, x.signer, authority);
        e->unusable = x.unusable;
        e->settled = x.settled;
        if (x.token_failed)
                e->token_failed_at = now;
        i->changed = i->changed || x.settled;
}

/* Bundles and revocation lists are few: they are kept in memory only. */
static void entry_examine_content(Inventory *i, Entry *e, const ManifestCertificate *c, Glance *g)
{
        ExaminedContent x = examine_content(i->folders, c, g);

        g_free(e->facts.content);
        e->facts.content = x.digest;
        e->facts.content_until = x.until;
        e->settled = x.settled;
}

const CertificateFacts *inventory_look(Inventory *i, const ManifestCertificate *c, const Record *r,
                                       const AuthorityFacts *authority)
{
        Entry *e = g_hash_table_lookup(i->entries, c->name);
        Glance g = glance_take(i->folders, c, r);
        bool is_new = !e;

        if (is_new) {
                e = g_new0(Entry, 1);
                g_hash_table_insert(i->entries, g_strdup(c->name), e);
        }
        e->facts.certificate = c;
        if (is_new || !e->settled || !glance_is_same(e, &g)) {
                if (!is_new && !glance_is_same(e, &g))
                        g_clear_pointer(&e->facts.served, g_free);
                if (c->kind != MANIFEST_KIND_CERTIFICATE)
                        entry_examine_content(i, e, c, &g);
                else if (!is_new || !recall(i, e, c->name, &g))
                        entry_examine(i, e, c, r, authority, &g);
        }
        entry_find_signer(i, e, c, authority, &g);
        entry_take(e, &g);
        return &e->facts;
}

void inventory_set_served(Inventory *i, const char *name, const char *fingerprint)
{
        Entry *e = g_hash_table_lookup(i->entries, name);

        if (!e)
                return;
        g_free(e->facts.served);
        e->facts.served = g_strdup(fingerprint);
}

const char *facts_fingerprint(const CertificateFacts *facts)
{
        return facts->leaf ? facts->leaf->fingerprint : facts->content;
}

/* ---- Saving ---- */

static gboolean is_not_named(gpointer name, gpointer value, gpointer manifest)
{
        return !manifest_find(manifest, name);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *names_of(const Manifest *m)
{
        GPtrArray *names = g_ptr_array_sized_new(m->certificates->len);

        for (unsigned n = 0; n < m->certificates->len; n++) {
                const ManifestCertificate *c = g_ptr_array_index(m->certificates, n);

                g_ptr_array_add(names, c->name);
        }
        g_ptr_array_sort(names, compare_names);
        return names;
}

/* What is known and will stay true; of a certificate that was not looked at, what the old cache says. */
static void write_entry(Inventory *i, FactsWriter *w, const char *name)
{
        Entry *e = g_hash_table_lookup(i->entries, name);
        const uint8_t *data;
        size_t size;

        if (e && e->settled) {
                pack_entry(facts_writer_begin(w, name), e);
                facts_writer_end(w);
        } else if (!e && facts_cache_find(cache_of(i), name, &data, &size)) {
                g_byte_array_append(facts_writer_begin(w, name), data, size);
                facts_writer_end(w);
        }
}

void inventory_save(Inventory *i, const Manifest *m)
{
        unsigned wanted = m->certificates->len;

        folder_cache_close(i->folders);
        if (g_hash_table_size(i->entries) > 0 && g_hash_table_foreach_remove(i->entries, is_not_named, (gpointer) m) > 0)
                i->changed = true;
        if (i->changed || (i->cache && facts_cache_size(i->cache) > wanted)) {
                g_autoptr(FactsWriter) w = facts_writer_new(FACTS_CACHE_FACTS);
                g_autoptr(GPtrArray) names = names_of(m);

                for (unsigned n = 0; n < names->len; n++)
                        write_entry(i, w, g_ptr_array_index(names, n));
                facts_writer_write(w, CERT_FACTS_FILE);
                i->changed = false;
        }
        i->cache = facts_cache_free(i->cache);
}
