/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Local authorities of the manifest: the keys of an issuer of type "local". Most of them are for its process;
 * all are checked here, so that what it would refuse is known before the manifest takes effect. */

#include "agent/manifest-read.h"

#include "common/subtree.h"
#include "common/timespan.h"

#include <string.h>

#define LIFETIME_DEFAULT     (3652 * USEC_PER_DAY) /* ten years, as the process has it */
#define LIFETIME_MIN         USEC_PER_HOUR
#define PATH_LENGTH_MAX      8
#define SUBTREES_MAX         256 /* of each list */
#define GRACE_DEFAULT        USEC_PER_DAY
#define CRL_LIFETIME_DEFAULT (7 * USEC_PER_DAY)
#define CRL_LIFETIME_MIN     USEC_PER_HOUR

#define PROTECTION_FILE       "file"
#define PROTECTION_CREDENTIAL "credential"

static AuthorityDraft *draft_of(void *target)
{
        return target;
}

/* ---- "key" ---- */

static void read_key_type(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_key_type(r, v, &draft_of(target)->key_type);
}

static void read_key_uri(ManifestReading *r, const JsonValue *v, void *target)
{
        draft_of(target)->key_uri = manifest_read_key_uri(r, v);
}

static void read_key_protection(ManifestReading *r, const JsonValue *v, void *target)
{
        static const char *const known[] = { PROTECTION_FILE, PROTECTION_CREDENTIAL };
        const char *text = manifest_read_string(r, v);
        g_autofree char *hint = NULL;

        if (!text)
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_str_equal(text, known[i]))
                        draft_of(target)->protection = known[i];
        if (draft_of(target)->protection)
                return;
        hint = manifest_did_you_mean(text, known, G_N_ELEMENTS(known));
        manifest_complain(r, v,
                          hint
                                  ?: "There are \"file\" and \"credential\"; a key in a token has a \"uri\" "
                                     "in place of "
                                     "a protection.",
                          "\"%s\" is no protection of a key", text);
}

static const ManifestField key_fields[] = {
        { "type", read_key_type },
        { "uri", read_key_uri },
        { "protection", read_key_protection },
};

static void read_key(ManifestReading *r, const JsonValue *v, void *target)
{
        const JsonValue *protection;

        if (!manifest_read_object(r, v, key_fields, G_N_ELEMENTS(key_fields), target))
                return;
        protection = json_value_member(v, "protection");
        if (protection && json_value_member(v, "uri"))
                manifest_complain_key(r, protection,
                                      "Remove one of the two; a token protects its keys by itself.",
                                      "protection and uri exclude each other");
}

/* ---- "names" ---- */

static void subtree_destroy(void *data)
{
        subtree_free(data);
}

static void read_subtrees(ManifestReading *r, const JsonValue *v, GPtrArray *subtrees)
{
        if (!manifest_expect(r, v, JSON_KIND_ARRAY))
                return;
        if (!v->first)
                manifest_complain(
                        r, v, "Remove the key, or name a subtree: [\"example.org\", \"ip:192.0.2.0/24\"].",
                        "an empty list says nothing");
        for (const JsonValue *e = v->first; e; e = e->next) {
                g_autoptr(GError) error = NULL;
                const char *text = manifest_read_string(r, e);
                Subtree *t = text ? subtree_parse(text, &error) : NULL;

                if (error)
                        manifest_complain_error(r, e, error);
                if (t)
                        g_ptr_array_add(subtrees, t);
                if (subtrees->len > SUBTREES_MAX) {
                        manifest_complain(r, e, NULL, "at most %d subtrees can be %s", SUBTREES_MAX, v->key);
                        return;
                }
        }
}

static void read_permitted(ManifestReading *r, const JsonValue *v, void *target)
{
        read_subtrees(r, v, draft_of(target)->permitted);
}

static void read_excluded(ManifestReading *r, const JsonValue *v, void *target)
{
        read_subtrees(r, v, draft_of(target)->excluded);
}

static const ManifestField name_fields[] = { { "permitted", read_permitted }, { "excluded", read_excluded } };

static void read_names(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_object(r, v, name_fields, G_N_ELEMENTS(name_fields), target);
}

/* ---- The other keys ---- */

/* Common to all types: manifest-issuer.c has read them. */
static void skip(ManifestReading *r, const JsonValue *v, void *target)
{
}

static void read_subject(ManifestReading *r, const JsonValue *v, void *target)
{
        char *common_name;

        draft_of(target)->subject = manifest_read_subject(r, v, &common_name);
}

static void read_timeout(ManifestReading *r, const JsonValue *v, void *target)
{
        uint64_t usec;

        manifest_read_span(r, v, &usec);
}

static void read_lifetime(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_lifetime(r, v, LIFETIME_MIN, &draft_of(target)->lifetime_usec);
}

static void read_certificate_lifetime(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_lifetime(r, v, USEC_PER_SEC, &draft_of(target)->certificate_lifetime_usec);
}

static void read_renew_before(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_renew_before(r, v, &draft_of(target)->authority->renew_before);
}

static void read_path_length(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_unsigned(r, v, 0, PATH_LENGTH_MAX, &draft_of(target)->path_length);
}

/* One of two words, of which the second is what the flag says. */
static void read_choice(ManifestReading *r, const JsonValue *v, const char *usual, const char *other,
                        bool *ret_other)
{
        const char *words[] = { usual, other }, *text = manifest_read_string(r, v);
        g_autofree char *hint = NULL;

        if (!text)
                return;
        *ret_other = g_str_equal(text, other);
        if (*ret_other || g_str_equal(text, usual))
                return;
        hint = manifest_did_you_mean(text, words, G_N_ELEMENTS(words))
                       ?: g_strdup_printf("There are \"%s\" and \"%s\".", usual, other);
        manifest_complain(r, v, hint, "\"%s\" is no answer to it", text);
}

static void read_bundle_drift(ManifestReading *r, const JsonValue *v, void *target)
{
        read_choice(r, v, "rewrite", "recreate", &draft_of(target)->authority->recreate_on_bundle_drift);
}

static void read_stray(ManifestReading *r, const JsonValue *v, void *target)
{
        read_choice(r, v, "resign", "recreate", &draft_of(target)->authority->recreate_on_stray);
}

static void read_rotation_grace(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_span_or_none(r, v, &draft_of(target)->authority->grace_usec);
}

static void read_watch(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_boolean(r, v, &draft_of(target)->authority->watch);
}

static void read_crl_path(ManifestReading *r, const JsonValue *v, void *target)
{
        draft_of(target)->crl_path = manifest_read_path(r, v);
}

static void read_crl_lifetime(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_lifetime(r, v, CRL_LIFETIME_MIN, &draft_of(target)->crl_lifetime_usec);
}

static void read_crl_units(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_units(r, v, &draft_of(target)->crl_units);
}

static const ManifestField authority_fields[] = {
        { "type", skip },
        { "environment", skip },
        { "timeout", read_timeout },
        { "subject", read_subject },
        { "key", read_key },
        { "lifetime", read_lifetime },
        { "certificate_lifetime", read_certificate_lifetime },
        { "renew_before", read_renew_before },
        { "path_length", read_path_length },
        { "names", read_names },
        { "bundle_drift", read_bundle_drift },
        { "stray", read_stray },
        { "rotation_grace", read_rotation_grace },
        { "watch", read_watch },
        { "crl_path", read_crl_path },
        { "crl_lifetime", read_crl_lifetime },
        { "crl_units", read_crl_units },
};

const ManifestField *manifest_authority_fields(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(authority_fields);
        return authority_fields;
}

const ManifestField *manifest_authority_key_fields(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(key_fields);
        return key_fields;
}

const ManifestField *manifest_authority_name_fields(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(name_fields);
        return name_fields;
}

/* ---- Between the keys ---- */

static const JsonValue *where(const AuthorityDraft *draft, const char *key)
{
        return json_value_member(draft->value, key) ?: draft->value;
}

static void check_times(ManifestReading *r, const AuthorityDraft *draft)
{
        uint64_t lifetime = draft->lifetime_usec ?: LIFETIME_DEFAULT;
        g_autofree char *own = NULL, *signed_for = NULL;

        manifest_check_renew_before(r, where(draft, "renew_before"), &draft->authority->renew_before,
                                    lifetime);
        if (draft->certificate_lifetime_usec <= lifetime)
                return;
        own = timespan_format(lifetime);
        signed_for = timespan_format(draft->certificate_lifetime_usec);
        manifest_complain(r, where(draft, "certificate_lifetime"),
                          "Let the authority's \"lifetime\" be longer than that of what it signs.",
                          "certificates of %s would outlive their authority, which is valid for %s",
                          signed_for, own);
}

static void check_crl(ManifestReading *r, const AuthorityDraft *draft)
{
        static const char *const keys[] = { "crl_lifetime", "crl_units" };

        for (size_t i = 0; i < G_N_ELEMENTS(keys) && !json_value_member(draft->value, "crl_path"); i++)
                if (json_value_member(draft->value, keys[i]))
                        manifest_complain_key(r, where(draft, keys[i]), "Add \"crl_path\", or remove it.",
                                              "%s means nothing without crl_path", keys[i]);
}

/* The name becomes that of the authority's folder, which its process takes without an @. */
static void check_folder_name(ManifestReading *r, const JsonValue *v)
{
        if (strchr(v->key, '@'))
                manifest_complain_key(r, v, "Use letters, digits, dots, hyphens and underscores.",
                                      "the name of a local authority is its folder's and has no @");
}

/* ---- Its digest ---- */

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* In the order of the text: that of the manifest means nothing. */
static void digest_names(GChecksum *sum, const char *what, const GPtrArray *subtrees)
{
        g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

        for (unsigned i = 0; i < subtrees->len; i++)
                g_ptr_array_add(texts, subtree_to_string(subtrees->pdata[i]));
        g_ptr_array_sort(texts, compare_texts);
        for (unsigned i = 0; i < texts->len; i++) {
                g_autofree char *line = g_strdup_printf("%s %s\n", what, (char *) texts->pdata[i]);

                g_checksum_update(sum, (const guchar *) line, -1);
        }
}

/* Not the lifetime: a longer one is for the next certificate, and no reason to replace this one. */
static char *request_digest(ManifestReading *r, const AuthorityDraft *draft)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        g_autofree char *head = g_strdup_printf("%s\n%s\n%s\n%s\n%u\n", draft->subject ?: "",
                                                key_type_to_string(draft->key_type), draft->key_uri ?: "",
                                                draft->protection ?: PROTECTION_FILE, draft->path_length);

        g_checksum_update(sum, (const guchar *) head, -1);
        digest_names(sum, "permitted", draft->permitted);
        digest_names(sum, "excluded", draft->excluded);
        return manifest_keep_string(r, g_checksum_get_string(sum));
}

/* ---- One authority ---- */

ManifestAuthority *manifest_authority_free(ManifestAuthority *a)
{
        g_free(a);
        return NULL;
}

AuthorityDraft *manifest_authority_draft_free(AuthorityDraft *d)
{
        if (!d)
                return NULL;
        g_ptr_array_unref(d->permitted);
        g_ptr_array_unref(d->excluded);
        g_ptr_array_unref(d->crl_units);
        g_free(d);
        return NULL;
}

static AuthorityDraft *draft_new(ManifestReading *r, const JsonValue *v, ManifestAuthority *authority)
{
        AuthorityDraft *d = g_new(AuthorityDraft, 1);

        *d = (AuthorityDraft){ .authority = authority,
                               .name = v->key,
                               .file = r->file,
                               .value = v,
                               .key_type = KEY_TYPE_ECDSA_P256,
                               .crl_lifetime_usec = CRL_LIFETIME_DEFAULT,
                               .permitted = g_ptr_array_new_with_free_func(subtree_destroy),
                               .excluded = g_ptr_array_new_with_free_func(subtree_destroy),
                               .crl_units = g_ptr_array_new_with_free_func(g_free) };
        return d;
}

ManifestAuthority *manifest_read_authority(ManifestReading *r, const JsonValue *v)
{
        ManifestAuthority *authority = g_new(ManifestAuthority, 1);
        AuthorityDraft *draft = draft_new(r, v, authority);

        *authority = (ManifestAuthority){ .renew_before = { .is_percent = true, .percent = 33 },
                                          .grace_usec = GRACE_DEFAULT,
                                          .watch = r->defaults.watch };
        g_ptr_array_add(r->authorities, draft);
        check_folder_name(r, v);
        manifest_read_object(r, v, authority_fields, G_N_ELEMENTS(authority_fields), draft);
        check_times(r, draft);
        check_crl(r, draft);
        if (draft->crl_path)
                manifest_add_crl(r, draft);
        authority->request_digest = request_digest(r, draft);
        return authority;
}
