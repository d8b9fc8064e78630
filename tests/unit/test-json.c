/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The JSON reader: what RFC 8259 allows is read and knows where it stands, and nothing else is. */

#include "common/json.h"

#include <string.h>

static JsonDocument *document(const char *text)
{
        return json_document_new(g_strdup(text), strlen(text));
}

static void test_every_kind_of_value_is_read(void)
{
        g_autoptr(JsonDocument) d =
                document("{\"s\": \"x\", \"i\": -12, \"f\": 1.5e3, \"t\": true, \"n\": null,\n"
                         " \"a\": [1, [], {}], \"big\": 99999999999999999999}");
        const JsonValue *root = json_document_root(d), *a;

        g_assert_cmpuint(json_document_faults(d)->len, ==, 0);
        g_assert_cmpint(root->kind, ==, JSON_KIND_OBJECT);
        g_assert_cmpstr(json_value_member(root, "s")->string, ==, "x");
        g_assert_true(json_value_member(root, "i")->is_integer);
        g_assert_cmpint(json_value_member(root, "i")->integer, ==, -12);
        g_assert_false(json_value_member(root, "f")->is_integer);
        g_assert_false(json_value_member(root, "big")->is_integer);
        g_assert_true(json_value_member(root, "t")->boolean);
        g_assert_cmpint(json_value_member(root, "n")->kind, ==, JSON_KIND_NULL);
        a = json_value_member(root, "a");
        g_assert_cmpint(a->first->integer, ==, 1);
        g_assert_cmpint(a->first->next->next->kind, ==, JSON_KIND_OBJECT);
        g_assert_null(json_value_member(root, "none"));
        g_assert_null(json_value_member(a, "s"));
}

static void test_escapes_become_characters(void)
{
        g_autoptr(JsonDocument) d =
                document("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"]");
        const JsonValue *v = json_document_root(d)->first;

        g_assert_cmpstr(v->string, ==, "\"\\/\b\f\n\r\t");
        g_assert_cmpstr(v->next->string, ==, "Aé€😀");
}

static void test_values_know_their_place(void)
{
        g_autoptr(JsonDocument) d = document("{\n  \"é\": {\"b c\": [0, {\"x\": \"y\"}]}\n}");
        const JsonValue *x = json_document_root(d)->first->first->first->next->first;
        g_autofree char *path = json_value_path(x), *slice = json_document_slice(d, x->parent);
        unsigned line, column;

        g_assert_cmpstr(path, ==, "[\"é\"][\"b c\"][1].x");
        g_assert_cmpstr(slice, ==, "{\"x\": \"y\"}");
        json_document_position(d, x->begin, &line, &column);
        g_assert_cmpuint(line, ==, 2);
        g_assert_cmpuint(column, ==, 26);
        json_document_position(d, x->key_begin, &line, &column);
        g_assert_cmpuint(column, ==, 21);
        json_document_position(d, 0, &line, &column);
        g_assert_cmpuint(line, ==, 1);
        g_assert_cmpuint(column, ==, 1);
}

typedef struct Bad {
        const char *text;
        unsigned line, column;
        const char *message;
} Bad;

static void test_what_is_no_json_is_refused_where_it_breaks(void)
{
        static const Bad cases[] = {
                { "", 1, 1, "empty" },
                { "   \n ", 2, 2, "empty" },
                { "hello", 1, 1, "'h' stands where a value" },
                { "{\"a\": 1", 1, 8, "ends where a comma" },
                { "{\"a\":", 1, 6, "ends where a value" },
                { "{\"a\"", 1, 5, "ends where a colon" },
                { "[1,\n2,", 2, 3, "ends where a value" },
                { "[\"abc", 1, 2, "no end" },
                { "[\"abc\n\"]", 1, 6, "line break" },
                { "{\"a\": 1,}", 1, 9, "\"}\" stands where a key" },
                { "[1,]", 1, 4, "\"]\" stands where a value" },
                { "{'a': 1}", 1, 2, "single quote" },
                { "{a: 1}", 1, 2, "'a' stands where a key" },
                { "// x\n{}", 1, 1, "comment" },
                { "{} # x", 1, 4, "after the end" },
                { "{}{}", 1, 3, "after the end" },
                { "[1 2]", 1, 4, "comma" },
                { "[01]", 1, 2, "start with 0" },
                { "[+1]", 1, 2, "'+'" },
                { "[.5]", 1, 2, "'.'" },
                { "[1.]", 1, 4, "digit" },
                { "[1e]", 1, 4, "digit" },
                { "[-]", 1, 3, "digit" },
                { "[NaN]", 1, 2, "'N'" },
                { "[True]", 1, 2, "'T'" },
                { "[tru]", 1, 2, "'t'" },
                { "[\"\\x41\"]", 1, 3, "no such escape" },
                { "[\"\\u00g0\"]", 1, 7, "hexadecimal" },
                { "[\"\\u0000\"]", 1, 3, "NUL" },
                { "[\"\\ud800\"]", 1, 3, "surrogate" },
                { "[\"\\udc00\"]", 1, 3, "surrogate" },
                { "[\"\\ud800\\u0041\"]", 1, 3, "surrogate" },
                { "[\"\\", 1, 4, "ends where the end of a string" },
                { "\xef\xbb\xbf{}", 1, 1, "byte order mark" },
                { "[\"\xff\"]", 1, 3, "UTF-8" },
                { "[\"\xed\xa0\x80\"]", 1, 3, "UTF-8" },
                { "[\"\xc0\xaf\"]", 1, 3, "UTF-8" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(JsonDocument) d = document(cases[i].text);
                const JsonFault *fault;
                unsigned line, column;

                g_test_message("case %zu", i);
                g_assert_null(json_document_root(d));
                g_assert_cmpuint(json_document_faults(d)->len, ==, 1);
                fault = json_document_faults(d)->pdata[0];
                g_assert_nonnull(strstr(fault->message, cases[i].message));
                json_document_position(d, fault->offset, &line, &column);
                g_assert_cmpuint(line, ==, cases[i].line);
                g_assert_cmpuint(column, ==, cases[i].column);
        }
}

static void test_a_nul_byte_is_refused(void)
{
        g_autoptr(JsonDocument) d = json_document_new(g_memdup2("[1,\0 2]", 7), 7);
        const JsonFault *fault = json_document_faults(d)->pdata[0];

        g_assert_null(json_document_root(d));
        g_assert_nonnull(strstr(fault->message, "NUL"));
        g_assert_cmpuint(fault->offset, ==, 3);
}

static char *nested(unsigned depth)
{
        g_autofree char *open = g_strnfill(depth, '['), *close = g_strnfill(depth, ']');

        return g_strconcat(open, close, NULL);
}

static void test_nesting_ends_at_64(void)
{
        g_autofree char *good = nested(64), *bad = nested(65), *far = nested(10000);
        g_autoptr(JsonDocument) a = document(good), b = document(bad), c = document(far);

        g_assert_nonnull(json_document_root(a));
        g_assert_null(json_document_root(b));
        g_assert_null(json_document_root(c));
        g_assert_nonnull(
                strstr(((JsonFault *) json_document_faults(c)->pdata[0])->message, "deeper than 64"));
}

static void test_brackets_in_strings_do_not_nest(void)
{
        g_autofree char *brackets = g_strnfill(10000, '['), *text = g_strconcat("\"", brackets, "\"", NULL);
        g_autoptr(JsonDocument) d = document(text);

        g_assert_cmpuint(json_document_faults(d)->len, ==, 0);
}

static void test_keys_that_stand_twice_are_all_found(void)
{
        g_autoptr(JsonDocument) d =
                document("{\"a\": 1, \"b\": {\"c\": 1,\n \"\\u0063\": 2},\n \"a\": 2, \"a\": 3}");
        g_autoptr(GString) big = g_string_new("{");
        g_autoptr(JsonDocument) e = NULL;
        const JsonFault *fault;

        g_assert_nonnull(json_document_root(d));
        g_assert_cmpuint(json_document_faults(d)->len, ==, 3);
        fault = json_document_faults(d)->pdata[0];
        g_assert_nonnull(strstr(fault->message, "\"c\" stands twice in one object, first on line 1"));

        for (unsigned i = 0; i < 5000; i++)
                g_string_append_printf(big, "\"k%u\": 0, ", i % 4999);
        g_string_append(big, "\"z\": 0}");
        e = document(big->str);
        g_assert_cmpuint(json_document_faults(e)->len, ==, 1);
        g_assert_nonnull(strstr(((JsonFault *) json_document_faults(e)->pdata[0])->message, "\"k0\""));
}

static void test_a_million_equal_keys_are_not_a_million_complaints(void)
{
        g_autoptr(GString) big = g_string_new("{");
        g_autoptr(JsonDocument) d = NULL;

        for (unsigned i = 0; i < 200000; i++)
                g_string_append(big, "\"\":0,");
        g_string_append(big, "\"z\": 0}");
        d = document(big->str);
        g_assert_cmpuint(json_document_faults(d)->len, ==, 1000);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/json/every-kind-of-value-is-read", test_every_kind_of_value_is_read);
        g_test_add_func("/json/escapes-become-characters", test_escapes_become_characters);
        g_test_add_func("/json/values-know-their-place", test_values_know_their_place);
        g_test_add_func("/json/what-is-no-json-is-refused-where-it-breaks",
                        test_what_is_no_json_is_refused_where_it_breaks);
        g_test_add_func("/json/a-nul-byte-is-refused", test_a_nul_byte_is_refused);
        g_test_add_func("/json/nesting-ends-at-64", test_nesting_ends_at_64);
        g_test_add_func("/json/brackets-in-strings-do-not-nest", test_brackets_in_strings_do_not_nest);
        g_test_add_func("/json/keys-that-stand-twice-are-all-found",
                        test_keys_that_stand_twice_are_all_found);
        g_test_add_func("/json/a-million-equal-keys-are-not-a-million-complaints",
                        test_a_million_equal_keys_are_not_a_million_complaints);
        return g_test_run();
}
