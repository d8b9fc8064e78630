/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A table: columns as wide as they need, cut when the terminal is narrow, whatever is written in the cells.
 */

#include "client/table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const headings[] = { "NAME", "TEXT", NULL };

/* What `table` prints; caller owns. */
static char *printed(const Table *table, bool no_legend, bool full)
{
        g_autofree char *path = NULL;
        char *text = NULL;
        int fd = g_file_open_tmp(NULL, &path, NULL), before;

        fflush(stdout);
        before = dup(STDOUT_FILENO);
        dup2(fd, STDOUT_FILENO);
        table_print(table, no_legend, full);
        fflush(stdout);
        dup2(before, STDOUT_FILENO);
        close(before);
        close(fd);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        unlink(path);
        return text;
}

static void test_columns_are_as_wide_as_their_widest_cell(void)
{
        const Terminal t = { .utf8 = true };
        g_autoptr(Table) table = table_new(&t, headings);
        g_autofree char *text = NULL;

        table_add(table, STYLE_NONE, "日本");
        table_add(table, STYLE_NONE, "a");
        table_add(table, STYLE_BAD, "longer");
        table_add(table, STYLE_NONE, "b");
        text = printed(table, false, false);
        g_assert_cmpstr(text, ==, "NAME    TEXT\n日本    a\nlonger  b\n");
}

static void test_narrow_terminal_cuts_the_widest_column(void)
{
        const Terminal t = { .utf8 = true, .columns = 20 };
        g_autoptr(Table) table = table_new(&t, headings);
        g_autofree char *cut = NULL, *full = NULL;

        table_add(table, STYLE_NONE, "web");
        table_add(table, STYLE_NONE, "a text that is much longer than there is room");
        cut = printed(table, true, false);
        g_assert_cmpstr(cut, ==, "web  a text that is…\n");
        full = printed(table, true, true);
        g_assert_cmpstr(full, ==, "web  a text that is much longer than there is room\n");
}

static void test_kept_column_is_never_cut(void)
{
        const Terminal t = { .utf8 = true, .columns = 20 };
        g_autoptr(Table) table = table_new(&t, headings);
        g_autofree char *text = NULL;

        table_keep(table, 0);
        table_add(table, STYLE_NONE, "0123456789abcdef0123456789abcdef");
        table_add(table, STYLE_NONE, "a text that is long");
        text = printed(table, true, false);
        g_assert_cmpstr(text, ==, "0123456789abcdef0123456789abcdef  a text …\n");
}

static void test_very_narrow_terminal_keeps_something_of_each(void)
{
        const Terminal t = { .columns = 1 };
        g_autoptr(Table) table = table_new(&t, headings);
        g_autofree char *text = NULL;

        table_add(table, STYLE_NONE, "aaaaaaaaaaaaaaaaaaaa");
        table_add(table, STYLE_NONE, "bbbbbbbbbbbbbbbbbbbb");
        text = printed(table, true, false);
        g_assert_cmpstr(text, ==, "aaaaa...  bbbbb...\n");
}

static void test_colour_takes_no_room(void)
{
        const Terminal t = { .utf8 = true, .colour_out = true };
        g_autoptr(Table) table = table_new(&t, headings);
        g_autofree char *text = NULL;

        table_add(table, STYLE_BAD, "x");
        table_add(table, STYLE_NONE, "y");
        text = printed(table, true, false);
        g_assert_cmpstr(text, ==, "\033[0;1;31mx\033[0m  y\n");
}

static void test_empty_table_prints_its_headings(void)
{
        const Terminal t = { .utf8 = true };
        g_autoptr(Table) table = table_new(&t, headings);
        g_autofree char *text = printed(table, false, false);

        g_assert_cmpstr(text, ==, "NAME  TEXT\n");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/table/widths", test_columns_are_as_wide_as_their_widest_cell);
        g_test_add_func("/table/narrow", test_narrow_terminal_cuts_the_widest_column);
        g_test_add_func("/table/kept column is never cut", test_kept_column_is_never_cut);
        g_test_add_func("/table/very-narrow", test_very_narrow_terminal_keeps_something_of_each);
        g_test_add_func("/table/colour", test_colour_takes_no_room);
        g_test_add_func("/table/empty", test_empty_table_prints_its_headings);
        return g_test_run();
}
