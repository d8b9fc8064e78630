/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Names of systemd's units, and of signals as systemd and people write them. */

#define UNIT_NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@"
#define UNIT_NAME_MAX_LENGTH 255 /* systemd's UNIT_NAME_MAX, less the NUL */

/* Whether it ends in a type of unit, with something before it: systemd.unit(5). */
bool unit_name_has_suffix(const char *name);

/* "foo@.service": it names no instance. */
bool unit_name_is_template(const char *name);

/* "SIGUSR2", "USR2" or "SIGRTMIN+3"; 0 when it is none. */
int signal_from_name(const char *text);
