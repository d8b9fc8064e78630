/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/clock.h"
#include "common/names.h"
#include "common/timespan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *root;

static void set_seen(uint64_t usec)
{
        g_autofree char *path = g_strconcat(root, CERT_CLOCK_FILE, NULL);
        struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { (time_t) (usec / USEC_PER_SEC), 0 } };

        g_file_set_contents(path, "", 0, NULL);
        g_assert_cmpint(utimensat(AT_FDCWD, path, t, 0), ==, 0);
}

static void test_a_first_start_is_trusted(void)
{
        g_autofree char *path = g_strconcat(root, CERT_CLOCK_FILE, NULL);

        (void) unlink(path);
        g_assert_cmpint(clock_read().trust, ==, CLOCK_GOOD);
        g_assert_cmpuint(clock_last_pass(), ==, 0);
}

static void test_the_latest_time_is_kept(void)
{
        PlanClock now = clock_read();

        clock_seen(now);
        g_assert_cmpuint(clock_last_pass(), ==, now.now);
}

static void test_a_clock_set_back_is_held_and_then_believed(void)
{
        uint64_t future = now_realtime() + 400 * USEC_PER_DAY;

        set_seen(future);
        for (int pass = 0; pass < CLOCK_HELD_PASSES_MAX; pass++) {
                PlanClock clock = clock_read();

                g_assert_cmpint(clock.trust, ==, CLOCK_JUMPED_BACK);
                clock_seen(clock);
                g_assert_cmpuint(clock_last_pass() / USEC_PER_SEC, ==, future / USEC_PER_SEC);
        }
        g_assert_cmpint(clock_read().trust, ==, CLOCK_GOOD);
        clock_seen(clock_read());
        g_assert_cmpuint(clock_last_pass(), <, future);
        g_assert_cmpint(clock_read().trust, ==, CLOCK_GOOD);
}

int main(int argc, char **argv)
{
        g_autofree char *state = NULL, *command = NULL;
        int r;

        g_test_init(&argc, &argv, NULL);
        root = g_dir_make_tmp("test-clock-XXXXXX", NULL);
        g_setenv(CERT_ENV_TEST_ROOT, root, TRUE);
        state = g_strconcat(root, CERT_STATE_DIR, NULL);
        g_mkdir_with_parents(state, 0700);
        g_test_add_func("/clock/a-first-start-is-trusted", test_a_first_start_is_trusted);
        g_test_add_func("/clock/the-latest-time-is-kept", test_the_latest_time_is_kept);
        g_test_add_func("/clock/set-back-is-held-and-then-believed", test_a_clock_set_back_is_held_and_then_believed);
        r = g_test_run();
        command = g_strdup_printf("rm -rf '%s'", root);
        g_assert_cmpint(system(command), ==, 0);
        return r;
}
