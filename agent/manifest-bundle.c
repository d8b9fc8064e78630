/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bundles and revocation lists of the manifest: what else than certificates is installed, told to units and
 * kept in step. Each is a ManifestCertificate of another kind, with one file, and a name with a prefix that
 * no certificate has. */

#include "agent/manifest-read.h"

#include <string.h>

#define KEEP 3 /* generations, as of certificates that say nothing */

static ManifestCertificate *bundle_of(void *target)
{
        return ((CertificateDraft *) target)->certificate;
}

/* ---- What both are ---- */

/* Nothing is NULL that is not NULL in a certificate, so that whoever walks both need not ask. */
static ManifestCertificate *managed_new(ManifestReading *r, ManifestKind kind, const char *prefix,
                                        const char *name)
{
        ManifestCertificate *c = g_new0(ManifestCertificate, 1);
        g_autofree char *whole = g_strconcat(prefix, name, NULL);

        c->kind = kind;
        c->name = manifest_keep_string(r, whole);
        c->subject = manifest_keep_repeated(r, "");
        c->sans = g_ptr_array_new();
        c->san_texts = g_new0(char *, 1);
        c->units = g_ptr_array_new_with_free_func(g_free);
        c->cert_attributes.mode = 0644;
        c->key_attributes.mode = 0600;
        c->keep = KEEP;
        return c;
}

/* ---- The keys of a bundle ---- */

static bool is_in(const GPtrArray *names, const char *name)
{
        for (unsigned i = 0; i < names->len; i++)
                if (g_str_equal(names->pdata[i], name))
                        return true;
        return false;
}

static void read_from(ManifestReading *r, const JsonValue *v, void *target)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        if (!manifest_expect(r, v, JSON_KIND_ARRAY))
                return;
        for (const JsonValue *e = v->first; e; e = e->next) {
                const char *name = manifest_read_string(r, e);

                if (!name || !manifest_check_issuer(r, e, name))
                        continue;
                if (is_in(names, name))
                        manifest_complain(r, e, "Remove one of them.", "the issuer \"%s\" is named twice",
                                          name);
                else
                        g_ptr_array_add(names, manifest_keep_repeated(r, name));
        }
        if (!v->first)
                manifest_complain(r, v, "Name the issuers that shall be trusted: [\"site\"].",
                                  "a bundle of no issuer would make its readers trust nobody");
        g_ptr_array_add(names, NULL);
        bundle_of(target)->from = (char **) g_ptr_array_steal(names, NULL);
}

static void read_path(ManifestReading *r, const JsonValue *v, void *target)
{
        bundle_of(target)->path[MANAGED_FILE_CA] = manifest_read_path(r, v);
}

static void read_owner(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_file_owner(r, v, &bundle_of(target)->cert_attributes);
}

static void read_permissions(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_bundle_mode(r, v, &bundle_of(target)->cert_attributes);
}

static void read_units(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_units(r, v, &bundle_of(target)->units);
}

static void read_verify(ManifestReading *r, const JsonValue *v, void *target)
{
        bundle_of(target)->verify = manifest_read_verify(r, v);
}

static void read_watch(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_boolean(r, v, &bundle_of(target)->watch);
}

static const ManifestField bundle_fields[] = {
        { "from", read_from },   { "path", read_path },
        { "owner", read_owner }, { "permissions", read_permissions },
        { "units", read_units }, { "verify", read_verify },
        { "watch", read_watch },
};

const ManifestField *manifest_bundle_fields(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(bundle_fields);
        return bundle_fields;
}

/* ---- Bundles ---- */

static void check_said(ManifestReading *r, const CertificateDraft *draft)
{
        if (!json_value_member(draft->value, "from"))
                manifest_complain_key(r, draft->value, "Add \"from\": [\"site\"].",
                                      "this bundle does not say whose certificates it holds");
        if (!json_value_member(draft->value, "path"))
                manifest_complain_key(r, draft->value, "Add \"path\": \"/etc/ssl/site-ca.pem\".",
                                      "this bundle does not say where it goes");
}

/* Of the defaults only "watch" is taken: the others are of certificates, and whose units they are need not be
 * those that trust. */
void manifest_read_bundle(ManifestReading *r, const JsonValue *v)
{
        CertificateDraft draft = { .file = r->file, .value = v };
        ManifestCertificate *c;

        manifest_check_name(r, v, "a bundle");
        if (!manifest_expect(r, v, JSON_KIND_OBJECT))
                return;
        draft.certificate = c = managed_new(r, MANIFEST_KIND_BUNDLE, MANIFEST_BUNDLE_PREFIX, v->key);
        c->watch = r->defaults.watch;
        manifest_read_object(r, v, bundle_fields, G_N_ELEMENTS(bundle_fields), &draft);
        check_said(r, &draft);
        if (!c->from)
                c->from = g_new0(char *, 1);
        c->issuer = c->from[0];
        if (c->path[MANAGED_FILE_CA])
                manifest_check_folder(r, json_value_member(v, "path"), c->path[MANAGED_FILE_CA],
                                      c->cert_attributes.uid);
        g_array_append_val(r->drafts, draft);
}

/* ---- Revocation lists ---- */

void manifest_add_crl(ManifestReading *r, const AuthorityDraft *authority)
{
        CertificateDraft draft = { .file = authority->file, .value = authority->value };
        ManifestCertificate *c = managed_new(r, MANIFEST_KIND_CRL, MANIFEST_CRL_PREFIX, authority->name);

        draft.certificate = c;
        c->from = g_new0(char *, 2);
        c->from[0] = c->issuer = manifest_keep_repeated(r, authority->name);
        c->path[MANAGED_FILE_CA] = authority->crl_path;
        c->lifetime_usec = authority->crl_lifetime_usec;
        g_ptr_array_unref(c->units);
        c->units = g_ptr_array_ref(authority->crl_units);
        manifest_check_folder(r, json_value_member(authority->value, "crl_path"), c->path[MANAGED_FILE_CA],
                              c->cert_attributes.uid);
        g_array_append_val(r->drafts, draft);
}
