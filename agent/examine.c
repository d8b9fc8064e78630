/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Examining
 *
 * Reads all files of a certificate together, since key, chain and combined file are judged by how they fit the
 * leaf. What we installed ourselves is compared byte by byte with the stored generation; what others put there, by
 * what it says.
 */

#include "agent/examine.h"

#include "agent/generation.h"
#include "agent/key.h"
#include "agent/leaf.h"
#include "agent/readfile.h"

#include <string.h>

/* One certificate's files while they are examined. */
typedef struct Examination {
        const ManifestCertificate *certificate;
        const Record *record;
        const AuthorityFacts *authority; /* or NULL */
        const AuthorityCertificate *signer;
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

bool examine_read(int folder, const char *name, size_t max, FileFacts *f, GBytes **ret_content)
{
        FileIdentity now, then = { f->dev, f->ino, f->size, f->mtime_ns, f->ctime_ns };
        struct stat st;

        if (f->state != FILE_STATE_PRESENT)
                return true;
        switch (readfile_at(folder, name, max, ret_content, &st)) {
        case READ_DONE:
                now = file_identity(&st);
                return file_identity_equal(&now, &then);
        case READ_MISSING:
                *f = (FileFacts) { .state = FILE_STATE_MISSING };
                return false;
        case READ_UNUSABLE:
        case READ_FAILED:
        default:
                f->state = FILE_STATE_UNREADABLE;
                return false;
        }
}

/* When it is no more what was glanced at, the outcome is used now, and not kept. */
static void read_slot(int folder, const char *name, unsigned slot, void *userdata)
{
        Examination *x = userdata;

        if (!examine_read(folder, name, READFILE_MAX, &x->glance->file[slot], &x->content[slot]))
                x->settled = false;
}

/* The file that holds the leaf, or the key: the one of its own, else the combined one. */
static unsigned slot_of(const Examination *x, unsigned slot)
{
        return x->glance->file[slot].state != FILE_STATE_ABSENT ? slot : (unsigned) MANAGED_FILE_COMBINED;
}

/* What the record says was installed is what is there. */
static bool leaf_is_recorded(const Examination *x)
{
        return x->record && g_strcmp0(x->record->fingerprint, x->facts->fingerprint) == 0;
}

/* What was seen when the leaf was installed needs no second look at the signature: thousands may be installed at once. */
static void find_signer(Examination *x)
{
        if (!x->authority || !x->facts)
                return;
        if (leaf_is_recorded(x) && x->record->authority)
                x->signer = authority_facts_find(x->authority, x->record->authority);
        if (!x->signer)
                x->signer = authority_facts_signer(x->authority, x->leaf);
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
                find_signer(x);
                return;
        }
        g_clear_pointer(&x->leaf, gnutls_x509_crt_deinit);
        x->unusable |= (uint8_t) (1u << slot);
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

static void read_leaf_slot(int folder, const char *name, unsigned slot, void *userdata)
{
        Examination *x = userdata;

        if (slot == slot_of(x, MANAGED_FILE_CERT))
                read_slot(folder, name, slot, x);
}

bool examine_signer(FolderCache *folders, const ManifestCertificate *c, const AuthorityFacts *authority, Glance *g,
                    const AuthorityCertificate **ret_signer)
{
        Examination x = { .certificate = c, .authority = authority, .glance = g, .settled = true };
        bool known;

        slots_visit(folders, c, read_leaf_slot, &x);
        examine_leaf(&x);
        known = x.settled && x.facts;
        if (known)
                *ret_signer = x.signer;
        g_free(x.facts);
        examination_clear(&x);
        return known;
}

Examined examine(FolderCache *folders, const ManifestCertificate *c, const Record *r, const AuthorityFacts *authority,
                 Glance *g, bool ask_token)
{
        Examination x = {
                .certificate = c, .record = r, .authority = authority, .glance = g, .ask_token = ask_token,
        };

        x.settled = glance_is_settled(g);
        slots_visit(folders, c, read_slot, &x);
        examine_leaf(&x);
        examine_installed(&x);
        examine_key(&x);
        examine_derived(&x);
        examination_clear(&x);
        return (Examined) {
                .leaf = x.facts,
                .signer = x.signer,
                .unusable = x.unusable,
                .settled = x.settled,
                .token_failed = x.token_failed,
        };
}
