/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times as people read them. */

#include "client/when.h"
#include "common/timespan.h"

#include <stdlib.h>
#include <time.h>

#define NOW (UINT64_C(1795255200) * USEC_PER_SEC) /* 2026-11-21 10:00:00 UTC */

static void test_relative_times(void)
{
        static const struct {
                int64_t seconds;
                const char *text;
        } cases[] = {
                { 0, "now" },
                { 1, "in 1s" },
                { 90, "in 1min 30s" },
                { 86399, "in 23h 59min" },
                { 86400, "in 1d" },
                { 30 * 86400 - 1, "in 29d 23h" },
                { 400 * 86400 + 3600, "in 400d" },
                { -3600, "1h ago" },
                { -100000, "1d 3h ago" },
        };
        g_autofree char *never = when_relative(0, NOW), *end = when_relative(UINT64_MAX, NOW);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *text = when_relative(
                        (uint64_t) ((int64_t) NOW + cases[i].seconds * (int64_t) USEC_PER_SEC), NOW);

                g_assert_cmpstr(text, ==, cases[i].text);
        }
        g_assert_cmpstr(never, ==, "-");
        g_assert_cmpstr(end, ==, "-");
}

static void test_absolute_times(void)
{
        g_autofree char *text = when_absolute(NOW), *never = when_absolute(0),
                        *end = when_absolute(UINT64_MAX);
        g_autofree char *both = when_both(NOW + USEC_PER_DAY, NOW), *neither = when_both(0, NOW);

        g_assert_cmpstr(text, ==, "2026-11-21 10:00:00 UTC");
        g_assert_cmpstr(never, ==, "-");
        g_assert_cmpstr(end, ==, "-");
        g_assert_cmpstr(both, ==, "in 1d (2026-11-22 10:00:00 UTC)");
        g_assert_cmpstr(neither, ==, "-");
}

int main(int argc, char **argv)
{
        g_setenv("TZ", "UTC", TRUE);
        tzset();
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/when/relative", test_relative_times);
        g_test_add_func("/when/absolute", test_absolute_times);
        return g_test_run();
}
