/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* A call of systemctl(1) or service(8): the words after the program's name, as the action that the manifest has for
 * it. What could mean something else on some host or version is refused. */

typedef struct Systemctl {
        char *action;     /* as in the manifest */
        GPtrArray *units; /* char*, with their suffix */
        bool to_all;      /* a signal that went to all processes of the units */
} Systemctl;

/* `words` is NULL-terminated. False with *ret_why; caller owns. */
bool systemctl_read(char *const *words, Systemctl *ret, char **ret_why);
bool service_read(char *const *words, Systemctl *ret, char **ret_why);
void systemctl_clear(Systemctl *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Systemctl, systemctl_clear)
