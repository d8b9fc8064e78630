/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Units: jobs of systemd's Manager over D-Bus. Owns what is outstanding: a UnitJob is one question to
 * systemd, with its deadline, its pending call and the states of the unit that were seen.
 *
 * A job goes through the stages below in their order. JobRemoved says how it ended, but "done" is not to be
 * believed: a process killed by its own reload, a Type=simple service that dies at once, a start whose
 * condition was false are all "done". So the unit is looked at before, right after, and a moment later. */

#include "agent/unit.h"

#include "agent/unit-error.h"
#include "agent/unit-log.h"
#include "agent/unit-state.h"
#include "common/error.h"
#include "common/log.h"
#include "common/timespan.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SYSTEMD_NAME         "org.freedesktop.systemd1"
#define SYSTEMD_PATH         "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER      "org.freedesktop.systemd1.Manager"
#define SYSTEMD_UNIT         "org.freedesktop.systemd1.Unit"
#define SYSTEMD_SERVICE      "org.freedesktop.systemd1.Service"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"
#define DBUS_NAME            "org.freedesktop.DBus"
#define DBUS_PATH            "/org/freedesktop/DBus"
#define DBUS_LOCAL_PATH      "/org/freedesktop/DBus/Local"
#define DBUS_LOCAL_INTERFACE "org.freedesktop.DBus.Local"

#define DEADLINE_USEC     (90 * USEC_PER_SEC) /* above the unit's own limits */
#define DEADLINE_MAX_USEC (10 * USEC_PER_MINUTE)
#define GRACE_USEC        (150 * USEC_PER_MSEC) /* what dies at once has died by then */
#define SETTLE_USEC       (5 * USEC_PER_SEC)    /* for a unit that is on its way to another state */
#define SETTLE_STEP_USEC  (100 * USEC_PER_MSEC)
#define LOG_STEP_USEC     (60 * USEC_PER_MSEC) /* the journal lags behind */
#define LOG_STEPS         5
#define TRIES_MAX         2
#define AWAY_STEP_USEC    (250 * USEC_PER_MSEC) /* systemd is away: asked again */
#define AWAY_STEPS        12

typedef enum Stage {
        STAGE_NEW,
        STAGE_LOADING,   /* the unit's object is asked for */
        STAGE_FOLLOWERS, /* a question for followers: its PropagatesReloadTo is read, and that is all */
        STAGE_BEFORE,    /* its state is read */
        STAGE_CALLING,   /* the job is asked for */
        STAGE_WAITING,   /* for JobRemoved */
        STAGE_FIRST,     /* its state is read right after */
        STAGE_AFTER,     /* and a moment later, until it rests */
        STAGE_FAILED,    /* its own last lines are fetched */
} Stage;

struct UnitJob {
        UnitManager *manager; /* NULL while it calls back */
        UnitRef ref;
        char *name; /* of the certificate whose followers are asked for, else NULL */
        UnitDone done;
        UnitFollowers followers;
        void *userdata;

        Stage stage;
        char *unit_path, *job_path, *job_result;
        UnitState before, first, after;
        uint64_t timeout_usec;               /* what the caller wants; 0: the default */
        uint64_t began_usec, log_since_usec; /* CLOCK_MONOTONIC; CLOCK_REALTIME */
        uint64_t settle_until_usec;
        unsigned tries, away_steps, log_steps;
        UnitOutcome outcome;
        GError *error;

        sd_bus_slot *call;
        sd_event_source *timer, *deadline;
};

struct UnitManager {
        sd_event *event;
        sd_bus *bus;
        char *owner;         /* systemd's unique name: anybody may send us a signal, only its own count */
        GHashTable *jobs;    /* UnitJob*, owned */
        GHashTable *removed; /* job path -> result, of jobs that ended before their path was told to us */
        sd_bus_slot *on_removed, *on_owner, *on_disconnected;
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

static int on_new(sd_event_source *source, uint64_t usec, void *userdata);
static void job_look(UnitJob *j, Stage stage);
static void job_call(UnitJob *j);

/* ---- The end of a job ---- */

static void job_free(void *data)
{
        UnitJob *j = data;

        sd_bus_slot_unref(j->call);
        sd_event_source_disable_unref(j->timer);
        sd_event_source_disable_unref(j->deadline);
        unit_state_clear(&j->before);
        unit_state_clear(&j->first);
        unit_state_clear(&j->after);
        g_clear_error(&j->error);
        g_free(j->ref.unit);
        g_free(j->name);
        g_free(j->unit_path);
        g_free(j->job_path);
        g_free(j->job_result);
        g_free(j);
}

UnitJob *unit_job_discard(UnitJob *j)
{
        if (j && j->manager)
                g_hash_table_remove(j->manager->jobs, j);
        return NULL;
}

/* Out of the manager first: who is told may start another job, or free the manager. */
static void job_tell(UnitJob *j, char **followers)
{
        static char *none[] = { NULL };

        g_hash_table_steal(j->manager->jobs, j);
        j->manager = NULL;
        if (j->name)
                j->followers(j->name, followers ?: none, j->userdata);
        else
                j->done(j->ref.unit, &(UnitResult){ j->outcome, j->error }, j->userdata);
        job_free(j);
}

static void job_end(UnitJob *j, UnitOutcome outcome)
{
        j->outcome = outcome;
        job_tell(j, NULL);
}

static void job_wait(UnitJob *j, uint64_t usec, sd_event_time_handler_t handler)
{
        int r;

        j->timer = sd_event_source_disable_unref(j->timer);
        r = sd_event_add_time_relative(j->manager->event, &j->timer, CLOCK_MONOTONIC, usec, USEC_PER_MSEC,
                                       handler, j);
        if (r < 0)
                g_error("adding a timer: %s", g_strerror(-r)); /* out of memory, as GLib treats it */
}

static bool job_wants_log(const UnitJob *j)
{
        return (j->outcome == UNIT_FAILED || j->outcome == UNIT_TIMED_OUT) && !j->name;
}

static int on_failed_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        UnitJob *j = userdata;
        g_autofree char *lines = NULL;

        if (job_wants_log(j)) {
                lines = j->log_since_usec > 0 ? unit_log_tail(j->ref.unit, j->log_since_usec) : NULL;
                if (!lines && j->log_steps++ < LOG_STEPS && j->log_since_usec > 0 && unit_log_exists()) {
                        job_wait(j, LOG_STEP_USEC, on_failed_timer);
                        return 0;
                }
                unit_error_add_log(j->error, &j->ref, lines);
        }
        job_tell(j, NULL);
        return 0;
}

/* Ends the job with an error (taken over), from the event loop and not from here, once the unit's own last
 * lines had time to reach the journal. */
static void job_fail(UnitJob *j, UnitOutcome outcome, GError *error)
{
        if (j->stage == STAGE_FAILED) {
                g_error_free(error);
                return;
        }
        j->call = sd_bus_slot_unref(j->call);
        j->deadline = sd_event_source_disable_unref(j->deadline);
        j->stage = STAGE_FAILED;
        j->outcome = outcome;
        j->error = error;
        job_wait(j, job_wants_log(j) && unit_log_exists() ? LOG_STEP_USEC : 0, on_failed_timer);
}

static void job_fail_words(UnitJob *j, const char *why, const char *hint)
{
        job_fail(j, UNIT_FAILED, unit_error_new(&j->ref, why, hint));
}

/* ---- Calls ---- */

static void job_send(UnitJob *j, sd_bus_message *m, int r, sd_bus_message_handler_t handler)
{
        j->call = sd_bus_slot_unref(j->call);
        if (r >= 0)
                r = sd_bus_call_async(j->manager->bus, &j->call, m, handler, j, 0);
        if (r < 0)
                job_fail_words(j, r == -ENOTCONN ? "the connection to systemd was lost" : g_strerror(-r),
                               NULL);
}

/* systemd is back, or so we hope: what got no answer is asked again. A job that may or may not have been
 * asked for is asked for once more after another look; systemd merges it with the one that it may have. */
static int on_back(sd_event_source *source, uint64_t usec, void *userdata)
{
        UnitJob *j = userdata;

        if (j->stage == STAGE_LOADING || j->stage == STAGE_FOLLOWERS)
                return on_new(source, usec, j);
        job_look(j, j->stage == STAGE_CALLING ? STAGE_BEFORE : j->stage);
        return 0;
}

/* What every answer has in common. False: it was a refusal, and the job has failed or is tried again. */
static bool job_accept(UnitJob *j, sd_bus_message *reply)
{
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        UnitOutcome outcome;
        GError *error;

        j->call = sd_bus_slot_unref(j->call);
        if (!e) {
                g_free(j->manager->owner);
                j->manager->owner = g_strdup(sd_bus_message_get_sender(reply));
                return true;
        }
        /* A question for followers does not wait for a systemd that was never there. */
        if (unit_error_is_passing(e) && (j->manager->owner || !j->name) && j->away_steps++ < AWAY_STEPS) {
                job_wait(j, AWAY_STEP_USEC, on_back);
                return false;
        }
        error = unit_error_from_bus(&j->ref, e, &outcome);
        job_fail(j, outcome, error);
        return false;
}

static void job_garbage(UnitJob *j)
{
        job_fail_words(j, "systemd's answer makes no sense", NULL);
}

/* ---- The unit's object ---- */

static int on_followers(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        UnitJob *j = userdata;
        char **units = NULL;

        if (!job_accept(j, reply))
                return 0;
        if (sd_bus_message_enter_container(reply, 'v', "as") < 0 ||
            sd_bus_message_read_strv(reply, &units) < 0) {
                job_garbage(j);
                return 0;
        }
        job_tell(j, units);
        for (char **u = units; u && *u; u++) /* sd-bus's strings: free(), not g_free() */
                free(*u);
        free(units);
        return 0;
}

static void job_ask_followers(UnitJob *j)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r = sd_bus_message_new_method_call(j->manager->bus, &m, SYSTEMD_NAME, j->unit_path,
                                               PROPERTIES_INTERFACE, "Get");

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", SYSTEMD_UNIT, "PropagatesReloadTo");
        j->stage = STAGE_FOLLOWERS;
        job_send(j, m, r, on_followers);
}

static int on_loaded(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        UnitJob *j = userdata;
        const char *path;

        if (!job_accept(j, reply))
                return 0;
        if (sd_bus_message_read(reply, "o", &path) < 0) {
                job_garbage(j);
                return 0;
        }
        g_free(j->unit_path);
        j->unit_path = g_strdup(path);
        if (j->name)
                job_ask_followers(j);
        else
                job_look(j, STAGE_BEFORE);
        return 0;
}

static int on_new(sd_event_source *source, uint64_t usec, void *userdata)
{
        UnitJob *j = userdata;
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        if (j->ref.action == UNIT_ACTION_NONE && !j->name) {
                job_end(j, UNIT_DONE);
                return 0;
        }
        if (!j->manager->bus) {
                job_fail_words(
                        j, "there is no systemd that could be asked",
                        "Name the action \"none\" for this unit in the manifest where systemd does not run.");
                return 0;
        }
        r = sd_bus_message_new_method_call(j->manager->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                           "LoadUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", j->ref.unit);
        j->stage = STAGE_LOADING;
        job_send(j, m, r, on_loaded);
        return 0;
}

/* ---- The deadline ---- */

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        UnitJob *j = userdata;
        g_autofree char *span = timespan_format((uint64_t) g_get_monotonic_time() - j->began_usec);
        g_autofree char *why = NULL;

        if (j->stage == STAGE_WAITING)
                why = g_strdup_printf("the job was not done within %s; it is left to systemd", span);
        else
                why = g_strdup_printf("systemd did not answer within %s", span);
        job_fail(j, UNIT_TIMED_OUT, unit_error_new(&j->ref, why, NULL));
        return 0;
}

/* Microseconds that the unit itself may take, as far as they are limited. */
static uint64_t own_limits(const UnitState *s)
{
        uint64_t start = s->start_limit_usec == UINT64_MAX ? 0 : s->start_limit_usec;
        uint64_t stop = s->stop_limit_usec == UINT64_MAX ? 0 : s->stop_limit_usec;

        return MIN(start, DEADLINE_MAX_USEC) + MIN(stop, DEADLINE_MAX_USEC);
}

/* Counts from the beginning of the job; called again when the unit's own limits are known. */
static void job_set_deadline(UnitJob *j)
{
        uint64_t span = j->timeout_usec ?: MIN(DEADLINE_USEC + own_limits(&j->before), DEADLINE_MAX_USEC);
        int r;

        j->deadline = sd_event_source_disable_unref(j->deadline);
        r = sd_event_add_time(j->manager->event, &j->deadline, CLOCK_MONOTONIC, j->began_usec + span,
                              USEC_PER_MSEC, on_deadline, j);
        if (r < 0)
                g_error("adding a timer: %s", g_strerror(-r));
}

/* ---- Judging ---- */

static void job_judge(UnitJob *j, const UnitState *after)
{
        g_autofree char *why = NULL;
        UnitOutcome outcome =
                unit_state_judge(j->ref.action, j->job_result, &j->before, &j->first, after, &why);

        if (outcome == UNIT_FAILED)
                job_fail_words(j, why, NULL);
        else
                job_end(j, outcome);
}

static int on_after_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        job_look(userdata, STAGE_AFTER);
        return 0;
}

static void on_state_before(UnitJob *j)
{
        const char *gone = unit_state_why_gone(&j->before);

        if (gone)
                job_fail(j, UNIT_GONE, unit_error_gone(&j->ref, gone));
        else if (unit_state_needs_nothing(&j->before, j->ref.action))
                job_end(j, UNIT_INACTIVE);
        else
                job_call(j);
}

/* Our own job's number, of its path. */
static uint32_t job_number(const UnitJob *j)
{
        const char *last = j->job_path ? strrchr(j->job_path, '/') : NULL;

        return last ? (uint32_t) g_ascii_strtoull(last + 1, NULL, 10) : 0;
}

static void on_state_first(UnitJob *j)
{
        bool lost = !j->job_result; /* systemd started itself anew meanwhile */

        if (lost && j->first.job != 0 && j->first.job == job_number(j)) {
                j->stage = STAGE_WAITING;
                return;
        }
        if (lost)
                j->job_result = g_strdup("done");
        /* Another job took its place or came between: with the unit still there, once more. */
        if ((g_str_equal(j->job_result, "canceled") || g_str_equal(j->job_result, "invalid")) &&
            j->tries < TRIES_MAX && unit_state_is_running(&j->first)) {
                g_clear_pointer(&j->job_result, g_free);
                job_look(j, STAGE_BEFORE);
                return;
        }
        if (!g_str_equal(j->job_result, "done")) {
                job_judge(j, &j->first);
                return;
        }
        j->settle_until_usec = (uint64_t) g_get_monotonic_time() + SETTLE_USEC;
        j->stage = STAGE_AFTER;
        job_wait(j, GRACE_USEC, on_after_timer);
}

static void on_state_after(UnitJob *j)
{
        if (unit_state_is_passing(&j->after) && (uint64_t) g_get_monotonic_time() < j->settle_until_usec)
                job_wait(j, SETTLE_STEP_USEC, on_after_timer);
        else
                job_judge(j, &j->after);
}

/* ---- Looking ---- */

static UnitState *job_state(UnitJob *j)
{
        if (j->stage == STAGE_BEFORE)
                return &j->before;
        return j->stage == STAGE_FIRST ? &j->first : &j->after;
}

static void job_looked(UnitJob *j)
{
        if (j->stage == STAGE_BEFORE)
                on_state_before(j);
        else if (j->stage == STAGE_FIRST)
                on_state_first(j);
        else
                on_state_after(j);
}

static void job_get_all(UnitJob *j, const char *interface, sd_bus_message_handler_t handler)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r = sd_bus_message_new_method_call(j->manager->bus, &m, SYSTEMD_NAME, j->unit_path,
                                               PROPERTIES_INTERFACE, "GetAll");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", interface);
        job_send(j, m, r, handler);
}

static int on_service_state(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        UnitJob *j = userdata;

        if (!job_accept(j, reply))
                return 0;
        if (unit_state_read(job_state(j), reply) < 0)
                job_garbage(j);
        else
                job_looked(j);
        return 0;
}

static int on_unit_state(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        UnitJob *j = userdata;

        if (!job_accept(j, reply))
                return 0;
        if (unit_state_read(job_state(j), reply) < 0)
                job_garbage(j);
        else if (g_str_has_suffix(j->ref.unit, ".service") && !unit_state_why_gone(job_state(j)))
                job_get_all(j, SYSTEMD_SERVICE, on_service_state);
        else
                job_looked(j);
        return 0;
}

static void job_look(UnitJob *j, Stage stage)
{
        j->stage = stage;
        unit_state_clear(job_state(j));
        job_get_all(j, SYSTEMD_UNIT, on_unit_state);
}

/* ---- The job itself ---- */

static bool somebody_calls(const UnitManager *m)
{
        GHashTableIter iter;
        void *j;

        g_hash_table_iter_init(&iter, m->jobs);
        while (g_hash_table_iter_next(&iter, &j, NULL))
                if (((UnitJob *) j)->stage == STAGE_CALLING)
                        return true;
        return false;
}

static void job_ended(UnitJob *j, const char *result)
{
        j->job_result = g_strdup(result);
        job_look(j, STAGE_FIRST);
}

static int on_called(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        UnitJob *j = userdata;
        const char *path = NULL, *result;

        if (!job_accept(j, reply))
                return 0;
        j->stage = STAGE_WAITING;
        if (j->ref.action == UNIT_ACTION_SIGNAL) {
                job_ended(j, "done"); /* KillUnit makes no job */
                return 0;
        }
        if (sd_bus_message_read(reply, "o", &path) < 0) {
                job_garbage(j);
                return 0;
        }
        g_free(j->job_path);
        j->job_path = g_strdup(path);
        result = g_hash_table_lookup(j->manager->removed, path);
        if (result)
                job_ended(j, result);
        if (!somebody_calls(j->manager))
                g_hash_table_remove_all(j->manager->removed);
        return 0;
}

static const char *action_method(UnitAction action)
{
        static const char *const names[_UNIT_ACTION_MAX] = {
                [UNIT_ACTION_RELOAD] = "ReloadUnit",
                [UNIT_ACTION_RESTART] = "RestartUnit",
                [UNIT_ACTION_RELOAD_OR_RESTART] = "ReloadOrRestartUnit",
                [UNIT_ACTION_TRY_RESTART] = "TryRestartUnit",
                [UNIT_ACTION_TRY_RELOAD_OR_RESTART] = "ReloadOrTryRestartUnit",
                [UNIT_ACTION_SIGNAL] = "KillUnit",
        };

        return names[action];
}

/* What we do on purpose is no crash loop, and the start after our stop must not be refused for having been
 * asked for too often (StartLimitBurst=): that would leave a service dead which ran. */
static void job_reset_start_limit(UnitJob *j)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r = sd_bus_message_new_method_call(j->manager->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH,
                                               SYSTEMD_MANAGER, "ResetFailedUnit");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", j->ref.unit);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        if (r >= 0)
                (void) sd_bus_send(j->manager->bus, m, NULL);
}

static void job_call(UnitJob *j)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r = sd_bus_message_new_method_call(j->manager->bus, &m, SYSTEMD_NAME, SYSTEMD_PATH,
                                               SYSTEMD_MANAGER, action_method(j->ref.action));

        if (r >= 0 && j->ref.action == UNIT_ACTION_SIGNAL)
                r = sd_bus_message_append(m, "ssi", j->ref.unit, "main", (int32_t) j->ref.signal);
        else if (r >= 0)
                r = sd_bus_message_append(m, "ss", j->ref.unit, "replace");
        if (j->ref.action != UNIT_ACTION_RELOAD && j->ref.action != UNIT_ACTION_SIGNAL)
                job_reset_start_limit(j);
        job_set_deadline(j);
        j->stage = STAGE_CALLING;
        j->tries++;
        if (j->log_since_usec == 0)
                j->log_since_usec = now_realtime();
        job_send(j, m, r, on_called);
}

UnitJob *unit_job_start(UnitManager *m, const UnitRef *ref, uint64_t timeout_usec, UnitDone done,
                        void *userdata)
{
        UnitJob *j = g_new0(UnitJob, 1);

        *j = (UnitJob){ .manager = m,
                        .ref = { g_strdup(ref->unit), ref->action, ref->signal },
                        .done = done,
                        .userdata = userdata,
                        .timeout_usec = timeout_usec,
                        .began_usec = (uint64_t) g_get_monotonic_time() };
        g_hash_table_add(m->jobs, j);
        job_set_deadline(j);
        job_wait(j, 0, on_new);
        return j;
}

UnitJob *unit_followers_start(UnitManager *m, const char *name, UnitFollowers done, void *userdata)
{
        UnitJob *j = g_new0(UnitJob, 1);

        /* A certificate's name holds only what the instance of a unit's name may hold, and the unit's file
         * uses it as it is (%i): there is nothing to escape. */
        *j = (UnitJob){ .manager = m,
                        .ref = { g_strdup_printf("cert@%s.service", name), UNIT_ACTION_NONE, 0 },
                        .name = g_strdup(name),
                        .followers = done,
                        .userdata = userdata,
                        .began_usec = (uint64_t) g_get_monotonic_time() };
        g_hash_table_add(m->jobs, j);
        job_set_deadline(j);
        job_wait(j, 0, on_new);
        return j;
}

/* ---- Signals ---- */

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        UnitManager *m = userdata;
        const char *path, *unit, *result;
        GHashTableIter iter;
        uint32_t id;
        void *key;

        if (g_strcmp0(sd_bus_message_get_sender(message), m->owner) != 0 ||
            sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
                return 0;
        g_hash_table_iter_init(&iter, m->jobs);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
                UnitJob *j = key;

                /* One job may be that of several: systemd merges equal ones. */
                if (j->stage == STAGE_WAITING && g_strcmp0(j->job_path, path) == 0)
                        job_ended(j, result);
        }
        if (somebody_calls(m))
                g_hash_table_insert(m->removed, g_strdup(path), g_strdup(result));
        return 0;
}

/* systemd comes back under another unique name after "systemctl daemon-reexec"; its jobs go on, but the end
 * of one may have been missed. */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        UnitManager *m = userdata;
        const char *name, *old, *new;
        GHashTableIter iter;
        void *key;

        if (g_strcmp0(sd_bus_message_get_sender(message), DBUS_NAME) != 0 ||
            sd_bus_message_read(message, "sss", &name, &old, &new) < 0 || !g_str_equal(name, SYSTEMD_NAME) ||
            new[0] == '\0')
                return 0;
        g_free(m->owner);
        m->owner = g_strdup(new);
        g_hash_table_iter_init(&iter, m->jobs);
        while (g_hash_table_iter_next(&iter, &key, NULL))
                if (((UnitJob *) key)->stage == STAGE_WAITING)
                        job_look(key, STAGE_FIRST);
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        UnitManager *m = userdata;
        GHashTableIter iter;
        void *j;

        g_hash_table_iter_init(&iter, m->jobs);
        while (g_hash_table_iter_next(&iter, &j, NULL))
                job_fail_words(j, "the connection to systemd was lost", NULL);
        return 0;
}

/* ---- The manager ---- */

static void manager_watch(UnitManager *m)
{
        /* Only this one name: a host sees a change of owner with each client that comes and goes. */
        static const char owner_match[] =
                "type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH "',interface='" DBUS_NAME
                "',member='NameOwnerChanged',arg0='" SYSTEMD_NAME "'";
        int r = sd_bus_match_signal_async(m->bus, &m->on_removed, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER,
                                          "JobRemoved", on_job_removed, NULL, m);

        if (r >= 0)
                r = sd_bus_add_match_async(m->bus, &m->on_owner, owner_match, on_owner_changed, NULL, m);
        if (r >= 0)
                r = sd_bus_match_signal(m->bus, &m->on_disconnected, NULL, DBUS_LOCAL_PATH,
                                        DBUS_LOCAL_INTERFACE, "Disconnected", on_disconnected, m);
        if (r < 0)
                log_error("watching systemd's jobs: %s", g_strerror(-r));
}

UnitManager *unit_manager_new(sd_event *event, sd_bus *bus)
{
        UnitManager *m = g_new0(UnitManager, 1);

        m->event = sd_event_ref(event);
        m->bus = sd_bus_ref(bus);
        m->jobs = g_hash_table_new_full(NULL, NULL, job_free, NULL);
        m->removed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        if (bus)
                manager_watch(m);
        return m;
}

UnitManager *unit_manager_free(UnitManager *m)
{
        if (!m)
                return NULL;
        g_hash_table_unref(m->jobs);
        g_hash_table_unref(m->removed);
        sd_bus_slot_unref(m->on_removed);
        sd_bus_slot_unref(m->on_owner);
        sd_bus_slot_unref(m->on_disconnected);
        sd_bus_unref(m->bus);
        sd_event_unref(m->event);
        g_free(m->owner);
        g_free(m);
        return NULL;
}

unsigned unit_manager_active(const UnitManager *m)
{
        return g_hash_table_size(m->jobs);
}
