/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What surrounds the stages: the agent's making and end, jobs and their passes, records that wait to be saved, and the
 * questions that the bus asks. */

#include "agent/agent-private.h"
#include "agent/clock.h"
#include "agent/install.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

#include <string.h>

/* How long a finished job can still be read. */
#define JOB_LINGER_USEC (10 * USEC_PER_SEC)
/* How long changed records are gathered, so that many are synced at once. What a crash loses of them is seen on disk:
 * record_adopt(). The end of a pass does not wait for it. */
#define RECORD_USEC (200 * USEC_PER_MSEC)

typedef struct Linger {
        Agent *agent;
        Job *job;
        sd_event_source *source;
} Linger;

/* ---- The agent itself ---- */

static void linger_free(gpointer data)
{
        Linger *l = data;

        sd_event_source_disable_unref(l->source);
        g_free(l);
}

static void pass_free_func(gpointer data)
{
        pass_free(data);
}

static void job_free_func(gpointer data)
{
        job_free(data);
}

static void manifest_free_func(gpointer data)
{
        manifest_free(data);
}

static void certificate_free_func(gpointer data)
{
        certificate_free(data);
}

static void authority_free_func(gpointer data)
{
        agent_authority_free(data);
}

static void on_watch_changed(char **names, void *userdata)
{
        g_autoptr(GError) error = NULL;

        if (!agent_start(userdata, JOB_KIND_REPAIR, (const char *const *) names, false, NULL, &error))
                log_warning("Cannot look at what changed: %s", error->message);
}

Agent *agent_new(sd_event *event, sd_bus *system_bus)
{
        Agent *a = g_new0(Agent, 1);

        a->event = sd_event_ref(event);
        a->retired = g_ptr_array_new_with_free_func(manifest_free_func);
        a->problems = g_new0(char *, 1);
        a->inventory = inventory_new();
        a->records = record_store_new();
        a->certificates = g_ptr_array_new();
        a->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        a->bundles = g_ptr_array_new();
        a->gone = g_ptr_array_new_with_free_func(certificate_free_func);
        a->authorities = g_ptr_array_new();
        a->gone_authorities = g_ptr_array_new_with_free_func(authority_free_func);
        a->facts_by_issuer = g_hash_table_new(g_str_hash, g_str_equal);
        a->roots_asked = agent_roots_new();
        a->unrecorded = g_hash_table_new(NULL, NULL);
        a->importing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        a->issuers = issue_pool_new(event);
        a->units = unit_manager_new(event, system_bus);
        a->access = unit_access_new(event, system_bus);
        a->auditor = auditor_new(a, event, system_bus);
        a->prober = prober_new(event);
        a->watch = watch_new(event, on_watch_changed, a);
        a->wake = wake_new(event, system_bus, agent_wake_up, a);
        a->passes = g_ptr_array_new_with_free_func(pass_free_func);
        a->jobs = g_ptr_array_new_with_free_func(job_free_func);
        a->lingers = g_ptr_array_new_with_free_func(linger_free);
        return a;
}

static void agent_flush_records(Agent *a);

Agent *agent_free(Agent *a)
{
        if (!a)
                return NULL;
        agent_flush_records(a);
        g_ptr_array_unref(a->passes);
        g_ptr_array_unref(a->lingers);
        g_ptr_array_unref(a->jobs);
        wake_free(a->wake);
        watch_free(a->watch);
        prober_free(a->prober);
        auditor_free(a->auditor);
        unit_access_free(a->access);
        unit_manager_free(a->units);
        g_ptr_array_set_free_func(a->authorities, authority_free_func);
        g_ptr_array_unref(a->authorities);
        g_ptr_array_unref(a->gone_authorities);
        g_hash_table_unref(a->facts_by_issuer);
        g_hash_table_unref(a->roots_asked);
        issue_pool_free(a->issuers);
        g_ptr_array_set_free_func(a->certificates, certificate_free_func);
        g_ptr_array_unref(a->certificates);
        g_ptr_array_set_free_func(a->bundles, certificate_free_func);
        g_ptr_array_unref(a->bundles);
        g_ptr_array_unref(a->gone);
        g_hash_table_unref(a->by_name);
        g_hash_table_unref(a->unrecorded);
        g_hash_table_unref(a->importing);
        record_store_free(a->records);
        inventory_free(a->inventory);
        g_strfreev(a->problems);
        g_ptr_array_unref(a->retired);
        manifest_free(a->manifest);
        sd_event_unref(a->event);
        g_free(a);
        return NULL;
}

void agent_set_events(Agent *a, const AgentEvents *events, void *userdata)
{
        a->events = events;
        a->events_userdata = userdata;
}

bool agent_recover(Agent *a, GError **error)
{
        g_autoptr(GPtrArray) names = NULL;

        if (!install_is_cut_off())
                return true;
        if (!install_recover(&names, error))
                return false;
        /* Their records still name the old certificate, or no taking: the next plan sees that and tells the units. */
        for (guint i = 0; i < names->len; i++)
                log_full(LOG_NOTICE,
                         &(LogContext) { .message_id = CERT_MESSAGE_RECOVERED, .name = g_ptr_array_index(names, i) },
                         "An install that was cut off has been finished.");
        return true;
}

void agent_release_retired(Agent *a)
{
        if (a->passes->len > 0 || a->holds > 0)
                return;
        g_ptr_array_set_size(a->retired, 0);
        for (guint i = 0; i < a->gone->len; i++)
                g_hash_table_remove(a->unrecorded, g_ptr_array_index(a->gone, i));
        g_ptr_array_set_size(a->gone, 0);
        g_ptr_array_set_size(a->gone_authorities, 0);
}

void agent_set_problems(Agent *a, GPtrArray *problems)
{
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();

        for (guint i = 0; problems && i < problems->len; i++) {
                g_autofree char *text = manifest_problem_to_string(g_ptr_array_index(problems, i));

                g_strv_builder_add(b, text);
        }
        g_strfreev(a->problems);
        a->problems = g_strv_builder_end(b);
}

/* ---- Records that wait to be saved ---- */

static void save_records(Agent *a, GPtrArray *records)
{
        g_autoptr(GError) error = NULL;

        if (records->len > 0 &&
            !record_store_save(a->records, (Record *const *) records->pdata, records->len, &error))
                log_error("Cannot save what happened to all certificates: %s", error->message);
}

void agent_save_records(Agent *a, GPtrArray *items)
{
        g_autoptr(GPtrArray) records = g_ptr_array_new();

        for (guint i = 0; i < items->len; i++) {
                PassItem *item = g_ptr_array_index(items, i);

                g_ptr_array_add(records, item->certificate->record);
                g_hash_table_remove(a->unrecorded, item->certificate);
        }
        save_records(a, records);
}

static void agent_flush_records(Agent *a)
{
        g_autoptr(GPtrArray) records = g_ptr_array_new();
        GHashTableIter iter;
        gpointer c;

        a->record_source = sd_event_source_disable_unref(a->record_source);
        g_hash_table_iter_init(&iter, a->unrecorded);
        while (g_hash_table_iter_next(&iter, &c, NULL))
                if (!((Certificate *) c)->substitute || ((Certificate *) c)->record != ((Certificate *) c)->substitute)
                        g_ptr_array_add(records, ((Certificate *) c)->record);
        g_hash_table_remove_all(a->unrecorded);
        save_records(a, records);
}

static int on_record_later(sd_event_source *s, uint64_t usec, void *userdata)
{
        agent_flush_records(userdata);
        return 0;
}

void agent_record_later(Agent *a, Certificate *c)
{
        g_hash_table_add(a->unrecorded, c);
        if (!a->record_source)
                (void) sd_event_add_time_relative(a->event, &a->record_source, CLOCK_MONOTONIC, RECORD_USEC, 0,
                                                  on_record_later, a);
}

/* Written down before the new one is asked for: whatever happens to that, the old one is not left in place. */
void agent_note_revoked(Agent *a, const char *name, const char *fingerprint, const char *serial, const char *reason)
{
        Certificate *c = agent_find(a, name);

        if (!c || !c->record)
                return;
        g_free(c->record->revoked);
        c->record->revoked = g_strdup(fingerprint);
        record_add_event(c->record, now_realtime(), "revoked", REASON_BIT(REASON_REVOKED), serial, reason);
        agent_record_later(a, c);
        agent_flush_records(a);
}

/* ---- Jobs and passes ---- */

void agent_progress(Pass *pass)
{
        pass->agent->events->job_progress(pass->job, pass->agent->events_userdata);
}

UnitManager *agent_unit_manager(Agent *a)
{
        return a->units;
}

void agent_warm_up(Pass *pass)
{
        for (guint i = 0; i < pass->items->len; i++) {
                const PassItem *item = g_ptr_array_index(pass->items, i);

                if (item->wish->verify && !item->settled && !item->joined_to) {
                        prober_warm_up(pass->agent->prober);
                        return;
                }
        }
}

static int on_linger_over(sd_event_source *s, uint64_t usec, void *userdata)
{
        Linger *l = userdata;
        Agent *a = l->agent;

        g_ptr_array_remove_fast(a->jobs, l->job);
        g_ptr_array_remove_fast(a->lingers, l);
        return 0;
}

static void agent_let_linger(Agent *a, Job *job)
{
        Linger *l = g_new0(Linger, 1);

        l->agent = a;
        l->job = job;
        (void) sd_event_add_time_relative(a->event, &l->source, CLOCK_MONOTONIC, JOB_LINGER_USEC, 0, on_linger_over, l);
        g_ptr_array_add(a->lingers, l);
}

/* The inventory has just dropped them; another pass may still be at work on such a certificate. */
static void agent_forget_facts_of_gone(Agent *a)
{
        for (guint i = 0; i < a->gone->len; i++)
                ((Certificate *) g_ptr_array_index(a->gone, i))->facts = NULL;
}

/* Names of those whose watched files changed meanwhile: by the pass itself, or by somebody after it. */
static char **pass_take_drifted(Pass *pass)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();

        for (guint i = 0; i < pass->items->len; i++) {
                Certificate *c = ((PassItem *) g_ptr_array_index(pass->items, i))->certificate;

                if (c->drifted)
                        g_strv_builder_add(names, c->wish->name);
                c->drifted = false;
        }
        return g_strv_builder_end(names);
}

/* The names of the certificates whose files are new. */
static char **pass_find_installed(const Pass *pass)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();

        for (guint i = 0; i < pass->items->len; i++) {
                const PassItem *item = g_ptr_array_index(pass->items, i);

                if (item->installed && item->wish->kind == MANIFEST_KIND_CERTIFICATE)
                        g_strv_builder_add(names, item->wish->name);
        }
        return g_strv_builder_end(names);
}

/* What a pass learned is kept, whether or not its job goes on. */
static void pass_keep(Pass *pass)
{
        Agent *a = pass->agent;
        bool by_timer = pass->job->kind == JOB_KIND_RENEW_DUE && !pass->by_itself;

        if (by_timer)
                agent_remind(a);
        agent_flush_records(a);
        record_store_write_summary(a->records);
        inventory_save(a->inventory, a->manifest);
        agent_forget_facts_of_gone(a);
        if (by_timer) {
                clock_seen(a->clock);
                watch_mend(a->watch);
        }
}

static void job_finish(Agent *a, Job *job)
{
        if (job->result == JOB_RESULT_NONE)
                job->result = job_conclude(job);
        job->over = true;
        a->events->job_progress(job, a->events_userdata);
        a->events->job_removed(job, a->events_userdata);
        agent_let_linger(a, job);
}

/* The end of a pass: its job goes on in another one, or its result is told. */
static void pass_finish(Pass *pass)
{
        Agent *a = pass->agent;
        Job *job = pass->job;
        bool is_timers = job->kind == JOB_KIND_RENEW_DUE && !pass->by_itself;
        g_auto(GStrv) installed = pass_find_installed(pass), drifted = NULL, more = NULL;
        g_autoptr(GPtrArray) early = NULL;

        pass_keep(pass);
        more = pass_goes_on(pass);
        early = job->kind == JOB_KIND_RENEW ? pass_find_unissued(pass) : pass_find_followers(pass);
        drifted = pass_take_drifted(pass);
        if (more || early->len > 0)
                agent_go_on(pass, more, early);
        else if (pass->announced)
                job_finish(a, job);
        else
                job_free(job);
        g_ptr_array_remove_fast(a->passes, pass);
        agent_release_retired(a);
        agent_set_wake(a);
        if (*drifted)
                on_watch_changed(drifted, a);
        auditor_note_pass(a->auditor, installed, is_timers, a->passes->len == 0);
}

static int on_pass_over(sd_event_source *s, void *userdata)
{
        pass_finish(userdata);
        return 0;
}

/* Deferred: the caller may still be in the middle of the pass's lists. */
static void pass_finish_later(Pass *pass)
{
        pass->closing = true;
        sd_event_source_disable_unref(pass->defer);
        pass->defer = NULL;
        (void) sd_event_add_defer(pass->agent->event, &pass->defer, on_pass_over, pass);
}

void pass_count_settled(Pass *pass)
{
        g_assert(pass->open > 0);
        if (--pass->open == 0)
                pass_finish_later(pass);
}

static int on_pass_begin(sd_event_source *s, void *userdata)
{
        Pass *pass = userdata;

        pass->defer = sd_event_source_disable_unref(pass->defer);
        pass_begin(pass);
        return 0;
}

/* Once in each pass of the timer: the certificates themselves are silent about what is not done. */
static void say_clock(PlanClock clock)
{
        g_autofree char *now = timestamp_format(clock.now);

        if (clock.trust != CLOCK_GOOD)
                log_full(LOG_WARNING, &(LogContext) { .message_id = CERT_MESSAGE_CLOCK },
                         "The clock cannot be trusted: it says %s, %s. Nothing is issued until it is right.", now,
                         clock.trust == CLOCK_UNSET ? "which is before 2020" : "more than a day before the latest time seen");
}

static bool check_names(Agent *a, const char *const *names, GError **error)
{
        for (; names && *names; names++) {
                if (g_str_has_prefix(*names, MANIFEST_AUTHORITY_PREFIX) &&
                    agent_find_authority(a, *names + strlen(MANIFEST_AUTHORITY_PREFIX)))
                        continue;
                if (!agent_find(a, *names)) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                                    "The manifest has no certificate \"%s\"", *names);
                        return false;
                }
        }
        return true;
}

/* The bus hears of a job when it begins; of one that a watch began only if there is something to do. */
void pass_announce(Pass *pass)
{
        Agent *a = pass->agent;

        if (pass->announced)
                return;
        pass->announced = true;
        g_ptr_array_add(a->jobs, pass->job);
        a->events->job_new(pass->job, a->events_userdata);
}

static void pass_take_named(Pass *pass)
{
        bool asked_for = pass->job->kind == JOB_KIND_RENEW || pass->job->kind == JOB_KIND_ENSURE;

        for (char **name = pass->names; *name; name++) {
                Certificate *c = agent_find(pass->agent, *name);

                if (c)
                        pass_take(pass, c, asked_for);
        }
}

/* An authority that is named, or that something was done to, takes with it what hangs on it. */
static bool pass_includes(const Pass *pass, const Authority *authority)
{
        if (g_strv_contains((const char *const *) pass->names, authority->name))
                return true;
        for (guint i = 0; i < pass->operations->len; i++)
                if (((AuthorityOperation *) g_ptr_array_index(pass->operations, i))->authority == authority)
                        return true;
        return false;
}

static void pass_take_concerned(Pass *pass)
{
        Agent *a = pass->agent;

        for (guint n = 0; n < pass->authorities->len; n++) {
                const Authority *authority = g_ptr_array_index(pass->authorities, n);

                if (!pass_includes(pass, authority))
                        continue;
                for (guint i = 0; i < a->certificates->len + a->bundles->len; i++) {
                        Certificate *c = agent_managed(a, i);

                        if (authority_concerns(authority, c->wish))
                                pass_take(pass, c, false);
                }
        }
}

void pass_fill(Pass *pass)
{
        Agent *a = pass->agent;

        pass->filled = true;
        if (pass->job->result == JOB_RESULT_NONE) {
                if (*pass->names) {
                        pass_take_named(pass);
                        pass_take_concerned(pass);
                } else {
                        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++)
                                pass_take(pass, agent_managed(a, i), false);
                        pass_take_scouts(pass);
                        a->looked = true;
                }
        }
        for (guint i = 0; i < pass->items->len; i++)
                pass->open += !((PassItem *) g_ptr_array_index(pass->items, i))->settled;
        if (pass->open > 0)
                pass_announce(pass);
        for (guint i = 0; i < pass->items->len; i++)
                a->events->certificate_changed(((PassItem *) g_ptr_array_index(pass->items, i))->certificate,
                                               a->events_userdata);
        if (pass->announced)
                agent_progress(pass);
        if (pass->open == 0)
                pass_finish_later(pass);
        else
                (void) sd_event_add_defer(a->event, &pass->defer, on_pass_begin, pass);
}

void agent_go_on(Pass *pass, char **names, GPtrArray *early)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        Pass *next;

        for (char **name = names; name && *name; name++)
                g_ptr_array_add(all, *name);
        for (guint i = 0; i < early->len; i++)
                g_ptr_array_add(all, ((Certificate *) g_ptr_array_index(early, i))->wish->name);
        g_ptr_array_add(all, NULL);
        next = pass_new(pass->agent, pass->job, early->len > 0 ? pass->flags : 0, (const char *const *) all->pdata);
        for (guint i = 0; i < early->len; i++)
                g_hash_table_add(next->early, g_ptr_array_index(early, i));
        next->round = pass->round + 1;
        next->announced = pass->announced;
        next->by_itself = pass->by_itself;
        g_ptr_array_add(pass->agent->passes, next);
        pass_ask(next);
}

bool agent_start(Agent *a, JobKind kind, const char *const *names, bool force, Job **ret_job, GError **error)
{
        bool by_person = kind != JOB_KIND_RENEW_DUE && kind != JOB_KIND_REPAIR;
        PlanFlags flags = (by_person ? PLAN_IGNORE_RETRY : 0) | (force ? PLAN_FORCED : 0);
        Pass *pass;

        /* A watched file's certificate may have left the manifest meanwhile. */
        if (kind != JOB_KIND_REPAIR && !check_names(a, names, error))
                return false;
        if (!a->manifest) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "No manifest is in force");
                return false;
        }
        a->clock = clock_read();
        if (kind == JOB_KIND_RENEW_DUE)
                say_clock(a->clock);
        if (kind == JOB_KIND_RENEW_DUE || kind == JOB_KIND_RENEW)
                agent_ask_roots(a, names);
        pass = pass_new(a, job_new(++a->last_job_id, kind), flags, names);
        g_ptr_array_add(a->passes, pass);
        if (kind != JOB_KIND_REPAIR)
                pass_announce(pass);
        if (ret_job)
                *ret_job = pass->job;
        pass_ask(pass);
        return true;
}

void agent_start_due(Agent *a, const char *const *names)
{
        Pass *pass = pass_new(a, job_new(++a->last_job_id, JOB_KIND_RENEW_DUE), 0, names);

        pass->by_itself = true;
        g_ptr_array_add(a->passes, pass);
        pass_ask(pass);
}

/* What is not yet installed is given up; what is goes its way to the end. */
static void item_cancel(PassItem *item)
{
        bool in_batch = item->pass->batch && g_ptr_array_find(item->pass->batch, item, NULL);

        if (item->settled || item->installed || item->group || item->joined_to || in_batch)
                return;
        if (item->issue) {
                item->issue = issue_discard(item->issue);
                item->pass->issuing--;
        }
        item_settle(item, JOB_STAGE_SKIPPED, NULL);
}

bool agent_cancel(Agent *a, unsigned id)
{
        for (guint i = 0; i < a->passes->len; i++) {
                Pass *pass = g_ptr_array_index(a->passes, i);

                if (pass->job->id != id)
                        continue;
                pass->job->result = JOB_RESULT_CANCELED; /* before it is filled nothing more is taken in */
                for (guint k = 0; k < pass->items->len; k++)
                        item_cancel(g_ptr_array_index(pass->items, k));
                return true;
        }
        return false;
}

/* ---- Questions ---- */

const Manifest *agent_manifest(const Agent *a)
{
        return a->manifest;
}

char **agent_manifest_problems(const Agent *a)
{
        return a->problems;
}

Certificate *agent_find(Agent *a, const char *name)
{
        return g_hash_table_lookup(a->by_name, name);
}

GPtrArray *agent_certificates(Agent *a)
{
        return a->certificates;
}

GPtrArray *agent_bundles(Agent *a)
{
        return a->bundles;
}

Certificate *agent_managed(Agent *a, guint i)
{
        return i < a->certificates->len ? g_ptr_array_index(a->certificates, i)
                                        : g_ptr_array_index(a->bundles, i - a->certificates->len);
}

Job *agent_find_job(Agent *a, unsigned id)
{
        for (guint i = 0; i < a->jobs->len; i++) {
                Job *job = g_ptr_array_index(a->jobs, i);

                if (job->id == id)
                        return job;
        }
        return NULL;
}

GPtrArray *agent_jobs(Agent *a)
{
        return a->jobs;
}

IssuePool *agent_issue_pool(Agent *a)
{
        return a->issuers;
}

Auditor *agent_auditor(Agent *a)
{
        return a->auditor;
}

sd_event *agent_event(Agent *a)
{
        return a->event;
}

void agent_hold(Agent *a)
{
        a->holds++;
}

unsigned agent_holds(const Agent *a)
{
        return a->holds;
}

void agent_let_go(Agent *a)
{
        a->holds--;
        agent_release_retired(a);
}

bool agent_is_idle(const Agent *a)
{
        return a->passes->len == 0 && a->holds == 0 && !auditor_is_busy(a->auditor) && g_hash_table_size(a->unrecorded) == 0 && !agent_is_watching(a);
}

bool agent_is_staying(const Agent *a)
{
        return wake_is_set(a->wake);
}

/* 2: failed; 1: degraded; 0: neither. */
static int gravity(CertState state)
{
        switch (state) {
        case CERT_STATE_FAILED:
        case CERT_STATE_BLOCKED:
                return 2;
        case CERT_STATE_DEGRADED:
                return 1;
        default:
                return 0;
        }
}

const char *agent_state(Agent *a)
{
        static const char *const words[] = { "ok", "degraded", "failed" };
        int worst = *a->problems != NULL;

        if (!a->looked)
                agent_look_at_all(a);
        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++)
                worst = MAX(worst, gravity(certificate_state(agent_managed(a, i))));
        for (guint i = 0; i < a->authorities->len; i++)
                worst = MAX(worst, gravity(authority_state(g_ptr_array_index(a->authorities, i))));
        return words[worst];
}

static void take_earlier(uint64_t *next, uint64_t due)
{
        if (due > 0 && due < *next)
                *next = due;
}

uint64_t agent_next_elapse(Agent *a)
{
        uint64_t next = UINT64_MAX;

        if (!a->looked)
                agent_look_at_all(a);
        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++)
                take_earlier(&next, agent_managed(a, i)->item.due);
        for (guint i = 0; i < a->authorities->len; i++)
                take_earlier(&next, ((Authority *) g_ptr_array_index(a->authorities, i))->plan.due);
        return next == UINT64_MAX ? 0 : next;
}

uint64_t agent_last_pass(const Agent *a)
{
        return clock_last_pass();
}
