/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* certbot's files
 *
 * Owns the dialect: where a value ends, which quotes are its own, and that a key stands once in a section.
 */

#include "client/convert/certbot-conf.h"

#include "common/error.h"

#include <string.h>

#define LINES_MAX 100000

struct CertbotConf {
        GHashTable *values; /* "section\nkey" -> its text; "" for a key that has no single text */
        GHashTable *known;  /* all keys in the same form, and all sections as if they had a key "" */
};

typedef struct Reading {
        CertbotConf *conf;
        char **lines;
        unsigned at; /* the line that is being read, from 0 */
        GPtrArray *path; /* char*: the names of the open sections */
} Reading;

static bool fail(const Reading *r, GError **error, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "line %u: %s", r->at + 1, what);
        return false;
}

static bool is_rest(const char *text)
{
        text += strspn(text, " \t\r");
        return *text == '\0' || *text == '#';
}

/* ---- Values ---- */

/* A quoted value has no escapes: it ends at the first such quote behind which there is nothing but a comment. A comma
 * there makes it a list. */
static bool read_quoted(const char *text, char **ret_value)
{
        for (const char *end = strchr(text + 1, *text); end; end = strchr(end + 1, *text)) {
                if (is_rest(end + 1)) {
                        *ret_value = g_strndup(text + 1, (size_t) (end - text - 1));
                        return true;
                }
                if (end[1 + strspn(end + 1, " \t")] == ',') {
                        *ret_value = NULL;
                        return true;
                }
        }
        return false;
}

/* Up to a comment, which needs no space before it; with a comma it is a list. */
static char *read_plain(const char *text)
{
        g_autofree char *value = g_strndup(text, strcspn(text, "#"));

        g_strchomp(value);
        return strchr(value, ',') ? NULL : g_steal_pointer(&value);
}

/* Three quotes: until the same three, over several lines if need be. */
static bool read_triple(Reading *r, const char *text, char **ret_value, GError **error)
{
        g_autofree char *quotes = g_strndup(text, 3);
        g_autoptr(GString) value = g_string_new(NULL);
        const char *from = text + 3;

        for (;;) {
                const char *end = strstr(from, quotes);

                if (end) {
                        if (!is_rest(end + 3))
                                return fail(r, error, "something follows a value in three quotes");
                        g_string_append_len(value, from, end - from);
                        *ret_value = g_string_free(g_steal_pointer(&value), FALSE);
                        return true;
                }
                g_string_append_printf(value, "%s\n", from);
                if (!r->lines[r->at + 1])
                        return fail(r, error, "a value in three quotes has no end");
                from = r->lines[++r->at];
        }
}

static bool read_value(Reading *r, const char *text, char **ret_value, GError **error)
{
        if (g_str_has_prefix(text, "\"\"\"") || g_str_has_prefix(text, "'''"))
                return read_triple(r, text, ret_value, error);
        if (*text == '"' || *text == '\'')
                return read_quoted(text, ret_value) || fail(r, error, "a quote has no end");
        *ret_value = read_plain(text);
        return true;
}

/* ---- Lines ---- */

static char *full_key(const Reading *r, const char *key)
{
        g_autoptr(GString) s = g_string_new(NULL);

        for (unsigned i = 0; i < r->path->len; i++)
                g_string_append_printf(s, "%s%s", i > 0 ? "/" : "", (const char *) r->path->pdata[i]);
        g_string_append_printf(s, "\n%s", key);
        return g_string_free(g_steal_pointer(&s), FALSE);
}

/* Without the quotes that a name may have. */
static char *name_of(const char *text, size_t length)
{
        char *name = g_strstrip(g_strndup(text, length));
        size_t n = strlen(name);

        if (n >= 2 && (*name == '"' || *name == '\'') && name[n - 1] == *name) {
                memmove(name, name + 1, n - 2);
                name[n - 2] = '\0';
        }
        return name;
}

/* "[name]", "[[name]]": as many brackets as it is deep, at most one deeper than the last. */
static bool read_section(Reading *r, const char *line, GError **error)
{
        g_autofree char *full = NULL;
        size_t depth = strspn(line, "[");
        const char *end = strchr(line + depth, ']');
        size_t closing = end ? strspn(end, "]") : 0;

        if (closing != depth || !is_rest(end + closing))
                return fail(r, error, "this is no section");
        if (depth > r->path->len + 1)
                return fail(r, error, "this section is too deep");
        g_ptr_array_set_size(r->path, (int) depth - 1);
        g_ptr_array_add(r->path, name_of(line + depth, (size_t) (end - line) - depth));
        full = full_key(r, "");
        return g_hash_table_add(r->conf->known, g_steal_pointer(&full)) ||
               fail(r, error, "this section stands here for the second time");
}

static bool read_key(Reading *r, const char *line, GError **error)
{
        const char *equals = strchr(line, '=');
        g_autofree char *name = NULL, *full = NULL, *value = NULL;

        if (!equals || equals == line)
                return fail(r, error, "this is neither a section nor a key with a value");
        name = name_of(line, (size_t) (equals - line));
        full = full_key(r, name);
        if (!g_hash_table_add(r->conf->known, g_strdup(full)))
                return fail(r, error, "this key stands here for the second time");
        equals++;
        if (!read_value(r, equals + strspn(equals, " \t"), &value, error))
                return false;
        if (value && !strstr(value, "%("))
                g_hash_table_insert(r->conf->values, g_steal_pointer(&full), g_steal_pointer(&value));
        return true;
}

static bool read_line(Reading *r, GError **error)
{
        g_autofree char *line = g_strchug(g_strdup(r->lines[r->at]));

        if (*line == '\0' || *line == '#')
                return true;
        return *line == '[' ? read_section(r, line, error) : read_key(r, line, error);
}

static bool read_lines(Reading *r, GError **error)
{
        if (g_strv_length(r->lines) > LINES_MAX)
                return fail(r, error, "the file has more than 100,000 lines");
        for (; r->lines[r->at]; r->at++)
                if (!read_line(r, error))
                        return false;
        return true;
}

CertbotConf *certbot_conf_new(const char *text, GError **error)
{
        g_autoptr(CertbotConf) c = g_new0(CertbotConf, 1);
        g_autoptr(GPtrArray) path = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        Reading r = { .conf = c, .lines = lines, .path = path };

        c->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        c->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (!g_utf8_validate(text, -1, NULL)) {
                fail(&r, error, "the file is not UTF-8");
                return NULL;
        }
        return read_lines(&r, error) ? g_steal_pointer(&c) : NULL;
}

CertbotConf *certbot_conf_free(CertbotConf *c)
{
        if (!c)
                return NULL;
        g_hash_table_unref(c->values);
        g_hash_table_unref(c->known);
        g_free(c);
        return NULL;
}

const char *certbot_conf_get(const CertbotConf *c, const char *section, const char *key)
{
        g_autofree char *full = g_strdup_printf("%s\n%s", section, key);

        return g_hash_table_lookup(c->values, full);
}

bool certbot_conf_has(const CertbotConf *c, const char *section, const char *key)
{
        g_autofree char *full = g_strdup_printf("%s\n%s", section, key);

        return g_hash_table_contains(c->known, full);
}
