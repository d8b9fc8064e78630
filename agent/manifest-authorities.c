/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What holds between authorities, and between them and what hangs on them: keys are nobody else's, names may
 * be signed for, and an authority is watched when anything of it is. */

#include "agent/manifest-read.h"

#include "common/subtree.h"

#include <string.h>

static const AuthorityDraft *draft_find(ManifestReading *r, const char *name)
{
        for (unsigned i = 0; i < r->authorities->len; i++) {
                const AuthorityDraft *d = r->authorities->pdata[i];

                if (g_strcmp0(d->name, name) == 0)
                        return d;
        }
        return NULL;
}

/* ---- Keys ---- */

static const JsonValue *where_key(const JsonValue *object)
{
        return json_value_member(json_value_member(object, "key"), "uri");
}

/* A key that two authorities have is as good as one state folder for both: the rotation of one destroys what
 * the other signs with. An authority's key in a leaf makes whoever holds the leaf's key an authority. */
static void check_keys(ManifestReading *r)
{
        g_autoptr(GHashTable) owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (unsigned i = 0; i < r->authorities->len; i++) {
                const AuthorityDraft *d = r->authorities->pdata[i];
                char *key = d->key_uri ? manifest_key_uri_object(d->key_uri) : NULL;
                const AuthorityDraft *first = key ? g_hash_table_lookup(owners, key) : NULL;

                r->file = d->file;
                if (first)
                        manifest_complain(r, where_key(d->value), "Give each its own key.",
                                          "this is the key of the authority \"%s\" already", first->name);
                if (key)
                        g_hash_table_replace(owners, key, (void *) (first ?: d));
        }
        for (unsigned i = 0; g_hash_table_size(owners) > 0 && i < r->drafts->len; i++) {
                const CertificateDraft *draft = &g_array_index(r->drafts, CertificateDraft, i);
                const char *uri = draft->certificate->key_uri;
                g_autofree char *key = uri ? manifest_key_uri_object(uri) : NULL;
                const AuthorityDraft *first = key ? g_hash_table_lookup(owners, key) : NULL;

                r->file = draft->file;
                if (first)
                        manifest_complain(r, where_key(draft->value), "Give the certificate its own key.",
                                          "this is the key of the authority \"%s\"", first->name);
        }
}

/* ---- Names ---- */

static void check_name(ManifestReading *r, const JsonValue *v, const AuthorityDraft *authority,
                       const San *name)
{
        g_autofree char *text = NULL;

        if (subtree_permits(authority->permitted, authority->excluded, name))
                return;
        text = san_to_string(name);
        manifest_complain(r, v, "Take another issuer, or widen its \"names\"; the authority is rotated then.",
                          "the authority \"%s\" may not sign for the name \"%s\"", authority->name, text);
}

/* The common name counts as one where it could be taken for the server's (RFC 6125, 6.4.4): no alternative
 * name is a DNS name, and it reads as a name, which one without a dot does not. */
static San *common_name_as_name(const ManifestCertificate *c)
{
        g_autoptr(San) name = c->common_name ? san_parse(c->common_name, NULL) : NULL;

        for (unsigned i = 0; i < c->sans->len; i++)
                if (((const San *) c->sans->pdata[i])->type == SAN_DNS)
                        return NULL;
        return name && name->type == SAN_DNS && strchr(name->value, '.') ? g_steal_pointer(&name) : NULL;
}

/* What the process would refuse to sign. */
static void check_names(ManifestReading *r, const CertificateDraft *draft, const AuthorityDraft *authority)
{
        const JsonValue *said = json_value_member(draft->value, "common_name") ?: draft->value;
        const ManifestCertificate *c = draft->certificate;
        g_autoptr(San) common_name = common_name_as_name(c);

        r->file = draft->file;
        for (unsigned i = 0; i < c->sans->len; i++)
                check_name(r, draft->sans ?: said, authority, c->sans->pdata[i]);
        if (common_name)
                check_name(r, said, authority, common_name);
}

static bool is_constrained(const AuthorityDraft *d)
{
        return d->permitted->len > 0 || d->excluded->len > 0;
}

void manifest_check_authorities(ManifestReading *r)
{
        check_keys(r);
        for (unsigned i = 0; i < r->drafts->len; i++) {
                const CertificateDraft *draft = &g_array_index(r->drafts, CertificateDraft, i);
                const AuthorityDraft *authority = draft->certificate->kind == MANIFEST_KIND_CERTIFICATE
                                                          ? draft_find(r, draft->certificate->issuer)
                                                          : NULL;

                if (authority && is_constrained(authority))
                        check_names(r, draft, authority);
        }
}

/* ---- What is watched ---- */

static ManifestAuthority *authority_of(ManifestReading *r, const char *issuer)
{
        const ManifestIssuer *i = issuer ? g_hash_table_lookup(r->manifest->issuers, issuer) : NULL;

        return i ? i->authority : NULL;
}

/* A certificate names its issuer, a bundle several. */
static void watch_of_draft(ManifestReading *r, const ManifestCertificate *c)
{
        const char *const own[] = { c->issuer, NULL };

        for (const char *const *name = c->from ? (const char *const *) c->from : own; *name; name++) {
                ManifestAuthority *a = authority_of(r, *name);

                if (a)
                        a->watch = true;
        }
}

void manifest_finish_authorities(ManifestReading *r)
{
        for (unsigned i = 0; i < r->drafts->len; i++) {
                const ManifestCertificate *c = g_array_index(r->drafts, CertificateDraft, i).certificate;

                if (c->watch)
                        watch_of_draft(r, c);
        }
        for (unsigned i = 0; i < r->drafts->len; i++) {
                ManifestCertificate *c = g_array_index(r->drafts, CertificateDraft, i).certificate;
                const ManifestAuthority *a = c->kind == MANIFEST_KIND_CRL ? authority_of(r, c->issuer) : NULL;

                if (a)
                        c->watch = a->watch;
        }
}
