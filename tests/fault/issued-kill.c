/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The record of what a local authority signed for requests from elsewhere, killed at every system call that changes the disk.
 *
 * A child records a certificate and is killed as it enters its n-th such call, for every n there is. What it was to give out
 * is recorded whole or not at all, what was recorded before still is, and the next one that is recorded leaves nothing of the
 * first try. The test demands that kills fell on both sides of the rename that makes the record: else it would prove nothing.
 */

#include "common/timespan.h"
#include "issuers/local/change.h"
#include "issuers/local/issued.h"
#include "tests/fault/kill.h"
#include "tests/unit/authority-bench.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct Case {
        AuthorityBench *bench;
        GBytes *der; /* what the child records */
        unsigned kills, before, after;
} Case;

static void record(AuthorityBench *b, GBytes *der)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(AuthorityLook) look = authority_look_at_present(&b->options, true, &error);

        if (look)
                (void) issued_add(look, parts_in_role(look->parts, PART_CURRENT), der, now_realtime(), &error);
        g_assert_no_error(error);
}

static void child_record(void *data)
{
        const Case *k = data;

        record(k->bench, k->der);
}

static GPtrArray *list(AuthorityBench *b)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(AuthorityLook) look = authority_look_at_present(&b->options, false, &error);
        GPtrArray *ders = look ? issued_list(look, now_realtime(), &error) : NULL;

        g_assert_no_error(error);
        return ders;
}

static bool holds(GPtrArray *ders, GBytes *der)
{
        for (unsigned i = 0; i < ders->len; i++)
                if (g_bytes_equal(g_ptr_array_index(ders, i), der))
                        return true;
        return false;
}

static void assert_nothing_left(AuthorityBench *b)
{
        g_autofree char *path = g_build_filename(b->folder, ISSUED_FOLDER, NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        g_assert_nonnull(dir);
        while ((name = g_dir_read_name(dir)))
                g_assert_true(g_str_equal(name, ".index-1") || g_str_has_suffix(name, ISSUED_SUFFIX));
}

static void remove_record(AuthorityBench *b)
{
        g_autofree char *path = g_build_filename(b->folder, ISSUED_FOLDER, NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *file = g_build_filename(path, name, NULL);

                g_assert_cmpint(g_unlink(file), ==, 0);
        }
        (void) g_rmdir(path);
}

/* `first`: there is nothing before each try; else there are more and more, in `good`. */
static void kill_at_each_call(Case *k, bool first, GPtrArray *good)
{
        for (unsigned n = 1;; n++) {
                g_autoptr(GPtrArray) found = NULL;
                GBytes *next = authority_bench_issue(k->bench, USEC_PER_DAY);
                bool killed;

                if (first) {
                        remove_record(k->bench);
                        g_ptr_array_set_size(good, 0);
                }
                k->der = authority_bench_issue(k->bench, USEC_PER_DAY);
                killed = kill_at_call(child_record, k, KILL_AT_DISK, n);
                found = list(k->bench);
                for (unsigned i = 0; i < good->len; i++)
                        g_assert_true(holds(found, g_ptr_array_index(good, i)));
                if (holds(found, k->der)) {
                        g_assert_cmpuint(found->len, ==, good->len + 1);
                        g_ptr_array_add(good, k->der);
                        k->after += killed;
                } else {
                        g_assert_true(killed); /* who was not, has given it out */
                        g_assert_cmpuint(found->len, ==, good->len);
                        g_bytes_unref(k->der);
                        k->before++;
                }
                record(k->bench, next);
                g_ptr_array_add(good, next);
                assert_nothing_left(k->bench);
                if (!killed)
                        return;
                k->kills++;
        }
}

static void test_record(bool first)
{
        Case k = { .bench = authority_bench_new() };
        g_autoptr(GPtrArray) good = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);

        authority_bench_change(k.bench, change_make);
        if (!first) {
                g_ptr_array_add(good, authority_bench_issue(k.bench, 0));
                record(k.bench, g_ptr_array_index(good, 0));
        }
        kill_at_each_call(&k, first, good);
        g_test_message("%u kills: %u before, %u after", k.kills, k.before, k.after);
        g_assert_cmpuint(k.kills, >, 5);
        g_assert_cmpuint(k.before, >, 0);
        g_assert_cmpuint(k.after, >, 0);
        authority_bench_free(k.bench);
}

static void test_the_first(void)
{
        test_record(true);
}

static void test_one_more(void)
{
        test_record(false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/issued/killed while the first is recorded", test_the_first);
        g_test_add_func("/issued/killed while one more is recorded", test_one_more);
        return g_test_run();
}
