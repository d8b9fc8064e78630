/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs of units against a systemd that fails on demand, over a real bus. */

#include "agent/unit.h"
#include "common/error.h"
#include "tests/integration/bus.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMD      "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define NGINX        "nginx.service"

typedef struct Fixture {
        TestBus *test_bus;
        sd_event *event;
        sd_bus *bus, *control;
        UnitManager *manager;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->test_bus = test_bus_new();
        test_bus_start(f->test_bus, "fake-systemd", SYSTEMD);
        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        f->bus = test_bus_open(f->event);
        f->control = test_bus_open(f->event);
        f->manager = unit_manager_new(f->event, f->bus);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        unit_manager_free(f->manager);
        sd_bus_flush_close_unref(f->bus);
        sd_bus_flush_close_unref(f->control);
        sd_event_unref(f->event);
        test_bus_free(f->test_bus);
}

/* ---- What the fake is told ---- */

/* Pairs of fact and value, ended by NULL. */
static void set_unit(Fixture *f, const char *unit, ...)
{
        sd_bus_message *m, *reply;
        const char *key;
        va_list ap;

        g_assert_cmpint(sd_bus_message_new_method_call(f->control, &m, SYSTEMD, SYSTEMD_PATH,
                                                       "org.certagent1.Fake", "SetUnit"),
                        >=, 0);
        sd_bus_message_append(m, "s", unit);
        sd_bus_message_open_container(m, 'a', "{ss}");
        va_start(ap, unit);
        while ((key = va_arg(ap, const char *)))
                sd_bus_message_append(m, "{ss}", key, va_arg(ap, const char *));
        va_end(ap);
        sd_bus_message_close_container(m);
        g_assert_cmpint(sd_bus_call(f->control, m, 0, NULL, &reply), >=, 0);
        sd_bus_message_unref(m);
        sd_bus_message_unref(reply);
}

static const char *own_pid(void)
{
        static char text[16];

        g_snprintf(text, sizeof(text), "%d", (int) getpid());
        return text;
}

static void set_running(Fixture *f, const char *unit)
{
        set_unit(f, unit, "ActiveState", "active", "SubState", "running", "MainPID", own_pid(), NULL);
}

static void assert_calls(Fixture *f, const char *wanted)
{
        g_auto(GStrv) calls = fake_list(f->control, SYSTEMD, SYSTEMD_PATH, "Calls");
        g_autofree char *all = g_strjoinv(", ", calls);

        g_assert_cmpstr(all, ==, wanted);
}

/* Turns the loop until systemd was asked for so many jobs. */
static void run_until_asked(Fixture *f, guint n)
{
        for (;;) {
                g_auto(GStrv) calls = fake_list(f->control, SYSTEMD, SYSTEMD_PATH, "Calls");

                if (g_strv_length(calls) >= n)
                        return;
                run_for(f->event, 10000);
        }
}

static guint jobs_asked(Fixture *f)
{
        g_auto(GStrv) calls = fake_list(f->control, SYSTEMD, SYSTEMD_PATH, "Calls");

        return g_strv_length(calls);
}

/* ---- One job ---- */

typedef struct Outcome {
        bool done;
        UnitOutcome outcome;
        char *message;
        unsigned times;
} Outcome;

static void on_done(const char *unit, const UnitResult *result, void *userdata)
{
        Outcome *o = userdata;

        o->done = true;
        o->outcome = result->outcome;
        o->message = g_strdup(result->error ? result->error->message : NULL);
        o->times++;
        g_assert_true((result->error != NULL) ==
                      (result->outcome == UNIT_FAILED || result->outcome == UNIT_TIMED_OUT ||
                       result->outcome == UNIT_GONE));
        if (result->error)
                g_assert_error(result->error, CERT_ERROR, CERT_ERROR_UNIT_FAILED);
}

static UnitOutcome run_job(Fixture *f, const char *unit, UnitAction action, uint64_t timeout_usec,
                           char **ret_message)
{
        UnitRef ref = { (char *) unit, action, SIGUSR2 };
        Outcome o = { 0 };

        unit_job_start(f->manager, &ref, timeout_usec, on_done, &o);
        g_assert_false(o.done);
        g_assert_cmpuint(unit_manager_active(f->manager), ==, 1);
        run_until(f->event, &o.done);
        g_assert_cmpuint(unit_manager_active(f->manager), ==, 0);
        run_for(f->event, 2000);
        g_assert_cmpuint(o.times, ==, 1);
        if (ret_message)
                *ret_message = o.message;
        else
                g_free(o.message);
        return o.outcome;
}

static void assert_done(Fixture *f, const char *unit, UnitAction action)
{
        g_autofree char *message = NULL;
        UnitOutcome outcome = run_job(f, unit, action, 0, &message);

        g_assert_cmpstr(message, ==, NULL);
        g_assert_cmpint(outcome, ==, UNIT_DONE);
}

static void assert_bad(Fixture *f, const char *unit, UnitAction action, UnitOutcome wanted, const char *words)
{
        g_autofree char *message = NULL;
        UnitOutcome outcome = run_job(f, unit, action, 0, &message);

        g_assert_cmpint(outcome, ==, wanted);
        g_assert_nonnull(message);
        if (!strstr(message, words))
                g_error("\"%s\" is not in \"%s\"", words, message);
        g_assert_nonnull(strstr(message, unit));
        g_assert_nonnull(strchr(message, '\n')); /* a hint */
}

/* ---- It works ---- */

static void test_each_action_calls_its_method(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        assert_done(f, NGINX, UNIT_ACTION_RELOAD);
        assert_done(f, NGINX, UNIT_ACTION_RESTART);
        assert_done(f, NGINX, UNIT_ACTION_RELOAD_OR_RESTART);
        assert_done(f, NGINX, UNIT_ACTION_TRY_RESTART);
        assert_done(f, NGINX, UNIT_ACTION_TRY_RELOAD_OR_RESTART);
        assert_done(f, NGINX, UNIT_ACTION_SIGNAL);
        assert_done(f, NGINX, UNIT_ACTION_NONE);
        assert_calls(f, "ReloadUnit nginx.service replace, "
                        "ResetFailedUnit nginx.service, RestartUnit nginx.service replace, "
                        "ResetFailedUnit nginx.service, ReloadOrRestartUnit nginx.service replace, "
                        "ResetFailedUnit nginx.service, TryRestartUnit nginx.service replace, "
                        "ResetFailedUnit nginx.service, ReloadOrTryRestartUnit nginx.service replace, "
                        "KillUnit nginx.service main 12");
}

static void test_a_stopped_unit_is_left_alone(Fixture *f, gconstpointer data)
{
        set_unit(f, NGINX, "ActiveState", "inactive", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD, 0, NULL), ==, UNIT_INACTIVE);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_TRY_RESTART, 0, NULL), ==, UNIT_INACTIVE);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_TRY_RELOAD_OR_RESTART, 0, NULL), ==, UNIT_INACTIVE);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_SIGNAL, 0, NULL), ==, UNIT_INACTIVE);
        set_unit(f, NGINX, "ActiveState", "failed", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD, 0, NULL), ==, UNIT_INACTIVE);
        set_unit(f, NGINX, "ActiveState", "activating", "SubState", "auto-restart", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD, 0, NULL), ==, UNIT_INACTIVE);
        set_unit(f, NGINX, "ActiveState", "deactivating", "SubState", "stop-sigterm", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD, 0, NULL), ==, UNIT_INACTIVE);
        assert_calls(f, "");
}

static void test_restart_starts_a_stopped_unit(Fixture *f, gconstpointer data)
{
        set_unit(f, NGINX, "ActiveState", "inactive", NULL);
        assert_done(f, NGINX, UNIT_ACTION_RESTART);
        set_unit(f, NGINX, "ActiveState", "inactive", NULL);
        assert_done(f, NGINX, UNIT_ACTION_RELOAD_OR_RESTART);
}

static void test_a_unit_that_waits_to_be_started_is_left_alone(Fixture *f, gconstpointer data)
{
        /* Its start job may be ordered after cert@NAME.service, which waits for us. */
        set_unit(f, NGINX, "ActiveState", "inactive", "Job", "7", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD_OR_RESTART, 0, NULL), ==, UNIT_INACTIVE);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RESTART, 0, NULL), ==, UNIT_INACTIVE);
        assert_calls(f, "");
}

static void test_a_oneshot_unit_ends_and_is_done(Fixture *f, gconstpointer data)
{
        set_unit(f, "copy.service", "Type", "oneshot", "ActiveState", "inactive", "After.ActiveState",
                 "inactive", NULL);
        assert_done(f, "copy.service", UNIT_ACTION_RESTART);
        set_unit(f, "copy.service", "After.ActiveState", "failed", "After.Result", "exit-code",
                 "After.ExecMainCode", "1", "After.ExecMainStatus", "3", "JobResult", "failed", NULL);
        assert_bad(f, "copy.service", UNIT_ACTION_RESTART, UNIT_FAILED, "status 3");
}

static void test_other_kinds_of_unit_have_no_service_properties(Fixture *f, gconstpointer data)
{
        set_unit(f, "web.target", "ActiveState", "active", NULL);
        assert_done(f, "web.target", UNIT_ACTION_RESTART);
        set_unit(f, "web.socket", "ActiveState", "active", "JobResult", "failed", "After.ActiveState",
                 "failed", NULL);
        assert_bad(f, "web.socket", UNIT_ACTION_RESTART, UNIT_FAILED, "web.socket failed");
}

static void test_a_property_that_systemd_lacks_is_not_missed(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "Omit", "ReloadResult", NULL);
        assert_done(f, NGINX, UNIT_ACTION_RELOAD);
        set_unit(f, NGINX, "Omit", "NRestarts", NULL);
        assert_done(f, NGINX, UNIT_ACTION_RELOAD);
}

static void test_a_job_that_ends_before_it_is_answered(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobDelay", "before-reply", NULL);
        assert_done(f, NGINX, UNIT_ACTION_RELOAD);
        set_unit(f, NGINX, "JobResult", "failed", "After.ReloadResult", "exit-code", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "reload command failed");
}

/* ---- It fails, and says so ---- */

static void test_a_failed_reload_is_never_a_restart(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobResult", "failed", "After.ReloadResult", "exit-code", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "its reload command failed");
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD_OR_RESTART, UNIT_FAILED, "systemctl status nginx.service");
        assert_bad(f, NGINX, UNIT_ACTION_TRY_RELOAD_OR_RESTART, UNIT_FAILED, "journalctl -u nginx.service");
        assert_calls(f, "ReloadUnit nginx.service replace, "
                        "ResetFailedUnit nginx.service, ReloadOrRestartUnit nginx.service replace, "
                        "ResetFailedUnit nginx.service, ReloadOrTryRestartUnit nginx.service replace");
}

static void test_a_reload_that_takes_too_long(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobResult", "failed", "After.ReloadResult", "timeout", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "did not end in time");
}

static void test_a_unit_that_cannot_be_reloaded(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "ExecReload", "no", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "try-restart");
        assert_calls(f, "ReloadUnit nginx.service replace");
        assert_done(f, NGINX, UNIT_ACTION_RELOAD_OR_RESTART);
}

static void test_units_that_are_gone(Fixture *f, gconstpointer data)
{
        set_unit(f, "masked.service", "LoadState", "masked", NULL);
        set_unit(f, "bad.service", "LoadState", "bad-setting", NULL);
        assert_bad(f, "masked.service", UNIT_ACTION_RELOAD, UNIT_GONE, "is masked");
        assert_bad(f, "nowhere.service", UNIT_ACTION_RELOAD, UNIT_GONE, "does not exist");
        assert_bad(f, "bad.service", UNIT_ACTION_RESTART, UNIT_GONE, "bad unit file");
        assert_bad(f, "noname", UNIT_ACTION_RESTART, UNIT_GONE, "no valid name");
        assert_calls(f, "");
        /* masked between the look and the call */
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobError", SYSTEMD ".UnitMasked", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_GONE, "is masked");
        set_unit(f, NGINX, "JobError", SYSTEMD ".NoSuchUnit", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_GONE, "does not exist");
        set_unit(f, NGINX, "JobError", SYSTEMD ".BadUnitSetting", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_GONE, "bad unit file");
}

static void test_refusals_of_the_call(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobError", SYSTEMD ".OnlyByDependency", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "RefuseManualStart=");
        set_unit(f, NGINX, "JobError", SYSTEMD ".TransactionIsDestructive", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "going down");
        set_unit(f, NGINX, "JobError", "org.example.Unheard", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "is refused for nginx.service");
}

static void assert_result(Fixture *f, UnitAction action, const char *job_result, const char *active_state,
                          const char *words)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobResult", job_result, "After.ActiveState", active_state, NULL);
        assert_bad(f, NGINX, action, UNIT_FAILED, words);
}

static void test_results_of_a_restart(Fixture *f, gconstpointer data)
{
        assert_result(f, UNIT_ACTION_RESTART, "dependency", "inactive", "a unit that it needs did not start");
        assert_result(f, UNIT_ACTION_RESTART, "timeout", "failed", "JobTimeoutSec=");
        assert_result(f, UNIT_ACTION_RESTART, "assert", "inactive", "assertion");
        assert_result(f, UNIT_ACTION_RESTART, "canceled", "inactive", "another job");
        assert_result(f, UNIT_ACTION_RESTART, "invalid", "inactive", "RefuseManualStart=");
        assert_result(f, UNIT_ACTION_RESTART, "something-new", "failed", "it is failed");
        set_unit(f, NGINX, "After.Result", "start-limit-hit", NULL);
        assert_result(f, UNIT_ACTION_RESTART, "failed", "failed", "too often");
        set_unit(f, NGINX, "After.Result", "timeout", NULL);
        assert_result(f, UNIT_ACTION_RESTART, "failed", "failed", "time limit");
        set_unit(f, NGINX, "After.Result", "exit-code", "After.ExecMainCode", "1", "After.ExecMainStatus",
                 "7", NULL);
        assert_result(f, UNIT_ACTION_RESTART, "failed", "failed", "status 7");
}

/* ---- "done" that was not well ---- */

static void test_done_although_its_condition_was_false(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "After.ActiveState", "inactive", "After.ConditionResult", "no", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "condition of the unit is not met");
        /* It did not run before: it is as well as it was. */
        set_unit(f, NGINX, "After.ActiveState", "inactive", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RESTART, 0, NULL), ==, UNIT_INACTIVE);
}

static void test_done_although_it_died_at_once(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "Type", "simple", "Late.ActiveState", "failed", "Late.Result", "exit-code",
                 "Late.ExecMainCode", "1", "Late.ExecMainStatus", "1", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "died right after it was started");
        set_running(f, NGINX);
        set_unit(f, NGINX, "Result", "success", "Late.ActiveState", "activating", "Late.SubState",
                 "auto-restart", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "systemd tries to start it again");
        set_running(f, NGINX);
        set_unit(f, NGINX, "Late.NRestarts", "1", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "died right after it was started");
        set_running(f, NGINX);
        set_unit(f, NGINX, "Late.ActiveState", "inactive", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RESTART, UNIT_FAILED, "ended right after it was started");
}

static void test_done_although_the_reload_killed_it(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "After.ActiveState", "inactive", NULL); /* SIGHUP is a clean end to systemd */
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "it ended when it was told to reload");
        set_running(f, NGINX);
        set_unit(f, NGINX, "Late.ActiveState", "failed", "Late.Result", "signal", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "killed by a signal");
        set_running(f, NGINX);
        set_unit(f, NGINX, "Result", "success", "NRestarts", "4", "Late.NRestarts", "5", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED,
                   "its main process died when it was told to reload");
        set_running(f, NGINX);
        set_unit(f, NGINX, "Late.MainPID", "0", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED,
                   "its main process died when it was told to reload");
        set_running(f, NGINX);
        set_unit(f, NGINX, "After.MainPID", "4194304", NULL); /* above any pid there is */
        assert_bad(f, NGINX, UNIT_ACTION_SIGNAL, UNIT_FAILED, "its main process died when it got the signal");
}

static void test_done_although_the_reload_command_failed(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "After.ReloadResult", "exit-code", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "reload command failed");
}

static void test_it_may_take_a_moment_to_rest(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "After.ActiveState", "activating", "After.SubState", "start-post",
                 "Late.ActiveState", "active", NULL);
        assert_done(f, NGINX, UNIT_ACTION_RESTART);
}

/* ---- Somebody comes between ---- */

static void test_stopped_meanwhile(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobResult", "canceled", "After.ActiveState", "deactivating", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD, 0, NULL), ==, UNIT_INACTIVE);
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobResult", "invalid", "After.ActiveState", "inactive", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD, 0, NULL), ==, UNIT_INACTIVE);
}

static void test_canceled_is_tried_once_more(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "JobResult", "canceled", "After.JobResult", "done", NULL);
        assert_done(f, NGINX, UNIT_ACTION_RELOAD);
        set_unit(f, NGINX, "JobResult", "canceled", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "another job");
        assert_calls(f, "ReloadUnit nginx.service replace, ReloadUnit nginx.service replace, "
                        "ReloadUnit nginx.service replace, ReloadUnit nginx.service replace");
}

/* ---- Time ---- */

static void test_a_job_that_never_ends_is_left_and_holds_up_nobody(Fixture *f, gconstpointer data)
{
        UnitRef slow = { (char *) "slow.service", UNIT_ACTION_RELOAD, 0 },
                quick = { (char *) NGINX, UNIT_ACTION_RELOAD, 0 };
        Outcome slowly = { 0 }, quickly = { 0 };

        set_running(f, "slow.service");
        set_running(f, NGINX);
        set_unit(f, "slow.service", "JobDelay", "never", NULL);
        unit_job_start(f->manager, &slow, 6000000, on_done, &slowly);
        unit_job_start(f->manager, &quick, 0, on_done, &quickly);
        run_until(f->event, &quickly.done);
        g_assert_false(slowly.done);
        g_assert_cmpint(quickly.outcome, ==, UNIT_DONE);
        run_until(f->event, &slowly.done);
        g_assert_cmpint(slowly.outcome, ==, UNIT_TIMED_OUT);
        g_assert_nonnull(strstr(slowly.message, "left to systemd"));
        /* Its end comes late, and finds nobody. */
        sd_bus_message_unref(call_and_wait(f->control, SYSTEMD, SYSTEMD_PATH, "org.certagent1.Fake", "Finish",
                                           "ss", "slow.service", "done"));
        run_for(f->event, 50000);
        g_assert_cmpuint(slowly.times, ==, 1);
        g_assert_cmpuint(unit_manager_active(f->manager), ==, 0);
        g_free(slowly.message);
}

static void test_systemd_does_not_answer(Fixture *f, gconstpointer data)
{
        g_autofree char *message = NULL;

        set_running(f, NGINX);
        set_unit(f, NGINX, "JobError", "hang", NULL);
        g_assert_cmpint(run_job(f, NGINX, UNIT_ACTION_RELOAD, 3000000, &message), ==, UNIT_TIMED_OUT);
        g_assert_nonnull(strstr(message, "did not answer"));
}

static void test_answers_that_make_no_sense(Fixture *f, gconstpointer data)
{
        set_running(f, NGINX);
        set_unit(f, NGINX, "Bus", "garbage", NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "makes no sense");
}

static void test_a_discarded_job_is_never_told(Fixture *f, gconstpointer data)
{
        UnitRef ref = { (char *) NGINX, UNIT_ACTION_RELOAD, 0 };
        Outcome o = { 0 };
        UnitJob *j;

        set_running(f, NGINX);
        set_unit(f, NGINX, "JobDelay", "30", NULL);
        j = unit_job_start(f->manager, &ref, 0, on_done, &o);
        run_for(f->event, 15000);
        g_assert_null(unit_job_discard(j));
        g_assert_null(unit_job_discard(NULL));
        run_for(f->event, 100000);
        g_assert_false(o.done);
        g_assert_cmpuint(unit_manager_active(f->manager), ==, 0);
}

/* ---- systemd itself ---- */

static void test_signals_of_others_are_not_believed(Fixture *f, gconstpointer data)
{
        UnitRef ref = { (char *) NGINX, UNIT_ACTION_RELOAD, 0 };
        sd_bus *liar = test_bus_open(f->event);
        sd_bus_message *m;
        const char *name;
        Outcome o = { 0 };

        set_running(f, NGINX);
        set_unit(f, NGINX, "JobDelay", "never", NULL);
        unit_job_start(f->manager, &ref, 0, on_done, &o);
        run_until_asked(f, 1);
        run_for(f->event, 100000);
        g_assert_cmpint(sd_bus_get_unique_name(f->bus, &name), >=, 0);
        g_assert_cmpint(sd_bus_message_new_signal(liar, &m, SYSTEMD_PATH, SYSTEMD ".Manager", "JobRemoved"),
                        >=, 0);
        sd_bus_message_append(m, "uoss", 1u, SYSTEMD_PATH "/job/1", NGINX, "failed");
        g_assert_cmpint(sd_bus_send_to(liar, m, name, NULL), >=, 0);
        sd_bus_message_unref(m);
        run_for(f->event, 200000);
        g_assert_false(o.done);
        sd_bus_message_unref(call_and_wait(f->control, SYSTEMD, SYSTEMD_PATH, "org.certagent1.Fake", "Finish",
                                           "ss", NGINX, "done"));
        run_until(f->event, &o.done);
        g_assert_cmpint(o.outcome, ==, UNIT_DONE);
        sd_bus_flush_close_unref(liar);
}

static void run_reexec(Fixture *f, int finish, Outcome *o)
{
        UnitRef ref = { (char *) NGINX, UNIT_ACTION_RELOAD, 0 };

        guint before = jobs_asked(f);

        unit_job_start(f->manager, &ref, 0, on_done, o);
        run_until_asked(f, before + 1);
        run_for(f->event, 100000);
        sd_bus_message_unref(call_and_wait(f->control, SYSTEMD, SYSTEMD_PATH, "org.certagent1.Fake", "Reexec",
                                           "b", finish));
        run_for(f->event, 200000);
}

static void test_systemd_executes_itself_anew(Fixture *f, gconstpointer data)
{
        Outcome went_on = { 0 }, missed = { 0 };

        set_running(f, NGINX);
        set_unit(f, NGINX, "JobDelay", "never", NULL);
        run_reexec(f, false, &went_on);
        g_assert_false(went_on.done);
        sd_bus_message_unref(call_and_wait(f->control, SYSTEMD, SYSTEMD_PATH, "org.certagent1.Fake", "Finish",
                                           "ss", NGINX, ""));
        run_until(f->event, &went_on.done);
        g_assert_cmpint(went_on.outcome, ==, UNIT_DONE);

        set_unit(f, NGINX, "After.ReloadResult", "exit-code", NULL);
        run_reexec(f, true, &missed);
        run_until(f->event, &missed.done);
        g_assert_cmpint(missed.outcome, ==, UNIT_FAILED);
        g_free(missed.message);
}

static void test_a_call_in_the_midst_of_that_is_made_again(Fixture *f, gconstpointer data)
{
        UnitRef ref = { (char *) NGINX, UNIT_ACTION_RELOAD, 0 };
        Outcome o = { 0 };

        set_running(f, NGINX);
        set_unit(f, NGINX, "JobError", "hang", "Bus", "", NULL);
        unit_job_start(f->manager, &ref, 0, on_done, &o);
        run_until_asked(f, 1);
        set_unit(f, NGINX, "JobError", "", NULL);
        sd_bus_message_unref(
                call_and_wait(f->control, SYSTEMD, SYSTEMD_PATH, "org.certagent1.Fake", "Reexec", "b", 0));
        run_until(f->event, &o.done);
        g_assert_cmpstr(o.message, ==, NULL);
        g_assert_cmpint(o.outcome, ==, UNIT_DONE);
        assert_calls(f, "ReloadUnit nginx.service replace, ReloadUnit nginx.service replace");
}

static void test_the_connection_is_lost(Fixture *f, gconstpointer data)
{
        UnitRef ref = { (char *) NGINX, UNIT_ACTION_RELOAD, 0 };
        Outcome first = { 0 }, second = { 0 }, late = { 0 };

        set_running(f, NGINX);
        set_unit(f, NGINX, "JobDelay", "never", NULL);
        unit_job_start(f->manager, &ref, 0, on_done, &first);
        run_until_asked(f, 1);
        unit_job_start(f->manager, &ref, 0, on_done, &second);
        test_bus_kill(f->test_bus);
        run_until(f->event, &first.done);
        run_until(f->event, &second.done);
        unit_job_start(f->manager, &ref, 0, on_done, &late);
        run_until(f->event, &late.done);
        g_assert_cmpint(first.outcome, ==, UNIT_FAILED);
        g_assert_cmpint(second.outcome, ==, UNIT_FAILED);
        g_assert_cmpint(late.outcome, ==, UNIT_FAILED);
        g_assert_nonnull(strstr(first.message, "connection to systemd was lost"));
        g_assert_nonnull(strstr(late.message, "connection to systemd was lost"));
        g_free(first.message);
        g_free(second.message);
        g_free(late.message);
}

static void test_no_systemd_at_all(Fixture *f, gconstpointer data)
{
        sd_bus_message_unref(
                call_and_wait(f->control, SYSTEMD, SYSTEMD_PATH, "org.certagent1.Fake", "Leave", NULL));
        run_for(f->event, 100000);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "systemd is not on the bus");
        unit_manager_free(f->manager);
        f->manager = unit_manager_new(f->event, NULL);
        assert_bad(f, NGINX, UNIT_ACTION_RELOAD, UNIT_FAILED, "there is no systemd");
}

/* ---- Followers ---- */

typedef struct Followers {
        bool done;
        char *units;
} Followers;

static void on_followers(const char *name, char **units, void *userdata)
{
        Followers *f = userdata;

        g_assert_cmpstr(name, ==, "web-1.example");
        f->units = g_strjoinv(" ", units);
        f->done = true;
}

static void assert_followers(Fixture *f, const char *wanted)
{
        Followers followers = { 0 };

        unit_followers_start(f->manager, "web-1.example", on_followers, &followers);
        g_assert_false(followers.done);
        run_until(f->event, &followers.done);
        g_assert_cmpstr(followers.units, ==, wanted);
        g_free(followers.units);
}

static void test_followers_are_found(Fixture *f, gconstpointer data)
{
        assert_followers(f, "");
        set_unit(f, "cert@web-1.example.service", "PropagatesReloadTo", "nginx.service postfix.service",
                 NULL);
        assert_followers(f, "nginx.service postfix.service");
        set_unit(f, "cert@web-1.example.service", "Bus", "garbage", NULL);
        assert_followers(f, "");
        unit_manager_free(f->manager);
        f->manager = unit_manager_new(f->event, NULL);
        assert_followers(f, "");
}

#define ADD(name, function) g_test_add("/unit/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("each action calls its method", test_each_action_calls_its_method);
        ADD("a stopped unit is left alone", test_a_stopped_unit_is_left_alone);
        ADD("restart starts a stopped unit", test_restart_starts_a_stopped_unit);
        ADD("a unit that waits to be started is left alone",
            test_a_unit_that_waits_to_be_started_is_left_alone);
        ADD("a oneshot unit ends and is done", test_a_oneshot_unit_ends_and_is_done);
        ADD("other kinds of unit have no service properties",
            test_other_kinds_of_unit_have_no_service_properties);
        ADD("a property that systemd lacks is not missed", test_a_property_that_systemd_lacks_is_not_missed);
        ADD("a job that ends before it is answered", test_a_job_that_ends_before_it_is_answered);
        ADD("a failed reload is never a restart", test_a_failed_reload_is_never_a_restart);
        ADD("a reload that takes too long", test_a_reload_that_takes_too_long);
        ADD("a unit that cannot be reloaded", test_a_unit_that_cannot_be_reloaded);
        ADD("units that are gone", test_units_that_are_gone);
        ADD("refusals of the call", test_refusals_of_the_call);
        ADD("results of a restart", test_results_of_a_restart);
        ADD("done although its condition was false", test_done_although_its_condition_was_false);
        ADD("done although it died at once", test_done_although_it_died_at_once);
        ADD("done although the reload killed it", test_done_although_the_reload_killed_it);
        ADD("done although the reload command failed", test_done_although_the_reload_command_failed);
        ADD("it may take a moment to rest", test_it_may_take_a_moment_to_rest);
        ADD("stopped meanwhile", test_stopped_meanwhile);
        ADD("canceled is tried once more", test_canceled_is_tried_once_more);
        ADD("a job that never ends is left and holds up nobody",
            test_a_job_that_never_ends_is_left_and_holds_up_nobody);
        ADD("systemd does not answer", test_systemd_does_not_answer);
        ADD("answers that make no sense", test_answers_that_make_no_sense);
        ADD("a discarded job is never told", test_a_discarded_job_is_never_told);
        ADD("signals of others are not believed", test_signals_of_others_are_not_believed);
        ADD("systemd executes itself anew", test_systemd_executes_itself_anew);
        ADD("a call in the midst of that is made again", test_a_call_in_the_midst_of_that_is_made_again);
        ADD("the connection is lost", test_the_connection_is_lost);
        ADD("no systemd at all", test_no_systemd_at_all);
        ADD("followers are found", test_followers_are_found);
        return g_test_run();
}
