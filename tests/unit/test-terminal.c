/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text made fit for a terminal: what is hostile in it does nothing, what is not stays. */

#include "client/terminal.h"

#include <string.h>

typedef struct Case {
        const char *text, *utf8, *ascii;
} Case;

static void test_hostile_text_does_nothing(void)
{
        static const Case cases[] = {
                { "plain text", "plain text", "plain text" },
                { "", "", "" },
                { "\033]0;title\a", "?]0;title?", "?]0;title?" },
                { "a\rb\bc\177", "a?b?c?", "a?b?c?" },
                { "tab\tand\nline", "tab and line", "tab and line" },
                { "\xc2\x9b"
                  "31m",
                  "?31m", "?31m" }, /* CSI as U+009B */
                { "\xe2\x80\xae"
                  "cod.exe",
                  "?cod.exe", "?cod.exe" }, /* right-to-left override */
                { "\xe2\x81\xa6"
                  "x",
                  "?x", "?x" },               /* isolate */
                { "\xe2\x80\xa8", "?", "?" }, /* line separator */
                { "b\303\274cher", "b\303\274cher", "b?cher" },
                { "bad \xff bytes \xc3", "bad \xef\xbf\xbd bytes \xef\xbf\xbd", "bad ? bytes ?" },
                { "\xed\xa0\x80", NULL, "???" }, /* a surrogate is no UTF-8 */
        };
        const Terminal utf8 = { .utf8 = true }, ascii = { .ascii_only = true };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *wide = terminal_clean(&utf8, cases[i].text, false);
                g_autofree char *narrow = terminal_clean(&ascii, cases[i].text, false);

                g_assert_true(g_utf8_validate(wide, -1, NULL));
                if (cases[i].utf8)
                        g_assert_cmpstr(wide, ==, cases[i].utf8);
                g_assert_cmpstr(narrow, ==, cases[i].ascii);
        }
}

static void test_newlines_stay_where_they_are_wanted(void)
{
        const Terminal t = { .utf8 = true };
        g_autofree char *text = terminal_clean(&t, "one\ntwo\033", true);

        g_assert_cmpstr(text, ==, "one\ntwo?");
}

static void test_width_counts_columns(void)
{
        g_assert_cmpuint(text_width(""), ==, 0);
        g_assert_cmpuint(text_width("abc"), ==, 3);
        g_assert_cmpuint(text_width("日本"), ==, 4);
        g_assert_cmpuint(text_width("e\xcc\x81"), ==, 1); /* a combining accent */
}

static void test_cut_text_fits(void)
{
        static const char *const texts[] = { "", "a", "abcdefghij", "日本日本日本",
                                             "e\xcc\x81"
                                             "e\xcc\x81"
                                             "e\xcc\x81 end" };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                for (unsigned width = 3; width < 12; width++)
                        for (int utf8 = 0; utf8 < 2; utf8++) {
                                g_autofree char *cut = text_ellipsize(texts[i], width, utf8);

                                g_assert_true(g_utf8_validate(cut, -1, NULL));
                                g_assert_cmpuint(text_width(cut), <=, width);
                                if (text_width(texts[i]) <= width)
                                        g_assert_cmpstr(cut, ==, texts[i]);
                        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/terminal/hostile", test_hostile_text_does_nothing);
        g_test_add_func("/terminal/newlines", test_newlines_stay_where_they_are_wanted);
        g_test_add_func("/terminal/width", test_width_counts_columns);
        g_test_add_func("/terminal/cut", test_cut_text_fits);
        return g_test_run();
}
