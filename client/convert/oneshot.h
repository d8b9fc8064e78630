/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* A one-shot unit that runs what another program ran after a renewal: named in a certificate's units with the action
 * "restart", it is started anew each time, its end is awaited, and its failure is the certificate's. */

typedef struct OneshotCommand {
        char *text;
        bool is_program; /* the path of a program without arguments; else a command for a shell */
} OneshotCommand;

typedef struct Oneshot {
        GPtrArray *commands;    /* OneshotCommand*, one after another */
        GPtrArray *environment; /* char*, "NAME=value" */
        char *user;             /* of the commands, or NULL: root */
} Oneshot;

Oneshot *oneshot_new(void);
Oneshot *oneshot_free(Oneshot *o);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Oneshot, oneshot_free)
void oneshot_add(Oneshot *o, const char *text, bool is_program);

/* "cert-hook-NAME.service" of a certificate; caller owns. */
char *oneshot_unit_name(const char *certificate);

/* The unit file; caller owns. NULL when a line of it would be longer than systemd reads. */
char *oneshot_to_text(const Oneshot *o, const char *certificate);

/* One word of a command line as systemd.service(5) reads it back: nothing in it is expanded. Caller owns. */
char *oneshot_quote(const char *word);
