/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting for a job. Its end can reach us in three ways, and any of them may be the only one: the signal
 * JobRemoved (also when it comes before the reply that names the job), a change of the job's properties, or,
 * for a job that was over before we listened, the properties of the object that stays for a while. */

#include "client/jobwait.h"

#include "client/connect.h"
#include "common/error.h"
#include "common/names.h"

#include <signal.h>
#include <string.h>

struct JobWait {
        sd_bus *bus;
        sd_event *event;
        sd_event_source *on_int, *on_term;
        sd_bus_slot *slots[4];
        char *path;       /* NULL until the job is known */
        GPtrArray *steps; /* JobStep* */
        JobProgressFunction progress;
        void *userdata;
        JobEnd end;
        bool is_over, is_lost;
};

static void settle(JobWait *w, const char *result)
{
        static const char *const results[] = {
                [JOB_END_DONE] = "done",
                [JOB_END_FAILED] = "failed",
                [JOB_END_CANCELED] = "canceled",
                [JOB_END_SKIPPED] = "skipped",
        };

        w->is_over = true;
        w->end = JOB_END_FAILED;
        for (size_t i = 0; i < G_N_ELEMENTS(results); i++)
                if (g_str_equal(results[i], result))
                        w->end = (JobEnd) i;
}

/* ---- Reading the job's properties ---- */

/* The result is looked at last: the steps that led to it may stand after it. */
typedef struct Read {
        JobWait *wait;
        char *result;
} Read;

static int read_property(sd_bus_message *m, const char *name, void *userdata)
{
        Read *read = userdata;
        JobWait *w = read->wait;
        int r;

        if (g_str_equal(name, "Result"))
                return property_read_string(m, &read->result);
        if (!g_str_equal(name, "Progress"))
                return sd_bus_message_skip(m, "v");
        r = property_read_steps(m, &w->steps);
        if (r >= 0 && w->progress)
                w->progress(w->steps, w->userdata);
        return r;
}

static int read_properties(sd_bus_message *m, JobWait *w)
{
        Read read = { .wait = w };
        int r = property_walk(m, read_property, &read);

        if (r >= 0 && read.result && *read.result)
                settle(w, read.result);
        g_free(read.result);
        return r;
}

/* ---- Signals ---- */

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        JobWait *w = userdata;
        const char *interface;

        if (w->path && g_str_equal(sd_bus_message_get_path(m), w->path) &&
            sd_bus_message_read(m, "s", &interface) >= 0 && g_str_equal(interface, CERT_INTERFACE_JOB))
                (void) read_properties(m, w);
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        JobWait *w = userdata;
        const char *path, *result;
        uint32_t id;

        if (sd_bus_message_read(m, "uos", &id, &path, &result) < 0)
                return 0;
        if (w->path && g_str_equal(path, w->path))
                settle(w, result);
        return 0;
}

/* The agent never leaves while a job runs: when its name has no owner any more, it died. */
static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *name, *old_owner, *new_owner;

        if (sd_bus_message_read(m, "sss", &name, &old_owner, &new_owner) >= 0 && *old_owner)
                ((JobWait *) userdata)->is_lost = true;
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        ((JobWait *) userdata)->is_lost = true;
        return 0;
}

static int on_interrupt(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
        JobWait *w = userdata;

        w->is_over = true;
        w->end = JOB_END_INTERRUPTED;
        return 0;
}

/* ---- The waiting ---- */

static int listen_to(JobWait *w)
{
        int r = sd_bus_match_signal(w->bus, &w->slots[0], CERT_BUS_NAME, CERT_BUS_PATH,
                                    CERT_INTERFACE_MANAGER, "JobRemoved", on_job_removed, w);

        if (r >= 0)
                r = sd_bus_add_match(
                        w->bus, &w->slots[1],
                        "type='signal',sender='" CERT_BUS_NAME "',path_namespace='" CERT_BUS_JOB_PATH
                        "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
                        on_properties_changed, w);
        if (r >= 0)
                r = sd_bus_match_signal(w->bus, &w->slots[2], NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, w);
        if (r >= 0 && sd_bus_is_bus_client(w->bus) > 0)
                r = sd_bus_add_match(
                        w->bus, &w->slots[3],
                        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                        "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                        "arg0='" CERT_BUS_NAME "'",
                        on_owner_changed, w);
        return r;
}

static int attach(JobWait *w)
{
        sigset_t mask;
        int r;

        w->event = sd_event_ref(sd_bus_get_event(w->bus));
        if (!w->event) {
                r = sd_event_new(&w->event);
                if (r >= 0)
                        r = sd_bus_attach_event(w->bus, w->event, SD_EVENT_PRIORITY_NORMAL);
                if (r < 0)
                        return r;
        }
        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        r = sd_event_add_signal(w->event, &w->on_int, SIGINT, on_interrupt, w);
        return r >= 0 ? sd_event_add_signal(w->event, &w->on_term, SIGTERM, on_interrupt, w) : r;
}

JobWait *job_wait_new(sd_bus *bus, JobProgressFunction progress, void *userdata, GError **error)
{
        g_autoptr(JobWait) w = g_new0(JobWait, 1);
        int r;

        w->bus = bus;
        w->progress = progress;
        w->userdata = userdata;
        w->end = _JOB_END_INVALID;
        w->steps = g_ptr_array_new();
        r = listen_to(w);
        if (r < 0) {
                client_bad_reply(r, "listening to the agent", error);
                return NULL;
        }
        return g_steal_pointer(&w);
}

JobWait *job_wait_free(JobWait *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(w->slots); i++)
                sd_bus_slot_unref(w->slots[i]);
        sd_event_source_unref(w->on_int);
        sd_event_source_unref(w->on_term);
        sd_event_unref(w->event);
        g_clear_pointer(&w->steps, g_ptr_array_unref);
        g_free(w->path);
        g_free(w);
        return NULL;
}

/* The job may be over already; then its object says so. When even that is gone, JobRemoved came before the
 * reply that named the job: it lies in the connection's queue and is the first thing to come out of the loop.
 */
static bool look_now(JobWait *w, GError **error)
{
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(GError) local = NULL;
        int r;

        if (client_get_all(w->bus, w->path, CERT_INTERFACE_JOB, "looking at the job", &reply, &local)) {
                r = read_properties(reply, w);
                if (r < 0)
                        return client_bad_reply(r, "looking at the job", error);
        } else if (cert_error_code(local) != _CERT_ERROR_INVALID &&
                   cert_error_code(local) !=
                           CERT_ERROR_NOT_SUPPORTED) { /* no such object, no such interface on it */
                g_propagate_error(error, g_steal_pointer(&local));
                return false;
        }
        return true;
}

bool job_wait_run(JobWait *w, const char *path, JobEnd *ret_end, GError **error)
{
        int r = attach(w);

        if (r < 0)
                return client_bad_reply(r, "waiting for the job", error);
        w->path = g_strdup(path);
        if (!look_now(w, error))
                return false;
        while (!w->is_over && !w->is_lost && r >= 0)
                r = sd_event_run(w->event, UINT64_MAX);
        if (!w->is_over) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                            "the agent went away while the job was at work\n"
                            "It takes the work up again when it starts; see: systemctl status "
                            "cert-agent.service");
                return false;
        }
        *ret_end = w->end;
        return true;
}

GPtrArray *job_wait_steps(const JobWait *w)
{
        return w->steps;
}
