/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shell words: which texts are read, as what, and that the shells of this host read them as the same words. */

#include "client/convert/words.h"

#include <string.h>

/* Words in <>, commands on lines of their own. */
static char *flatten(const GPtrArray *commands)
{
        GString *s = g_string_new(NULL);

        for (unsigned i = 0; i < commands->len; i++) {
                for (char **word = commands->pdata[i]; *word; word++)
                        g_string_append_printf(s, "<%s>", *word);
                g_string_append_c(s, '\n');
        }
        return g_string_free(s, FALSE);
}

typedef struct ReadCase {
        const char *what, *text, *words;
} ReadCase;

static const ReadCase read_cases[] = {
        { "nothing", "", "" },
        { "spaces", " \t\n ", "" },
        { "a comment alone", "# systemctl reload nginx", "" },
        { "one command", "systemctl reload nginx", "<systemctl><reload><nginx>\n" },
        { "spaces around it", "  systemctl\treload  nginx ", "<systemctl><reload><nginx>\n" },
        { "a comment behind it", "a b # c; d", "<a><b>\n" },
        { "a hash in a word", "a b#c", "<a><b#c>\n" },
        { "two by &&", "a b && c d", "<a><b>\n<c><d>\n" },
        { "without spaces", "a b&&c d;e", "<a><b>\n<c><d>\n<e>\n" },
        { "a semicolon at the end", "a b;", "<a><b>\n" },
        { "lines", "a\n\nb\nc\n", "<a>\n<b>\n<c>\n" },
        { "a line break after &&", "a &&\n\n b", "<a>\n<b>\n" },
        { "a comment after &&", "a && # why\nb", "<a>\n<b>\n" },
        { "a line that goes on", "a \\\n b", "<a><b>\n" },
        { "a word that goes on", "sys\\\ntemctl", "<systemctl>\n" },
        { "single quotes", "a 'b  c' '$x `y` \\'", "<a><b  c><$x `y` \\>\n" },
        { "double quotes", "a \"b  c\" \"'|&;<>*\"", "<a><b  c><'|&;<>*>\n" },
        { "escapes in double quotes", "a \"\\\" \\\\ \\$ \\` \\n\"", "<a><\" \\ $ ` \\n>\n" },
        { "a line that goes on in double quotes", "a \"b\\\nc\"", "<a><bc>\n" },
        { "a line break in quotes", "a 'b\nc' \"d\ne\"", "<a><b\nc><d\ne>\n" },
        { "an empty word", "a '' \"\"", "<a><><>\n" },
        { "quotes in a word", "a b'c d'\"e f\"g", "<a><bc de fg>\n" },
        { "backslashes", "a \\$b \\'c \\ d \\\\", "<a><$b><'c>< d><\\>\n" },
        { "a quoted operator", "a '&&' b \\; c", "<a><&&><b><;><c>\n" },
        { "letters beyond ASCII", "a gr\303\274n", "<a><gr\303\274n>\n" },
        { "what no shell minds", "a -b --c=d /e/f:g@h,i+j%k_l.m", "<a><-b><--c=d></e/f:g@h,i+j%k_l.m>\n" },
};

static void test_read(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(read_cases); i++) {
                g_autoptr(GPtrArray) commands = NULL;
                g_autofree char *flat = NULL;
                const char *why;

                g_test_message("%s", read_cases[i].what);
                g_assert_true(words_read(read_cases[i].text, WORDS_SHELL, &commands, &why));
                flat = flatten(commands);
                g_assert_cmpstr(flat, ==, read_cases[i].words);
        }
}

/* dash and bash say the same of each single command: they are given the text behind a function that prints its words. */
static void check_shell(const char *shell, const ReadCase *c)
{
        g_autofree char *script = g_strdup_printf("p() { for w in \"$@\"; do printf '<%%s>' \"$w\"; done; echo; }\np %s\n",
                                                  c->text);
        char *argv[] = { (char *) shell, (char *) "-c", script, NULL };
        g_autofree char *output = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(g_spawn_sync("/", argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL, NULL, &error));
        g_assert_cmpstr(output, ==, c->words);
}

static void test_shells(void)
{
        static const char *const shells[] = { "/bin/sh", "/bin/dash", "/bin/bash" };
        unsigned n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(read_cases); i++) {
                const char *end = strchr(read_cases[i].words, '\n');

                if (!end || strstr(end, "\n<") || read_cases[i].text[0] == '#')
                        continue;
                g_test_message("%s", read_cases[i].what);
                for (size_t k = 0; k < G_N_ELEMENTS(shells); k++)
                        if (g_file_test(shells[k], G_FILE_TEST_IS_EXECUTABLE)) {
                                check_shell(shells[k], &read_cases[i]);
                                n++;
                        }
        }
        g_assert_cmpuint(n, >, 10);
}

static void test_refuse(void)
{
        static const struct {
                const char *what, *text, *says;
        } cases[] = {
                { "a pipe", "a | b", "pipe" },
                { "or", "a || b", "failure" },
                { "the background", "a & b", "background" },
                { "the background at the end", "a &", "background" },
                { "input", "a <b", "input" },
                { "output", "a >b", "output" },
                { "output of errors", "a 2>&1", "output" },
                { "a subshell", "(a)", "subshell" },
                { "a group", "{ a; }", "groups" },
                { "braces", "a b{c,d}", "groups" },
                { "a variable", "a $b", "variable" },
                { "a variable in quotes", "a \"$b\"", "variable" },
                { "another's output", "a `b`", "output" },
                { "another's output in quotes", "a \"`b`\"", "output" },
                { "the newer form of it", "a $(b)", "variable" },
                { "an assignment", "A=b c", "sets a variable" },
                { "a quoted assignment", "A='b c' d", "sets a variable" },
                { "a pattern", "a *.pem", "pattern" },
                { "another pattern", "a ?.pem", "pattern" },
                { "a class", "a [b]", "pattern" },
                { "a home", "a ~/b", "home" },
                { "not", "! a", "turns" },
                { "a case", "a;;b", "where a command should" },
                { "a semicolon alone", ";", "where a command should" },
                { "a semicolon first on a line", "a\n;b", "where a command should" },
                { "&& alone", "&&", "where a command should" },
                { "&& after a line break", "a\n&& b", "where a command should" },
                { "a semicolon after &&", "a && ; b", "where a command should" },
                { "&& at the end", "a &&", "ends in" },
                { "&& and line breaks at the end", "a && \n\n", "ends in" },
                { "a single quote without end", "a 'b", "no end" },
                { "a double quote without end", "a \"b", "no end" },
                { "a double quote that is escaped", "a \"b\\\"", "no end" },
                { "a backslash at the end", "a \\", "backslash" },
                { "a carriage return", "a b\r\n", "control" },
                { "an escape character", "a \033[1m", "control" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GPtrArray) commands = NULL;
                const char *why = NULL;

                g_test_message("%s", cases[i].what);
                g_assert_false(words_read(cases[i].text, WORDS_SHELL, &commands, &why));
                g_assert_null(commands);
                g_assert_nonnull(strstr(why, cases[i].says));
        }
}

/* A program that splits words does nothing with what joins commands. */
static void test_split(void)
{
        static const struct {
                const char *text;
                bool good;
        } cases[] = {
                { "systemctl reload nginx", true },     { "a 'b c' \"d e\"", true },
                { "sh -c 'a; b && c'", true },          { "sh -c 'a $x'", true },
                { "a; b", false },                      { "a;", false },
                { "a && b", false },                    { "a\nb", false },
                { "a # b", false },                     { "a \\b", false },
                { "a '\\'", false },                    { "a \"\\\\\"", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GPtrArray) commands = NULL;
                const char *why = NULL;

                g_test_message("%s", cases[i].text);
                g_assert_cmpint(words_read(cases[i].text, WORDS_SPLIT, &commands, &why), ==, cases[i].good);
                if (!cases[i].good)
                        g_assert_nonnull(strstr(why, "written for a shell"));
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/convert-words/read", test_read);
        g_test_add_func("/convert-words/as-the-shells-do", test_shells);
        g_test_add_func("/convert-words/refuse", test_refuse);
        g_test_add_func("/convert-words/without-a-shell", test_split);
        return g_test_run();
}
