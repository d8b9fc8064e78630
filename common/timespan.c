/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Spans of time and points in time: reading and writing them as systemd.time(7) does. */

#include "common/timespan.h"

#include "common/error.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

typedef struct Unit {
        const char *name;
        uint64_t usec;
} Unit;

/* Months and years have systemd's average lengths. */
#define USEC_PER_WEEK  (7 * USEC_PER_DAY)
#define USEC_PER_MONTH (UINT64_C(2629800) * USEC_PER_SEC)
#define USEC_PER_YEAR  (UINT64_C(31557600) * USEC_PER_SEC)

static const Unit units[] = {
        { "us", 1 },          { "usec", 1 },         { "ms", USEC_PER_MSEC },      { "msec", USEC_PER_MSEC },
        { "s", USEC_PER_SEC }, { "sec", USEC_PER_SEC }, { "m", USEC_PER_MINUTE },  { "min", USEC_PER_MINUTE },
        { "h", USEC_PER_HOUR }, { "hr", USEC_PER_HOUR }, { "hour", USEC_PER_HOUR }, { "hours", USEC_PER_HOUR },
        { "d", USEC_PER_DAY }, { "day", USEC_PER_DAY }, { "days", USEC_PER_DAY },  { "w", USEC_PER_WEEK },
        { "week", USEC_PER_WEEK }, { "weeks", USEC_PER_WEEK }, { "M", USEC_PER_MONTH },
        { "month", USEC_PER_MONTH }, { "months", USEC_PER_MONTH }, { "y", USEC_PER_YEAR },
        { "year", USEC_PER_YEAR }, { "years", USEC_PER_YEAR },
};

uint64_t now_realtime(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec < 0 ? 0 : (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

static uint64_t unit_usec(const char *name, size_t length)
{
        if (length == 0)
                return USEC_PER_SEC;
        for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
                if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
                        return units[i].usec;
        return 0;
}

/* One "NUMBER UNIT"; advances *text. */
static bool parse_part(const char **text, uint64_t *ret_usec)
{
        const char *p = *text;
        uint64_t n = 0, unit;
        size_t length;

        if (!g_ascii_isdigit(*p))
                return false;
        for (; g_ascii_isdigit(*p); p++)
                if (!g_uint64_checked_mul(&n, n, 10) || !g_uint64_checked_add(&n, n, (uint64_t) (*p - '0')))
                        return false;
        p += strspn(p, " ");
        for (length = 0; g_ascii_isalpha(p[length]); length++)
                ;
        unit = unit_usec(p, length);
        if (unit == 0 || !g_uint64_checked_mul(&n, n, unit))
                return false;
        p += length;
        p += strspn(p, " ");
        *text = p;
        *ret_usec = n;
        return true;
}

bool timespan_parse(const char *text, uint64_t *ret_usec, GError **error)
{
        const char *p = text + strspn(text, " ");
        uint64_t sum = 0;

        do {
                uint64_t part;

                if (!parse_part(&p, &part) || !g_uint64_checked_add(&sum, sum, part) || sum > INT64_MAX) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                                    "\"%s\" is no span of time\nWrite a number with a unit, such as \"12h\", \"30d\" "
                                    "or \"1h 30min\".",
                                    text);
                        return false;
                }
        } while (*p);
        *ret_usec = sum;
        return true;
}

char *timespan_format(uint64_t usec)
{
        static const Unit steps[] = {
                { "y", USEC_PER_YEAR },    { "month", USEC_PER_MONTH }, { "d", USEC_PER_DAY },
                { "h", USEC_PER_HOUR },    { "min", USEC_PER_MINUTE },  { "s", USEC_PER_SEC },
                { "ms", USEC_PER_MSEC },
        };
        g_autoptr(GString) s = g_string_new(NULL);
        int parts = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(steps) && parts < 2; i++) {
                uint64_t n = usec / steps[i].usec;

                if (n == 0 && parts == 0)
                        continue;
                if (n > 0)
                        g_string_append_printf(s, "%s%" PRIu64 "%s", parts ? " " : "", n, steps[i].name);
                usec %= steps[i].usec;
                parts++;
        }
        if (s->len == 0)
                g_string_append_printf(s, "%" PRIu64 "us", usec);
        return g_string_free(g_steal_pointer(&s), FALSE);
}

char *timestamp_format(uint64_t usec)
{
        g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc((gint64) (usec / USEC_PER_SEC));

        return t ? g_date_time_format(t, "%Y-%m-%d %H:%M:%S UTC") : g_strdup("never");
}
