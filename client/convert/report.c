/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A report
 *
 * Collected first and printed after the conversion, so that what belongs to one entry stands together even where it
 * was found at different times. Texts from the files converted reach a terminal only cleaned.
 */

#include "client/convert/report.h"

#include "client/terminal.h"

#include <stdarg.h>
#include <stdio.h>

static void line_free(void *data)
{
        ReportLine *line = data;

        g_free(line->label);
        g_free(line->text);
        g_free(line);
}

Report *report_new(void)
{
        Report *r = g_new0(Report, 1);

        r->lines = g_ptr_array_new_with_free_func(line_free);
        return r;
}

Report *report_free(Report *r)
{
        if (r)
                g_ptr_array_unref(r->lines);
        g_free(r);
        return NULL;
}

void report_add(Report *r, ReportKind kind, unsigned number, const char *label, const char *format, ...)
{
        ReportLine *line = g_new(ReportLine, 1);
        va_list arguments;

        *line = (ReportLine) { .kind = kind, .number = number, .label = g_strdup(label) };
        va_start(arguments, format);
        line->text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_ptr_array_add(r->lines, line);
        r->count[kind]++;
}

/* ---- Printing ---- */

static int compare(const void *a, const void *b)
{
        const ReportLine *x = *(const ReportLine *const *) a, *y = *(const ReportLine *const *) b;

        /* What is said of the whole comes last. */
        return x->number == y->number ? 0 : x->number == 0 || (y->number != 0 && x->number > y->number) ? 1 : -1;
}

static void print_text(const Terminal *t, const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line; line++) {
                g_autofree char *clean = terminal_clean(t, *line, false);

                fprintf(stderr, *clean ? "%s  %s\n" : "\n", line == lines ? "" : "  ", clean);
        }
}

static void print_heading(const Terminal *t, const ReportLine *line)
{
        g_autofree char *clean = line->label ? terminal_clean(t, line->label, false) : NULL;

        if (line->number == 0)
                fputs("certctl convert:\n", stderr);
        else if (clean)
                fprintf(stderr, "entry %u (%s):\n", line->number, clean);
        else
                fprintf(stderr, "entry %u:\n", line->number);
}

void report_print(const Report *r, bool quiet)
{
        static const char *const marks[_REPORT_KIND_MAX] = { "left out: ", "to do: ", "" };
        g_autoptr(GPtrArray) sorted = g_ptr_array_copy(r->lines, NULL, NULL);
        const ReportLine *last = NULL;
        Terminal terminal;

        terminal_probe(&terminal);
        g_ptr_array_set_free_func(sorted, NULL);
        g_ptr_array_sort(sorted, compare);
        for (unsigned i = 0; i < sorted->len; i++) {
                const ReportLine *line = sorted->pdata[i];
                g_autofree char *text = g_strconcat(marks[line->kind], line->text, NULL);

                if (quiet && line->kind == REPORT_NOTE)
                        continue;
                if (!last || last->number != line->number)
                        print_heading(&terminal, line);
                print_text(&terminal, text);
                last = line;
        }
}
