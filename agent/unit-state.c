/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The state of a unit: what systemd's properties say of it, and what that means for a job that was done. This
 * file asks nobody anything: it judges what agent/unit.c has read. */

#include "agent/unit-state.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

/* ---- Reading ---- */

typedef struct Field {
        const char *name;
        const char *type;
        size_t offset;
} Field;

static const Field fields[] = {
        { "LoadState", "s", offsetof(UnitState, load_state) },
        { "ActiveState", "s", offsetof(UnitState, active_state) },
        { "SubState", "s", offsetof(UnitState, sub_state) },
        { "ConditionResult", "b", offsetof(UnitState, condition) },
        { "ConditionTimestamp", "t", offsetof(UnitState, condition_judged) },
        { "Job", "(uo)", offsetof(UnitState, job) },
        { "Type", "s", offsetof(UnitState, type) },
        { "Result", "s", offsetof(UnitState, result) },
        { "ReloadResult", "s", offsetof(UnitState, reload_result) },
        { "MainPID", "u", offsetof(UnitState, main_pid) },
        { "NRestarts", "u", offsetof(UnitState, n_restarts) },
        { "ExecMainCode", "i", offsetof(UnitState, exit_code) },
        { "ExecMainStatus", "i", offsetof(UnitState, exit_status) },
        { "TimeoutStartUSec", "t", offsetof(UnitState, start_limit_usec) },
        { "TimeoutStopUSec", "t", offsetof(UnitState, stop_limit_usec) },
};

static const Field *find_field(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
                if (g_str_equal(fields[i].name, name))
                        return &fields[i];
        return NULL;
}

static int read_value(UnitState *s, const Field *f, sd_bus_message *m)
{
        void *target = (char *) s + f->offset;
        const char *text;
        int r;

        if (f->type[0] == '(')
                return sd_bus_message_read(m, "(uo)", target, NULL);
        if (f->type[0] != 's')
                return sd_bus_message_read_basic(m, f->type[0], target);
        r = sd_bus_message_read_basic(m, 's', &text);
        if (r > 0) {
                g_free(*(char **) target);
                *(char **) target = g_strdup(text);
        }
        return r;
}

static int read_property(UnitState *s, sd_bus_message *m)
{
        const char *name, *contents;
        const Field *f;
        int r = sd_bus_message_read_basic(m, 's', &name);

        if (r >= 0)
                r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        f = find_field(name);
        if (!f || !g_str_equal(f->type, contents))
                return sd_bus_message_skip(m, "v");
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r >= 0)
                r = read_value(s, f, m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int unit_state_read(UnitState *s, sd_bus_message *properties)
{
        int r = sd_bus_message_enter_container(properties, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(properties, 'e', "sv")) > 0) {
                r = read_property(s, properties);
                if (r >= 0)
                        r = sd_bus_message_exit_container(properties);
        }
        return r < 0 ? r : sd_bus_message_exit_container(properties);
}

void unit_state_clear(UnitState *s)
{
        g_free(s->load_state);
        g_free(s->active_state);
        g_free(s->sub_state);
        g_free(s->type);
        g_free(s->result);
        g_free(s->reload_result);
        *s = (UnitState){ 0 };
}

/* ---- Questions to one state ---- */

static bool is(const char *value, const char *wanted)
{
        return g_strcmp0(value, wanted) == 0;
}

static bool waits_for_restart(const UnitState *s)
{
        return s->sub_state && g_str_has_prefix(s->sub_state, "auto-restart");
}

bool unit_state_is_running(const UnitState *s)
{
        return is(s->active_state, "active") || is(s->active_state, "reloading") ||
               is(s->active_state, "refreshing");
}

bool unit_state_is_passing(const UnitState *s)
{
        return is(s->active_state, "activating") || is(s->active_state, "deactivating");
}

const char *unit_state_why_gone(const UnitState *s)
{
        if (is(s->load_state, "masked"))
                return "is masked";
        if (is(s->load_state, "not-found"))
                return "does not exist";
        if (is(s->load_state, "bad-setting") || is(s->load_state, "error"))
                return "has a bad unit file";
        return NULL;
}

static bool never_starts(UnitAction action)
{
        return action != UNIT_ACTION_RESTART && action != UNIT_ACTION_RELOAD_OR_RESTART;
}

static bool is_restart(UnitAction action)
{
        return action == UNIT_ACTION_RESTART || action == UNIT_ACTION_TRY_RESTART;
}

bool unit_state_needs_nothing(const UnitState *s, UnitAction action)
{
        if (unit_state_is_running(s))
                return false;
        /* Whatever job it has by now will start it with the new files. To wait for that job could be to wait
         * for ourselves: it may be ordered after cert@NAME.service. */
        if (s->job != 0 && !unit_state_is_passing(s))
                return true;
        if (!never_starts(action))
                return false;
        return !is(s->active_state, "activating") || waits_for_restart(s);
}

/* ---- What went wrong, in words ---- */

typedef struct Words {
        const char *name, *words;
} Words;

static const char *words_of(const Words *table, size_t n, const char *name, const char *otherwise)
{
        for (size_t i = 0; i < n; i++)
                if (is(table[i].name, name))
                        return table[i].words;
        return otherwise;
}

static const Words job_results[] = {
        { "timeout", "the job ran into the time limit of the unit (JobTimeoutSec=)" },
        { "canceled", "another job for the unit took its place" },
        { "dependency", "a unit that it needs did not start" },
        { "skipped", "it was not started, because a condition of the unit is not met" },
        { "assert", "it was not started, because an assertion of the unit is not met" },
        { "unsupported", "this system does not support units of its type" },
        { "collected", "its unit was unloaded meanwhile" },
        { "once", "it was started once already and is not started again" },
        { "invalid", "systemd does not allow this job for the unit now (see RefuseManualStart= and "
                     "RefuseManualStop=)" },
};

static const Words service_results[] = {
        { "resources", "systemd had not the resources for it" },
        { "protocol", "it did not do what its Type= demands" },
        { "timeout", "it ran into its time limit" },
        { "core-dump", "it crashed" },
        { "watchdog", "its watchdog ended it" },
        { "start-limit-hit", "it was started too often in a short time" },
        { "oom-kill", "it was killed for lack of memory" },
        { "exec-condition", "its ExecCondition= is not met" },
};

static char *exit_words(const UnitState *s)
{
        const char *words = words_of(service_results, G_N_ELEMENTS(service_results), s->result, NULL);

        if (words)
                return g_strdup(words);
        if (is(s->result, "exit-code") && s->exit_code == CLD_EXITED && s->exit_status != 0)
                return g_strdup_printf("its main process exited with status %d", (int) s->exit_status);
        if (is(s->result, "exit-code"))
                return g_strdup("one of its commands failed");
        if (is(s->result, "signal"))
                return g_strdup("it was killed by a signal");
        return g_strdup_printf("it is %s", s->active_state ?: "in a state that is not known");
}

static bool reload_failed(const UnitState *s)
{
        return s->reload_result && !is(s->reload_result, "success");
}

static char *reload_words(const UnitState *s)
{
        if (is(s->reload_result, "timeout"))
                return g_strdup("its reload command did not end in time");
        if (reload_failed(s))
                return g_strdup_printf("its reload command failed (%s)", s->reload_result);
        return exit_words(s);
}

/* A job that says itself that it was not done. */
static UnitOutcome judge_undone(UnitAction action, const char *job_result, const UnitState *after,
                                char **ret_why)
{
        const char *words = words_of(job_results, G_N_ELEMENTS(job_results), job_result, NULL);

        /* Stopped meanwhile by someone who knows what he does: there is no one left to be told. */
        if ((is(job_result, "invalid") || is(job_result, "canceled") || is(job_result, "skipped")) &&
            never_starts(action) && !unit_state_is_running(after) && !is(after->active_state, "failed"))
                return UNIT_INACTIVE;
        if (words)
                *ret_why = g_strdup(words);
        else
                *ret_why = is_restart(action) || !unit_state_is_running(after) ? exit_words(after)
                                                                               : reload_words(after);
        return UNIT_FAILED;
}

/* ---- Jobs that say that they were done ---- */

static bool main_process_is_gone(const UnitState *first, const UnitState *after)
{
        if (first->main_pid != 0 && after->main_pid == 0)
                return true;
        /* The kernel knows before systemd does; any other error (EPERM) is a process that lives. */
        return after->main_pid != 0 && kill((pid_t) after->main_pid, 0) < 0 && errno == ESRCH;
}

/* When it was that something went wrong. */
static const char *at_what(UnitAction action)
{
        if (is_restart(action))
                return "right after it was started";
        return action == UNIT_ACTION_SIGNAL ? "when it got the signal" : "when it was told to reload";
}

static char *why_running_is_not_well(UnitAction action, const UnitState *before, const UnitState *first,
                                     const UnitState *after)
{
        const UnitState *base = is_restart(action) ? first : before;

        /* Without ExecReload= reload-or-restart restarts, which sets the count to 0. */
        if (after->n_restarts > MIN(base->n_restarts, first->n_restarts))
                return g_strdup_printf("its main process died %s, and was started again by Restart=",
                                       at_what(action));
        if (!is(after->type, "oneshot") && main_process_is_gone(first, after))
                return g_strdup_printf("its main process died %s", at_what(action));
        if ((!is_restart(action) && action != UNIT_ACTION_SIGNAL) && reload_failed(after))
                return reload_words(after);
        return NULL;
}

/* Not running after a job that may start the unit. */
static UnitOutcome judge_ended(const UnitState *before, const UnitState *after, char **ret_why)
{
        bool ran = unit_state_is_running(before);

        if (after->condition_judged != 0 && !after->condition) {
                if (!ran)
                        return UNIT_INACTIVE;
                *ret_why =
                        g_strdup("it was stopped and not started again, because a condition of the unit is "
                                 "not met");
                return UNIT_FAILED;
        }
        if (is(after->result, "success") && (is(after->type, "oneshot") || !ran))
                return UNIT_DONE;
        if (!is(after->result, "success"))
                *ret_why = exit_words(after);
        else if (after->condition_judged == 0) /* unloaded, and what was known of it with it */
                *ret_why =
                        g_strdup("it ended right after it was started, or was not started at all because a "
                                 "condition of the unit is not met");
        else
                *ret_why = g_strdup("it ended right after it was started");
        return UNIT_FAILED;
}

static UnitOutcome judge_done(UnitAction action, const UnitState *before, const UnitState *first,
                              const UnitState *after, char **ret_why)
{
        if (unit_state_is_running(after)) {
                *ret_why = why_running_is_not_well(action, before, first, after);
                return *ret_why ? UNIT_FAILED : UNIT_DONE;
        }
        if (waits_for_restart(after)) {
                *ret_why =
                        g_strdup_printf("it died %s, and systemd tries to start it again", at_what(action));
                return UNIT_FAILED;
        }
        if (is(after->active_state, "failed")) {
                g_autofree char *words = exit_words(after);

                *ret_why = g_strdup_printf("it died %s: %s", at_what(action), words);
                return UNIT_FAILED;
        }
        if (is(after->active_state, "inactive") && (is_restart(action) || !never_starts(action)))
                return judge_ended(before, after, ret_why);
        *ret_why = is(after->active_state, "inactive") ? g_strdup_printf("it ended %s", at_what(action))
                                                       : exit_words(after);
        return UNIT_FAILED;
}

UnitOutcome unit_state_judge(UnitAction action, const char *job_result, const UnitState *before,
                             const UnitState *first, const UnitState *after, char **ret_why)
{
        g_autofree char *why = NULL;
        UnitOutcome outcome = is(job_result, "done") ? judge_done(action, before, first, after, &why)
                                                     : judge_undone(action, job_result, after, &why);

        *ret_why = g_steal_pointer(&why);
        return outcome;
}
