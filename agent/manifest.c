/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manifest: loading all its files into one checked, immutable whole, and asking it. The order of a load
 * is in reading_run(). */

#include "agent/manifest.h"

#include "agent/manifest-read.h"
#include "common/enum-table.h"
#include "common/error.h"
#include "common/timespan.h"

#include <malloc.h>
#include <string.h>

#define VERSION 1

static const char *const kind_names[_MANIFEST_KIND_MAX] = {
        [MANIFEST_KIND_CERTIFICATE] = "certificate",
        [MANIFEST_KIND_BUNDLE] = "bundle",
        [MANIFEST_KIND_CRL] = "crl",
};

const char *manifest_kind_to_string(ManifestKind kind)
{
        return kind >= 0 && kind < _MANIFEST_KIND_MAX ? kind_names[kind] : NULL;
}

static const char *const managed_file_names[_MANAGED_FILE_MAX] = {
        [MANAGED_FILE_CERT] = "certificate",  [MANAGED_FILE_KEY] = "key",
        [MANAGED_FILE_CHAIN] = "chain",       [MANAGED_FILE_CA] = "CA",
        [MANAGED_FILE_COMBINED] = "combined",
};

const char *managed_file_to_string(ManagedFile f)
{
        return f >= 0 && f < _MANAGED_FILE_MAX ? managed_file_names[f] : NULL;
}

const FileAttributes *manifest_certificate_attributes(const ManifestCertificate *c, ManagedFile f)
{
        return f == MANAGED_FILE_KEY || f == MANAGED_FILE_COMBINED ? &c->key_attributes : &c->cert_attributes;
}

/* ---- The top of a file ---- */

/* Which part of a file is read now; the whole manifest's come one after another. */
typedef enum Part {
        PART_HEAD,
        PART_ISSUERS,
        PART_CERTIFICATES,
} Part;

static void read_version(ManifestReading *r, const JsonValue *v, void *target)
{
        if (!manifest_expect(r, v, JSON_KIND_NUMBER))
                return;
        if (!v->is_integer || v->integer != VERSION)
                manifest_complain(r, v, "A newer manifest needs a newer cert-agent.",
                                  "only manifests of version %d are known here", VERSION);
}

static void read_environment(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v);
        const char *before = r->manifest->environment;

        if (text && before && !g_str_equal(before, text))
                manifest_complain(r, v, "Remove it here.", "another file says that the environment is \"%s\"",
                                  before);
        else if (text && !before)
                r->manifest->environment = g_strdup(text);
}

static void read_defaults(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_defaults(r, v);
}

/* Only their kind; what is in them is read when all the defaults and issuers are known. */
static void expect_object(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_expect(r, v, JSON_KIND_OBJECT);
}

static void read_head(ManifestReading *r, const JsonValue *root)
{
        static const ManifestField fields[] = {
                { "version", read_version },       { "environment", read_environment },
                { "defaults", read_defaults },     { "issuers", expect_object },
                { "certificates", expect_object }, { "bundles", expect_object },
        };

        if (manifest_read_object(r, root, fields, G_N_ELEMENTS(fields), NULL) && !r->file->is_dropin &&
            !json_value_member(root, "version"))
                manifest_complain(r, root, "Add \"version\": 1.", "the file does not say its version");
}

static void read_members(ManifestReading *r, const JsonValue *root, const char *key,
                         void (*read)(ManifestReading *, const JsonValue *))
{
        const JsonValue *object = json_value_member(root, key);

        if (!object || object->kind != JSON_KIND_OBJECT)
                return;
        for (const JsonValue *v = object->first; v; v = v->next)
                read(r, v);
}

static void read_part(ManifestReading *r, Part part)
{
        for (unsigned i = 0; i < r->files->len; i++) {
                const JsonValue *root;

                r->file = r->files->pdata[i];
                root = json_document_root(r->file->json);
                if (!root)
                        continue;
                switch (part) {
                case PART_HEAD:
                        read_head(r, root);
                        break;
                case PART_ISSUERS:
                        read_members(r, root, "issuers", manifest_read_issuer);
                        break;
                case PART_CERTIFICATES:
                        read_members(r, root, "certificates", manifest_read_certificate);
                        read_members(r, root, "bundles", manifest_read_bundle);
                        break;
                }
        }
}

/* ---- A load ---- */

static void file_free(void *data)
{
        ManifestFile *f = data;

        g_free(f->name);
        json_document_free(f->json);
        g_free(f);
}

static void problem_free(void *data)
{
        manifest_problem_free(data);
}

static void certificate_free(void *data)
{
        manifest_certificate_free(data);
}

static void issuer_free(void *data)
{
        manifest_issuer_free(data);
}

static void authority_draft_free(void *data)
{
        manifest_authority_draft_free(data);
}

static Manifest *manifest_new(void)
{
        Manifest *m = g_new0(Manifest, 1);

        m->certificates = g_ptr_array_new_with_free_func(certificate_free);
        m->bundles = g_ptr_array_new_with_free_func(certificate_free);
        m->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        m->issuers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, issuer_free);
        m->sources = g_ptr_array_new_with_free_func(g_free);
        m->strings = g_string_chunk_new(16 * 1024);
        return m;
}

static void reading_init(ManifestReading *r)
{
        *r = (ManifestReading){ .manifest = manifest_new(),
                                .problems = g_ptr_array_new_with_free_func(problem_free),
                                .files = g_ptr_array_new_with_free_func(file_free),
                                .drafts = g_array_new(FALSE, FALSE, sizeof(CertificateDraft)),
                                .authorities = g_ptr_array_new_with_free_func(authority_draft_free),
                                .folders = manifest_folders_new() };
        r->defaults = (ManifestCertificate){ .usage = USAGE_SERVER,
                                             .key_type = KEY_TYPE_ECDSA_P256,
                                             .key_rotation = KEY_ROTATION_ALWAYS,
                                             .cert_attributes = { 0, 0, 0644 },
                                             .key_attributes = { 0, 0, 0600 },
                                             .renew_before = { .is_percent = true, .percent = 33 },
                                             .units = g_ptr_array_new_with_free_func(g_free),
                                             .keep = 3 };
}

/* Frees what is not handed out. */
static void reading_done(ManifestReading *r)
{
        manifest_free(r->manifest);
        g_ptr_array_unref(r->problems);
        g_ptr_array_unref(r->files);
        g_array_unref(r->drafts);
        g_ptr_array_unref(r->authorities);
        g_ptr_array_unref(r->defaults.units);
        g_clear_pointer(&r->owners, g_hash_table_unref);
        manifest_folders_free(r->folders);
}

/* 1. all heads, so that every default is known, 2. all issuers, so that every name is, 3. the certificates
 * and bundles,
 * 4. what concerns the whole. */
static void reading_run(ManifestReading *r)
{
        read_part(r, PART_HEAD);
        read_part(r, PART_ISSUERS);
        read_part(r, PART_CERTIFICATES);
        manifest_check(r);
        manifest_finish_authorities(r);
        for (unsigned i = 0; i < r->drafts->len; i++) {
                ManifestCertificate *c = g_array_index(r->drafts, CertificateDraft, i).certificate;
                bool is_certificate = c->kind == MANIFEST_KIND_CERTIFICATE;
                g_autofree char *digest = manifest_certificate_request_digest(c);

                const ManifestIssuer *issuer = c->issuer ? manifest_find_issuer(r->manifest, c->issuer) : NULL;

                c->request_digest = manifest_keep_string(r, digest);
                c->issuer_digest = issuer ? issuer->digest : NULL;
                c->issuer_type = issuer ? issuer->type : NULL;
                g_ptr_array_add(is_certificate ? r->manifest->certificates : r->manifest->bundles, c);
                g_hash_table_insert(r->manifest->by_name, c->name, c);
        }
}

static int compare_problems(const void *a, const void *b)
{
        const ManifestProblem *x = *(const ManifestProblem *const *) a,
                              *y = *(const ManifestProblem *const *) b;

        return x->line != y->line      ? (x->line < y->line ? -1 : 1)
               : x->column < y->column ? -1
                                       : x->column > y->column;
}

/* Found in the order of the checks, told in the order of the files. */
static void sort_problems(ManifestReading *r)
{
        GPtrArray *sorted = g_ptr_array_new_with_free_func(problem_free);

        g_ptr_array_sort(r->problems, compare_problems);
        for (unsigned i = 0; i <= r->files->len; i++)
                for (unsigned j = 0; j < r->problems->len; j++) {
                        ManifestProblem *p = r->problems->pdata[j];

                        if (p && (i == r->files->len ||
                                  g_str_equal(p->file, ((ManifestFile *) r->files->pdata[i])->name))) {
                                g_ptr_array_add(sorted, p);
                                r->problems->pdata[j] = NULL;
                        }
                }
        g_ptr_array_unref(r->problems);
        r->problems = sorted;
}

static bool reading_finish(ManifestReading *r, Manifest **ret_manifest, GPtrArray **ret_problems,
                           GError **error)
{
        bool ok;

        reading_run(r);
        sort_problems(r);
        ok = r->problems->len == 0;
        if (ok)
                *ret_manifest = g_steal_pointer(&r->manifest);
        else {
                g_autofree char *first = manifest_problem_to_string(r->problems->pdata[0]);

                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "The manifest is refused for %u problem%s; the first: %s\nRun \"certctl "
                            "validate\" to see all "
                            "of them, mend them and reload.",
                            r->problems->len + r->suppressed, r->problems->len == 1 ? "" : "s", first);
        }
        if (ret_problems)
                *ret_problems = g_ptr_array_ref(r->problems);
        reading_done(r);
#ifdef __GLIBC__
        /* The trees of a large manifest are thrice its size and lie below what stays: give their pages back.
         */
        malloc_trim(0);
#endif
        return ok;
}

bool manifest_load_below(const char *below, Manifest **ret_manifest, GPtrArray **ret_problems, GError **error)
{
        ManifestReading r;

        reading_init(&r);
        manifest_source_all(&r, below);
        return reading_finish(&r, ret_manifest, ret_problems, error);
}

bool manifest_load(Manifest **ret_manifest, GPtrArray **ret_problems, GError **error)
{
        return manifest_load_below("", ret_manifest, ret_problems, error);
}

bool manifest_load_file(const char *file, Manifest **ret_manifest, GPtrArray **ret_problems, GError **error)
{
        ManifestReading r;

        reading_init(&r);
        manifest_source_one(&r, file);
        return reading_finish(&r, ret_manifest, ret_problems, error);
}

bool manifest_load_text(const char *name, char *text, size_t size, Manifest **ret_manifest,
                        GPtrArray **ret_problems, GError **error)
{
        ManifestReading r;

        reading_init(&r);
        manifest_source_text(&r, name, text, size);
        return reading_finish(&r, ret_manifest, ret_problems, error);
}

/* ---- The manifest ---- */

Manifest *manifest_free(Manifest *m)
{
        if (!m)
                return NULL;
        g_free(m->environment);
        g_free(m->digest);
        g_clear_pointer(&m->by_name, g_hash_table_unref);
        g_clear_pointer(&m->certificates, g_ptr_array_unref);
        g_clear_pointer(&m->bundles, g_ptr_array_unref);
        g_clear_pointer(&m->issuers, g_hash_table_unref);
        g_clear_pointer(&m->sources, g_ptr_array_unref);
        g_clear_pointer(&m->strings, g_string_chunk_free);
        g_free(m);
        return NULL;
}

const ManifestCertificate *manifest_find(const Manifest *m, const char *name)
{
        return g_hash_table_lookup(m->by_name, name);
}

const ManifestIssuer *manifest_find_issuer(const Manifest *m, const char *name)
{
        return g_hash_table_lookup(m->issuers, name);
}

static void digest_texts(GChecksum *sum, char *const *texts)
{
        for (; texts && *texts; texts++) {
                g_checksum_update(sum, (const guchar *) *texts, -1);
                g_checksum_update(sum, (const guchar *) "\n", 1);
        }
}

char *manifest_certificate_request_digest(const ManifestCertificate *c)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        g_autofree char *head = NULL;

        if (c->kind == MANIFEST_KIND_CERTIFICATE)
                head = g_strdup_printf("%u\n%" G_GUINT64_FORMAT "\n%s\n%s\n%s\n", c->usage, c->lifetime_usec,
                                       key_type_to_string(c->key_type), c->issuer, c->subject);
        else
                head = g_strdup_printf("%s\n%" G_GUINT64_FORMAT "\n%s\n", manifest_kind_to_string(c->kind),
                                       c->lifetime_usec, c->path[MANAGED_FILE_CA]);
        g_checksum_update(sum, (const guchar *) head, -1);
        digest_texts(sum, c->kind == MANIFEST_KIND_CERTIFICATE ? c->san_texts : c->from);
        return g_strdup(g_checksum_get_string(sum));
}

char *manifest_certificate_token_digest(const ManifestCertificate *c)
{
        g_autofree char *made = c->request_digest ? NULL : manifest_certificate_request_digest(c);
        g_autofree char *text = g_strdup_printf("%s\n%s\n%s\n", c->request_digest ?: made, c->issuer_type ?: "",
                                                c->key_uri ?: "");

        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}
