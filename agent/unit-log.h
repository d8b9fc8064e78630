/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a unit wrote to the journal lately: its processes' own lines, those of control processes (nginx -t)
 * included. Only the journal's current files are read, backwards and not far, so this does not block. */

/* There is a journal to read. */
bool unit_log_exists(void);

/* The unit's last lines since `since_usec` (CLOCK_REALTIME), oldest first, at most 10 and at most 1 KiB,
 * printable, without a final newline; what systemd itself said of the unit only when its processes said
 * nothing. NULL when there are none (yet: the journal lags behind by some milliseconds). The caller owns it.
 */
char *unit_log_tail(const char *unit, uint64_t since_usec);
