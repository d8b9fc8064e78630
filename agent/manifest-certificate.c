/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One certificate of the manifest: the table of its keys, the defaults, and what must hold between the keys
 * of one certificate. */

#include "agent/manifest-read.h"

#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

#define KEEP_MAX 100

static ManifestCertificate *draft_of(void *target)
{
        return ((CertificateDraft *) target)->certificate;
}

/* ---- The keys ---- */

static void read_issuer(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *name = manifest_read_string(r, v);

        if (name)
                draft_of(target)->issuer = manifest_keep_repeated(r, name);
}

static void read_common_name(ManifestReading *r, const JsonValue *v, void *target)
{
        CertificateDraft *draft = target;
        char *subject = NULL;

        if (json_value_member(draft->value, "subject"))
                manifest_complain_key(r, v, "Put the common name in the subject: \"CN=…\".",
                                      "common_name and subject exclude each other");
        else {
                draft->certificate->common_name = manifest_read_common_name(r, v, &subject);
                draft->certificate->subject = subject;
        }
}

static void read_subject(ManifestReading *r, const JsonValue *v, void *target)
{
        char *common_name = NULL;

        draft_of(target)->subject = manifest_read_subject(r, v, &common_name);
        draft_of(target)->common_name = common_name;
}

static void read_sans(ManifestReading *r, const JsonValue *v, void *target)
{
        ((CertificateDraft *) target)->sans = v;
}

static void read_usage(ManifestReading *r, const JsonValue *v, void *target)
{
        unsigned set = 0;

        if (!manifest_expect(r, v, JSON_KIND_ARRAY))
                return;
        for (const JsonValue *e = v->first; e; e = e->next) {
                const char *text = manifest_read_string(r, e);
                unsigned usage = text ? usage_from_string(text) : 0;

                if (text && usage == 0)
                        manifest_complain(r, e, "There are \"server\" and \"client\".", "\"%s\" is no usage",
                                          text);
                set |= usage;
        }
        if (!v->first)
                manifest_complain(r, v, "Write [\"server\"], [\"client\"] or both.",
                                  "a certificate for no use cannot be wanted");
        if (set != 0)
                draft_of(target)->usage = set;
}

static void read_lifetime(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_lifetime(r, v, USEC_PER_SEC, &draft_of(target)->lifetime_usec);
}

static void read_renew_before(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_renew_before(r, v, &draft_of(target)->renew_before);
}

static void read_units(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_units(r, v, &draft_of(target)->units);
}

static void read_verify(ManifestReading *r, const JsonValue *v, void *target)
{
        draft_of(target)->verify = manifest_read_verify(r, v);
}

static void read_watch(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_boolean(r, v, &draft_of(target)->watch);
}

static void read_keep(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_unsigned(r, v, 1, KEEP_MAX, &draft_of(target)->keep);
}

#define PATH_READER(noun, place)                                                                             \
        static void read_##noun(ManifestReading *r, const JsonValue *v, void *target)                        \
        {                                                                                                    \
                draft_of(target)->place = manifest_read_path(r, v);                                          \
        }
PATH_READER(cert_path, path[MANAGED_FILE_CERT])
PATH_READER(key_path, path[MANAGED_FILE_KEY])
PATH_READER(chain_path, path[MANAGED_FILE_CHAIN])
PATH_READER(ca_path, path[MANAGED_FILE_CA])
PATH_READER(combined_path, path[MANAGED_FILE_COMBINED])
PATH_READER(directory, directory)

/* ---- "key" ---- */

static void read_key_type(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_key_type(r, v, &draft_of(target)->key_type);
}

static void read_key_rotation(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v);
        CertificateDraft *draft = target;

        if (g_strcmp0(text, "always") == 0)
                draft->certificate->key_rotation = KEY_ROTATION_ALWAYS;
        else if (g_strcmp0(text, "reuse") == 0)
                draft->certificate->key_rotation = KEY_ROTATION_REUSE;
        else if (text)
                manifest_complain(r, v, "There are \"always\" and \"reuse\".", "\"%s\" is no rotation", text);
        draft->rotation_said = true;
}

static void read_key_uri(ManifestReading *r, const JsonValue *v, void *target)
{
        if (draft_of(target) == &r->defaults)
                manifest_complain_key(r, v, "Say it in each certificate.",
                                      "one key cannot be every certificate's");
        else
                draft_of(target)->key_uri = manifest_read_key_uri(r, v);
}

static const ManifestField key_fields[] = {
        { "type", read_key_type },
        { "rotation", read_key_rotation },
        { "uri", read_key_uri },
};

static void read_key(ManifestReading *r, const JsonValue *v, void *target)
{
        if (v->kind == JSON_KIND_STRING)
                manifest_complain(r, v, "Write {\"type\": \"ecdsa-p256\"}.",
                                  "an object is expected here, not a string");
        else
                manifest_read_object(r, v, key_fields, G_N_ELEMENTS(key_fields), target);
}

/* Ordered roughly by how often each is used: looking one up walks the table. */
static const ManifestField certificate_fields[] = {
        { "common_name", read_common_name, .no_default = true },
        { "sans", read_sans, .no_default = true },
        { "cert_path", read_cert_path, .no_default = true },
        { "key_path", read_key_path, .no_default = true },
        { "issuer", read_issuer },
        { "units", read_units },
        { "owner", manifest_read_owner },
        { "permissions", manifest_read_permissions },
        { "renew_before", read_renew_before },
        { "verify", read_verify, .no_default = true },
        { "key", read_key },
        { "lifetime", read_lifetime },
        { "usage", read_usage },
        { "chain_path", read_chain_path, .no_default = true },
        { "ca_path", read_ca_path, .no_default = true },
        { "combined_path", read_combined_path, .no_default = true },
        { "directory", read_directory, .no_default = true },
        { "subject", read_subject, .no_default = true },
        { "watch", read_watch },
        { "keep", read_keep },
};

const ManifestField *manifest_certificate_fields(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(certificate_fields);
        return certificate_fields;
}

/* ---- Between the keys ---- */

/* The member that says it, or the certificate where it comes from the defaults. */
static const JsonValue *where(const CertificateDraft *draft, const char *key)
{
        const JsonValue *v = json_value_member(draft->value, key);

        return v ? v : draft->value;
}

static void check_times(ManifestReading *r, const CertificateDraft *draft)
{
        const ManifestCertificate *c = draft->certificate;

        manifest_check_renew_before(r, where(draft, "renew_before"), &c->renew_before, c->lifetime_usec);
}

static void check_key(ManifestReading *r, CertificateDraft *draft)
{
        ManifestCertificate *c = draft->certificate;

        if (!c->key_uri)
                return;
        if (draft->rotation_said && c->key_rotation == KEY_ROTATION_ALWAYS)
                manifest_complain(r, where(draft, "key"), "Remove \"rotation\", or write \"reuse\".",
                                  "a key in a token is not made anew with each certificate");
        c->key_rotation = KEY_ROTATION_REUSE;
        for (int i = 0; i < 2; i++) {
                static const char *const keys[] = { "key_path", "combined_path" };

                if (json_value_member(draft->value, keys[i]))
                        manifest_complain(r, where(draft, keys[i]),
                                          "Remove it; the service uses the key by its URI.",
                                          "a key in a token cannot be written to a file");
        }
}

static const char *const path_keys[_MANAGED_FILE_MAX] = {
        [MANAGED_FILE_CERT] = "cert_path",         [MANAGED_FILE_KEY] = "key_path",
        [MANAGED_FILE_CHAIN] = "chain_path",       [MANAGED_FILE_CA] = "ca_path",
        [MANAGED_FILE_COMBINED] = "combined_path",
};

static bool says(const CertificateDraft *draft, ManagedFile f)
{
        return json_value_member(draft->value, path_keys[f]) != NULL;
}

/* Asked of what was said, not of what could be read: a bad path is complained of once. */
static void check_places(ManifestReading *r, const CertificateDraft *draft)
{
        bool has_combined = says(draft, MANAGED_FILE_COMBINED);

        if (json_value_member(draft->value, "directory")) {
                for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                        if (says(draft, f))
                                manifest_complain_key(r, where(draft, path_keys[f]), "Remove one of the two.",
                                                      "%s and directory exclude each other", path_keys[f]);
                return;
        }
        if (!has_combined && !says(draft, MANAGED_FILE_CERT))
                manifest_complain_key(r, draft->value,
                                      "Add cert_path and key_path, or combined_path, or directory.",
                                      "this does not say where the certificate goes");
        else if (!has_combined && !says(draft, MANAGED_FILE_KEY) &&
                 !json_value_member(json_value_member(draft->value, "key"), "uri"))
                manifest_complain_key(r, draft->value, "Add key_path, or \"key\": {\"uri\": \"pkcs11:…\"}.",
                                      "this does not say where the key goes");
}

static void check_folders(ManifestReading *r, const CertificateDraft *draft)
{
        const ManifestCertificate *c = draft->certificate;

        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                if (c->path[f])
                        manifest_check_folder(r, where(draft, path_keys[f]), c->path[f],
                                              manifest_certificate_attributes(c, f)->uid);
        if (c->directory)
                manifest_check_folder(r, where(draft, "directory"), c->directory, c->key_attributes.uid);
}

/* ---- Certificates and defaults ---- */

ManifestCertificate *manifest_certificate_free(ManifestCertificate *c)
{
        if (!c)
                return NULL;
        g_clear_pointer(&c->sans, g_ptr_array_unref);
        g_clear_pointer(&c->units, g_ptr_array_unref);
        c->verify = manifest_verify_free(c->verify);
        g_free(c->san_texts);
        g_free(c->from);
        g_free(c);
        return NULL;
}

static ManifestCertificate *certificate_from_defaults(ManifestReading *r, const char *name)
{
        ManifestCertificate *c = g_new(ManifestCertificate, 1);

        *c = r->defaults;
        c->name = manifest_keep_string(r, name);
        g_ptr_array_ref(c->units);
        return c;
}

void manifest_read_certificate(ManifestReading *r, const JsonValue *v)
{
        CertificateDraft draft = { .file = r->file, .value = v };

        manifest_check_name(r, v, "a certificate");
        if (!manifest_expect(r, v, JSON_KIND_OBJECT))
                return;
        draft.certificate = certificate_from_defaults(r, v->key);
        manifest_read_object(r, v, certificate_fields, G_N_ELEMENTS(certificate_fields), &draft);
        manifest_finish_names(r, &draft);
        check_times(r, &draft);
        check_key(r, &draft);
        check_places(r, &draft);
        check_folders(r, &draft);
        g_array_append_val(r->drafts, draft);
}

static void refuse_default(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_complain_key(r, v, "Say it in each certificate.", "\"%s\" cannot have a default", v->key);
}

/* A later file's defaults replace an earlier one's key by key, as drop-ins of a unit do. */
void manifest_read_defaults(ManifestReading *r, const JsonValue *v)
{
        ManifestField fields[G_N_ELEMENTS(certificate_fields)];
        CertificateDraft draft = { .certificate = &r->defaults, .file = r->file, .value = v };

        memcpy(fields, certificate_fields, sizeof(fields));
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
                if (fields[i].no_default)
                        fields[i].read = refuse_default;
        manifest_read_object(r, v, fields, G_N_ELEMENTS(fields), &draft);
}
