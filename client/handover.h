/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* Handing over to a program of certctl's own under /usr/lib/certctl, which then is this process. Its command
 * line is "PROGRAM [OPTION...] -- [ARGUMENT...]"; --json=FORMAT and --quiet are handed on as they were given.
 */

typedef struct Handover Handover;

/* `program` is a name in the folder: "cert-convert". */
Handover *handover_new(const Client *client, const char *program);
Handover *handover_free(Handover *h);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Handover, handover_free)

void handover_option(Handover *h, const char *name,
                     const char *value); /* "NAME=VALUE"; nothing when `value` is NULL */
void handover_flag(Handover *h, const char *name, bool given);

/* Returns only when the program cannot be run, which is said then. */
ExitStatus handover_run(Handover *h, char *const *arguments);
