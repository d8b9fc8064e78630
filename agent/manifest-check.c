/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What must hold for the manifest as a whole: every issuer that is named exists, no name stands twice, and no
 * two certificates, bundles or revocation lists write to one place. */

#include "agent/manifest-read.h"

#include <string.h>

/* ---- Issuers ---- */

static void complain_issuer(ManifestReading *r, const JsonValue *v, const char *name)
{
        g_autofree const char **names =
                (const char **) g_hash_table_get_keys_as_array(r->manifest->issuers, NULL);
        g_autofree char *guess = manifest_did_you_mean(name, names, g_hash_table_size(r->manifest->issuers));

        manifest_complain(r, v, guess ?: "Add it to \"issuers\".", "there is no issuer \"%s\"", name);
}

bool manifest_check_issuer(ManifestReading *r, const JsonValue *v, const char *name)
{
        if (g_hash_table_contains(r->manifest->issuers, name))
                return true;
        complain_issuer(r, v, name);
        return false;
}

/* Those of bundles were checked as they were read. */
static void check_issuer(ManifestReading *r, const CertificateDraft *draft)
{
        const JsonValue *said = json_value_member(draft->value, "issuer");
        const char *name = draft->certificate->issuer;

        if (draft->certificate->kind != MANIFEST_KIND_CERTIFICATE)
                return;
        if (!said && !name)
                manifest_complain_key(r, draft->value, "Add \"issuer\", here or in \"defaults\".",
                                      "this certificate has no issuer");
        else if (said && name)
                manifest_check_issuer(r, said, name);
}

/* Once where it is said, not once for each certificate that it applies to. */
static void check_default_issuers(ManifestReading *r)
{
        for (unsigned i = 0; i < r->files->len; i++) {
                const JsonValue *said;

                r->file = r->files->pdata[i];
                said = json_value_member(json_value_member(json_document_root(r->file->json), "defaults"),
                                         "issuer");
                if (said && said->kind == JSON_KIND_STRING && *said->string)
                        manifest_check_issuer(r, said, said->string);
        }
}

/* ---- Names ---- */

/* "the certificate "web"": what is meant in a complaint about another. Caller owns. */
static char *describe(const CertificateDraft *draft)
{
        const ManifestCertificate *c = draft->certificate;

        switch (c->kind) {
        case MANIFEST_KIND_BUNDLE:
                return g_strdup_printf("the bundle \"%s\"", c->name + strlen(MANIFEST_BUNDLE_PREFIX));
        case MANIFEST_KIND_CRL:
                return g_strdup_printf("the revocation list of \"%s\"",
                                       c->name + strlen(MANIFEST_CRL_PREFIX));
        default:
                return g_strdup_printf("the certificate \"%s\"", c->name);
        }
}

static int compare_drafts(const void *a, const void *b)
{
        return strcmp(((const CertificateDraft *) a)->certificate->name,
                      ((const CertificateDraft *) b)->certificate->name);
}

/* In one file the JSON reader has already complained of the key. The sort is stable, so the later file's is
 * the one that is said to be too many. */
static void check_name_once(ManifestReading *r, const CertificateDraft *first, const CertificateDraft *again)
{
        g_autofree char *what = NULL;

        if (first->file == again->file || !g_str_equal(first->certificate->name, again->certificate->name))
                return;
        what = describe(first);
        manifest_complain_key(r, again->value, "Give one of them another name, or mask the other file.",
                              "%s has %s already", first->file->name, what);
}

/* ---- Targets ---- */

typedef struct Targets {
        GHashTable *by_path;     /* path -> CertificateDraft* */
        GHashTable *directories; /* the same for "directory" alone */
} Targets;

static const JsonValue *where(const CertificateDraft *draft, const char *path)
{
        for (const JsonValue *v = draft->value->first; v; v = v->next)
                if (v->kind == JSON_KIND_STRING && g_str_equal(v->string, path))
                        return v;
        return draft->value;
}

/* The one of two values that says the path and is not the first to say it. */
static const JsonValue *where_again(const CertificateDraft *draft, const CertificateDraft *first,
                                    const char *path)
{
        const JsonValue *v = where(draft, path);

        for (const JsonValue *w = v->next; first == draft && w; w = w->next)
                if (w->kind == JSON_KIND_STRING && g_str_equal(w->string, path))
                        return w;
        return v;
}

static void add_target(ManifestReading *r, Targets *t, const CertificateDraft *draft, char *path)
{
        const char *real = manifest_resolved_path(r, path);
        const CertificateDraft *first = g_hash_table_lookup(t->by_path, real);
        g_autofree char *whose = NULL;

        if (!first) {
                g_hash_table_insert(t->by_path, (void *) real, (void *) draft);
                return;
        }
        whose = describe(first);
        manifest_complain(r, where_again(draft, first, path), "Give each its own file.",
                          "%s writes to \"%s\" already", whose, path);
}

/* A target inside a "directory" would be lost at its next flip. */
static void check_above(ManifestReading *r, Targets *t, const CertificateDraft *draft, const char *path)
{
        g_autofree char *above = g_strdup(path);

        for (char *slash; (slash = strrchr(above, '/')) && slash != above;) {
                const CertificateDraft *owner;

                *slash = '\0';
                owner = g_hash_table_lookup(t->directories, above);
                if (owner)
                        manifest_complain(r, where(draft, path), "Choose a path outside it.",
                                          "\"%s\" lies in the directory of the certificate \"%s\"", path,
                                          owner->certificate->name);
        }
}

static void check_targets(ManifestReading *r, const CertificateDraft *drafts, unsigned n)
{
        Targets t = { g_hash_table_new(g_str_hash, g_str_equal), g_hash_table_new(g_str_hash, g_str_equal) };

        for (unsigned i = 0; i < n; i++) {
                ManifestCertificate *c = drafts[i].certificate;

                r->file = drafts[i].file;
                for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                        if (c->path[f])
                                add_target(r, &t, &drafts[i], c->path[f]);
                if (c->directory) {
                        add_target(r, &t, &drafts[i], c->directory);
                        g_hash_table_insert(t.directories, c->directory, (void *) &drafts[i]);
                }
        }
        for (unsigned i = 0; g_hash_table_size(t.directories) > 0 && i < n; i++) {
                ManifestCertificate *c = drafts[i].certificate;

                r->file = drafts[i].file;
                for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                        if (c->path[f])
                                check_above(r, &t, &drafts[i], c->path[f]);
                if (c->directory)
                        check_above(r, &t, &drafts[i], c->directory);
        }
        g_hash_table_unref(t.by_path);
        g_hash_table_unref(t.directories);
}

void manifest_check(ManifestReading *r)
{
        CertificateDraft *drafts = (CertificateDraft *) (void *) r->drafts->data;
        unsigned n = r->drafts->len;

        check_default_issuers(r);
        for (unsigned i = 0; i < n; i++) {
                r->file = drafts[i].file;
                check_issuer(r, &drafts[i]);
        }
        check_targets(r, drafts, n);
        manifest_check_authorities(r);
        manifest_check_renewals(r);
        /* Sorted for good: the manifest lists its certificates and bundles by name. */
        g_array_sort(r->drafts, compare_drafts);
        for (unsigned i = 1; i < n; i++) {
                r->file = drafts[i].file;
                check_name_once(r, &drafts[i - 1], &drafts[i]);
        }
}
