/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When somebody is reminded of a request that waits, and how loudly: a table of moments, and a whole wait from the request to
 * after the end. */

#include "agent/reminder.h"
#include "common/timespan.h"

#include <glib.h>
#include <syslog.h>

#define T0 (UINT64_C(1767225600) * USEC_PER_SEC) /* the request */
#define DAY USEC_PER_DAY
#define HOUR USEC_PER_HOUR
#define END (T0 + 30 * DAY)

typedef struct Row {
        const char *name;
        uint64_t now, not_after, reminded_at, requested_at; /* requested_at 0: T0 */
        int level;                                          /* -1: not due */
} Row;

static const Row rows[] = {
        { "just made", T0, END, .level = -1 },
        { "an hour after", T0 + HOUR, END, .level = -1 },
        { "a day after", T0 + DAY, END, .level = LOG_NOTICE },
        { "the day's reminder was given", T0 + DAY + HOUR, END, T0 + DAY, .level = -1 },
        { "the next day", T0 + 2 * DAY, END, T0 + DAY, .level = LOG_NOTICE },
        { "nobody looked for a week", T0 + 8 * DAY, END, T0 + DAY, .level = LOG_NOTICE },
        { "half of the time is over", T0 + 15 * DAY, END, T0 + 14 * DAY, .level = LOG_WARNING },
        { "a quarter is left", T0 + 22 * DAY + 12 * HOUR, END, T0 + 21 * DAY, .level = LOG_ERR },
        { "a tenth is left", T0 + 27 * DAY, END, T0 + 26 * DAY, .level = LOG_CRIT },
        { "half of the last day is over", END - 12 * HOUR, END, END - DAY, .level = LOG_CRIT },
        { "less than half of the last day is over", END - 13 * HOUR, END, END - DAY, .level = -1 },
        { "half of the last hours is over", END - 3 * HOUR, END, END - 6 * HOUR, .level = LOG_CRIT },
        { "half of the last two hours is over", END - HOUR, END, END - 2 * HOUR, .level = LOG_CRIT },
        { "half of the last hour is over: at most hourly", END - HOUR / 2, END, END - HOUR, .level = -1 },
        { "it ends", END, END, END - HOUR, .level = LOG_CRIT },
        { "it has ended, which was said", END + HOUR, END, END, .level = -1 },
        { "it ended a day ago", END + DAY, END, END, .level = LOG_CRIT },
        { "the request was made after the end", END + DAY, END, .requested_at = END + HOUR, .level = -1 },
        { "a day after a request that was made after the end", END + 2 * DAY, END, .requested_at = END + HOUR,
          .level = LOG_CRIT },
        { "nothing is in place", T0 + HOUR, 0, .level = -1 },
        { "nothing is in place a day later", T0 + DAY, 0, .level = LOG_WARNING },
        { "nothing is in place, and that was said", T0 + DAY + HOUR, 0, T0 + DAY, .level = -1 },
        { "one that lives for an hour", T0 + HOUR / 2, T0 + HOUR, .level = -1 },
        { "one that lived for an hour", T0 + HOUR, T0 + HOUR, .level = LOG_CRIT },
        { "the clock went back by an hour", T0 + DAY, END, T0 + DAY + HOUR, .level = -1 },
        { "the clock was a year ahead once", T0 + 2 * DAY, END, T0 + 365 * DAY, .level = LOG_NOTICE },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        ReminderCase c = {
                .now = row->now,
                .requested_at = row->requested_at ?: T0,
                .not_after = row->not_after,
                .reminded_at = row->reminded_at,
        };
        int level = -1;
        bool due = reminder_is_due(&c, &level);

        g_assert_cmpint(level, ==, row->level);
        g_assert_cmpint(due, ==, row->level >= 0);
}

/* The timer ticks each quarter of an hour; nobody brings the answer. */
static void test_a_whole_wait(void)
{
        ReminderCase c = { .requested_at = T0, .not_after = END };
        unsigned said = 0, in_last_day = 0, after = 0;
        int last_level = LOG_DEBUG;

        for (c.now = T0; c.now < END + 3 * DAY; c.now += 15 * USEC_PER_MINUTE) {
                int level;

                if (!reminder_is_due(&c, &level))
                        continue;
                g_assert_cmpint(level, <=, last_level); /* never lower again */
                if (c.now != END) /* that is said when it comes */
                        g_assert_cmpuint(c.now - MAX(c.reminded_at, T0), >=, HOUR);
                last_level = level;
                c.reminded_at = c.now;
                said++;
                in_last_day += c.now > END - DAY && c.now < END;
                after += c.now >= END;
        }
        g_assert_cmpint(last_level, ==, LOG_CRIT);
        g_assert_cmpuint(in_last_day, ==, 5); /* 12, 6, 3 and 1.5 hours before, then within the last */
        g_assert_cmpuint(after, ==, 3);
        g_assert_cmpuint(said, ==, 29 + in_last_day + after);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/reminder/", rows[i].name, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/reminder/a whole wait", test_a_whole_wait);
        return g_test_run();
}
