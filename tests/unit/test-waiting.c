/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates that wait: who must do something, what, and how urgent it is. */

#include "client/waiting.h"
#include "common/timespan.h"

#define NOW (UINT64_C(1795255200) * USEC_PER_SEC) /* 2026-11-21 10:00:00 UTC */

static CertDetail *detail_new(const char *state, int64_t requested_days, int64_t end_days)
{
        CertDetail *d = field_object_new(&cert_detail_table);

        g_free(d->name);
        d->name = g_strdup("web");
        g_free(d->state);
        d->state = g_strdup(state);
        d->requested_at = requested_days ? NOW - (uint64_t) requested_days * USEC_PER_DAY : 0;
        d->not_after = end_days ? (uint64_t) ((int64_t) NOW + end_days * (int64_t) USEC_PER_DAY) : 0;
        return d;
}

static void test_urgency_goes_by_the_time_that_there_was(void)
{
        static const struct {
                int64_t requested, end;
                WaitingUrgency urgency;
        } cases[] = {
                { 1, 0, WAITING_CALM },  /* nothing is in place that could end */
                { 0, 10, WAITING_CALM }, /* an agent that does not say since when */
                { 1, 29, WAITING_CALM },    { 26, 4, WAITING_CALM },     { 28, 2, WAITING_URGENT },
                { 30, -1, WAITING_URGENT }, { 300, 20, WAITING_URGENT },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(CertDetail) d = detail_new("waiting", cases[i].requested, cases[i].end);

                g_test_message("case %zu", i);
                g_assert_cmpint(waiting_urgency(d, NOW), ==, cases[i].urgency);
        }
}

static void test_by_hand_there_is_something_to_do(void)
{
        g_autoptr(CertDetail) d = detail_new("waiting", 1, 0);
        g_autofree char *text = waiting_text(d), *advice = waiting_advice(d);

        g_assert_cmpstr(text, ==, "web waits for its answer since 2026-11-20 10:00:00 UTC");
        g_assert_cmpstr(advice, ==, "certctl csr web > web.csr, have it signed, certctl import web FILE");
}

static void test_what_is_asked_for_again_needs_nobody(void)
{
        g_autoptr(CertDetail) d = detail_new("waiting", 1, 0), valid = detail_new("valid", 0, 10);
        const CertRow row = { .state = "waiting", .next_renewal = NOW + 1 };
        g_autofree char *text = NULL;

        d->next_renewal = NOW + USEC_PER_HOUR;
        text = waiting_text(d);
        g_assert_cmpstr(text, ==, "web waits for its issuer since 2026-11-20 10:00:00 UTC");
        g_assert_null(waiting_advice(d));
        g_assert_null(waiting_advice(valid));
        g_assert_false(waiting_is_by_hand(&row));
}

int main(int argc, char **argv)
{
        g_setenv("TZ", "UTC", TRUE);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/waiting/urgency", test_urgency_goes_by_the_time_that_there_was);
        g_test_add_func("/waiting/by-hand", test_by_hand_there_is_something_to_do);
        g_test_add_func("/waiting/asked-for-again", test_what_is_asked_for_again_needs_nobody);
        return g_test_run();
}
