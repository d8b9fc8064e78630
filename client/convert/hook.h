/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/convert/words.h"

#include <glib.h>
#include <stdbool.h>

/* A command that another program ran after a renewal, and what it means to systemd: units and their actions, as the
 * manifest writes them. Only what is understood to the last word is taken; nothing is run. */

typedef struct HookUnit {
        char *unit;   /* with its suffix */
        char *action; /* as in the manifest: "reload", "signal:SIGHUP" */
} HookUnit;

void hook_unit_free(void *unit);

/* Adds the units of `command` to `units` (HookUnit*), each once; a command that does nothing adds none. False, with
 * nothing added and the reason in *ret_why ("it runs “docker”"; caller owns), when it is anything else. *ret_note gets
 * what the units do otherwise than the command did, or NULL; caller owns. */
bool hook_read(const char *command, WordsReader reader, GPtrArray *units, char **ret_why, char **ret_note);
