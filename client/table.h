/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/terminal.h"

/* A table: rows of cells under headings, in columns as wide as they need, cut to the terminal's width. */

typedef struct Table Table;

/* `headings` is static, NULL-terminated, and gives the number of columns. */
Table *table_new(const Terminal *terminal, const char *const *headings);
Table *table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* Appends a cell, row by row; the text is cleaned (terminal_clean()). */
void table_add(Table *table, Style style, const char *text);

/* What stands in this column is to be copied from there: it is never cut. */
void table_keep(Table *table, unsigned column);

/* Prints to standard output: headings unless `no_legend`, rows cut to the terminal unless `full`. */
void table_print(const Table *table, bool no_legend, bool full);
