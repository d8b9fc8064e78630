/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The one time limit of a probe, CLOCK_MONOTONIC in microseconds: everything that waits for the other side
 * ends there, however slowly that side feeds it. */

/* From now on. */
uint64_t deadline_in(uint64_t span_usec);

/* Microseconds that are left; 0 when it has passed. */
uint64_t deadline_left(uint64_t deadline);

/* Waits until `fd` is ready for `events` (poll(2)). False when the deadline came first, with errno ETIMEDOUT.
 */
bool deadline_wait(int fd, short events, uint64_t deadline);
