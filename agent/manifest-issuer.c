/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuers and bundles of the manifest. Owns the question which types of issuer this host has: the built-in
 * one, whose keys are checked here, and those whose program is installed, which know their keys themselves.
 */

#include "agent/manifest-read.h"

#include "common/names.h"
#include "common/path.h"

#include <string.h>
#include <unistd.h>

#define TYPE_MAX_LENGTH 32

/* What is read of an issuer while its keys are walked. */
typedef struct IssuerDraft {
        const char *type, *environment;
} IssuerDraft;

static void read_type(ManifestReading *r, const JsonValue *v, void *target)
{
        ((IssuerDraft *) target)->type = manifest_read_string(r, v);
}

static void read_environment(ManifestReading *r, const JsonValue *v, void *target)
{
        ((IssuerDraft *) target)->environment = manifest_read_string(r, v);
}

/* ---- The keys of a local authority ---- */

static void check_subject(ManifestReading *r, const JsonValue *v, void *target)
{
        char *common_name;

        manifest_read_subject(r, v, &common_name);
}

static void check_span(ManifestReading *r, const JsonValue *v, void *target)
{
        uint64_t usec;

        manifest_read_span(r, v, &usec);
}

static void check_key_type(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v);

        if (text && key_type_from_string(text) == _KEY_TYPE_INVALID)
                manifest_complain(
                        r, v,
                        "There are ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-2048, rsa-3072 and "
                        "rsa-4096.",
                        "\"%s\" is no type of key", text);
}

static void check_string(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_string(r, v);
}

static void check_key(ManifestReading *r, const JsonValue *v, void *target)
{
        static const ManifestField fields[] = {
                { "type", check_key_type },
                { "uri", check_string },
                { "protection", check_string },
        };

        manifest_read_object(r, v, fields, G_N_ELEMENTS(fields), target);
}

static const ManifestField local_fields[] = {
        { "type", read_type }, { "environment", read_environment }, { "subject", check_subject },
        { "key", check_key },  { "lifetime", check_span },          { "certificate_lifetime", check_span },
        { "timeout", check_span },
};

/* ---- Types ---- */

/* The type becomes part of a program's name, so it is a plain word. */
static bool type_is_word(const char *type)
{
        return strlen(type) <= TYPE_MAX_LENGTH && g_ascii_isalnum(type[0]) &&
               type[strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool type_is_installed(const char *type)
{
        g_autofree char *program = g_strconcat(CERT_PROGRAM_DIR "/cert-issuer-", type, NULL);
        g_autofree char *opened = host_path(program);

        return access(opened, X_OK) == 0;
}

/* The fake issuer is part of builds made for tests only. */
static bool type_is_test(const char *type)
{
        return TEST_ROOT && g_str_equal(type, "fake");
}

static void complain_type(ManifestReading *r, const JsonValue *v, const char *type)
{
        static const char *const known[] = { "local", "step", "acme", "cmp", "csr" };
        g_autofree char *guess = manifest_did_you_mean(type, known, G_N_ELEMENTS(known));
        g_autofree char *hint = g_strdup_printf("Install the package cert-issuer-%s.", type);
        bool is_known = g_strv_contains((const char *const[]){ "step", "acme", "cmp", "csr", NULL }, type);

        manifest_complain(r, v, guess && !is_known ? guess : hint,
                          "there is no issuer program for the type \"%s\"", type);
}

/* The keys that are ours among those of an issuer that knows the others. */
static void read_foreign(ManifestReading *r, const JsonValue *v, IssuerDraft *draft)
{
        const JsonValue *environment = json_value_member(v, "environment");

        if (environment)
                read_environment(r, environment, draft);
}

/* Reads what concerns the type; false when it is no type that this host has. */
static bool read_by_type(ManifestReading *r, const JsonValue *v, IssuerDraft *draft)
{
        const JsonValue *type = json_value_member(v, "type");

        if (!type) {
                manifest_complain_key(r, v, "Add \"type\": \"local\", or the protocol of your CA.",
                                      "this issuer has no type");
                return false;
        }
        read_type(r, type, draft);
        if (!draft->type)
                return false;
        if (g_str_equal(draft->type, "local"))
                return manifest_read_object(r, v, local_fields, G_N_ELEMENTS(local_fields), draft);
        if (!type_is_word(draft->type) || (!type_is_test(draft->type) && !type_is_installed(draft->type))) {
                complain_type(r, type, draft->type);
                return false;
        }
        read_foreign(r, v, draft);
        return true;
}

/* ---- Issuers ---- */

ManifestIssuer *manifest_issuer_free(ManifestIssuer *i)
{
        g_free(i);
        return NULL;
}

/* Test and production do not mix: a host of one takes no certificate from an issuer of the other. */
static void check_environment(ManifestReading *r, const JsonValue *v, const char *environment)
{
        const char *ours = r->manifest->environment;

        if (!environment || g_strcmp0(environment, ours) == 0)
                return;
        if (ours)
                manifest_complain(r, json_value_member(v, "environment"),
                                  "Take an issuer of this host's environment.",
                                  "this issuer is of the environment \"%s\", the manifest of \"%s\"",
                                  environment, ours);
        else
                manifest_complain(r, json_value_member(v, "environment"),
                                  "Say at the top of manifest.json of which environment this host is: "
                                  "\"environment\": …",
                                  "this issuer is of the environment \"%s\", the manifest of none",
                                  environment);
}

void manifest_read_issuer(ManifestReading *r, const JsonValue *v)
{
        IssuerDraft draft = { NULL, NULL };
        g_autofree char *config = NULL;
        ManifestIssuer *issuer;

        if (!manifest_check_name(r, v, "an issuer") || !manifest_expect(r, v, JSON_KIND_OBJECT))
                return;
        if (g_hash_table_contains(r->manifest->issuers, v->key)) {
                manifest_complain_key(r, v, "Give one of them another name.",
                                      "another file has an issuer \"%s\" already", v->key);
                return;
        }
        read_by_type(r, v, &draft);
        check_environment(r, v, draft.environment);
        /* One with a problem is known all the same, so that its certificates are not complained of as well.
         */
        config = json_document_slice(r->file->json, v);
        issuer = g_new(ManifestIssuer, 1);
        *issuer = (ManifestIssuer){ .name = manifest_keep_string(r, v->key),
                                    .type = manifest_keep_repeated(r, draft.type ?: ""),
                                    .environment = draft.environment
                                                           ? manifest_keep_string(r, draft.environment)
                                                           : NULL,
                                    .config = manifest_keep_string(r, config) };
        g_hash_table_insert(r->manifest->issuers, issuer->name, issuer);
}

/* ---- Bundles ---- */

static void check_from(ManifestReading *r, const JsonValue *v, void *target)
{
        if (!manifest_expect(r, v, JSON_KIND_ARRAY))
                return;
        for (const JsonValue *e = v->first; e; e = e->next)
                manifest_read_string(r, e);
}

static void check_path(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_path(r, v);
}

static void check_units(ManifestReading *r, const JsonValue *v, void *target)
{
        g_autoptr(GPtrArray) units G_GNUC_UNUSED = manifest_read_unit_list(r, v);
}

static void check_verify(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_verify_free(manifest_read_verify(r, v));
}

/* Bundles are part of the format already; a manifest that relies on one must not be taken as if it stood. */
void manifest_read_bundle(ManifestReading *r, const JsonValue *v)
{
        static const ManifestField fields[] = {
                { "from", check_from },           { "path", check_path },
                { "owner", manifest_read_owner }, { "permissions", manifest_read_permissions },
                { "units", check_units },         { "verify", check_verify },
        };
        ManifestCertificate scratch = { .name = NULL };
        CertificateDraft draft = { .certificate = &scratch, .file = r->file, .value = v };

        manifest_check_name(r, v, "a bundle");
        manifest_read_object(r, v, fields, G_N_ELEMENTS(fields), &draft);
        manifest_complain_key(r, v, "Remove it; a certificate's ca_path writes the roots of its issuer.",
                              "bundles are not supported by this version");
}
