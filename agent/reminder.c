/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a person is to be reminded of a request that waits. It owns nothing: times go in, a judgement comes out. */

#include "agent/reminder.h"

#include "common/timespan.h"

#include <glib.h>
#include <syslog.h>

#define AT_MOST_EACH USEC_PER_HOUR /* the timer's pass may come more often */

/* By what is left of the time between the request and the end. */
static int level_for(const ReminderCase *c)
{
        uint64_t whole, left;

        if (c->not_after == 0)
                return LOG_WARNING; /* nothing is served yet, and nothing ends */
        if (c->now >= c->not_after)
                return LOG_CRIT;
        whole = c->not_after > c->requested_at ? c->not_after - c->requested_at : 0;
        left = c->not_after - c->now;
        if (left > whole / 2)
                return LOG_NOTICE;
        if (left > whole / 4)
                return LOG_WARNING;
        return left > whole / 10 ? LOG_ERR : LOG_CRIT;
}

/* How long after `last` it is time again. */
static uint64_t span_after(const ReminderCase *c, uint64_t last)
{
        uint64_t half;

        if (c->not_after <= last) /* it has ended, or there is nothing */
                return USEC_PER_DAY;
        half = (c->not_after - last) / 2;
        /* That it has ended is said when it does. */
        return MIN(CLAMP(half, AT_MOST_EACH, USEC_PER_DAY), c->not_after - last);
}

bool reminder_is_due(const ReminderCase *c, int *ret_level)
{
        uint64_t last = MAX(c->requested_at, c->reminded_at);

        /* A clock that was ahead then says nothing about now. */
        if (last > c->now + USEC_PER_DAY)
                last = 0;
        if (c->now < last || c->now - last < span_after(c, last))
                return false;
        *ret_level = level_for(c);
        return true;
}
