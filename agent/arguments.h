/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The agent's command line. */

typedef struct Arguments {
        bool recover;            /* finish what was cut off, then exit */
        uint64_t exit_idle_usec; /* 0: never */
} Arguments;

/* > 0: go on with *ret; 0: help or version was printed, and that is all; < 0: wrong usage, said on standard error. */
int arguments_parse(int argc, char **argv, Arguments *ret);
