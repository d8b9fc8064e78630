/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inventory
 *
 * Owns the facts about what is present. A look at a certificate stats its files; only when one of them is another
 * file, or changed, are they read and compared (examine()), all of them anew: key, chain and combined file are
 * judged by how they fit together. What came out is kept in memory and in the cache, with the identity of each
 * file that it came from.
 */

#include "agent/inventory.h"

#include "agent/facts-cache.h"
#include "agent/folder-cache.h"
#include "agent/generation.h"
#include "agent/key.h"
#include "agent/leaf.h"
#include "agent/readfile.h"
#include "common/names.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

/* The managed files, and the one more that the `directory` layout has: the leaf alone, as cert.pem. */
#define SLOT_LEAF_ALONE ((unsigned) _MANAGED_FILE_MAX)
#define SLOT_MAX ((unsigned) _MANAGED_FILE_MAX + 1)

static const char *const directory_names[SLOT_MAX] = {
        [MANAGED_FILE_CERT] = "fullchain.pem", [MANAGED_FILE_KEY] = "key.pem",
        [MANAGED_FILE_CHAIN] = "chain.pem",    [MANAGED_FILE_CA] = "ca.pem",
        [MANAGED_FILE_COMBINED] = "combined.pem", [SLOT_LEAF_ALONE] = "cert.pem",
};

#define TOKEN_PAUSE_USEC ((gint64) (10 * USEC_PER_MINUTE)) /* less than from one pass of the timer to the next */

/* What a look sees before anything is read. */
typedef struct Glance {
        FileFacts file[SLOT_MAX];
        uint32_t generation; /* that derived files are compared with */
        uint32_t uri;        /* hash of the key's URI; 0: a file */
} Glance;

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
        bool changed; /* the cache file does not say what is known */
};

static void entry_free(gpointer p)
{
        Entry *e = p;

        g_free(e->facts.leaf);
        g_free(e->facts.served);
        g_free(e);
}

Inventory *inventory_new(void)
{
        Inventory *i = g_new0(Inventory, 1);

        i->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
        i->folders = folder_cache_new();
        return i;
}

Inventory *inventory_free(Inventory *i)
{
        if (!i)
                return NULL;
        g_hash_table_unref(i->entries);
        facts_cache_free(i->cache);
        folder_cache_free(i->folders);
        g_free(i);
        return NULL;
}

/* ---- A glance ---- */

static void glance_at(int folder, const char *name, FileFacts *f)
{
        FileIdentity id;
        struct stat st;

        if (folder < 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                f->state = errno == ENOENT || errno == ENOTDIR ? FILE_STATE_MISSING : FILE_STATE_UNREADABLE;
                return;
        }
        id = file_identity(&st);
        f->state = S_ISREG(st.st_mode) && st.st_size <= READFILE_MAX ? FILE_STATE_PRESENT : FILE_STATE_UNREADABLE;
        f->dev = id.dev;
        f->ino = id.ino;
        f->size = id.size;
        f->mtime_ns = id.mtime_ns;
        f->ctime_ns = id.ctime_ns;
        f->uid = st.st_uid;
        f->gid = st.st_gid;
        f->mode = st.st_mode & 07777;
}

/* With a key in a token there is no file that holds one. */
static bool slot_is_wanted(const ManifestCertificate *c, unsigned slot)
{
        if (c->directory)
                return !c->key_uri || (slot != MANAGED_FILE_KEY && slot != MANAGED_FILE_COMBINED);
        return slot < SLOT_LEAF_ALONE && c->path[slot];
}

static Glance glance(Inventory *i, const ManifestCertificate *c, const Record *r)
{
        Glance g = { .generation = r ? r->generation : 0, .uri = c->key_uri ? g_str_hash(c->key_uri) | 1 : 0 };
        g_autoptr(Folder) directory = c->directory ? folder_cache_open(c->directory) : NULL;
        int folder = directory ? directory->fd : -1, saved = errno;

        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                const char *name = directory_names[slot];

                if (!slot_is_wanted(c, slot))
                        continue;
                errno = saved;
                if (!c->directory)
                        folder = folder_cache_find(i->folders, c->path[slot], &name);
                glance_at(folder, name, &g.file[slot]);
        }
        return g;
}

static FileFacts *entry_file(Entry *e, unsigned slot)
{
        return slot == SLOT_LEAF_ALONE ? &e->leaf_alone : &e->facts.file[slot];
}

static bool file_is_same(const FileFacts *a, const FileFacts *b)
{
        return a->ino == b->ino && a->ctime_ns == b->ctime_ns && a->mtime_ns == b->mtime_ns && a->size == b->size &&
               a->dev == b->dev;
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

                if (glanced_state(e, f, slot) != g->file[slot].state || !file_is_same(f, &g->file[slot]))
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
        if (e->facts.leaf)
                leaf_pack(a, e->facts.leaf);
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

/* ---- Reading ---- */

/* One certificate's files while they are examined. */
typedef struct Examination {
        const ManifestCertificate *certificate;
        const Record *record;
        Glance *glance;
        GBytes *content[SLOT_MAX];
        gnutls_x509_crt_t leaf; /* NULL: none */
        LeafFacts *facts;
        Generation *installed; /* the recorded one, if it is this leaf's; NULL: none, or it cannot be read */
        char *leaf_key;        /* digest of the leaf's public key, once asked for */
        uint8_t unusable;
        bool settled;
        bool ask_token, token_failed;
} Examination;

static void examination_clear(Examination *x)
{
        for (unsigned slot = 0; slot < SLOT_MAX; slot++)
                g_clear_pointer(&x->content[slot], g_bytes_unref);
        g_clear_pointer(&x->leaf, gnutls_x509_crt_deinit);
        generation_unref(x->installed);
        g_free(x->leaf_key);
}

static gnutls_datum_t datum_of(GBytes *b)
{
        size_t size = 0;
        const void *data = b ? g_bytes_get_data(b, &size) : NULL;

        return (gnutls_datum_t) { .data = (void *) data, .size = (unsigned) size };
}

/* Reads one file. When it is no more what was glanced at, the outcome is used now, and not kept. */
static void read_slot(Examination *x, int folder, const char *name, unsigned slot)
{
        FileFacts *f = &x->glance->file[slot];
        FileIdentity now, then = { f->dev, f->ino, f->size, f->mtime_ns, f->ctime_ns };
        struct stat st;

        if (f->state != FILE_STATE_PRESENT)
                return;
        switch (readfile_at(folder, name, READFILE_MAX, &x->content[slot], &st)) {
        case READ_DONE:
                now = file_identity(&st);
                if (!file_identity_equal(&now, &then))
                        x->settled = false;
                return;
        case READ_MISSING:
                *f = (FileFacts) { .state = FILE_STATE_MISSING };
                break;
        case READ_UNUSABLE:
        case READ_FAILED:
                f->state = FILE_STATE_UNREADABLE;
                break;
        }
        x->settled = false;
}

static void read_slots(Examination *x, Inventory *i)
{
        const ManifestCertificate *c = x->certificate;
        g_autoptr(Folder) directory = c->directory ? folder_cache_open(c->directory) : NULL;
        int folder = directory ? directory->fd : -1;

        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                const char *name = directory_names[slot];

                if (!slot_is_wanted(c, slot))
                        continue;
                if (!c->directory)
                        folder = folder_cache_find(i->folders, c->path[slot], &name);
                read_slot(x, folder, name, slot);
        }
}

/* The file that holds the leaf, or the key: the one of its own, else the combined one. */
static unsigned slot_of(const Examination *x, unsigned slot)
{
        return x->glance->file[slot].state != FILE_STATE_ABSENT ? slot : (unsigned) MANAGED_FILE_COMBINED;
}

static void examine_leaf(Examination *x)
{
        unsigned slot = slot_of(x, MANAGED_FILE_CERT);
        g_autoptr(GByteArray) packed = NULL;
        gnutls_datum_t content;
        Unpack u;

        if (!x->content[slot])
                return;
        content = datum_of(x->content[slot]);
        if (gnutls_x509_crt_init(&x->leaf) >= 0 && gnutls_x509_crt_import(x->leaf, &content, GNUTLS_X509_FMT_PEM) >= 0)
                packed = leaf_pack_certificate(x->leaf, NULL);
        if (packed) {
                u = unpack_new(packed->data, packed->len);
                x->facts = leaf_unpack(&u);
                return;
        }
        g_clear_pointer(&x->leaf, gnutls_x509_crt_deinit);
        x->unusable |= (uint8_t) (1u << slot);
}

/* What the record says was installed is what is there. */
static bool leaf_is_recorded(const Examination *x)
{
        return x->record && g_strcmp0(x->record->fingerprint, x->facts->fingerprint) == 0;
}

/* What was installed saves most of the comparing: its parts belong together, that was checked. */
static void examine_installed(Examination *x)
{
        if (x->facts && leaf_is_recorded(x) && x->record->generation != 0)
                x->installed = generation_load(x->certificate->name, x->record->generation, NULL);
}

static bool key_is_leafs(Examination *x, const char *digest)
{
        if (!x->leaf_key)
                x->leaf_key = key_digest_of_certificate(x->leaf, NULL);
        return digest && g_strcmp0(digest, x->leaf_key) == 0;
}

/* A token is asked only about a certificate that is not the one which was made with it: it may be slow, and it may
 * count. When it cannot be asked, it is asked again, but not by each look: everybody may look, and wrong PINs lock a
 * token. */
static bool token_matches(Examination *x)
{
        g_autofree char *digest = NULL;

        if (leaf_is_recorded(x))
                return true;
        if (x->ask_token) {
                digest = key_digest_of_uri(x->certificate->key_uri, NULL);
                x->token_failed = !digest;
        }
        if (!digest)
                x->settled = false;
        return key_is_leafs(x, digest);
}

static void examine_key(Examination *x)
{
        unsigned slot = slot_of(x, MANAGED_FILE_KEY);
        g_autofree char *digest = NULL;
        gnutls_datum_t content;

        if (x->certificate->key_uri) {
                if (x->facts)
                        x->facts->key_matches = token_matches(x);
                return;
        }
        if (!x->content[slot])
                return;
        if (x->installed && x->installed->key_pem && g_bytes_equal(x->installed->key_pem, x->content[slot])) {
                x->facts->key_matches = true;
                return;
        }
        content = datum_of(x->content[slot]);
        digest = key_digest_of_pem(content.data, content.size, NULL);
        if (!digest)
                x->unusable |= (uint8_t) (1u << slot);
        else if (x->facts)
                x->facts->key_matches = key_is_leafs(x, digest);
}

/* ---- Derived files ---- */

/* They must be, byte by byte, what was installed. */
static bool derived_match_installed(const Examination *x)
{
        const Generation *g = x->installed;

        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                g_autoptr(GBytes) wanted = NULL;

                if (slot == MANAGED_FILE_KEY || !x->content[slot])
                        continue;
                wanted = slot == SLOT_LEAF_ALONE ? g_bytes_ref(g->cert_pem)
                                                 : generation_file(g, (ManagedFile) slot);
                if (wanted && !g_bytes_equal(wanted, x->content[slot]))
                        return false;
        }
        return true;
}

/* The certificates of a PEM file from the `skip`-th on, as one sequence of DER; NULL when it holds none that can be
 * parsed. An empty file is an empty sequence. */
static GByteArray *certificates_of(GBytes *pem, unsigned skip)
{
        gnutls_datum_t content = datum_of(pem), der;
        GByteArray *all = g_byte_array_new();
        gnutls_x509_crt_t *list = NULL;
        unsigned n = 0;
        int r = content.size > 0 ? gnutls_x509_crt_list_import2(&list, &n, &content, GNUTLS_X509_FMT_PEM, 0) : 0;

        for (unsigned i = 0; i < n; i++) {
                if (i >= skip && gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_DER, &der) >= 0) {
                        g_byte_array_append(all, der.data, der.size);
                        gnutls_free(der.data);
                }
                gnutls_x509_crt_deinit(list[i]);
        }
        gnutls_free(list);
        if (r >= 0)
                return all;
        g_byte_array_unref(all);
        return NULL;
}

static bool same_certificates(GBytes *a, unsigned skip_a, GBytes *b, unsigned skip_b)
{
        g_autoptr(GByteArray) x = certificates_of(a, skip_a), y = certificates_of(b, skip_b);

        return x && y && x->len == y->len && (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
}

static bool combined_holds_key(Examination *x)
{
        gnutls_datum_t content = datum_of(x->content[MANAGED_FILE_COMBINED]);
        g_autofree char *digest = key_digest_of_pem(content.data, content.size, NULL);

        return key_is_leafs(x, digest);
}

static bool holds_leaf_alone(const Examination *x)
{
        g_autoptr(GByteArray) alone = certificates_of(x->content[SLOT_LEAF_ALONE], 0);
        gnutls_datum_t der = {};
        bool same;

        if (!alone || gnutls_x509_crt_export2(x->leaf, GNUTLS_X509_FMT_DER, &der) < 0)
                return false;
        same = alone->len == der.size && memcmp(alone->data, der.data, der.size) == 0;
        gnutls_free(der.data);
        return same;
}

/* With files that somebody else put there: they must say the same as the certificate file, in whatever spelling. */
static bool derived_match_leaf(Examination *x)
{
        GBytes *whole = x->content[slot_of(x, MANAGED_FILE_CERT)];
        GBytes *chain = x->content[MANAGED_FILE_CHAIN], *ca = x->content[MANAGED_FILE_CA];
        GBytes *combined = x->content[MANAGED_FILE_COMBINED];

        if (chain && !same_certificates(chain, 0, whole, 1))
                return false;
        if (x->content[SLOT_LEAF_ALONE] && !holds_leaf_alone(x))
                return false;
        if (ca) {
                g_autoptr(GByteArray) roots = certificates_of(ca, 0);

                if (!roots)
                        return false;
        }
        if (combined && combined != whole && !same_certificates(combined, 0, whole, 0))
                return false;
        return !combined || x->certificate->key_uri || combined_holds_key(x);
}

static void examine_derived(Examination *x)
{
        if (!x->facts || (x->certificate->directory && !x->content[SLOT_LEAF_ALONE]))
                return;
        x->facts->derived_match = x->installed ? derived_match_installed(x) : derived_match_leaf(x);
}

/* ---- A look ---- */

static bool glance_is_settled(const Glance *g, uint64_t now_ns)
{
        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                const FileFacts *f = &g->file[slot];
                FileIdentity id = { f->dev, f->ino, f->size, f->mtime_ns, f->ctime_ns };

                if (f->state == FILE_STATE_PRESENT && !file_identity_is_settled(&id, now_ns))
                        return false;
        }
        return true;
}

/* The kernel's own clock, by which files are stamped: not now_realtime(), which is for judging certificates. */
static uint64_t file_clock(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t) t.tv_sec * UINT64_C(1000000000) + (uint64_t) t.tv_nsec;
}

static void examine(Inventory *i, Entry *e, const ManifestCertificate *c, const Record *r, Glance *g)
{
        Examination x = { .certificate = c, .record = r, .glance = g };

        x.settled = glance_is_settled(g, file_clock());
        x.ask_token = !(r && r->blocked) &&
                      (e->token_failed_at == 0 || g_get_monotonic_time() - e->token_failed_at > TOKEN_PAUSE_USEC);
        read_slots(&x, i);
        examine_leaf(&x);
        examine_installed(&x);
        examine_key(&x);
        examine_derived(&x);
        g_free(e->facts.leaf);
        e->facts.leaf = g_steal_pointer(&x.facts);
        e->unusable = x.unusable;
        e->settled = x.settled;
        if (x.token_failed)
                e->token_failed_at = g_get_monotonic_time();
        i->changed = i->changed || x.settled;
        examination_clear(&x);
}

const CertificateFacts *inventory_look(Inventory *i, const ManifestCertificate *c, const Record *r)
{
        Entry *e = g_hash_table_lookup(i->entries, c->name);
        Glance g = glance(i, c, r);
        bool is_new = !e;

        if (is_new) {
                e = g_new0(Entry, 1);
                g_hash_table_insert(i->entries, g_strdup(c->name), e);
        }
        e->facts.certificate = c;
        if (is_new || !e->settled || !glance_is_same(e, &g)) {
                if (!is_new && !glance_is_same(e, &g))
                        g_clear_pointer(&e->facts.served, g_free);
                if (!is_new || !recall(i, e, c->name, &g))
                        examine(i, e, c, r, &g);
        }
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
