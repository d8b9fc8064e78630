/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Access of units: owns a question from its beginning to its answer. (1) systemd is asked as whom the unit runs; where
 * owners and modes do not decide, that is all. (2) On a thread, the user is looked up and the files are judged. */

#include "agent/unit-access.h"

#include "agent/layout.h"
#include "agent/offload.h"
#include "agent/unit-query.h"
#include "agent/unit-reader.h"
#include "common/timespan.h"

/* A user database or a folder on a network may never answer, and a pass waits for this. */
#define JUDGE_USEC (10 * USEC_PER_SEC)

struct UnitAccess {
        sd_event *event;
        sd_bus *bus;
        Offload *offload; /* NULL until it is needed */
};

/* What the thread works on. */
typedef struct Work {
        gint references;
        gint abandoned; /* nobody waits for the answer any more */
        char *unit;
        GArray *files; /* AccessFile */
        UnitReader reader;
        GArray *obstacles; /* the answer; the thread's until it has come back */
        UnitAccessCheck *check;
} Work;

struct UnitAccessCheck {
        UnitAccess *access;
        Work *work;
        UnitQuery *query;
        OffloadJob *job;
        sd_event_source *limit;
        UnitAccessDone done;
        void *userdata;
};

static void file_clear(void *data)
{
        AccessFile *f = data;

        g_free(f->path);
        g_free(f->certificate);
}

GArray *access_files_new(void)
{
        GArray *files = g_array_new(FALSE, FALSE, sizeof(AccessFile));

        g_array_set_clear_func(files, file_clear);
        return files;
}

static void add_file(GArray *files, const ManifestCertificate *wish, char *path, ManagedFile i)
{
        AccessFile file = {
                .path = path,
                .certificate = g_strdup(wish->name),
                .is_key = i == MANAGED_FILE_KEY || i == MANAGED_FILE_COMBINED,
        };

        if (path)
                g_array_append_val(files, file);
        else
                file_clear(&file);
}

/* Of a folder those that every service reads. */
void access_files_add(GArray *files, const ManifestCertificate *wish)
{
        static const ManagedFile order[] = { MANAGED_FILE_KEY, MANAGED_FILE_COMBINED, MANAGED_FILE_CERT, MANAGED_FILE_CHAIN,
                                             MANAGED_FILE_CA };

        for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
                if (!wish->directory || order[i] == MANAGED_FILE_KEY || order[i] == MANAGED_FILE_CERT)
                        add_file(files, wish, layout_file_path(wish, order[i]), order[i]);
}

static void obstacle_clear(void *data)
{
        AccessObstacle *o = data;

        g_free(o->certificate);
        g_clear_error(&o->error);
}

static GArray *obstacles_new(void)
{
        GArray *obstacles = g_array_new(FALSE, FALSE, sizeof(AccessObstacle));

        g_array_set_clear_func(obstacles, obstacle_clear);
        return obstacles;
}

static void work_unref(void *data)
{
        Work *w = data;

        if (!g_atomic_int_dec_and_test(&w->references))
                return;
        g_free(w->unit);
        g_array_unref(w->files);
        unit_reader_clear(&w->reader);
        g_array_unref(w->obstacles);
        g_free(w);
}

UnitAccessCheck *unit_access_discard(UnitAccessCheck *c)
{
        if (!c)
                return NULL;
        g_atomic_int_set(&c->work->abandoned, true);
        unit_query_discard(c->query);
        offload_discard(c->job);
        sd_event_source_disable_unref(c->limit);
        work_unref(c->work);
        g_free(c);
        return NULL;
}

static void check_end(UnitAccessCheck *c)
{
        g_autoptr(GArray) obstacles = g_array_ref(c->work->obstacles);
        UnitAccessDone done = c->done;
        void *userdata = c->userdata;

        unit_access_discard(c);
        done(obstacles, userdata);
}

/* ---- 2. The files ---- */

static GError *judge_file(const Work *w, const ReaderIds *who, const AccessFile *file)
{
        g_autoptr(GArray) way = path_steps(file->path);
        const PathStep *steps = way ? (PathStep *) (void *) way->data : NULL;

        if (!way || !readable_find_obstacle(who, steps, way->len))
                return NULL;
        return unit_reader_error(&w->reader, who, w->unit, file->certificate, file->path, file->is_key, steps, way->len);
}

/* A certificate's files stand together. */
static bool is_named(const GArray *obstacles, const char *certificate)
{
        return obstacles->len > 0 &&
               g_str_equal(g_array_index(obstacles, AccessObstacle, obstacles->len - 1).certificate, certificate);
}

static void judge(void *data)
{
        Work *w = data;
        ReaderIds who = {};

        if (!unit_reader_look_up(&w->reader, &who))
                return;
        for (guint i = 0; i < w->files->len && !g_atomic_int_get(&w->abandoned); i++) {
                const AccessFile *file = &g_array_index(w->files, AccessFile, i);
                AccessObstacle o = {};

                if (!is_named(w->obstacles, file->certificate))
                        o.error = judge_file(w, &who, file);
                if (!o.error)
                        continue;
                o.certificate = g_strdup(file->certificate);
                g_array_append_val(w->obstacles, o);
        }
        g_free(who.groups);
}

static void on_judged(void *data)
{
        UnitAccessCheck *c = ((Work *) data)->check;

        c->job = NULL;
        check_end(c);
}

/* What is not known in time is for the job to find out. The answer is the thread's until it comes back. */
static int on_limit(sd_event_source *s, uint64_t usec, void *userdata)
{
        UnitAccessCheck *c = userdata;
        g_autoptr(GArray) unknown = obstacles_new();
        UnitAccessDone done = c->done;
        void *whose = c->userdata;

        unit_access_discard(c);
        done(unknown, whose);
        return 0;
}

static bool check_judge(UnitAccessCheck *c)
{
        UnitAccess *a = c->access;

        if (!a->offload)
                a->offload = offload_new(a->event);
        if (!a->offload || sd_event_add_time_relative(a->event, &c->limit, CLOCK_MONOTONIC, JUDGE_USEC, 0, on_limit, c) < 0)
                return false;
        g_atomic_int_inc(&c->work->references);
        c->job = offload_start(a->offload, OFFLOAD_DEVICE, judge, on_judged, c->work, work_unref);
        return true;
}

/* ---- 1. The unit ---- */

static bool check_read(UnitAccessCheck *c, sd_bus_message *reply)
{
        g_autoptr(GPtrArray) paths = g_ptr_array_new();

        for (guint i = 0; i < c->work->files->len; i++)
                g_ptr_array_add(paths, g_array_index(c->work->files, AccessFile, i).path);
        g_ptr_array_add(paths, NULL);
        return !sd_bus_message_get_error(reply) &&
               unit_reader_read(&c->work->reader, reply, (const char *const *) paths->pdata) >= 0;
}

/* What systemd does not say is for the job to find out. */
static void on_unit(sd_bus_message *reply, void *userdata)
{
        UnitAccessCheck *c = userdata;

        c->query = NULL;
        if (!check_read(c, reply) || !unit_reader_is_judged(&c->work->reader) || !check_judge(c))
                check_end(c);
}

UnitAccessCheck *unit_access_start(UnitAccess *a, const char *unit, GArray *files, UnitAccessDone done, void *userdata)
{
        UnitAccessCheck *c = g_new0(UnitAccessCheck, 1);

        c->access = a;
        c->done = done;
        c->userdata = userdata;
        c->work = g_new0(Work, 1);
        c->work->references = 1;
        c->work->unit = g_strdup(unit);
        c->work->files = files;
        c->work->obstacles = obstacles_new();
        c->work->check = c;
        if (files->len > 0 && g_str_has_suffix(unit, ".service"))
                c->query = unit_query_start(a->bus, unit, "Service", NULL, on_unit, c);
        return c->query ? c : unit_access_discard(c);
}

UnitAccess *unit_access_new(sd_event *event, sd_bus *bus)
{
        UnitAccess *a = g_new0(UnitAccess, 1);

        a->event = event;
        a->bus = bus;
        return a;
}

UnitAccess *unit_access_free(UnitAccess *a)
{
        if (!a)
                return NULL;
        offload_free(a->offload);
        g_free(a);
        return NULL;
}
