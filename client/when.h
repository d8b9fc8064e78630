/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Times as people read them. All are microseconds since 1970, 0: never or unknown; results are the caller's.
 */

/* 0 for a time that never comes, which the agent writes as 2^64-1 where it counts with it. */
uint64_t when_or_never(uint64_t usec);

char *when_absolute(uint64_t usec);               /* "2026-12-21 10:00:00 CET", "-" */
char *when_relative(uint64_t usec, uint64_t now); /* "in 29d 23h", "2h ago", "now", "-" */
char *when_both(uint64_t usec, uint64_t now);     /* "in 29d 23h (2026-12-21 10:00:00 CET)", "-" */
