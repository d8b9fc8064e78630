/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* When a person is to be reminded, in the journal, of a request that waits for its answer: at most daily at first, then
 * each time that half of what was left is over, and louder as the end comes nearer. */

typedef struct ReminderCase {
        uint64_t now, requested_at; /* microseconds since 1970 */
        uint64_t not_after;         /* of what is in place; 0: there is nothing in place */
        uint64_t reminded_at;       /* 0: never */
} ReminderCase;

/* Whether it is time; *ret_level is a level of the journal (LOG_NOTICE, LOG_WARNING, LOG_ERR, LOG_CRIT). Pure. */
bool reminder_is_due(const ReminderCase *c, int *ret_level);
