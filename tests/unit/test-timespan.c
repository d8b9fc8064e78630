/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "common/error.h"
#include "common/timespan.h"

static void test_spans_are_read_as_systemd_reads_them(void)
{
        static const struct {
                const char *text;
                uint64_t usec;
        } cases[] = {
                { "12h", 12 * USEC_PER_HOUR },
                { "1w 2d", 9 * USEC_PER_DAY },
                { "1h30min", USEC_PER_HOUR + 30 * USEC_PER_MINUTE },
                { "90", 90 * USEC_PER_SEC },
                { "250ms", 250 * USEC_PER_MSEC },
                { " 5 min ", 5 * USEC_PER_MINUTE },
                { "0", 0 },
                { "1M", UINT64_C(2629800) * USEC_PER_SEC },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                uint64_t usec = 1;

                g_assert_true(timespan_parse(cases[i].text, &usec, &error));
                g_assert_no_error(error);
                g_assert_cmpuint(usec, ==, cases[i].usec);
        }
}

static void test_what_is_no_span_is_refused(void)
{
        static const char *const cases[] = { "",    "h",   "-1h",  "1x",  "1.5h", "99999999999999999999",
                                             "1h x", "33%", "18446744073709551615y" };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                uint64_t usec = 77;

                g_assert_false(timespan_parse(cases[i], &usec, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
                g_assert_cmpuint(usec, ==, 77);
        }
}

static void test_spans_are_written_with_their_two_largest_units(void)
{
        g_autofree char *a = timespan_format(2 * USEC_PER_DAY + 3 * USEC_PER_HOUR + 4 * USEC_PER_MINUTE);
        g_autofree char *b = timespan_format(0);
        g_autofree char *c = timespan_format(USEC_PER_DAY + 5 * USEC_PER_SEC);
        g_autofree char *d = timespan_format(1500 * USEC_PER_MSEC);

        g_assert_cmpstr(a, ==, "2d 3h");
        g_assert_cmpstr(b, ==, "0us");
        g_assert_cmpstr(c, ==, "1d");
        g_assert_cmpstr(d, ==, "1s 500ms");
}

static void test_times_are_written_in_utc(void)
{
        g_autofree char *t = timestamp_format(UINT64_C(1577836800) * USEC_PER_SEC);

        g_assert_cmpstr(t, ==, "2020-01-01 00:00:00 UTC");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/timespan/read-as-systemd-does", test_spans_are_read_as_systemd_reads_them);
        g_test_add_func("/timespan/refused", test_what_is_no_span_is_refused);
        g_test_add_func("/timespan/two-largest-units", test_spans_are_written_with_their_two_largest_units);
        g_test_add_func("/timespan/utc", test_times_are_written_in_utc);
        return g_test_run();
}
