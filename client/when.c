/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times as people read them: how long from now, and when by the clock on their wall. */

#include "client/when.h"

#include "common/timespan.h"

#include <inttypes.h>
#include <time.h>

/* Beyond this the year has five digits: whatever was meant, it is never. */
#define SECONDS_MAX INT64_C(253402300800)

uint64_t when_or_never(uint64_t usec)
{
        return usec == UINT64_MAX ? 0 : usec;
}

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

/* In days and hours, from a hundred days on in days: no month has a fixed length, and nobody plans by
 * seconds. */
static char *span_text(uint64_t span)
{
        uint64_t days = span / USEC_PER_DAY, hours = span % USEC_PER_DAY / USEC_PER_HOUR;

        if (days == 0)
                return timespan_format(span - span % USEC_PER_SEC);
        if (days >= 100 || hours == 0)
                return g_strdup_printf("%" PRIu64 "d", days);
        return g_strdup_printf("%" PRIu64 "d %" PRIu64 "h", days, hours);
}

char *when_relative(uint64_t usec, uint64_t now)
{
        bool past = usec < now;
        uint64_t span = past ? now - usec : usec - now;
        g_autofree char *text = NULL;

        if (usec == 0 || usec / USEC_PER_SEC >= (uint64_t) SECONDS_MAX)
                return g_strdup("-");
        if (span < USEC_PER_SEC)
                return g_strdup("now");
        text = span_text(span);
        return past ? g_strconcat(text, " ago", NULL) : g_strconcat("in ", text, NULL);
}

char *when_both(uint64_t usec, uint64_t now)
{
        g_autofree char *relative = when_relative(usec, now), *absolute = when_absolute(usec);

        if (g_str_equal(relative, "-"))
                return g_steal_pointer(&relative);
        return g_strdup_printf("%s (%s)", relative, absolute);
}
