/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl watch`: what happens in the agent, a line for each event, until it is interrupted. Listening does
 * not start the agent, and does not keep it from leaving when it is idle. */

#include "client/connect.h"
#include "client/output-json.h"
#include "client/property.h"
#include "client/subject.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

typedef struct Watch {
        const Client *client;
        char **names; /* only these; empty: all */
        sd_event *event;
        GHashTable *stages; /* certificate -> stage last told: every change brings all steps */
} Watch;

/* ---- Lines ---- */

static void print_event(Watch *w, const char *subject, const char *kind, const char *text)
{
        const Terminal *t = &w->client->terminal;
        uint64_t now = now_realtime();
        g_autofree char *who = terminal_clean(t, subject, false), *what = terminal_clean(t, text, false);
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        char stamp[16] = "";
        struct tm tm;

        if (w->client->options.json != JSON_OFF) {
                g_autoptr(JsonOut) j = json_out_new(w->client->options.json);

                json_out_begin(j, NULL, '{');
                json_out_number(j, "time", now);
                json_out_string(j, "subject", subject);
                json_out_string(j, "event", kind);
                json_out_string(j, "text", text);
                json_out_end(j);
                json_out_print(j);
        } else {
                Style style = style_of_state(kind);

                if (localtime_r(&seconds, &tm))
                        strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
                printf("%s %s: %s%s%s%s%s\n", stamp, who, style_on(t->colour_out, style), kind,
                       style_off(t->colour_out, style), *what ? ": " : "", what);
        }
        if (fflush(stdout) == EOF) /* nobody reads any more */
                (void) sd_event_exit(w->event, EXIT_STATUS_DONE);
}

static bool is_wanted(const Watch *w, const char *name)
{
        return !*w->names || g_strv_contains((const char *const *) w->names, name);
}

/* ---- Signals ---- */

static char *last_label(const char *path, const char *prefix)
{
        char *label = NULL;

        return sd_bus_path_decode(path, prefix, &label) > 0 ? label : NULL;
}

/* What of a certificate's changed properties is told. */
typedef struct Change {
        char *state, *error, *serial;
} Change;

static int read_change(sd_bus_message *m, const char *name, void *userdata)
{
        Change *c = userdata;

        if (g_str_equal(name, "State"))
                return property_read_string(m, &c->state);
        if (g_str_equal(name, "LastError"))
                return property_read_string(m, &c->error);
        if (g_str_equal(name, "SerialNumber"))
                return property_read_string(m, &c->serial);
        return sd_bus_message_skip(m, "v");
}

static void print_certificate(Watch *w, const char *name, sd_bus_message *m)
{
        Change c = {};

        if (property_walk(m, read_change, &c) >= 0) {
                if (c.serial && *c.serial)
                        print_event(w, name, "new-certificate", c.serial);
                if (c.state || (c.error && *c.error))
                        print_event(w, name, c.state ?: "error", c.error ?: "");
        }
        g_free(c.state);
        g_free(c.error);
        g_free(c.serial);
}

static int read_job(sd_bus_message *m, const char *name, void *userdata)
{
        return g_str_equal(name, "Progress") ? property_read_steps(m, userdata) : sd_bus_message_skip(m, "v");
}

/* With names, the steps of these; else those of authorities and bundles: of all certificates they would be
 * too many. */
static bool is_step_wanted(const Watch *w, const char *name)
{
        return *w->names ? is_wanted(w, name) : subject_kind_of(name) != SUBJECT_CERTIFICATE;
}

static void print_job(Watch *w, const char *id, sd_bus_message *m)
{
        g_autofree char *subject = g_strconcat("job ", id, NULL);
        g_autoptr(GPtrArray) steps = NULL;

        if (property_walk(m, read_job, &steps) < 0 || !steps)
                return;
        for (guint i = 0; i < steps->len; i++) {
                const JobStep *step = steps->pdata[i];

                if (!is_step_wanted(w, step->name) ||
                    g_strcmp0(g_hash_table_lookup(w->stages, step->name), step->stage) == 0)
                        continue;
                g_hash_table_replace(w->stages, g_strdup(step->name), g_strdup(step->stage));
                if (*w->names || !g_str_equal(step->stage, "queued"))
                        print_event(w, subject, step->stage, step->name);
        }
}

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Watch *w = userdata;
        const char *path = sd_bus_message_get_path(m), *interface;
        g_autofree char *label = NULL;

        if (sd_bus_message_read(m, "s", &interface) < 0)
                return 0;
        if (g_str_equal(interface, CERT_INTERFACE_CERTIFICATE)) {
                label = last_label(path, CERT_BUS_CERTIFICATE_PATH);
                if (label && is_wanted(w, label))
                        print_certificate(w, label, m);
        } else if (g_str_equal(interface, CERT_INTERFACE_JOB)) {
                label = last_label(path, CERT_BUS_JOB_PATH);
                if (label)
                        print_job(w, label, m);
        }
        return 0;
}

static int on_job_new(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *path, *kind;
        g_autofree char *subject = NULL;
        uint32_t id;

        if (sd_bus_message_read(m, "uos", &id, &path, &kind) < 0)
                return 0;
        subject = g_strdup_printf("job %u", id);
        print_event(userdata, subject, "begins", kind);
        return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *path, *result;
        g_autofree char *subject = NULL;
        uint32_t id;

        if (sd_bus_message_read(m, "uos", &id, &path, &result) < 0)
                return 0;
        subject = g_strdup_printf("job %u", id);
        print_event(userdata, subject, "ends", result);
        return 0;
}

static int on_manifest_reloaded(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        const char *digest;

        if (sd_bus_message_read(m, "s", &digest) >= 0)
                print_event(userdata, "manifest", "reloaded", digest);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Watch *w = userdata;

        fprintf(stderr, "certctl: the connection ended\n");
        return sd_event_exit(w->event, EXIT_STATUS_FAILED);
}

/* ---- The loop ---- */

static bool subscribe(Watch *w, sd_bus *bus, GError **error)
{
        int r;

        if (!client_match(bus, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "JobNew", on_job_new, w, error) ||
            !client_match(bus, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "JobRemoved", on_job_removed, w,
                          error) ||
            !client_match(bus, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "ManifestReloaded",
                          on_manifest_reloaded, w, error))
                return false;
        r = sd_bus_add_match(bus, NULL,
                             "type='signal',sender='" CERT_BUS_NAME "',path_namespace='" CERT_BUS_PATH
                             "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
                             on_properties_changed, w);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, w);
        return r >= 0 || client_bad_reply(r, "listening to the agent", error);
}

static int loop(sd_bus *bus, Watch *w)
{
        g_autoptr(sd_event) event = sd_event_ref(sd_bus_get_event(bus));
        sigset_t mask;
        int r = 0;

        if (!event) {
                r = sd_event_new(&event);
                if (r >= 0)
                        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        }
        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        w->event = event;
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL); /* ends the loop */
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        return r >= 0 ? sd_event_loop(event) : r;
}

ExitStatus verb_watch(const Client *client, char **arguments)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        g_autoptr(GHashTable) stages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        Watch w = { .client = client, .names = arguments, .stages = stages };
        int r;

        if (!client_connect(client, &bus, &error) || !subscribe(&w, bus, &error))
                return client_report(client, error);
        if (!client->options.quiet && client->options.json == JSON_OFF)
                fprintf(stderr, "Watching; end it with Ctrl-C.\n");
        r = loop(bus, &w);
        if (r < 0) {
                client_bad_reply(r, "watching", &error);
                return client_report(client, error);
        }
        return (ExitStatus) r;
}
