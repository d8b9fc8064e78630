/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values: the plain kinds of which a manifest is made, and objects read by a table of their keys. A key is
 * consumed by the field that reads it; what no field wants is a problem, with a guess at what was meant. */

#include "agent/manifest-read.h"

#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

#define FIELDS_MAX      40
#define NAME_MAX_LENGTH 64
#define LIFETIME_MAX    (UINT64_C(100) * 31557600 * USEC_PER_SEC) /* a hundred years */

static const ManifestField *field_find(const ManifestField *fields, size_t n, const char *key)
{
        for (size_t i = 0; i < n; i++)
                if (fields[i].key[0] == key[0] && strcmp(fields[i].key, key) == 0)
                        return &fields[i];
        return NULL;
}

static void complain_unknown_key(ManifestReading *r, const JsonValue *v, const ManifestField *fields,
                                 size_t n)
{
        const char *keys[FIELDS_MAX];
        g_autofree char *hint = NULL;

        for (size_t i = 0; i < n; i++)
                keys[i] = fields[i].key;
        hint = manifest_did_you_mean(v->key, keys, n);
        manifest_complain_key(r, v, hint, "the key \"%s\" is unknown here", v->key);
}

bool manifest_read_object(ManifestReading *r, const JsonValue *v, const ManifestField *fields,
                          size_t n_fields, void *target)
{
        g_assert(n_fields <= FIELDS_MAX);
        if (!manifest_expect(r, v, JSON_KIND_OBJECT))
                return false;
        for (const JsonValue *member = v->first; member; member = member->next) {
                const ManifestField *field = field_find(fields, n_fields, member->key);

                if (field)
                        field->read(r, member, target);
                else
                        complain_unknown_key(r, member, fields, n_fields);
        }
        return true;
}

bool manifest_expect(ManifestReading *r, const JsonValue *v, JsonKind kind)
{
        if (v->kind == kind)
                return true;
        manifest_complain(
                r, v,
                kind == JSON_KIND_STRING && v->kind == JSON_KIND_NUMBER ? "Put it in double quotes." : NULL,
                "%s is expected here, not %s", json_kind_to_string(kind), json_kind_to_string(v->kind));
        return false;
}

const char *manifest_read_string(ManifestReading *r, const JsonValue *v)
{
        if (!manifest_expect(r, v, JSON_KIND_STRING))
                return NULL;
        if (*v->string)
                return v->string;
        manifest_complain(r, v, "Remove the key, or give it a value.", "the string is empty");
        return NULL;
}

bool manifest_read_boolean(ManifestReading *r, const JsonValue *v, bool *ret)
{
        if (!manifest_expect(r, v, JSON_KIND_BOOLEAN))
                return false;
        *ret = v->boolean;
        return true;
}

bool manifest_read_unsigned(ManifestReading *r, const JsonValue *v, unsigned min, unsigned max, unsigned *ret)
{
        if (!manifest_expect(r, v, JSON_KIND_NUMBER))
                return false;
        if (!v->is_integer || v->integer < (int64_t) min || v->integer > (int64_t) max) {
                manifest_complain(r, v, NULL, "a whole number from %u to %u is expected here", min, max);
                return false;
        }
        *ret = (unsigned) v->integer;
        return true;
}

/* Of a key that may be nothing: "0s". */
bool manifest_read_span_or_none(ManifestReading *r, const JsonValue *v, uint64_t *ret_usec)
{
        g_autoptr(GError) error = NULL;
        const char *text;

        if (v->kind == JSON_KIND_NUMBER) {
                manifest_complain(r, v, "Write a string with a unit, such as \"12h\" or \"30d\".",
                                  "a span of time is expected here, not a number");
                return false;
        }
        text = manifest_read_string(r, v);
        if (!text)
                return false;
        if (!timespan_parse(text, ret_usec, &error)) {
                manifest_complain_error(r, v, error);
                return false;
        }
        return true;
}

bool manifest_read_span(ManifestReading *r, const JsonValue *v, uint64_t *ret_usec)
{
        uint64_t usec;

        if (!manifest_read_span_or_none(r, v, &usec))
                return false;
        if (usec == 0) {
                manifest_complain(r, v, NULL, "a span of time longer than nothing is expected here");
                return false;
        }
        *ret_usec = usec;
        return true;
}

bool manifest_read_lifetime(ManifestReading *r, const JsonValue *v, uint64_t min_usec, uint64_t *ret_usec)
{
        g_autofree char *min = NULL;
        uint64_t usec;

        if (!manifest_read_span(r, v, &usec))
                return false;
        if (usec >= min_usec && usec <= LIFETIME_MAX) {
                *ret_usec = usec;
                return true;
        }
        min = timespan_format(min_usec);
        manifest_complain(r, v, NULL, "a lifetime is between %s and a hundred years", min);
        return false;
}

/* ---- "renew_before" ---- */

static void read_renew_percent(ManifestReading *r, const JsonValue *v, const char *text, RenewBefore *ret)
{
        g_autofree char *digits = g_strndup(text, strlen(text) - 1);
        guint64 percent;

        if (g_ascii_string_to_unsigned(digits, 10, 1, 99, &percent, NULL))
                *ret = (RenewBefore){ .is_percent = true, .percent = (unsigned) percent };
        else
                manifest_complain(r, v,
                                  "It is the share of the lifetime that is left at renewal, such as \"33%\".",
                                  "\"%s\" is no share from 1%% to 99%%", text);
}

void manifest_read_renew_before(ManifestReading *r, const JsonValue *v, RenewBefore *ret)
{
        uint64_t usec;

        if (v->kind == JSON_KIND_STRING && g_str_has_suffix(v->string, "%"))
                read_renew_percent(r, v, v->string, ret);
        else if (manifest_read_span(r, v, &usec))
                *ret = (RenewBefore){ .usec = usec };
}

void manifest_check_renew_before(ManifestReading *r, const JsonValue *v, const RenewBefore *b,
                                 uint64_t lifetime_usec)
{
        g_autofree char *lifetime = NULL, *before = NULL;

        if (b->is_percent || lifetime_usec == 0 || b->usec < lifetime_usec)
                return;
        lifetime = timespan_format(lifetime_usec);
        before = timespan_format(b->usec);
        manifest_complain(r, v, "Make it shorter, or write a share such as \"33%\".",
                          "renewing %s before the end of a lifetime of %s would never stop", before,
                          lifetime);
}

/* ---- Names and strings ---- */

/* Names become file names, parts of object paths and instances of cert@.service. */
bool manifest_check_name(ManifestReading *r, const JsonValue *v, const char *what)
{
        size_t length = strlen(v->key);
        size_t good = strspn(v->key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-");

        if (length > 0 && length <= NAME_MAX_LENGTH && good == length && g_ascii_isalnum(v->key[0]))
                return true;
        manifest_complain_key(
                r, v,
                "A name has 1 to 64 letters, digits, dots, hyphens, underscores and @, and starts with a "
                "letter or digit.",
                "\"%s\" cannot be the name of %s", v->key, what);
        return false;
}

char *manifest_keep_string(ManifestReading *r, const char *s)
{
        return g_string_chunk_insert(r->manifest->strings, s);
}

char *manifest_keep_repeated(ManifestReading *r, const char *s)
{
        return g_string_chunk_insert_const(r->manifest->strings, s);
}
