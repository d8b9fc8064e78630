/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certmonger's requests: the form of its files, as its daemon writes and reads them. Keys are known in any case of their
 * letters. */

#include "client/convert/certmonger-request.h"

#include "common/error.h"

#include <string.h>

struct CertmongerRequest {
        GHashTable *values; /* key in lower case -> value */
};

static bool fail(GError **error, unsigned line, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "line %u: %s", line, what);
        return false;
}

/* The first value of a key counts. Takes the value. */
static void add(CertmongerRequest *r, char *key, GString *value)
{
        if (key && !g_hash_table_contains(r->values, key))
                g_hash_table_insert(r->values, key, g_string_free(value, FALSE));
        else {
                g_free(key);
                g_string_free(value, TRUE);
        }
}

static bool begin(const char *line, unsigned number, char **ret_key, GString **ret_value, GError **error)
{
        const char *equals;

        line += *line == '='; /* old versions began each line so */
        equals = strchr(line, '=');
        if (!equals || equals == line)
                return fail(error, number, "this is no \"key=value\"");
        *ret_key = g_ascii_strdown(line, equals - line);
        *ret_value = g_string_new(equals + 1);
        return true;
}

static bool read_lines(CertmongerRequest *r, char **lines, GError **error)
{
        GString *value = NULL;
        char *key = NULL;
        bool done = true;

        for (unsigned i = 0; done && lines[i]; i++) {
                const char *line = g_strchomp(lines[i]);

                if (*line == ' ' && value)
                        g_string_append_printf(value, "\n%s", line + 1);
                else if (*line == ' ')
                        done = fail(error, i + 1, "this goes on with a value, but there is none before it");
                else if (*line != '\0' && *line != '#' && *line != ';') {
                        if (value)
                                add(r, g_steal_pointer(&key), g_steal_pointer(&value));
                        done = begin(line, i + 1, &key, &value, error);
                }
        }
        if (value)
                add(r, key, value);
        return done;
}

CertmongerRequest *certmonger_request_new(const char *text, GError **error)
{
        g_autoptr(CertmongerRequest) r = g_new0(CertmongerRequest, 1);
        g_auto(GStrv) lines = NULL;

        r->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        if (!g_utf8_validate(text, -1, NULL)) {
                fail(error, 1, "the file is not UTF-8");
                return NULL;
        }
        lines = g_strsplit(text, "\n", -1);
        return read_lines(r, lines, error) ? g_steal_pointer(&r) : NULL;
}

CertmongerRequest *certmonger_request_free(CertmongerRequest *r)
{
        if (r)
                g_hash_table_unref(r->values);
        g_free(r);
        return NULL;
}

const char *certmonger_request_get(const CertmongerRequest *r, const char *key)
{
        const char *value = g_hash_table_lookup(r->values, key);

        return value && *value ? value : NULL;
}

char **certmonger_request_list(const CertmongerRequest *r, const char *key)
{
        g_autoptr(GPtrArray) parts = g_ptr_array_new();
        g_autoptr(GString) part = g_string_new(NULL);
        const char *value = certmonger_request_get(r, key);

        for (const char *p = value ?: ""; *p; p++) {
                if (*p == ',') {
                        g_ptr_array_add(parts, g_strdup(part->str));
                        g_string_truncate(part, 0);
                        continue;
                }
                if (*p == '\\' && p[1])
                        p++;
                g_string_append_c(part, *p);
        }
        if (value)
                g_ptr_array_add(parts, g_strdup(part->str));
        g_ptr_array_add(parts, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&parts), FALSE);
}
