/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* A child that dies at one of its own system calls. */

/* Which calls count. */
typedef enum KillAt {
        KILL_AT_ANY,
        KILL_AT_DISK, /* those that change what is on a disk */
} KillAt;

/* Runs `work` in a child until it enters its n-th system call of that kind, where it is killed (SIGKILL).
 * False: it ended before that, with success. */
bool kill_at_call(void (*work)(void *data), void *data, KillAt at, unsigned n);
