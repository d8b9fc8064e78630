/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/plan.h"

/* The clock as the agent may trust it: the latest time seen is kept as the mtime of CERT_CLOCK_FILE, so that a
 * machine without an RTC, or one whose clock was set back, re-issues nothing in panic. A clock that stays set
 * back for CLOCK_HELD_PASSES_MAX passes was meant so and is believed. */

#define CLOCK_HELD_PASSES_MAX 4

/* The time now and whether it can be trusted. */
PlanClock clock_read(void);

/* To be called at the end of each pass of the timer: keeps the latest time seen, or counts a held pass. */
void clock_seen(PlanClock clock);

/* When the last pass of the timer was; microseconds since 1970, 0: never. */
uint64_t clock_last_pass(void);
