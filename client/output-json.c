/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON as output (RFC 8259). Written here and not by json-glib, which would load GObject and GIO into every
 * run of certctl: that alone doubles the time to start it. Only certctl's own reading of nothing makes this
 * possible: JSON that others wrote is never parsed in this program. */

#include "client/output-json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INDENT 8

struct JsonOut {
        GString *text;
        GString *open; /* the closing bracket of each level */
        unsigned indent;
        bool pretty;
        bool first; /* nothing stands yet on this level */
};

JsonOut *json_out_new(JsonFormat format)
{
        JsonOut *j = g_new0(JsonOut, 1);

        j->text = g_string_new(NULL);
        j->open = g_string_new(NULL);
        j->indent = INDENT;
        j->pretty = format == JSON_PRETTY;
        j->first = true;
        return j;
}

JsonOut *json_out_free(JsonOut *j)
{
        if (!j)
                return NULL;
        g_string_free(j->text, TRUE);
        g_string_free(j->open, TRUE);
        g_free(j);
        return NULL;
}

void json_out_set_indent(JsonOut *j, unsigned indent)
{
        j->indent = indent;
}

static void new_line(JsonOut *j)
{
        if (j->pretty)
                g_string_append_printf(j->text, "\n%*s", (int) (j->indent * j->open->len), "");
}

/* RFC 8259, 7: what must be escaped. DEL and C1 are escaped as well: this may be read on a terminal. */
static void append_quoted(GString *s, const char *value)
{
        g_autofree char *valid = g_utf8_make_valid(value, -1);

        g_string_append_c(s, '"');
        for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);

                if (c == '"' || c == '\\')
                        g_string_append_printf(s, "\\%c", (char) c);
                else if (c == '\n')
                        g_string_append(s, "\\n");
                else if (c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) ||
                         (c >= 0x2066 && c <= 0x2069))
                        g_string_append_printf(s, "\\u%04x", (unsigned) c);
                else
                        g_string_append_unichar(s, c);
        }
        g_string_append_c(s, '"');
}

static void begin_value(JsonOut *j, const char *key)
{
        if (!j->first)
                g_string_append_c(j->text, ',');
        if (j->open->len > 0)
                new_line(j);
        if (key) {
                append_quoted(j->text, key);
                g_string_append(j->text, j->pretty ? ": " : ":");
        }
        j->first = false;
}

void json_out_begin(JsonOut *j, const char *key, char bracket)
{
        begin_value(j, key);
        g_string_append_c(j->text, bracket);
        g_string_append_c(j->open, bracket == '{' ? '}' : ']');
        j->first = true;
}

void json_out_end(JsonOut *j)
{
        char closing = j->open->str[j->open->len - 1];
        bool empty = j->first;

        g_string_truncate(j->open, j->open->len - 1);
        if (!empty)
                new_line(j);
        g_string_append_c(j->text, closing);
        j->first = false;
}

void json_out_string(JsonOut *j, const char *key, const char *value)
{
        begin_value(j, key);
        append_quoted(j->text, value);
}

void json_out_strv(JsonOut *j, const char *key, char *const *values)
{
        json_out_begin(j, key, '[');
        for (; values && *values; values++)
                json_out_string(j, NULL, *values);
        json_out_end(j);
}

void json_out_number(JsonOut *j, const char *key, uint64_t value)
{
        begin_value(j, key);
        g_string_append_printf(j->text, "%" PRIu64, value);
}

void json_out_bool(JsonOut *j, const char *key, bool value)
{
        begin_value(j, key);
        g_string_append(j->text, value ? "true" : "false");
}

char *json_out_steal(JsonOut *j)
{
        char *text;

        g_string_append_c(j->text, '\n');
        text = g_strndup(j->text->str, j->text->len);
        g_string_truncate(j->text, 0);
        j->first = true;
        return text;
}

void json_out_print(JsonOut *j)
{
        g_autofree char *text = json_out_steal(j);

        fputs(text, stdout);
}
