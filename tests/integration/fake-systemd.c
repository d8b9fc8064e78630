/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A systemd for tests: claims org.freedesktop.systemd1 on the bus that sd_bus_open_system() finds, knows the
 * units that it was told of, and treats them as systemd 252 does, or goes wrong as it was told to.
 *
 * Control: interface org.certagent1.Fake on /org/freedesktop/systemd1.
 *   SetUnit(s unit, a{ss} facts)   adds or changes one. Facts are
 *     a property of the table below, by its name;
 *     After.PROPERTY    what it becomes when the next job ends;   Late.PROPERTY   30 ms after that;
 *     JobResult         how jobs end, in place of what systemd would say;
 *     JobDelay          milliseconds that they take (default 1); "never": they never end;
 *     JobError          the D-Bus error with which jobs are refused; "hang": no answer;
 *     Exec              a command line that a reload or restart runs; when it fails the job does;
 *     Omit              a property that this systemd does not have;
 *     LoadCredential    "NAME:PATH";   BindReadOnlyPaths   "SOURCE:TARGET";   ExecStartPreEx   a command's flags;
 *     Bus               "garbage": answers of the wrong type.
 *   Calls() → as      what was asked for, "ReloadUnit nginx.service replace"
 *   Reexec(b finish)  goes and comes back under another unique name; jobs end meanwhile, unseen, if `finish`
 *   Finish(s unit, s result)   ends a unit's job now
 *   Leave()           exits */

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define NAME      "org.freedesktop.systemd1"
#define PATH      "/org/freedesktop/systemd1"
#define UNIT_PATH PATH "/unit"
#define JOB_PATH  PATH "/job"
#define MANAGER   "org.freedesktop.systemd1.Manager"
#define UNIT      "org.freedesktop.systemd1.Unit"
#define SERVICE   "org.freedesktop.systemd1.Service"

typedef struct Property {
        const char *name, *interface, *type, *value;
} Property;

static const Property properties[] = {
        { "Id", UNIT, "s", "" },
        { "LoadState", UNIT, "s", "not-found" },
        { "ActiveState", UNIT, "s", "inactive" },
        { "SubState", UNIT, "s", "dead" },
        { "ConditionResult", UNIT, "b", "yes" },
        { "ConditionTimestamp", UNIT, "t", "1700000000000000" },
        { "Job", UNIT, "(uo)", "0" },
        { "PropagatesReloadTo", UNIT, "as", "" },
        { "Type", SERVICE, "s", "notify" },
        { "Result", SERVICE, "s", "success" },
        { "ReloadResult", SERVICE, "s", "success" },
        { "MainPID", SERVICE, "u", "0" },
        { "NRestarts", SERVICE, "u", "0" },
        { "ExecMainCode", SERVICE, "i", "0" },
        { "ExecMainStatus", SERVICE, "i", "0" },
        { "TimeoutStartUSec", SERVICE, "t", "90000000" },
        { "TimeoutStopUSec", SERVICE, "t", "90000000" },
        { "User", SERVICE, "s", "" },
        { "Group", SERVICE, "s", "" },
        { "SupplementaryGroups", SERVICE, "as", "" },
        { "DynamicUser", SERVICE, "b", "no" },
        { "AmbientCapabilities", SERVICE, "t", "0" },
        { "RootDirectory", SERVICE, "s", "" },
        { "RootImage", SERVICE, "s", "" },
        { "LoadCredential", SERVICE, "a(ss)", "" },
        { "BindReadOnlyPaths", SERVICE, "a(ssbt)", "" },
        { "ExecStartPreEx", SERVICE, "a(sasasttttuii)", "" },
        { "ExecReload", SERVICE, "s", "yes" }, /* not its real type; only for us */
};

typedef struct Fake {
        sd_event *event;
        sd_bus *bus;
        GHashTable *units; /* name -> (fact -> value) */
        GHashTable *jobs;  /* unit -> Job* */
        GPtrArray *calls;
        uint32_t last_job;
} Fake;

typedef struct Job {
        Fake *fake;
        uint32_t id;
        char *unit, *method;
        sd_event_source *timer;
} Job;

static void attach(Fake *f);

/* ---- Units ---- */

static GHashTable *unit_of(Fake *f, const char *name)
{
        GHashTable *unit = g_hash_table_lookup(f->units, name);

        if (!unit) {
                unit = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
                g_hash_table_insert(f->units, g_strdup(name), unit);
        }
        return unit;
}

static const char *fact(GHashTable *unit, const char *name)
{
        const char *value = g_hash_table_lookup(unit, name);

        for (size_t i = 0; !value && i < G_N_ELEMENTS(properties); i++)
                if (g_str_equal(properties[i].name, name))
                        value = properties[i].value;
        return value ?: "";
}

static bool fact_is(GHashTable *unit, const char *name, const char *value)
{
        return g_str_equal(fact(unit, name), value);
}

static void set_fact(GHashTable *unit, const char *name, const char *value)
{
        g_hash_table_insert(unit, g_strdup(name), g_strdup(value));
}

static bool is_active(GHashTable *unit)
{
        return fact_is(unit, "ActiveState", "active") || fact_is(unit, "ActiveState", "reloading");
}

/* Turns the facts "PREFIX.NAME" into facts "NAME". */
static void take_prefixed(GHashTable *unit, const char *prefix)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        GHashTableIter iter;
        void *key;

        g_hash_table_iter_init(&iter, unit);
        while (g_hash_table_iter_next(&iter, &key, NULL))
                if (g_str_has_prefix(key, prefix))
                        g_ptr_array_add(names, key);
        for (unsigned i = 0; i < names->len; i++) {
                const char *name = (const char *) names->pdata[i] + strlen(prefix);

                set_fact(unit, name, g_hash_table_lookup(unit, names->pdata[i]));
                g_hash_table_remove(unit, names->pdata[i]);
        }
}

/* ---- Properties ---- */

/* One entry, or none with "". */
static int append_entry(sd_bus_message *m, const char *type, const char *value)
{
        g_auto(GStrv) parts = g_strsplit(value, ":", 2);
        const char *first = parts[0] ?: "", *second = parts[0] && parts[1] ? parts[1] : "";
        unsigned n = *value != '\0';
        int r = sd_bus_message_open_container(m, 'v', type);

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', g_str_equal(type, "a(ss)")     ? "(ss)"
                                                          : g_str_equal(type, "a(ssbt)") ? "(ssbt)"
                                                                                         : "(sasasttttuii)");
        if (r >= 0 && n > 0 && g_str_equal(type, "a(ss)"))
                r = sd_bus_message_append(m, "(ss)", first, second);
        else if (r >= 0 && n > 0 && g_str_equal(type, "a(ssbt)"))
                r = sd_bus_message_append(m, "(ssbt)", first, second, 0, UINT64_C(0));
        else if (r >= 0 && n > 0)
                r = sd_bus_message_append(m, "(sasasttttuii)", "/bin/prepare", 1, "prepare", 1, value, UINT64_C(0),
                                          UINT64_C(0), UINT64_C(0), UINT64_C(0), 0U, 0, 0);
        sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, const Property *p, GHashTable *unit)
{
        const char *value = fact(unit, p->name);
        g_auto(GStrv) words = NULL;
        g_autofree char *path = NULL;

        if (fact_is(unit, "Bus", "garbage"))
                return sd_bus_message_append(m, "v", "d", 1.5);
        switch (p->type[0]) {
        case 's':
                return sd_bus_message_append(m, "v", "s", value);
        case 'b':
                return sd_bus_message_append(m, "v", "b", (int) g_str_equal(value, "yes"));
        case 'u':
                return sd_bus_message_append(m, "v", "u", (uint32_t) strtoul(value, NULL, 10));
        case 'i':
                return sd_bus_message_append(m, "v", "i", (int32_t) strtol(value, NULL, 10));
        case 't':
                return sd_bus_message_append(m, "v", "t", (uint64_t) strtoull(value, NULL, 10));
        case '(':
                path = g_strdup_printf(JOB_PATH "/%s", value);
                return sd_bus_message_append(m, "v", "(uo)", (uint32_t) strtoul(value, NULL, 10),
                                             g_str_equal(value, "0") ? "/" : path);
        default:
                if (p->type[1] == '(')
                        return append_entry(m, p->type, value);
                words = g_strsplit(value, " ", -1);
                sd_bus_message_open_container(m, 'v', "as");
                sd_bus_message_append_strv(m, *value ? words : (char *[]){ NULL });
                return sd_bus_message_close_container(m);
        }
}

static int reply_all(sd_bus_message *m, GHashTable *unit, const char *interface)
{
        sd_bus_message *reply = NULL;
        int r;

        sd_bus_message_new_method_return(m, &reply);
        if (fact_is(unit, "Bus", "garbage"))
                sd_bus_message_append(reply, "s", "garbage");
        else {
                sd_bus_message_open_container(reply, 'a', "{sv}");
                for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
                        const Property *p = &properties[i];

                        if (!g_str_equal(p->interface, interface) || fact_is(unit, "Omit", p->name))
                                continue;
                        sd_bus_message_open_container(reply, 'e', "sv");
                        sd_bus_message_append(reply, "s", p->name);
                        append_value(reply, p, unit);
                        sd_bus_message_close_container(reply);
                }
                sd_bus_message_close_container(reply);
        }
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static int reply_one(sd_bus_message *m, GHashTable *unit, const char *interface, const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++)
                if (g_str_equal(properties[i].interface, interface) &&
                    g_str_equal(properties[i].name, name)) {
                        sd_bus_message *reply = NULL;
                        int r;

                        sd_bus_message_new_method_return(m, &reply);
                        append_value(reply, &properties[i], unit);
                        r = sd_bus_send(NULL, reply, NULL);
                        sd_bus_message_unref(reply);
                        return r < 0 ? r : 1;
                }
        return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_PROPERTY, "no %s", name);
}

static int on_unit_object(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        g_autofree char *name = NULL;
        const char *interface, *property;

        if (sd_bus_path_decode(sd_bus_message_get_path(m), UNIT_PATH, &name) <= 0)
                return 0;
        if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "GetAll") > 0 &&
            sd_bus_message_read(m, "s", &interface) > 0)
                return reply_all(m, unit_of(f, name), interface);
        if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Get") > 0 &&
            sd_bus_message_read(m, "ss", &interface, &property) > 0)
                return reply_one(m, unit_of(f, name), interface, property);
        return 0;
}

/* ---- Jobs ---- */

static void job_free(void *data)
{
        Job *j = data;

        sd_event_source_disable_unref(j->timer);
        g_free(j->unit);
        g_free(j->method);
        g_free(j);
}

/* What systemd would say, and what becomes of the unit by itself. */
static const char *job_carry_out(Job *j, GHashTable *unit)
{
        bool reload = g_str_equal(j->method, "ReloadUnit"), only_if_active = strstr(j->method, "Try") != NULL;
        const char *command = fact(unit, "Exec");
        int status = 0;

        if (!is_active(unit) && reload)
                return "invalid";
        if (!is_active(unit) && only_if_active)
                return "done";
        if (reload) /* as systemd does at the beginning of each */
                set_fact(unit, "ReloadResult", "success");
        if (*command && (!g_spawn_command_line_sync(command, NULL, NULL, &status, NULL) || status != 0)) {
                if (strstr(j->method, "Reload"))
                        set_fact(unit, "ReloadResult", "exit-code");
                else
                        set_fact(unit, "ActiveState", "failed");
                return "failed";
        }
        if (!is_active(unit)) {
                set_fact(unit, "ActiveState", "active");
                set_fact(unit, "SubState", "running");
        }
        return "done";
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
        take_prefixed(userdata, "Late.");
        return 0;
}

static void unref_unit(void *unit)
{
        g_hash_table_unref(unit);
}

static void job_end(Job *j, const char *result, bool tell)
{
        Fake *f = j->fake;
        GHashTable *unit = unit_of(f, j->unit);
        g_autofree char *path = g_strdup_printf(JOB_PATH "/%u", j->id);
        const char *natural = job_carry_out(j, unit);
        g_autofree char *said = NULL;
        sd_event_source *late;

        said = g_strdup(result ?: g_hash_table_lookup(unit, "JobResult") ?: natural);
        set_fact(unit, "Job", "0");
        take_prefixed(unit, "After.");
        if (tell)
                sd_bus_emit_signal(f->bus, PATH, MANAGER, "JobRemoved", "uoss", j->id, path, j->unit, said);
        sd_event_add_time_relative(f->event, &late, CLOCK_MONOTONIC, 30000, 1, on_late,
                                   g_hash_table_ref(unit));
        sd_event_source_set_destroy_callback(late, unref_unit);
        sd_event_source_set_floating(late, true);
        sd_event_source_unref(late);
        g_hash_table_remove(f->jobs, j->unit);
}

static int on_job_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        job_end(userdata, NULL, true);
        return 0;
}

/* The same job for all who ask while it is under way, as systemd merges them. */
static Job *job_start(Fake *f, const char *name, const char *method, GHashTable *unit)
{
        const char *delay = *fact(unit, "JobDelay") ? fact(unit, "JobDelay") : "1";
        g_autofree char *number = NULL;
        Job *j = g_hash_table_lookup(f->jobs, name);

        if (j)
                return j;
        j = g_new0(Job, 1);
        *j = (Job){ .fake = f, .id = ++f->last_job, .unit = g_strdup(name), .method = g_strdup(method) };
        number = g_strdup_printf("%u", j->id);
        set_fact(unit, "Job", number);
        g_hash_table_insert(f->jobs, j->unit, j);
        if (!g_str_equal(delay, "never"))
                sd_event_add_time_relative(f->event, &j->timer, CLOCK_MONOTONIC,
                                           strtoull(delay, NULL, 10) * 1000, 1, on_job_timer, j);
        return j;
}

static const char *natural_refusal(GHashTable *unit, const char *method)
{
        if (fact_is(unit, "LoadState", "masked"))
                return NAME ".UnitMasked";
        if (fact_is(unit, "LoadState", "not-found"))
                return NAME ".NoSuchUnit";
        if (fact_is(unit, "LoadState", "bad-setting"))
                return NAME ".BadUnitSetting";
        if (g_str_equal(method, "ReloadUnit") && fact_is(unit, "ExecReload", "no"))
                return NAME ".JobTypeNotApplicable";
        return NULL;
}

static int method_job(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        const char *name, *mode, *error, *method = sd_bus_message_get_member(m);
        g_autofree char *path = NULL;
        GHashTable *unit;
        Job *job;
        int r = sd_bus_message_read(m, "ss", &name, &mode);

        if (r < 0)
                return r;
        g_ptr_array_add(f->calls, g_strdup_printf("%s %s %s", method, name, mode));
        unit = unit_of(f, name);
        error = g_hash_table_lookup(unit, "JobError") ?: natural_refusal(unit, method);
        if (error && !*error)
                error = NULL;
        if (error && g_str_equal(error, "hang"))
                return 1;
        if (error)
                return sd_bus_reply_method_errorf(m, error, "%s is refused for %s", method, name);
        if (fact_is(unit, "Bus", "garbage"))
                return sd_bus_reply_method_return(m, "u", 1u);
        job = job_start(f, name, method, unit);
        path = g_strdup_printf(JOB_PATH "/%u", job->id);
        if (!fact_is(unit, "JobDelay", "before-reply"))
                return sd_bus_reply_method_return(m, "o", path);
        job_end(job, NULL, true);
        return sd_bus_reply_method_return(m, "o", path);
}

static int method_kill(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        const char *name, *who;
        GHashTable *unit;
        int32_t number;
        int r = sd_bus_message_read(m, "ssi", &name, &who, &number);

        if (r < 0)
                return r;
        g_ptr_array_add(f->calls, g_strdup_printf("KillUnit %s %s %d", name, who, number));
        unit = unit_of(f, name);
        if (fact_is(unit, "MainPID", "0"))
                return sd_bus_reply_method_errorf(m, NAME ".NoSuchProcess", "no main process");
        take_prefixed(unit, "After.");
        return sd_bus_reply_method_return(m, NULL);
}

static int method_reset_failed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        g_ptr_array_add(f->calls, g_strdup_printf("ResetFailedUnit %s", name));
        return sd_bus_reply_method_return(m, NULL);
}

static int method_load_unit(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        g_autofree char *path = NULL;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!strchr(name, '.'))
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_INVALID_ARGS, "Unit name %s is not valid.",
                                                  name);
        (void) unit_of(f, name);
        r = sd_bus_path_encode(UNIT_PATH, name, &path);
        return r < 0 ? r : sd_bus_reply_method_return(m, "o", path);
}

/* ---- Control ---- */

static int method_set_unit(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        const char *name, *key, *value;
        GHashTable *unit;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        unit = unit_of(f, name);
        if (!g_hash_table_contains(unit, "LoadState"))
                set_fact(unit, "LoadState", "loaded");
        sd_bus_message_enter_container(m, 'a', "{ss}");
        while (sd_bus_message_read(m, "{ss}", &key, &value) > 0)
                set_fact(unit, key, value);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_calls(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        sd_bus_message *reply = NULL;
        int r;

        sd_bus_message_new_method_return(m, &reply);
        sd_bus_message_open_container(reply, 'a', "s");
        for (unsigned i = 0; i < f->calls->len; i++)
                sd_bus_message_append(reply, "s", f->calls->pdata[i]);
        sd_bus_message_close_container(reply);
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_finish(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        const char *name, *result;
        Job *job;
        int r = sd_bus_message_read(m, "ss", &name, &result);

        if (r < 0)
                return r;
        job = g_hash_table_lookup(f->jobs, name);
        if (job)
                job_end(job, *result ? result : NULL, true);
        return sd_bus_reply_method_return(m, NULL);
}

static int on_reexec(sd_event_source *source, uint64_t usec, void *userdata)
{
        Fake *f = userdata;

        sd_event_source_unref(source);
        f->bus = sd_bus_flush_close_unref(f->bus);
        attach(f);
        return 0;
}

static int method_reexec(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;
        sd_event_source *source;
        int finish, r = sd_bus_message_read(m, "b", &finish);

        if (r < 0)
                return r;
        while (finish && g_hash_table_size(f->jobs) > 0) {
                GHashTableIter iter;
                void *job;

                g_hash_table_iter_init(&iter, f->jobs);
                g_hash_table_iter_next(&iter, NULL, &job);
                job_end(job, NULL, false);
        }
        sd_event_add_time_relative(f->event, &source, CLOCK_MONOTONIC, 0, 1, on_reexec, f);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_leave(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Fake *f = userdata;

        sd_event_exit(f->event, 0);
        return sd_bus_reply_method_return(m, NULL);
}

/* ---- The bus ---- */

#define ANY SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("LoadUnit", "s", "o", method_load_unit, ANY),
        SD_BUS_METHOD("ReloadUnit", "ss", "o", method_job, ANY),
        SD_BUS_METHOD("RestartUnit", "ss", "o", method_job, ANY),
        SD_BUS_METHOD("TryRestartUnit", "ss", "o", method_job, ANY),
        SD_BUS_METHOD("ReloadOrRestartUnit", "ss", "o", method_job, ANY),
        SD_BUS_METHOD("ReloadOrTryRestartUnit", "ss", "o", method_job, ANY),
        SD_BUS_METHOD("ResetFailedUnit", "s", "", method_reset_failed, ANY),
        SD_BUS_METHOD("KillUnit", "ssi", "", method_kill, ANY),
        SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("SetUnit", "sa{ss}", "", method_set_unit, ANY),
        SD_BUS_METHOD("Calls", "", "as", method_calls, ANY),
        SD_BUS_METHOD("Finish", "ss", "", method_finish, ANY),
        SD_BUS_METHOD("Reexec", "b", "", method_reexec, ANY),
        SD_BUS_METHOD("Leave", "", "", method_leave, ANY),
        SD_BUS_VTABLE_END,
};

static void check(int r, const char *what)
{
        if (r < 0)
                g_error("%s: %s", what, g_strerror(-r));
}

static void attach(Fake *f)
{
        check(sd_bus_open_system(&f->bus), "bus");
        check(sd_bus_add_object_vtable(f->bus, NULL, PATH, MANAGER, manager_vtable, f), "manager");
        check(sd_bus_add_object_vtable(f->bus, NULL, PATH, "org.certagent1.Fake", control_vtable, f),
              "control");
        check(sd_bus_add_fallback(f->bus, NULL, UNIT_PATH, on_unit_object, f), "units");
        check(sd_bus_attach_event(f->bus, f->event, 0), "event");
        check(sd_bus_request_name(f->bus, NAME, 0), "name");
}

int main(void)
{
        Fake f = { 0 };
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        f.units = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_hash_table_unref);
        f.jobs = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, job_free);
        f.calls = g_ptr_array_new_with_free_func(g_free);
        check(sd_event_new(&f.event), "event");
        check(sd_event_add_signal(f.event, NULL, SIGTERM, NULL, NULL), "SIGTERM");
        attach(&f);
        check(sd_event_loop(f.event), "loop");
        sd_bus_flush_close_unref(f.bus);
        g_hash_table_unref(f.jobs);
        g_hash_table_unref(f.units);
        g_ptr_array_unref(f.calls);
        sd_event_unref(f.event);
        return 0;
}
