/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pass's item: what its way through the stages writes into the record, the job's step and the log. */

#include "agent/pass.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

/* So often a job may find others at work. */
#define REJOINS_MAX 6

void item_begin_units(PassItem *item)
{
        item->units_open = item->units_told = item->units_inactive = 0;
        item->keep = item->unable = false;
        if (item->step)
                job_step_set(item->step, JOB_STAGE_UNITS, NULL);
}

void item_record_pending(PassItem *item)
{
        Record *r = item->certificate->record;

        if (item->step)
                job_step_set(item->step, JOB_STAGE_INSTALLING, NULL);
        r->pending = item->fresh->number;
        r->pending_imported = item->imported;
        g_free(r->pending_digest);
        r->pending_digest = g_strdup(item->wish->request_digest);
}

void item_record_installed(PassItem *item)
{
        Record *r = item->certificate->record;

        g_free(item->before_issuer);
        item->before_issuer = g_steal_pointer(&r->issuer);
        g_free(item->before_digest);
        item->before_digest = g_steal_pointer(&r->request_digest);
        g_free(item->before_authority);
        item->before_authority = g_steal_pointer(&r->authority);
        g_free(item->before_source);
        item->before_source = g_steal_pointer(&r->source);

        r->issuer = g_strdup(item->wish->issuer);
        r->request_digest = g_strdup(item->wish->request_digest);
        r->authority = g_strdup(item->authority);
        r->source = g_strdup(item->source);
        r->generation = item->fresh->number;
        if (g_strcmp0(r->taken, item->fresh->fingerprint) == 0) /* the same leaf with other roots: not taken yet */
                g_clear_pointer(&r->taken, g_free);
        g_free(r->fingerprint);
        r->fingerprint = g_strdup(item->fresh->fingerprint);
        r->pending = 0;
        r->pending_imported = false;
        g_clear_pointer(&r->pending_digest, g_free);
        item->installed = true;
}

/* Old generations go when the new one has been taken; what the record still names stays. */
static void prune(const PassItem *item)
{
        const Record *r = item->certificate->record;
        unsigned needed[] = { r->generation, r->pending, r->token_generation, 0, 0 };

        for (size_t from = 0, to = 0; from < 3; from++) {
                unsigned number = needed[from];

                needed[from] = 0;
                if (number > 0)
                        needed[to++] = number;
        }
        generation_prune(r->name, item->wish->keep, needed);
}

void item_record_done(PassItem *item, uint64_t now)
{
        Record *r = item->certificate->record;
        bool renewed = item->installed && item->action != ACTION_REPAIR;

        record_succeed(r);
        g_free(r->taken);
        r->taken = g_strdup(r->fingerprint);
        if (renewed) {
                if (!item->imported) /* one that waits on is known to agent/import.c */
                        certificate_end_waiting(item->certificate);
                r->last_renewal = now;
        }
        if (item->installed)
                prune(item);
        record_add_event(r, now, renewed ? "renewed" : item->action == ACTION_REPAIR ? "repaired" : "units",
                         item->reasons, renewed ? item->fresh->serial : NULL, NULL);
}

/* Trying again on one's own would do harm (a token locks after wrong PINs) or cannot help. */
static bool error_blocks(const PassItem *item, const GError *error)
{
        if (g_error_matches(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE))
                return item->wish->key_uri != NULL;
        return g_error_matches(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED) ||
               g_error_matches(error, CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER);
}

static bool error_ends_waiting(const GError *error)
{
        return !g_error_matches(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE) &&
               !g_error_matches(error, CERT_ERROR, CERT_ERROR_ISSUER_TIMEOUT);
}

void item_record_failed(PassItem *item, uint64_t now, const GError *error)
{
        Certificate *c = item->certificate;
        const LeafFacts *leaf = c->facts ? c->facts->leaf : NULL;
        bool issuing = !item->fresh && (item->action == ACTION_ISSUE || item->action == ACTION_POLL);
        /* The units stay behind what is on disk: either the new one was kept, or they were only to be told. */
        bool behind = item->installed || item->action == ACTION_UNITS || item->unable;

        g_free(c->record->failed_digest);
        c->record->failed_digest = g_strdup(item->wish->request_digest);
        g_free(c->record->failed_issuer);
        c->record->failed_issuer = issuing ? g_strdup(item->wish->issuer_digest) : NULL;
        record_fail(c->record, now, leaf ? record_remaining(now, leaf->not_before, leaf->not_after) : 0, item->retry_after,
                    error);
        c->record->degraded = behind && c->record->fingerprint;
        c->record->blocked = error_blocks(item, error);
        /* A good one that a person alone wanted to be another is left as it is. */
        if (issuing && item->reasons == REASON_BIT(REASON_FORCED) && c->record->pending == 0)
                c->record->retry_at = 0;
        /* What it took it can no longer read: not for long, then, is it served. */
        if (item->unable && g_strcmp0(c->record->taken, c->record->fingerprint) == 0)
                g_clear_pointer(&c->record->taken, g_free);
        /* A request that was to be replaced by another waits on. */
        if (issuing && item->action == ACTION_POLL && error_ends_waiting(error))
                certificate_end_waiting(c);
        record_add_event(c->record, now, "failed", item->reasons, NULL, error->message);
}

static void item_log(const PassItem *item, JobStage stage, const GError *error)
{
        const Certificate *c = item->certificate;
        g_autofree char *reasons = reason_set_to_string(item->reasons);
        g_autofree char *until = NULL, *retry = NULL, *summary = NULL;
        LogContext context = {
                .name = c->wish->name,
                .state = cert_state_to_string(certificate_state(c)),
                .reason = reasons,
                .issuer = c->wish->issuer,
                .serial = item->fresh ? item->fresh->serial : NULL,
        };

        switch (stage) {
        case JOB_STAGE_DONE:
                context.message_id = item->installed ? CERT_MESSAGE_RENEWED : CERT_MESSAGE_REPAIRED;
                until = item->installed ? timestamp_format(item->fresh->not_after) : NULL;
                if (item->installed && c->wish->kind == MANIFEST_KIND_BUNDLE)
                        log_full(LOG_INFO, &context, "Written (%s).", reasons);
                else if (item->installed && !(item->action == ACTION_REPAIR))
                        log_full(LOG_INFO, &context, "Renewed (%s); valid until %s.", reasons, until);
                else
                        log_full(LOG_INFO, &context, "Made good (%s).", reasons);
                break;
        case JOB_STAGE_WAITING:
                item_log_waiting(item, &context);
                break;
        case JOB_STAGE_FAILED:
                context.message_id = c->record->blocked ? CERT_MESSAGE_BLOCKED
                                     : c->record->degraded ? CERT_MESSAGE_DEGRADED
                                                            : CERT_MESSAGE_FAILED;
                retry = c->record->retry_at ? timestamp_format(c->record->retry_at) : NULL;
                summary = cert_error_summary(error);
                log_full(LOG_ERR, &context, "%s (%s)%s%s.\n%s", summary, reasons, retry ? "; tried again at " : "",
                         retry ?: "", cert_error_hint(error));
                break;
        default:
                break;
        }
}

static void item_set_step(PassItem *item, JobStage stage, const GError *error)
{
        g_autofree char *summary = error ? cert_error_summary(error) : NULL;

        if (item->step)
                job_step_set(item->step, stage, summary);
}

/* One that had joined gets the outcome. */
static void item_release(PassItem *other, JobStage stage, const GError *error)
{
        other->joined_to = NULL;
        other->settled = true;
        item_set_step(other, stage, error);
        agent_progress(other->pass);
        pass_count_settled(other->pass);
}

void item_show(PassItem *item, JobStage stage, const GError *error)
{
        item_log(item, stage, error);
        item_set_step(item, stage, error);
        while (item->joined->len > 0)
                item_release(g_ptr_array_steal_index_fast(item->joined, item->joined->len - 1), stage, error);
}

void item_release_ensured(PassItem *item)
{
        for (guint i = item->joined->len; i > 0; i--) {
                PassItem *other = g_ptr_array_index(item->joined, i - 1);

                if (other->pass->job->kind != JOB_KIND_ENSURE)
                        continue;
                g_ptr_array_remove_index_fast(item->joined, i - 1);
                item_release(other, JOB_STAGE_DONE, NULL);
        }
}

void item_skip(PassItem *item)
{
        item->settled = true;
        item->step = job_add(item->pass->job, item->wish->name);
        job_step_set(item->step, item->certificate->item.state == CERT_STATE_WAITING ? JOB_STAGE_WAITING : JOB_STAGE_SKIPPED,
                     NULL);
}

bool pass_join(Pass *pass, Certificate *c, const PlanItem *plan)
{
        PassItem *item = pass_add(pass, c);

        item->again = (pass->flags & PLAN_FORCED) && plan->action == ACTION_ISSUE && c->work->action != ACTION_ISSUE;
        item->step = job_add(pass->job, c->wish->name);
        item->joined_to = c->work;
        g_ptr_array_add(c->work->joined, item);
        return true;
}

GPtrArray *pass_find_unissued(const Pass *pass)
{
        GPtrArray *certificates = g_ptr_array_new();

        for (guint i = 0; i < pass->items->len && pass->job->result == JOB_RESULT_NONE && pass->round < REJOINS_MAX; i++) {
                const PassItem *item = g_ptr_array_index(pass->items, i);

                if (item->again)
                        g_ptr_array_add(certificates, item->certificate);
        }
        return certificates;
}

bool pass_has_ready(const Pass *pass)
{
        for (guint i = 0; i < pass->items->len; i++) {
                const PassItem *item = g_ptr_array_index(pass->items, i);

                if (item->ready && !item->settled)
                        return true;
        }
        return false;
}
