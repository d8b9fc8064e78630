/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The audit: owns one from its beginning to its end. (1) On a thread, the files of each certificate are looked at
 * (agent/audit-files.c): a folder may be on a network, and there may be ten thousand. (2) systemd is asked about each unit,
 * and its user is judged (agent/unit-access.c), a few at a time. What is not known in time is left out, and that is said.
 */

#include "agent/audit.h"

#include "agent/audit-files.h"
#include "agent/generation.h"
#include "common/enum-table.h"
#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

#define AUDIT_USEC (45 * USEC_PER_SEC) /* who asks waits for a minute */
#define CHECKS_MAX 4          /* units asked about at once */
#define CHECK_MAX 500u /* certificates of one check: each has a time limit of its own */

static const char *const codes[_FINDING_CODE_MAX] = {
        [FINDING_KEY_READABLE] = "key-readable",
        [FINDING_GENERATION_READABLE] = "generation-readable",
        [FINDING_KEY_IN_CHECKOUT] = "key-in-checkout",
        [FINDING_KEY_UNREADABLE_FOR_UNIT] = "key-unreadable-for-unit",
};

ENUM_TABLE(finding_code, FindingCode, codes, _FINDING_CODE_MAX, _FINDING_CODE_INVALID)

/* ---- Findings ---- */

static void finding_clear(void *data)
{
        Finding *f = data;

        g_free(f->certificate);
        g_free(f->message);
        g_free(f->hint);
}

GArray *findings_new(void)
{
        GArray *findings = g_array_new(FALSE, FALSE, sizeof(Finding));

        g_array_set_clear_func(findings, finding_clear);
        return findings;
}

void findings_add(GArray *findings, FindingCode code, const char *certificate, char *message, char *hint)
{
        Finding f = { code, g_strdup(certificate), message, hint };

        g_array_append_val(findings, f);
}

static int compare_findings(gconstpointer a, gconstpointer b)
{
        const Finding *x = a, *y = b;
        int r = strcmp(x->certificate, y->certificate);

        if (r == 0)
                r = (int) x->code - (int) y->code;
        return r != 0 ? r : strcmp(x->message, y->message);
}

/* ---- What it works on ---- */

/* The thread's, and the loop's under the lock. A thread that hangs outlives the audit. */
typedef struct Work {
        gint references;
        GMutex lock;
        GStringChunk *strings;
        GArray *targets; /* ManifestCertificate: what is looked at of each, and nothing else */
        bool whole;
        GArray *findings;
        bool abandoned;
        Audit *audit;
} Work;

/* A check to be made: what of the work's targets a unit is to serve. */
typedef struct UnitTargets {
        char *unit;
        GArray *targets; /* guint, their places */
} UnitTargets;

typedef struct UnitCheck {
        Audit *audit;
        UnitAccessCheck *access;
} UnitCheck;

struct Audit {
        UnitAccess *access;
        Work *work;
        OffloadJob *job;
        sd_event_source *limit;
        GPtrArray *units; /* UnitTargets* */
        guint next;       /* of these */
        GPtrArray *checks; /* UnitCheck*, under way */
        AuditDone done;
        void *userdata;
};

static void work_unref(void *data)
{
        Work *w = data;

        if (!g_atomic_int_dec_and_test(&w->references))
                return;
        g_array_unref(w->targets);
        g_array_unref(w->findings);
        g_string_chunk_free(w->strings);
        g_mutex_clear(&w->lock);
        g_free(w);
}

static char *keep(Work *w, const char *text)
{
        return text ? g_string_chunk_insert_const(w->strings, text) : NULL;
}

static Work *work_new(const GPtrArray *wishes, bool whole)
{
        Work *w = g_new0(Work, 1);

        w->references = 1;
        g_mutex_init(&w->lock);
        w->strings = g_string_chunk_new(4096);
        w->targets = g_array_sized_new(FALSE, FALSE, sizeof(ManifestCertificate), wishes->len);
        w->findings = findings_new();
        w->whole = whole;
        for (guint i = 0; i < wishes->len; i++) {
                const ManifestCertificate *wish = g_ptr_array_index(wishes, i);
                ManifestCertificate target = {
                        .name = keep(w, wish->name),
                        .directory = keep(w, wish->directory),
                        .key_uri = keep(w, wish->key_uri),
                        .key_attributes = wish->key_attributes,
                };

                for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                        target.path[f] = keep(w, wish->path[f]);
                g_array_append_val(w->targets, target);
        }
        return w;
}

/* ---- Making and ending ---- */

static void unit_targets_free(void *data)
{
        UnitTargets *u = data;

        g_free(u->unit);
        g_array_unref(u->targets);
        g_free(u);
}

static void unit_check_free(void *data)
{
        UnitCheck *c = data;

        unit_access_discard(c->access);
        g_free(c);
}

static void work_abandon(Work *w)
{
        g_mutex_lock(&w->lock);
        w->abandoned = true;
        g_mutex_unlock(&w->lock);
}

Audit *audit_discard(Audit *a)
{
        if (!a)
                return NULL;
        work_abandon(a->work);
        offload_discard(a->job);
        sd_event_source_disable_unref(a->limit);
        g_ptr_array_unref(a->checks);
        g_ptr_array_unref(a->units);
        work_unref(a->work);
        g_free(a);
        return NULL;
}

/* The thread adds nothing once the work is abandoned. */
static void audit_end(Audit *a, bool complete)
{
        g_autoptr(GArray) findings = g_array_ref(a->work->findings);
        AuditDone done = a->done;
        void *userdata = a->userdata;

        audit_discard(a);
        g_array_sort(findings, compare_findings);
        done(findings, complete, userdata);
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata)
{
        audit_end(userdata, false);
        return 0;
}

/* ---- 2. The units ---- */

static void audit_check_units(Audit *a);

static void audit_add_obstacle(Audit *a, const AccessObstacle *o)
{
        char *message = cert_error_summary(o->error);

        *message = g_ascii_toupper(*message);
        findings_add(a->work->findings, FINDING_KEY_UNREADABLE_FOR_UNIT, o->certificate, message,
                     g_strdup(cert_error_hint(o->error)));
}

static void on_access(const GArray *obstacles, void *userdata)
{
        UnitCheck *c = userdata;
        Audit *a = c->audit;

        c->access = NULL;
        for (guint i = 0; i < obstacles->len; i++)
                audit_add_obstacle(a, &g_array_index(obstacles, AccessObstacle, i));
        g_ptr_array_remove_fast(a->checks, c);
        audit_check_units(a);
}

static GArray *audit_list_files(const Audit *a, const UnitTargets *u)
{
        GArray *files = access_files_new();

        for (guint i = 0; i < u->targets->len; i++)
                access_files_add(files, &g_array_index(a->work->targets, ManifestCertificate, g_array_index(u->targets, guint, i)));
        return files;
}

static void audit_check_unit(Audit *a, const UnitTargets *u)
{
        UnitCheck *c = g_new0(UnitCheck, 1);

        c->audit = a;
        c->access = unit_access_start(a->access, u->unit, audit_list_files(a, u), on_access, c);
        if (c->access)
                g_ptr_array_add(a->checks, c);
        else
                g_free(c);
}

static void audit_check_units(Audit *a)
{
        while (a->next < a->units->len && a->checks->len < CHECKS_MAX)
                audit_check_unit(a, g_ptr_array_index(a->units, a->next++));
        if (a->checks->len == 0)
                audit_end(a, true);
}

static UnitTargets *audit_add_unit(Audit *a, const char *unit)
{
        UnitTargets *u = g_new(UnitTargets, 1);

        u->unit = g_strdup(unit);
        u->targets = g_array_new(FALSE, FALSE, sizeof(guint));
        g_ptr_array_add(a->units, u);
        return u;
}

static void audit_take_units(Audit *a, const GPtrArray *wishes)
{
        g_autoptr(GHashTable) by_name = g_hash_table_new(g_str_hash, g_str_equal); /* unit -> the last UnitTargets of it */

        for (guint i = 0; i < wishes->len; i++) {
                const ManifestCertificate *wish = g_ptr_array_index(wishes, i);

                for (guint k = 0; k < wish->units->len; k++) {
                        const UnitRef *ref = g_ptr_array_index(wish->units, k);
                        UnitTargets *u = g_hash_table_lookup(by_name, ref->unit);

                        if (!u || u->targets->len >= CHECK_MAX) {
                                u = audit_add_unit(a, ref->unit);
                                g_hash_table_insert(by_name, ref->unit, u);
                        }
                        g_array_append_val(u->targets, i);
                }
        }
}

/* ---- 1. The files ---- */

/* False: nobody waits any more. */
static bool work_deliver(Work *w, GArray *found)
{
        bool wanted;

        g_mutex_lock(&w->lock);
        wanted = !w->abandoned;
        if (wanted && found->len > 0) {
                g_array_append_vals(w->findings, found->data, found->len);
                g_array_set_clear_func(found, NULL); /* they have moved */
                g_array_set_size(found, 0);
                g_array_set_clear_func(found, finding_clear);
        }
        g_mutex_unlock(&w->lock);
        return wanted;
}

/* A name that left the manifest leaves its keys behind. */
static void look_at_left_behind(Work *w, GArray *found)
{
        g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
        g_auto(GStrv) names = generation_names();

        for (guint i = 0; i < w->targets->len; i++)
                g_hash_table_add(known, g_array_index(w->targets, ManifestCertificate, i).name);
        for (char **name = names; *name && work_deliver(w, found); name++)
                if (!g_hash_table_contains(known, *name))
                        audit_generations_look(*name, found);
        (void) work_deliver(w, found);
}

static void work_run(void *data)
{
        Work *w = data;
        g_autoptr(AuditFiles) files = audit_files_new();
        g_autoptr(GArray) found = findings_new();

        for (guint i = 0; i < w->targets->len; i++) {
                const ManifestCertificate *target = &g_array_index(w->targets, ManifestCertificate, i);

                audit_files_look(files, target, found);
                audit_generations_look(target->name, found);
                if (!work_deliver(w, found))
                        return;
        }
        if (w->whole)
                look_at_left_behind(w, found);
}

static void on_files(void *data)
{
        Audit *a = ((Work *) data)->audit;

        a->job = NULL;
        audit_check_units(a);
}

Audit *audit_start(sd_event *event, UnitAccess *access, Offload *offload, const GPtrArray *wishes, bool whole, AuditDone done,
                   void *userdata)
{
        Audit *a = g_new0(Audit, 1);

        a->access = access;
        a->done = done;
        a->userdata = userdata;
        a->units = g_ptr_array_new_with_free_func(unit_targets_free);
        a->checks = g_ptr_array_new_with_free_func(unit_check_free);
        a->work = work_new(wishes, whole);
        a->work->audit = a;
        audit_take_units(a, wishes);
        (void) sd_event_add_time_relative(event, &a->limit, CLOCK_MONOTONIC, AUDIT_USEC, 0, on_limit, a);
        g_atomic_int_inc(&a->work->references);
        a->job = offload_start(offload, OFFLOAD_DEVICE, work_run, on_files, a->work, work_unref);
        return a;
}
