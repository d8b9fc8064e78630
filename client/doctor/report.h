/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"
#include "client/doctor/session.h"
#include "client/doctor/target.h"

/* What is told in the end: in words, or for a script. */

typedef struct Report {
        const Target *target;
        const Session *session;      /* the last one, NULL: none came about */
        const char *starttls;        /* that it needed, or NULL */
        const GPtrArray *diagnoses;
        const GPtrArray *notes;      /* char* */
} Report;

/* Prints it to standard output, as the options say; EXIT_STATUS_DONE or EXIT_STATUS_TROUBLE. */
ExitStatus report_print(const Client *client, const Report *r);

/* A text in lines of at most `columns` (0: in one), each after `indent` blanks; words are not cut. Caller owns. */
char *report_wrap(const char *text, unsigned indent, unsigned columns);
