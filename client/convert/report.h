/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What a conversion has to say, entry by entry: what was left out, what is left to be done by hand, and what was decided
 * on the way. */

typedef enum ReportKind {
        REPORT_LEFT_OUT, /* the entry is not in the manifest */
        REPORT_TO_DO,    /* it is, but somebody must do something for it */
        REPORT_NOTE,
        _REPORT_KIND_MAX,
} ReportKind;

typedef struct ReportLine {
        ReportKind kind;
        unsigned number; /* of the entry, from 1; 0: of the whole */
        char *label;     /* what people know it by; NULL: of the whole */
        char *text;      /* may have several lines */
} ReportLine;

typedef struct Report {
        GPtrArray *lines; /* ReportLine*, in the order in which they came up */
        unsigned count[_REPORT_KIND_MAX];
} Report;

Report *report_new(void);
Report *report_free(Report *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

/* Of an entry; `label` NULL and `number` 0: of the whole. */
void report_add(Report *r, ReportKind kind, unsigned number, const char *label, const char *format, ...)
        G_GNUC_PRINTF(5, 6);

/* To standard error, fit for a terminal; with `quiet` no notes. */
void report_print(const Report *r, bool quiet);
