/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times as people read them: how long from now, and when by the clock on their wall. */

#include "client/when.h"

#include "common/timespan.h"

#include <time.h>

/* Beyond this the year has five digits: whatever was meant, it is never. */
#define SECONDS_MAX INT64_C(253402300800)

char *when_absolute(uint64_t usec)
{
        time_t seconds = (time_t) MIN(usec / USEC_PER_SEC, (uint64_t) SECONDS_MAX);
        char text[64];
        struct tm tm;

        if (usec == 0 || seconds == SECONDS_MAX || !localtime_r(&seconds, &tm) ||
            strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                return g_strdup("-");
        return g_strdup(text);
}

/* Whole seconds, and from a day on whole hours, from a hundred days on whole days: more is noise. */
static uint64_t rounded(uint64_t span)
{
        if (span >= 100 * USEC_PER_DAY)
                return span - span % USEC_PER_DAY;
        if (span >= USEC_PER_DAY)
                return span - span % USEC_PER_HOUR;
        return span - span % USEC_PER_SEC;
}

char *when_relative(uint64_t usec, uint64_t now)
{
        bool past = usec < now;
        uint64_t span = rounded(past ? now - usec : usec - now);
        g_autofree char *text = NULL;

        if (usec == 0 || usec / USEC_PER_SEC >= (uint64_t) SECONDS_MAX)
                return g_strdup("-");
        if (span == 0)
                return g_strdup("now");
        text = timespan_format(span);
        return past ? g_strconcat(text, " ago", NULL) : g_strconcat("in ", text, NULL);
}

char *when_both(uint64_t usec, uint64_t now)
{
        g_autofree char *relative = when_relative(usec, now), *absolute = when_absolute(usec);

        if (g_str_equal(relative, "-"))
                return g_steal_pointer(&relative);
        return g_strdup_printf("%s (%s)", relative, absolute);
}
