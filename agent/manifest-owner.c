/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners and permissions of managed files. Owns the lookups of users and groups, each of which is made once
 * a load (the user database may be on a network), and the rule that a key is never readable by all. */

#include "agent/manifest-read.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define CERT_MODE_MAX 0644
#define KEY_MODE_MAX  0640

/* What an owner's text means. */
typedef struct Owner {
        bool has_uid, has_gid;
        uid_t uid;
        gid_t gid;
        char *message, *hint; /* what is wrong with it */
} Owner;

static void owner_free(void *data)
{
        Owner *o = data;

        g_free(o->message);
        g_free(o->hint);
        g_free(o);
}

/* (uid_t) -1 means "no change" to chown(2) and is nobody's. */
static bool numeric_id(const char *text, uint32_t *ret)
{
        guint64 id;

        if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &id, NULL))
                return false;
        *ret = (uint32_t) id;
        return true;
}

/* A user alone brings its primary group along, as User= in a unit does. */
static void owner_set_user(Owner *o, const char *user, bool group_follows)
{
        uint32_t id;
        bool is_numeric = numeric_id(user, &id);
        const struct passwd *pw;

        errno = 0;
        pw = is_numeric ? getpwuid(id) : getpwnam(user);
        if (!pw && !is_numeric) {
                o->message = errno != 0 && errno != ENOENT && errno != ESRCH
                                     ? g_strdup_printf("the user \"%s\" cannot be looked up: %s", user,
                                                       g_strerror(errno))
                                     : g_strdup_printf("there is no user \"%s\" on this host", user);
                o->hint = g_strdup("Create it, or correct the name; the owner is written as \"user:group\".");
                return;
        }
        if (!pw && group_follows) {
                o->message = g_strdup_printf("the user %s has no primary group on this host", user);
                o->hint = g_strdup("Write user and group: \"1000:1000\".");
                return;
        }
        o->has_uid = true;
        o->uid = pw ? pw->pw_uid : id;
        if (group_follows) {
                o->has_gid = true;
                o->gid = pw->pw_gid;
        }
}

static void owner_set_group(Owner *o, const char *group)
{
        uint32_t id;
        const struct group *gr;

        o->has_gid = true;
        if (numeric_id(group, &id)) {
                o->gid = id;
                return;
        }
        gr = getgrnam(group);
        if (gr) {
                o->gid = gr->gr_gid;
                return;
        }
        o->message = g_strdup_printf("there is no group \"%s\" on this host", group);
        o->hint = g_strdup("Create it, or correct the name; the owner is written as \"user:group\".");
}

static Owner *owner_parse(const char *text)
{
        Owner *o = g_new0(Owner, 1);
        const char *colon = strchr(text, ':');
        g_autofree char *user = g_strndup(text, colon ? (size_t) (colon - text) : strlen(text));

        if (colon && (colon[1] == '\0' || strchr(colon + 1, ':'))) {
                o->message = g_strdup_printf("\"%s\" is no owner", text);
                o->hint = g_strdup("Write \"user:group\", \"user\" or \":group\".");
                return o;
        }
        if (*user)
                owner_set_user(o, user, !colon);
        if (colon && !o->message)
                owner_set_group(o, colon + 1);
        return o;
}

static const Owner *owner_of_text(ManifestReading *r, const char *text)
{
        Owner *o;

        if (!r->owners)
                r->owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, owner_free);
        o = g_hash_table_lookup(r->owners, text);
        if (!o) {
                o = owner_parse(text);
                g_hash_table_insert(r->owners, g_strdup(text), o);
        }
        return o;
}

static bool owner_apply(ManifestReading *r, const JsonValue *v, FileAttributes *a)
{
        const char *text = manifest_read_string(r, v);
        const Owner *o = text ? owner_of_text(r, text) : NULL;

        if (!o)
                return false;
        if (o->message) {
                manifest_complain(r, v, o->hint, "%s", o->message);
                return false;
        }
        if (o->has_uid)
                a->uid = o->uid;
        if (o->has_gid)
                a->gid = o->gid;
        return true;
}

static void read_cert_owner(ManifestReading *r, const JsonValue *v, void *target)
{
        owner_apply(r, v, &((CertificateDraft *) target)->certificate->cert_attributes);
}

static void read_key_owner(ManifestReading *r, const JsonValue *v, void *target)
{
        owner_apply(r, v, &((CertificateDraft *) target)->certificate->key_attributes);
}

void manifest_read_owner(ManifestReading *r, const JsonValue *v, void *target)
{
        static const ManifestField fields[] = { { "cert", read_cert_owner }, { "key", read_key_owner } };
        ManifestCertificate *c = ((CertificateDraft *) target)->certificate;

        if (v->kind == JSON_KIND_OBJECT) {
                manifest_read_object(r, v, fields, G_N_ELEMENTS(fields), target);
                return;
        }
        if (owner_apply(r, v, &c->cert_attributes))
                owner_apply(r, v, &c->key_attributes);
}

void manifest_read_file_owner(ManifestReading *r, const JsonValue *v, FileAttributes *a)
{
        owner_apply(r, v, a);
}

/* ---- Permissions ---- */

/* Whose permissions are read: what they are called, the most that is sensible, and whether all may read. */
typedef struct ModeRule {
        const char *what;
        mode_t max;
        bool is_secret;
} ModeRule;

static const ModeRule cert_rule = { "certificate", CERT_MODE_MAX, false };
static const ModeRule key_rule = { "key", KEY_MODE_MAX, true };
static const ModeRule bundle_rule = { "bundle", CERT_MODE_MAX, false };

/* "640" or "0640": what chmod(1) takes, without its symbols. */
static bool mode_parse(ManifestReading *r, const JsonValue *v, mode_t *ret)
{
        const char *text, *digits;

        if (v->kind == JSON_KIND_NUMBER) {
                manifest_complain(r, v, "JSON knows no octal numbers; write it as a string: \"0640\".",
                                  "permissions are a string, not a number");
                return false;
        }
        text = manifest_read_string(r, v);
        if (!text)
                return false;
        digits = strlen(text) == 4 && text[0] == '0' ? text + 1 : text;
        if (strlen(digits) != 3 || strspn(digits, "01234567") != 3) {
                manifest_complain(r, v, "Write them in octal: \"0640\".",
                                  "\"%s\" are no permissions of a file", text);
                return false;
        }
        *ret = (mode_t) g_ascii_strtoull(digits, NULL, 8);
        return true;
}

static bool mode_check(ManifestReading *r, const JsonValue *v, mode_t mode, const ModeRule *rule)
{
        g_autofree char *most = g_strdup_printf("At most \"%04o\".", (unsigned) rule->max);

        if (rule->is_secret && (mode & S_IRWXO))
                manifest_complain(r, v,
                                  "Give the key its own: {\"cert\": \"0644\", \"key\": \"0640\"}; the group "
                                  "may read it, "
                                  "others never.",
                                  "with the permissions %04o all users could use the key", (unsigned) mode);
        else if (!(mode & S_IRUSR))
                manifest_complain(r, v, NULL, "with the permissions %04o its owner could not read the %s",
                                  (unsigned) mode, rule->what);
        else if (mode & ~rule->max)
                manifest_complain(
                        r, v, most,
                        "the permissions %04o let a %s be executed or written by others than its owner",
                        (unsigned) mode, rule->what);
        else
                return true;
        return false;
}

static void read_cert_mode(ManifestReading *r, const JsonValue *v, void *target)
{
        mode_t mode;

        if (mode_parse(r, v, &mode) && mode_check(r, v, mode, &cert_rule))
                ((CertificateDraft *) target)->certificate->cert_attributes.mode = mode;
}

static void read_key_mode(ManifestReading *r, const JsonValue *v, void *target)
{
        mode_t mode;

        if (mode_parse(r, v, &mode) && mode_check(r, v, mode, &key_rule))
                ((CertificateDraft *) target)->certificate->key_attributes.mode = mode;
}

void manifest_read_permissions(ManifestReading *r, const JsonValue *v, void *target)
{
        static const ManifestField fields[] = { { "cert", read_cert_mode }, { "key", read_key_mode } };
        ManifestCertificate *c = ((CertificateDraft *) target)->certificate;
        mode_t mode;

        if (v->kind == JSON_KIND_OBJECT)
                manifest_read_object(r, v, fields, G_N_ELEMENTS(fields), target);
        else if (mode_parse(r, v, &mode) && mode_check(r, v, mode, &key_rule) &&
                 mode_check(r, v, mode, &cert_rule))
                c->cert_attributes.mode = c->key_attributes.mode = mode;
}

void manifest_read_bundle_mode(ManifestReading *r, const JsonValue *v, FileAttributes *a)
{
        mode_t mode;

        if (mode_parse(r, v, &mode) && mode_check(r, v, mode, &bundle_rule))
                a->mode = mode;
}
