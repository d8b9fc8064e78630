/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The watch of an authority's folder, through the real process, and through one that answers, refuses or ends as it
 * likes. */

#include "agent/authority-watch.h"
#include "agent/issuer.h"
#include "common/names.h"
#include "common/timespan.h"
#include "tests/unit/issue-run.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCAL "{\"type\":\"local\"}"

typedef struct Run {
        IssueRun *issue;
        AuthorityWatch *watch;
        IssuerPool *pool; /* of the test's own calls */
        unsigned told, answered;
} Run;

static void on_changed(const char *issuer, void *userdata)
{
        g_assert_cmpstr(issuer, ==, "site");
        ((Run *) userdata)->told++;
}

static Run *run_new(const char *type, const char *config)
{
        Run *r = g_new0(Run, 1);

        r->issue = issue_run_new(type, config);
        return r;
}

static void run_watch(Run *r)
{
        r->watch = authority_watch_new(r->issue->event, &r->issue->issuer, on_changed, r);
        g_assert_nonnull(r->watch);
}

static void run_free(Run *r)
{
        authority_watch_free(r->watch);
        issuer_pool_free(r->pool);
        issue_run_free(r->issue);
        g_free(r);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_free)

static void turn_for(Run *r, uint64_t usec)
{
        int64_t now, end = g_get_monotonic_time() + (int64_t) usec;

        while ((now = g_get_monotonic_time()) < end)
                g_assert_cmpint(sd_event_run(r->issue->event, (uint64_t) (end - now)), >=, 0);
}

/* Until it is told once more; how long that took. */
static uint64_t turn_until_told(Run *r)
{
        int64_t start = g_get_monotonic_time();
        unsigned before = r->told;

        while (r->told == before) {
                g_assert_cmpint(g_get_monotonic_time(), <, start + 60 * G_USEC_PER_SEC);
                g_assert_cmpint(sd_event_run(r->issue->event, G_USEC_PER_SEC), >=, 0);
        }
        return (uint64_t) (g_get_monotonic_time() - start);
}

/* Until it stands, and nothing is on its way: of what was before that it tells once. */
static void run_watch_until_it_stands(Run *r)
{
        run_watch(r);
        turn_until_told(r);
        turn_for(r, USEC_PER_SEC);
        g_assert_cmpuint(r->told, ==, 1);
}

static char *folder_of(const Run *r)
{
        return fixture_path(r->issue->root, CERT_AUTHORITY_DIR "/site");
}

/* In one system call: two may be seen as two changes. */
static void write_file(const Run *r, const char *name)
{
        g_autofree char *folder = folder_of(r), *path = g_build_filename(folder, name, NULL),
                        *beside = fixture_path(r->issue->root, "/beside");

        g_assert_true(g_file_set_contents(beside, "x", 1, NULL));
        g_assert_cmpint(rename(beside, path), ==, 0);
}

/* The one process that was spawned for this test. */
static pid_t worker_of_this_process(void)
{
        g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int) getpid()), *text = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return 0;
        return (pid_t) g_ascii_strtoll(text, NULL, 10);
}

/* ---- The real process ---- */

static void test_each_change_is_told_and_nothing_else(void)
{
        g_autoptr(Run) r = run_new("local", LOCAL);

        run_watch_until_it_stands(r);
        turn_for(r, 2 * USEC_PER_SEC);
        g_assert_cmpuint(r->told, ==, 1);
        write_file(r, "a");
        turn_until_told(r);
        write_file(r, "b"); /* while no call waits */
        turn_until_told(r);
        turn_for(r, 2 * USEC_PER_SEC);
        g_assert_cmpuint(r->told, ==, 3);
}

/* Whatever is done after the watch was begun is told of, whether it stood by then or not. */
static void test_what_changes_before_it_stands_is_told(void)
{
        for (unsigned n = 0; n < 12; n++) {
                g_autoptr(Run) r = run_new("local", LOCAL);
                unsigned before;

                run_watch(r);
                turn_for(r, n * 10 * USEC_PER_MSEC);
                write_file(r, "a");
                before = r->told;
                turn_until_told(r);
                g_assert_cmpuint(r->told, ==, before + 1);
        }
}

static void test_a_folder_that_comes_goes_and_comes_back(void)
{
        g_autoptr(Run) r = run_new("local", LOCAL);
        g_autofree char *folder = folder_of(r), *aside = g_strconcat(folder, ".aside", NULL);

        g_assert_cmpint(rename(folder, aside), ==, 0);
        run_watch_until_it_stands(r);
        g_assert_cmpint(rename(aside, folder), ==, 0);
        turn_until_told(r);
        turn_for(r, USEC_PER_SEC);
        write_file(r, "a");
        turn_until_told(r);
        g_assert_cmpint(rename(folder, aside), ==, 0);
        turn_until_told(r);
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        turn_until_told(r);
        turn_for(r, USEC_PER_SEC);
        write_file(r, "b");
        turn_until_told(r);
}

/* An issuer's deadline is of its other calls. */
static void test_a_call_has_no_deadline(void)
{
        g_autoptr(Run) r = run_new("local", "{\"type\":\"local\",\"timeout\":\"500ms\"}");

        run_watch_until_it_stands(r);
        turn_for(r, 2 * USEC_PER_SEC);
        g_assert_cmpuint(r->told, ==, 1);
        write_file(r, "a");
        g_assert_cmpuint(turn_until_told(r), <, 4 * USEC_PER_SEC); /* a call that had failed waits for longer */
}

static void test_after_the_end_of_its_process_it_is_told_and_goes_on(void)
{
        g_autoptr(Run) r = run_new("local", LOCAL);
        pid_t worker;

        run_watch_until_it_stands(r);
        worker = worker_of_this_process();
        if (worker == 0) {
                g_test_skip("the kernel does not say who the children are");
                return;
        }
        g_assert_cmpint(kill(worker, SIGKILL), ==, 0);
        g_assert_cmpuint(turn_until_told(r), >, 4 * USEC_PER_SEC);
        g_assert_cmpint(worker_of_this_process(), !=, worker);
        turn_for(r, USEC_PER_SEC);
        g_assert_cmpuint(r->told, ==, 2);
        write_file(r, "a");
        g_assert_cmpuint(turn_until_told(r), <, 4 * USEC_PER_SEC);
}

static void test_a_watch_that_is_freed_ends_its_process(void)
{
        g_autoptr(Run) r = run_new("local", LOCAL);

        run_watch(r);
        r->watch = authority_watch_free(r->watch); /* before it has a connection */
        run_watch(r);
        turn_for(r, USEC_PER_SEC);
        r->watch = authority_watch_free(r->watch); /* while a call waits */
        g_assert_cmpint(worker_of_this_process(), ==, 0);
        g_assert_null(authority_watch_free(NULL));
}

static void test_a_watch_is_of_one_issuer_as_it_was(void)
{
        g_autoptr(Run) r = run_new("local", LOCAL);

        run_watch_until_it_stands(r);
        g_assert_true(authority_watch_is_of(r->watch, &r->issue->issuer));
        issue_run_set_config(r->issue, "{\"type\":\"local\",\"path_length\":1}"); /* and what it was given is freed */
        g_assert_false(authority_watch_is_of(r->watch, &r->issue->issuer));
        write_file(r, "a");
        turn_until_told(r);
}

/* ---- What the process promises ---- */

static void on_answer(sd_bus_message *reply, const GError *error, void *userdata)
{
        g_assert_no_error(error);
        g_assert_true(sd_bus_message_has_signature(reply, ""));
        ((Run *) userdata)->answered++;
}

static void call_watch(Run *r)
{
        IssuerCall *c = issuer_call(r->pool, &r->issue->issuer, CERT_INTERFACE_AUTHORITY, "Watch", NULL, NULL, on_answer, r);

        issuer_call_without_deadline(c);
}

static void turn_until_answered(Run *r, unsigned n)
{
        int64_t end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

        while (r->answered < n) {
                g_assert_cmpint(g_get_monotonic_time(), <, end);
                g_assert_cmpint(sd_event_run(r->issue->event, G_USEC_PER_SEC), >=, 0);
        }
}

static void test_the_first_call_is_answered_at_once_the_others_when_something_changed(void)
{
        g_autoptr(Run) r = run_new("local", LOCAL);

        r->pool = issuer_pool_new(r->issue->event, NULL);
        call_watch(r);
        turn_until_answered(r, 1);
        call_watch(r);
        turn_for(r, USEC_PER_SEC);
        g_assert_cmpuint(r->answered, ==, 1);
        write_file(r, "a");
        write_file(r, "b");
        turn_until_answered(r, 2);
        write_file(r, "c"); /* between two calls */
        turn_for(r, USEC_PER_SEC);
        call_watch(r);
        turn_until_answered(r, 3);
        call_watch(r);
        turn_for(r, USEC_PER_SEC);
        g_assert_cmpuint(r->answered, ==, 3);
}

/* ---- Others ---- */

static void test_who_answers_for_ever_is_heard_now_and_then(void)
{
        g_autoptr(Run) r = run_new("fake", "{\"type\":\"fake\"}");

        run_watch(r);
        while (r->told < 3)
                turn_until_told(r);
        turn_for(r, 2 * USEC_PER_SEC);
        g_assert_cmpuint(r->told, <=, 3 + 11);
        /* Every five seconds in the end. A slow machine that is slow to answer is thought not to hurry, for that once. */
        while (turn_until_told(r) < 4 * USEC_PER_SEC)
                g_assert_cmpuint(r->told, <, 200);
        g_assert_cmpuint(r->told, >=, 20);
}

static void test_who_fails_is_asked_later_and_later(gconstpointer data)
{
        g_autofree char *config = g_strdup_printf("{\"type\":\"fake\",\"behaviour\":\"%s\"}", (const char *) data);
        g_autoptr(Run) r = run_new("fake", config);

        run_watch(r);
        turn_for(r, 2 * USEC_PER_SEC);
        g_assert_cmpuint(r->told, ==, 0);
        turn_for(r, 5 * USEC_PER_SEC);
        g_assert_cmpuint(r->told, ==, 0);
}

int main(int argc, char **argv)
{
        static const char *const failures[] = { "crash", "flood", "refuse" };

        g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add_func("/authority-watch/" path, test)
        ADD("each-change-is-told", test_each_change_is_told_and_nothing_else);
        ADD("before-it-stands", test_what_changes_before_it_stands_is_told);
        ADD("a-folder-that-comes-and-goes", test_a_folder_that_comes_goes_and_comes_back);
        ADD("no-deadline", test_a_call_has_no_deadline);
        ADD("the-end-of-its-process", test_after_the_end_of_its_process_it_is_told_and_goes_on);
        ADD("freed", test_a_watch_that_is_freed_ends_its_process);
        ADD("of-one-issuer", test_a_watch_is_of_one_issuer_as_it_was);
        ADD("the-first-call-and-the-others",
            test_the_first_call_is_answered_at_once_the_others_when_something_changed);
        ADD("who-answers-for-ever", test_who_answers_for_ever_is_heard_now_and_then);
        for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
                g_autofree char *path = g_strdup_printf("/authority-watch/who-fails/%s", failures[i]);

                g_test_add_data_func(path, failures[i], test_who_fails_is_asked_later_and_later);
        }
        return g_test_run();
}
