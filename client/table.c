/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A table on a terminal or in a pipe: it owns the cells' text, measures it in columns of the terminal, and
 * takes from the widest column first when the terminal is too narrow. */

#include "client/table.h"

#include <stdio.h>

#define COLUMN_GAP 2
#define COLUMN_MIN 8

typedef struct Cell {
        char *text;
        unsigned width;
        Style style;
} Cell;

struct Table {
        const Terminal *terminal;
        const char *const *headings;
        unsigned columns;
        unsigned kept; /* bits of those that are never cut */
        GArray *cells;
};

static void cell_clear(void *p)
{
        g_free(((Cell *) p)->text);
}

Table *table_new(const Terminal *terminal, const char *const *headings)
{
        Table *t = g_new0(Table, 1);

        t->terminal = terminal;
        t->headings = headings;
        t->columns = g_strv_length((char **) headings);
        t->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
        g_array_set_clear_func(t->cells, cell_clear);
        return t;
}

Table *table_free(Table *table)
{
        if (!table)
                return NULL;
        g_array_unref(table->cells);
        g_free(table);
        return NULL;
}

void table_add(Table *table, Style style, const char *text)
{
        Cell cell = { .text = terminal_clean(table->terminal, text, false), .style = style };

        cell.width = text_width(cell.text);
        g_array_append_val(table->cells, cell);
}

void table_keep(Table *table, unsigned column)
{
        table->kept |= 1u << column;
}

static void measure(const Table *t, bool no_legend, unsigned *widths)
{
        for (unsigned c = 0; c < t->columns; c++)
                widths[c] = no_legend ? 0 : text_width(t->headings[c]);
        for (unsigned i = 0; i < t->cells->len; i++) {
                unsigned c = i % t->columns;

                widths[c] = MAX(widths[c], g_array_index(t->cells, Cell, i).width);
        }
}

static void shrink(const Table *t, unsigned *widths)
{
        for (;;) {
                unsigned total = COLUMN_GAP * (t->columns - 1), widest = t->columns;

                for (unsigned c = 0; c < t->columns; c++) {
                        total += widths[c];
                        if (!(t->kept & 1u << c) && (widest == t->columns || widths[c] > widths[widest]))
                                widest = c;
                }
                if (total <= t->terminal->columns || widest == t->columns || widths[widest] <= COLUMN_MIN)
                        return;
                widths[widest] -=
                        MIN(total - t->terminal->columns, MAX(1, (widths[widest] - COLUMN_MIN) / 4 + 1));
        }
}

static void print_cell(const Table *t, const char *text, unsigned width, Style style, unsigned room,
                       bool last)
{
        g_autofree char *cut = width > room ? text_ellipsize(text, room, t->terminal->utf8) : NULL;
        unsigned shown = cut ? text_width(cut) : width;
        bool colour = t->terminal->colour_out;

        printf("%s%s%s", style_on(colour, style), cut ?: text, style_off(colour, style));
        if (!last)
                printf("%*s", (int) (room - MIN(shown, room)) + COLUMN_GAP, "");
}

void table_print(const Table *table, bool no_legend, bool full)
{
        g_autofree unsigned *widths = g_new(unsigned, table->columns);

        measure(table, no_legend, widths);
        if (!full && table->terminal->columns > 0)
                shrink(table, widths);
        for (unsigned c = 0; c < table->columns && !no_legend; c++) {
                bool last = c + 1 == table->columns;

                print_cell(table, table->headings[c], text_width(table->headings[c]), STYLE_HEADER, widths[c],
                           last);
                if (last)
                        putchar('\n');
        }
        for (unsigned i = 0; i < table->cells->len; i++) {
                const Cell *cell = &g_array_index(table->cells, Cell, i);
                unsigned c = i % table->columns;
                bool last = c + 1 == table->columns;

                print_cell(table, cell->text, cell->width, cell->style, widths[c], last);
                if (last)
                        putchar('\n');
        }
}
