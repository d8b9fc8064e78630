/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The wake: whom it is for and when, as a table; and its timer. */

#include "agent/wake.h"
#include "common/timespan.h"

#define NOW 100
#define CASES_MAX 4

typedef struct Row {
        const char *name;
        WakeCase cases[CASES_MAX];
        guint n;
        uint64_t next;
        const char *due; /* letters, at NOW */
} Row;

static const Row rows[] = {
        { "nobody", {}, 0, 0, "" },
        { "what is due at no time", { { 0 } }, 1, 0, "" },
        { "the earliest counts", { { 130 }, { 120 }, { 0 } }, 3, 120, "" },
        { "all that are due", { { 90 }, { 120 }, { 100 } }, 3, 90, "ac" },
        { "of those whose issuer is away the last to fail stands for all",
          { { 90, "x", 10 }, { 140, "x", 30 }, { 95, "x", 20 } }, 3, 140, "" },
        { "and is tried when its time has come", { { 90, "x", 10 }, { 95, "x", 30 } }, 2, 95, "b" },
        { "each issuer for itself", { { 90, "x", 10 }, { 95, "y", 5 } }, 2, 90, "ab" },
        { "others of that issuer are not held up", { { 140, "x", 30 }, { 99 } }, 2, 99, "b" },
        { "who is not to be looked at stands for nobody", { { 0, "x", 30 }, { 95, "x", 20 } }, 2, 95, "b" },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_autoptr(GArray) due = wake_due(row->cases, row->n, NOW);
        g_autoptr(GString) letters = g_string_new(NULL);

        for (guint i = 0; i < due->len; i++)
                g_string_append_c(letters, (char) ('a' + g_array_index(due, guint, i)));
        g_assert_cmpstr(letters->str, ==, row->due);
        g_assert_cmpuint(wake_next(row->cases, row->n), ==, row->next);
}

static void test_a_thousand_at_a_time(void)
{
        g_autofree WakeCase *cases = g_new0(WakeCase, 5000);
        g_autoptr(GArray) due = NULL;

        for (guint i = 0; i < 5000; i++)
                cases[i].at = 1;
        due = wake_due(cases, 5000, NOW);
        g_assert_cmpuint(due->len, ==, 1000);
}

static void on_up(void *userdata)
{
        (*(unsigned *) userdata)++;
}

static void run_for(sd_event *event, uint64_t usec)
{
        int64_t until = g_get_monotonic_time() + (int64_t) usec;

        while (g_get_monotonic_time() < until)
                g_assert_cmpint(sd_event_run(event, 10000), >=, 0);
}

static void test_it_rings_once_and_then_rests(void)
{
        sd_event *event = NULL;
        unsigned rung = 0;
        Wake *w;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        w = wake_new(event, NULL, on_up, &rung);
        wake_set(w, now_realtime() + 300 * USEC_PER_MSEC);
        g_assert_true(wake_is_set(w));
        g_assert_cmpuint(rung, ==, 0);
        while (rung == 0)
                run_for(event, 100 * USEC_PER_MSEC);
        run_for(event, USEC_PER_SEC);
        g_assert_cmpuint(rung, ==, 1);
        g_assert_false(wake_is_set(w));
        wake_set(w, now_realtime()); /* but not more often than each five seconds */
        run_for(event, USEC_PER_SEC);
        g_assert_cmpuint(rung, ==, 1);
        g_assert_true(wake_is_set(w));
        wake_set(w, 0);
        g_assert_false(wake_is_set(w));
        wake_free(w);
        sd_event_unref(event);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/wake/", rows[i].name, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/wake/a thousand at a time", test_a_thousand_at_a_time);
        g_test_add_func("/wake/it rings once and then rests", test_it_rings_once_and_then_rests);
        return g_test_run();
}
