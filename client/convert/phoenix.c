/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* phoenix
 *
 * A certificate-manifest.json, by which a script in front of a step-ca renews: a list of entries, or an object that has
 * the list in "certificates". Owns what its keys mean, and the rules of such set-ups: renewal twelve hours before the
 * end, one mode for both files, the common name among the names.
 */

#include "client/convert/conversion.h"

#include "common/json.h"
#include "client/convert/source.h"
#include "client/convert/takeover.h"
#include "common/error.h"

#include <string.h>

#define ISSUER       "step"
#define RENEW_BEFORE "12h"
#define ENTRIES_MAX  100000
#define DEFAULT_FILE "certificate-manifest.json"

/* One entry while it is read. */
typedef struct Reading {
        Conversion *conversion;
        Entry *entry;
        const JsonValue *object;
        const char *command; /* or NULL */
        char *why;           /* why it is left out, or NULL */
} Reading;

typedef struct Key {
        const char *name;
        void (*read)(Reading *r, const JsonValue *v);
} Key;

static void refuse(Reading *r, char *why)
{
        if (r->why)
                g_free(why);
        else
                r->why = why;
}

/* NULL where it is none; null and "" say nothing. */
static const char *string_of(Reading *r, const JsonValue *v)
{
        if (v->kind == JSON_KIND_STRING)
                return *v->string ? v->string : NULL;
        if (v->kind != JSON_KIND_NULL)
                refuse(r, g_strdup_printf("its \"%s\" is %s, not a string", v->key, json_kind_to_string(v->kind)));
        return NULL;
}

/* ---- The keys ---- */

static void read_common_name(Reading *r, const JsonValue *v)
{
        const char *text = string_of(r, v), *fault = text ? entry_common_name_fault(text) : NULL;

        if (fault)
                refuse(r, g_strdup_printf("its common name cannot be one: %s", fault));
        else
                r->entry->common_name = g_strdup(text);
}

static void read_cert_path(Reading *r, const JsonValue *v)
{
        r->entry->path[ENTRY_CERT] = g_strdup(string_of(r, v));
}

static void read_key_path(Reading *r, const JsonValue *v)
{
        r->entry->path[ENTRY_KEY] = g_strdup(string_of(r, v));
}

static void read_owner(Reading *r, const JsonValue *v)
{
        const char *text = string_of(r, v);

        for (EntryFile f = 0; text && f < ENTRY_OWNED; f++)
                r->entry->owner[f] = g_strdup(text);
}

/* chmod(1) took the text: "600", "0640". A number is written in decimal digits that mean octal ones. */
static int mode_of(const char *text)
{
        size_t length = strlen(text);

        if (length < 3 || length > 4 || strspn(text, "01234567") != length || (length == 4 && text[0] != '0'))
                return -1;
        return (int) g_ascii_strtoull(text, NULL, 8);
}

/* After the owner, which a note about the mode names. */
static void read_permissions(Reading *r, const JsonValue *v)
{
        g_autofree char *digits = NULL;
        const char *text;
        int mode;

        if (v->kind == JSON_KIND_NUMBER && v->is_integer)
                text = digits = g_strdup_printf("%" G_GINT64_FORMAT, v->integer);
        else
                text = string_of(r, v);
        if (!text)
                return;
        mode = mode_of(text);
        if (mode < 0)
                refuse(r, g_strdup_printf("its permissions, \"%s\", are none that are written in three octal digits", text));
        else
                for (EntryFile f = 0; f < ENTRY_OWNED; f++)
                        takeover_set_mode(r->conversion, r->entry, f, mode);
}

static void add_san(Reading *r, const JsonValue *v)
{
        g_autoptr(GError) error = NULL;

        if (v->kind != JSON_KIND_STRING)
                refuse(r, g_strdup_printf("in its \"sans\" stands %s, not a string", json_kind_to_string(v->kind)));
        else if (!entry_add_san(r->entry, v->string, &error)) {
                g_autofree char *summary = cert_error_summary(error);

                refuse(r, g_strdup_printf("its name \"%s\" cannot be one: %s", v->string, summary));
        }
}

static void read_sans(Reading *r, const JsonValue *v)
{
        if (v->kind == JSON_KIND_NULL)
                return;
        if (v->kind != JSON_KIND_ARRAY)
                refuse(r, g_strdup_printf("its \"sans\" are %s, not a list", json_kind_to_string(v->kind)));
        else
                for (const JsonValue *e = v->first; e; e = e->next)
                        add_san(r, e);
}

static void read_command(Reading *r, const JsonValue *v)
{
        r->command = string_of(r, v);
}

static const Key keys[] = {
        { "common_name", read_common_name }, { "cert_path", read_cert_path },     { "key_path", read_key_path },
        { "owner", read_owner },             { "permissions", read_permissions }, { "sans", read_sans },
        { "post_renewal_command", read_command },
};

static bool is_known(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
                if (g_str_equal(keys[i].name, name))
                        return true;
        return false;
}

/* In the order of the table, so that what comes first in it is known to the rest. */
static void read_keys(Reading *r)
{
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                const JsonValue *v = json_value_member(r->object, keys[i].name);

                if (v)
                        keys[i].read(r, v);
        }
        for (const JsonValue *v = r->object->first; v; v = v->next)
                if (!is_known(v->key))
                        conversion_note(r->conversion, r->entry, REPORT_TO_DO,
                                        "its key \"%s\" is not known, and was passed over", v->key);
}

/* ---- One entry ---- */

/* The name that clients go by must be among the names (RFC 9525, 6.3), and step-ca's own client puts it there. One in place
 * without it was wanted so: it is taken over as it is. */
static void add_common_name(Reading *r, const PresentCertificate *p)
{
        Entry *e = r->entry;
        unsigned before = e->sans->len;

        if (p && before > 0 && takeover_same_names(e, p))
                return;
        if (entry_add_san(e, e->common_name, NULL) && e->sans->len > before && before > 0)
                conversion_note(r->conversion, e, REPORT_NOTE, "\"%s\" was added to its names", e->common_name);
}

static void check(Reading *r)
{
        static const char *const needed[] = { "common_name", "cert_path", "key_path" };
        const char *const values[] = { r->entry->common_name, r->entry->path[ENTRY_CERT], r->entry->path[ENTRY_KEY] };

        for (size_t i = 0; i < G_N_ELEMENTS(needed) && !r->why; i++)
                if (!values[i])
                        refuse(r, g_strdup_printf("it has no \"%s\"", needed[i]));
        if (!r->why)
                (void) takeover_resolve(r->conversion, r->entry, &r->why);
}

static void finish(Reading *r, const char *issuer)
{
        g_autoptr(PresentCertificate) p = takeover_read(r->conversion, r->entry);
        Entry *e = r->entry;

        e->issuer = g_strdup(issuer);
        e->renew_before = g_strdup(RENEW_BEFORE);
        add_common_name(r, p);
        if (p)
                takeover_kind(r->conversion, e, p);
        if (r->command)
                conversion_add_hook(r->conversion, e, r->command, WORDS_SHELL);
        if (conversion_add(r->conversion, e) && p)
                takeover_foresee(r->conversion, e, p);
}

/* What people know an entry by. */
static const char *label_of(const JsonValue *object)
{
        const JsonValue *name = object->kind == JSON_KIND_OBJECT ? json_value_member(object, "common_name") : NULL;

        return name && name->kind == JSON_KIND_STRING ? name->string : NULL;
}

static void convert_entry(Conversion *c, unsigned number, const JsonValue *v, const char *issuer)
{
        Reading r = { .conversion = c, .entry = entry_new(number, label_of(v)), .object = v };

        if (v->kind != JSON_KIND_OBJECT) {
                conversion_leave_out(c, r.entry, "it is %s, not an object", json_kind_to_string(v->kind));
                return;
        }
        read_keys(&r);
        check(&r);
        if (r.why)
                conversion_leave_out(c, r.entry, "%s", r.why);
        else
                finish(&r, issuer);
        g_free(r.why);
}

/* ---- The issuer ---- */

static void set_or_ask(Conversion *c, ConvertIssuer *i, const char *key, const char *value, GString *missing)
{
        if (value)
                convert_issuer_set(i, key, value);
        else
                g_string_append_printf(missing, "%s\"%s\"", missing->len ? ", " : "", key);
}

/* What is not known is not made up: without it the manifest is refused, and says where. */
static void add_issuer(Conversion *c, const char *name)
{
        const ConvertOptions *o = c->options;
        ConvertIssuer *i = conversion_add_issuer(c, name, "step");
        g_autoptr(GString) missing = g_string_new(NULL);

        set_or_ask(c, i, "url", o->url, missing);
        if (o->root)
                convert_issuer_set(i, "root", o->root);
        else
                set_or_ask(c, i, "root_fingerprint", o->root_fingerprint, missing);
        set_or_ask(c, i, "provisioner", o->provisioner, missing);
        set_or_ask(c, i, "password_file", o->password_file, missing);
        if (missing->len > 0)
                report_add(c->report, REPORT_TO_DO, 0, NULL,
                           "the issuer \"%s\" still needs: %s. Add them to it, or give them as options: certctl convert --help",
                           name, missing->str);
}

/* With a name alone, the issuer is one that the host's manifest has already. */
static bool is_of_the_host(const ConvertOptions *o)
{
        return o->issuer && !o->url && !o->root && !o->root_fingerprint && !o->provisioner && !o->password_file;
}

/* ---- The file ---- */

static bool bad_file(GError **error, const char *path, const char *what, const char *hint)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "%s: %s\n%s", path, what, hint);
        return false;
}

static bool check_json(JsonDocument *json, const char *path, GError **error)
{
        const GPtrArray *faults = json_document_faults(json);
        g_autofree char *what = NULL;
        const JsonFault *f;
        unsigned line, column;

        if (faults->len == 0 && json_document_root(json))
                return true;
        if (faults->len == 0)
                return bad_file(error, path, "it is empty", "Name a certificate-manifest.json.");
        f = faults->pdata[0];
        json_document_position(json, f->offset, &line, &column);
        what = g_strdup_printf("line %u, column %u: %s", line, column, f->message);
        return bad_file(error, path, what, f->hint ?: "Correct it there first.");
}

/* The list by itself, or in an object, whose other keys nobody can be asked about. */
static const JsonValue *find_list(Conversion *c, const JsonValue *root)
{
        const JsonValue *list = root->kind == JSON_KIND_OBJECT ? json_value_member(root, "certificates") : root;

        if (!list || list->kind != JSON_KIND_ARRAY)
                return NULL;
        for (const JsonValue *v = list == root ? NULL : root->first; v; v = v->next)
                if (v != list)
                        report_add(c->report, REPORT_TO_DO, 0, NULL,
                                   "the key \"%s\" beside \"certificates\" is not known, and was passed over", v->key);
        return list;
}

static bool convert_list(Conversion *c, const JsonValue *list, const char *path, GError **error)
{
        const char *issuer = c->options->issuer ?: ISSUER;
        unsigned n = 0;

        for (const JsonValue *v = list->first; v; v = v->next)
                if (++n > ENTRIES_MAX)
                        return bad_file(error, path, "it has more than 100,000 entries", "Split it.");
        n = 0;
        for (const JsonValue *v = list->first; v; v = v->next)
                convert_entry(c, ++n, v, issuer);
        if (is_of_the_host(c->options))
                report_add(c->report, REPORT_NOTE, 0, NULL,
                           "the issuer \"%s\" is taken to be in the manifest of the host; to have it in this one, give "
                           "--url and its other options",
                           issuer);
        else
                add_issuer(c, issuer);
        return true;
}

bool phoenix_convert(Conversion *c, const char *path, GError **error)
{
        const char *name = path ?: DEFAULT_FILE;
        g_autoptr(JsonDocument) json = NULL;
        const JsonValue *list;
        char *text;
        size_t size;

        if (!source_read(name, name, SOURCE_FOLLOW, SOURCE_SIZE_MAX, &text, &size, error))
                return false;
        json = json_document_new(text, size);
        if (!check_json(json, name, error))
                return false;
        list = find_list(c, json_document_root(json));
        if (!list)
                return bad_file(error, name, "it is neither a list of entries nor an object with such a list in \"certificates\"",
                                "Name the file by which certificates are renewed today.");
        return convert_list(c, list, name, error);
}
