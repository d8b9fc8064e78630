/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* Handing over to a program of certctl's own under /usr/lib/certctl. Its command line is
 * "PROGRAM [OPTION...] -- [ARGUMENT...]"; --json=FORMAT and --quiet are handed on as they were given. */

typedef struct Handover Handover;

/* `program` is a name in the folder: "cert-convert". */
Handover *handover_new(const Client *client, const char *program);
Handover *handover_free(Handover *h);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Handover, handover_free)

/* "NAME=VALUE"; nothing when `value` is NULL. */
void handover_option(Handover *h, const char *name, const char *value);
void handover_flag(Handover *h, const char *name, bool given);

/* The program is this process from then on. Returns only when it cannot be run, which is said then. */
ExitStatus handover_run(Handover *h, char *const *arguments);

/* Runs it beside this process, and waits: `text` is its standard input, what it prints goes to `output` (a
 * file descriptor). Returns its exit status; EXIT_STATUS_FAILED also when it cannot be run or was ended,
 * which is said then. */
ExitStatus handover_feed(Handover *h, const char *text, int output);

/* The other end: whether `argument` is "NAME=VALUE"; then *value is replaced by a copy, which the caller owns. */
bool handover_take(const char *argument, const char *name, char **value);
