/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON as certctl writes it: held against a reader of JSON, with all that strings can hold. */

#include "client/output-json.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What json_out_print() writes; caller owns. */
static char *printed(JsonOut *j)
{
        g_autofree char *path = NULL;
        char *text = NULL;
        int fd = g_file_open_tmp(NULL, &path, NULL), before;

        fflush(stdout);
        before = dup(STDOUT_FILENO);
        dup2(fd, STDOUT_FILENO);
        json_out_print(j);
        fflush(stdout);
        dup2(before, STDOUT_FILENO);
        close(before);
        close(fd);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        unlink(path);
        return text;
}

static void test_strings_are_read_back_as_they_were(void)
{
        static const char *const strings[] = {
                "",
                "plain",
                "quote \" and \\ backslash",
                "line\nfeed\ttab\r",
                "\001\033\037\177",
                "b\303\274cher 日本",
                "\xc2\x9b \xe2\x80\xa8 \xe2\x80\xae",
                "\xf0\x9f\x98\x80",
                "</script>",
                NULL,
        };
        g_autoptr(JsonOut) j = json_out_new(JSON_SHORT);
        g_autoptr(JsonNode) node = NULL;
        g_autofree char *text = NULL;
        JsonArray *array;

        json_out_strv(j, NULL, (char **) strings);
        text = printed(j);
        for (const char *p = text; *p; p++)
                g_assert_true((unsigned char) *p >= ' ' || (*p == '\n' && p[1] == '\0'));
        node = json_from_string(text, NULL);
        g_assert_nonnull(node);
        array = json_node_get_array(node);
        for (guint i = 0; strings[i]; i++)
                g_assert_cmpstr(json_array_get_string_element(array, i), ==, strings[i]);
}

static void test_invalid_utf8_becomes_valid(void)
{
        g_autoptr(JsonOut) j = json_out_new(JSON_SHORT);
        g_autofree char *text = NULL;

        json_out_string(j, NULL, "a\xff\xc3");
        text = printed(j);
        g_assert_cmpstr(text, ==, "\"a\xef\xbf\xbd\xef\xbf\xbd\"\n");
}

static void build(JsonOut *j)
{
        json_out_begin(j, NULL, '{');
        json_out_begin(j, "empty", '[');
        json_out_end(j);
        json_out_number(j, "most", UINT64_MAX);
        json_out_bool(j, "yes", true);
        json_out_begin(j, "list", '[');
        json_out_begin(j, NULL, '{');
        json_out_end(j);
        json_out_string(j, NULL, "x");
        json_out_end(j);
        json_out_end(j);
}

static void test_short_is_one_line(void)
{
        g_autoptr(JsonOut) j = json_out_new(JSON_SHORT);
        g_autofree char *text = NULL;

        build(j);
        text = printed(j);
        g_assert_cmpstr(text, ==,
                        "{\"empty\":[],\"most\":18446744073709551615,\"yes\":true,\"list\":[{},\"x\"]}\n");
}

static void test_pretty_is_indented(void)
{
        g_autoptr(JsonOut) j = json_out_new(JSON_PRETTY);
        g_autofree char *text = NULL;

        build(j);
        text = printed(j);
        g_assert_cmpstr(
                text, ==,
                "{\n        \"empty\": [],\n        \"most\": 18446744073709551615,\n        \"yes\": true,\n"
                "        \"list\": [\n                {},\n                \"x\"\n        ]\n}\n");
}

static void test_writer_is_empty_after_printing(void)
{
        g_autoptr(JsonOut) j = json_out_new(JSON_SHORT);
        g_autofree char *first = NULL, *second = NULL;

        json_out_number(j, NULL, 1);
        first = printed(j);
        json_out_number(j, NULL, 2);
        second = printed(j);
        g_assert_cmpstr(first, ==, "1\n");
        g_assert_cmpstr(second, ==, "2\n");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/output-json/strings", test_strings_are_read_back_as_they_were);
        g_test_add_func("/output-json/invalid-utf8", test_invalid_utf8_becomes_valid);
        g_test_add_func("/output-json/short", test_short_is_one_line);
        g_test_add_func("/output-json/pretty", test_pretty_is_indented);
        g_test_add_func("/output-json/again", test_writer_is_empty_after_printing);
        return g_test_run();
}
