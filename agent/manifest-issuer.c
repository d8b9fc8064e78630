/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuers of the manifest. Owns the question which types of issuer this host has: the built-in one, whose keys are
 * checked by manifest-authority.c, "step" and "csr", by manifest-step.c and manifest-csr.c, and others whose program is
 * installed, which know their keys themselves. */

#include "agent/manifest-read.h"

#include "common/names.h"
#include "common/path.h"

#include <string.h>
#include <unistd.h>

#define TYPE_MAX_LENGTH 32

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
        g_autofree char *hint = g_str_equal(type, "csr")
                                        ? g_strdup("Its program is part of the package cert-agent: install that again.")
                                        : g_strdup_printf("Install the package cert-issuer-%s.", type);
        bool is_known = g_strv_contains((const char *const[]){ "step", "acme", "cmp", "csr", NULL }, type);

        manifest_complain(r, v, guess && !is_known ? guess : hint,
                          "there is no issuer program for the type \"%s\"", type);
}

/* ---- Issuers ---- */

ManifestIssuer *manifest_issuer_free(ManifestIssuer *i)
{
        if (i)
                manifest_authority_free(i->authority);
        g_free(i);
        return NULL;
}

bool manifest_issuer_has_account(const ManifestIssuer *i)
{
        return i->account.password_file || i->account.password_credential || i->account.key_file;
}

/* Test and production do not mix: a host of one takes no certificate from an issuer of the other. */
static void check_environment(ManifestReading *r, const JsonValue *v)
{
        const JsonValue *said = json_value_member(v, "environment");
        const char *environment = said ? manifest_read_string(r, said) : NULL, *ours = r->manifest->environment;

        if (!environment || g_strcmp0(environment, ours) == 0)
                return;
        if (ours)
                manifest_complain(r, said,
                                  "Take an issuer of this host's environment.",
                                  "this issuer is of the environment \"%s\", the manifest of \"%s\"",
                                  environment, ours);
        else
                manifest_complain(r, said,
                                  "Say at the top of manifest.json of which environment this host is: "
                                  "\"environment\": …",
                                  "this issuer is of the environment \"%s\", the manifest of none",
                                  environment);
}

/* The type, and the keys of those that are known here, whether or not their program is installed: all problems are
 * found at once. */
static void read_issuer(ManifestReading *r, const JsonValue *v, ManifestIssuer *issuer)
{
        const JsonValue *said = json_value_member(v, "type");
        const char *type;

        if (!said) {
                manifest_complain_key(r, v, "Add \"type\": \"local\", or the protocol of your CA.",
                                      "this issuer has no type");
                return;
        }
        type = manifest_read_string(r, said);
        if (!type)
                return;
        issuer->type = manifest_keep_repeated(r, type);
        if (g_str_equal(type, "local"))
                issuer->authority = manifest_read_authority(r, v);
        else if (!type_is_word(type) || (!type_is_test(type) && !type_is_installed(type)))
                complain_type(r, said, type);
        if (g_str_equal(type, "step"))
                manifest_read_step(r, v, issuer);
        if (g_str_equal(type, "csr"))
                manifest_read_csr(r, v);
        check_environment(r, v);
}

void manifest_read_issuer(ManifestReading *r, const JsonValue *v)
{
        const char *ours = r->manifest->environment;
        g_autofree char *config = NULL, *digest = NULL;
        ManifestIssuer *issuer;

        if (!manifest_check_name(r, v, "an issuer") || !manifest_expect(r, v, JSON_KIND_OBJECT))
                return;
        if (g_hash_table_contains(r->manifest->issuers, v->key)) {
                manifest_complain_key(r, v, "Give one of them another name.",
                                      "another file has an issuer \"%s\" already", v->key);
                return;
        }
        /* One with a problem is known all the same, so that its certificates are not complained of as well. */
        config = json_document_slice(r->file->json, v);
        digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, config, -1);
        issuer = g_new(ManifestIssuer, 1);
        *issuer = (ManifestIssuer){ .name = manifest_keep_string(r, v->key),
                                    .type = manifest_keep_repeated(r, ""),
                                    .environment = ours ? manifest_keep_repeated(r, ours) : NULL,
                                    .config = manifest_keep_string(r, config),
                                    .digest = manifest_keep_string(r, digest) };
        g_hash_table_insert(r->manifest->issuers, issuer->name, issuer);
        read_issuer(r, v, issuer);
}
