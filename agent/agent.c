/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent: the way of the data, stage by stage, in the order in which it flows:
 *
 *     manifest -> inventory -> plan -> issue -> install -> units -> verify -> record -> bus
 *
 * Each stage is a file of its own and calls no other; this one calls them all. The way back, when units do not take
 * what was installed, stands in pass-back.c; what surrounds a pass (jobs, questions about state) in agent-jobs.c. */

#include "agent/agent-private.h"
#include "agent/clock.h"
#include "agent/install.h"
#include "agent/manifest-saved.h"
#include "agent/outage.h"
#include "agent/trust.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

/* How long what was issued waits for the rest of its pass, before it is installed without it. */
#define GATHER_USEC (10 * USEC_PER_SEC)

static void item_verify(PassItem *item);

/* ---- 1. Manifest: what is wanted ---- */

/* One that left the manifest and comes back while a pass is still at work on it is the same one: two passes on two
 * certificates of one name would go back to each other's files. */
static Certificate *agent_take_back(Agent *a, const char *name)
{
        for (guint i = 0; i < a->gone->len; i++) {
                Certificate *c = g_ptr_array_index(a->gone, i);

                if (g_str_equal(c->wish->name, name))
                        return g_ptr_array_steal_index_fast(a->gone, i);
        }
        return NULL;
}

/* Puts the wishes in the place of those in `list`; what is taken over from `old` is removed there. */
static void agent_take_wishes(Agent *a, GHashTable *old, const GPtrArray *wishes, GPtrArray *list)
{
        g_ptr_array_set_size(list, 0);
        for (guint i = 0; i < wishes->len; i++) {
                const ManifestCertificate *wish = g_ptr_array_index(wishes, i);
                Certificate *c = g_hash_table_lookup(old, wish->name);

                if (c)
                        g_hash_table_remove(old, wish->name);
                else
                        c = agent_take_back(a, wish->name) ?: certificate_new(wish);
                c->wish = wish;
                c->facts = NULL;
                g_ptr_array_add(list, c);
                g_hash_table_insert(a->by_name, wish->name, c);
        }
}

/* Who trusts by a bundle goes on doing so: the file is left to its readers, and that is said. */
static void say_gone(const Certificate *c)
{
        if (c->wish->kind != MANIFEST_KIND_CERTIFICATE)
                log_full(LOG_NOTICE, &(LogContext) { .name = c->wish->name },
                         "It is no longer in the manifest; its file %s stays as it is: remove it when nobody reads it.",
                         c->wish->path[MANAGED_FILE_CA]);
}

/* Certificates keep their identity over a reload; those that are gone live on until no pass is at work on them. */
static void agent_take_manifest(Agent *a, Manifest *manifest)
{
        g_autoptr(GHashTable) old = g_steal_pointer(&a->by_name);
        GHashTableIter iter;
        gpointer gone;

        a->by_name = g_hash_table_new(g_str_hash, g_str_equal);
        agent_take_wishes(a, old, manifest->certificates, a->certificates);
        agent_take_wishes(a, old, manifest->bundles, a->bundles);
        agent_take_authorities(a, manifest);
        g_hash_table_iter_init(&iter, old);
        while (g_hash_table_iter_next(&iter, NULL, &gone)) {
                say_gone(gone);
                g_ptr_array_add(a->gone, gone);
        }
        if (a->manifest)
                g_ptr_array_add(a->retired, a->manifest);
        a->manifest = manifest;
        a->looked = false;
        agent_release_retired(a);
        watch_set(a->watch, manifest);
        agent_set_wake(a); /* not for what is gone: nobody would be needed any more */
}

bool agent_reload(Agent *a, GError **error)
{
        g_autoptr(GPtrArray) problems = NULL;
        g_autoptr(Manifest) manifest = NULL;
        g_autoptr(GError) refused = NULL;

        if (manifest_load(&manifest, &problems, &refused)) {
                /* Saved once, it is loaded by whoever starts the agent and by the watch on the file: said once. */
                bool same = a->manifest && !*a->problems && g_str_equal(a->manifest->digest, manifest->digest);

                manifest_saved_keep(manifest);
                agent_set_problems(a, NULL);
                log_full(same ? LOG_DEBUG : LOG_INFO, &(LogContext) { .message_id = CERT_MESSAGE_MANIFEST_LOADED },
                         "The manifest is in force: %u certificate%s, %u bundle%s and lists.",
                         manifest->certificates->len, manifest->certificates->len == 1 ? "" : "s",
                         manifest->bundles->len, manifest->bundles->len == 1 ? "" : "s");
        } else {
                agent_set_problems(a, problems);
                log_full(LOG_ERR, &(LogContext) { .message_id = CERT_MESSAGE_MANIFEST_REFUSED },
                         "The last good manifest stays in force. %s", refused->message);
                if (!a->manifest)
                        manifest = manifest_saved_load();
        }
        if (manifest)
                agent_take_manifest(a, g_steal_pointer(&manifest));
        if (refused) {
                a->events->manifest_changed(a->events_userdata);
                g_propagate_error(error, g_steal_pointer(&refused));
                return false;
        }
        a->events->manifest_changed(a->events_userdata);
        return true;
}

/* ---- 2. Inventory: what is present ---- */

static void certificate_look(Agent *a, Certificate *c)
{
        g_autoptr(GError) error = NULL;
        const char *fingerprint;

        if (!record_store_get(a->records, c->wish->name, &c->record, NULL, &error)) {
                certificate_set_unrecorded(c, error);
                return;
        }
        c->facts = inventory_look(a->inventory, c->wish, c->record, agent_facts_of(a, c->wish->issuer));
        fingerprint = facts_fingerprint(c->facts);
        if (fingerprint && g_strcmp0(fingerprint, c->record->fingerprint) != 0 && !c->work) {
                record_adopt(c->record, fingerprint);
                if (g_strcmp0(fingerprint, c->record->fingerprint) == 0)
                        agent_record_later(a, c);
        }
}

/* ---- 3. Plan: what is to be done, why, and when ---- */

/* What failed here, and cost no CA anything, is tried again by every pass. */
static bool record_failed_locally(const Record *r)
{
        return !r->blocked && (r->error == CERT_ERROR_UNIT_FAILED || r->error == CERT_ERROR_NOT_SERVING ||
                               r->error == CERT_ERROR_INSTALL_FAILED);
}

/* Nor does a local authority mind to be asked again. */
static bool is_of_authority(Agent *a, const Certificate *c)
{
        return !c->record->blocked && c->wish->kind == MANIFEST_KIND_CERTIFICATE &&
               agent_find_authority(a, c->wish->issuer);
}

static PlanItem bundle_plan(Agent *a, const Certificate *c, PlanFlags flags)
{
        const ManifestIssuer *unknown;
        g_autoptr(GBytes) pem = agent_compose_bundle(a, c->wish, &unknown, NULL);
        g_autofree char *wanted = pem ? trust_digest(pem) : NULL;

        return plan_bundle(c->wish, c->facts, c->record, wanted, a->clock, flags);
}

static PlanItem certificate_plan(Agent *a, const Certificate *c, PlanFlags flags)
{
        if (!c->facts)
                return (PlanItem) { .certificate = c->wish, .state = CERT_STATE_BLOCKED, .hint = UNRECORDED_HINT };
        switch (c->wish->kind) {
        case MANIFEST_KIND_BUNDLE:
                return bundle_plan(a, c, flags);
        case MANIFEST_KIND_CRL:
                return plan_crl(c->wish, c->facts, c->record, agent_facts_of(a, *c->wish->from), a->clock, flags);
        default:
                return plan_certificate(c->wish, c->facts, c->record, agent_facts_of(a, c->wish->issuer), a->clock,
                                        flags);
        }
}

/* The plan of a pass: as it would be done now. What its job does not name is done when it is due, and never forced. */
static PlanItem pass_plan(const Pass *pass, const Certificate *c)
{
        PlanFlags flags = pass->flags;

        if ((flags & PLAN_FORCED) && *pass->names && !g_strv_contains((const char *const *) pass->names, c->wish->name))
                flags &= ~PLAN_FORCED;
        if (g_hash_table_contains(pass->early, c))
                flags |= PLAN_IGNORE_RETRY;

        /* But not by what a watch has seen: a try that fails changes files, too. */
        if (pass->job->kind != JOB_KIND_REPAIR && !pass->by_itself && c->facts &&
            (record_failed_locally(c->record) || is_of_authority(pass->agent, c)))
                flags |= PLAN_IGNORE_RETRY;
        return flags ? certificate_plan(pass->agent, c, flags) : c->item;
}

void certificate_refresh(Agent *a, Certificate *c)
{
        certificate_look(a, c);
        c->item = certificate_plan(a, c, 0);
}

void agent_look(Agent *a, Certificate *c)
{
        a->clock = clock_read();
        certificate_refresh(a, c);
}

void agent_look_at_all(Agent *a)
{
        a->clock = clock_read();
        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++)
                certificate_refresh(a, agent_managed(a, i));
        a->looked = true;
        agent_judge_all(a);
}

/* The timer's pass has a look at what is served. */
static bool pass_looks_at_served(const Pass *pass, const Certificate *c)
{
        return pass->job->kind == JOB_KIND_RENEW_DUE && !pass->by_itself && c->wish->kind == MANIFEST_KIND_CERTIFICATE && c->wish->verify && c->item.state == CERT_STATE_VALID;
}

bool pass_take(Pass *pass, Certificate *c, bool named)
{
        PlanItem plan;
        PassItem *item;

        if (c->work && c->work->pass == pass)
                return true;
        if (!pass->looked)
                certificate_refresh(pass->agent, c);
        certificate_note_due(c);
        plan = pass_plan(pass, c);
        if (pass->job->kind == JOB_KIND_ENSURE && plan_item_is_usable(&plan)) {
                item_skip(pass_add(pass, c));
                return true;
        }
        if (c->work) {
                /* Looked at again when that pass is over: what it has in hand may be of before what this one is about. */
                c->drifted |= pass->job->kind == JOB_KIND_REPAIR || plan.action != ACTION_NONE;
                return (named || plan.action != ACTION_NONE) && pass_join(pass, c, &plan);
        }
        if (plan.action == ACTION_NONE && !named && !pass_looks_at_served(pass, c))
                return false;
        if (pass->job->kind == JOB_KIND_REPAIR && !certificate_may_mend(c))
                return false;
        if (plan.action != ACTION_NONE && agent_is_unanswered(pass->agent, c))
                return false;
        item = pass_add(pass, c);
        item->action = plan.action;
        item->reasons = plan.reasons;
        if (plan.action == ACTION_NONE && named) {
                item_skip(item);
                return true;
        }
        c->work = item;
        if (plan.action != ACTION_NONE)
                item->step = job_add(pass->job, c->wish->name);
        return true;
}

/* ---- 4. Issue: a new key and certificate ---- */

void item_ready(PassItem *item, Generation *fresh)
{
        item->fresh = fresh;
        item->ready = true;
}

void item_fail(PassItem *item, GError *error)
{
        g_clear_error(&item->error);
        item->error = error;
        item_settle(item, JOB_STAGE_FAILED, error);
}

static void on_issued(const ManifestCertificate *c, const IssueResult *result, void *userdata)
{
        PassItem *item = userdata;
        Pass *pass = item->pass;
        GError *error = NULL;

        item->issue = NULL;
        pass->issuing--;
        item->answered = outage_is_over(result->error, result->retry_after);
        switch (result->outcome) {
        case ISSUE_DONE:
                if (!item_take_local(item, result->generation, &error))
                        item_fail(item, error);
                else if (item_is_overtaken(item))
                        item_fail(item, item_forget_authority(item));
                break;
        case ISSUE_WAITING:
                item_keep_waiting(item, result);
                break;
        case ISSUE_FAILED:
                item->retry_after = result->retry_after;
                item_settle(item, JOB_STAGE_FAILED, result->error);
                break;
        }
        pass_advance(pass);
}

static void item_poll(PassItem *item, const ManifestIssuer *issuer)
{
        g_autoptr(Generation) waiting = certificate_waiting(item->certificate);

        item->issue = issue_poll(item->pass->agent->issuers, item->wish, issuer, item->certificate->record->token, waiting,
                                 on_issued, item);
}

static void item_issue(PassItem *item)
{
        Agent *a = item->pass->agent;
        const ManifestIssuer *issuer = manifest_find_issuer(a->manifest, item->wish->issuer);

        if (!issuer) {
                item->error = g_error_new(CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER,
                                          "The manifest has no issuer \"%s\" any more", item->wish->issuer);
                item_settle(item, JOB_STAGE_FAILED, item->error);
                return;
        }
        if (item_take_kept(item) || item_waits_on(item))
                return;
        job_step_set(item->step, JOB_STAGE_ISSUING, NULL);
        item->pass->issuing++;
        if (item->action == ACTION_POLL) {
                item_poll(item, issuer);
                return;
        }
        if (!item->previous) /* an item that was overtaken is issued again */
                item->previous = certificate_current(item->certificate);
        /* The key of a revoked certificate may be known to others: not even "reuse" uses it again. */
        item->issue = issue_start(a->issuers, item->wish, issuer,
                                  item->reasons & REASON_BIT(REASON_REVOKED) ? NULL : item->previous, on_issued, item);
}

/* The same pair with the roots that are trusted now. */
static void item_renew_roots(PassItem *item, Generation *current)
{
        GError *error = NULL;

        if (!item_take_local(item, current, &error))
                item_fail(item, error);
}

/* ---- 5. Install: the files ---- */

static void item_repair(PassItem *item)
{
        g_autoptr(Generation) current = certificate_current(item->certificate);

        if (current && (item->reasons & REASON_BIT(REASON_BUNDLE_DIFFER)) &&
            item->wish->kind == MANIFEST_KIND_CERTIFICATE) {
                item_renew_roots(item, current);
                return;
        }
        if (!current)
                item->error = g_error_new(CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                                          "Cannot mend the files of %s: their content cannot be read", item->wish->name);
        if (!current || !install_repair(item->wish, current, &item->error)) {
                item_settle(item, JOB_STAGE_FAILED, item->error);
                return;
        }
        if (item_concerns_units(item))
                item->ready = true;
        else
                item_settle(item, JOB_STAGE_DONE, NULL);
}

/* Everything that an install and a way back need is on disk before the first managed file is touched: both
 * generations, and the record that the new one is pending. Returns the items (PassItem*) that are prepared. */
static GPtrArray *items_prepare(GPtrArray *items)
{
        g_autofree GenerationSave *saves = g_new0(GenerationSave, items->len);
        g_autoptr(GPtrArray) unsaved = g_ptr_array_new();
        GPtrArray *prepared = g_ptr_array_new();

        for (guint i = 0; i < items->len; i++) {
                PassItem *item = g_ptr_array_index(items, i);

                if (!item->previous)
                        item->previous = certificate_current(item->certificate);
                if (item->fresh->number > 0)
                        continue;
                saves[unsaved->len] = (GenerationSave) { .generation = item->fresh, .name = item->wish->name };
                g_ptr_array_add(unsaved, item);
        }
        generation_save_many(saves, unsaved->len);
        for (guint i = 0; i < unsaved->len; i++)
                ((PassItem *) g_ptr_array_index(unsaved, i))->error = saves[i].error;
        for (guint i = 0; i < items->len; i++) {
                PassItem *item = g_ptr_array_index(items, i);

                if (item->error)
                        continue;
                item_record_pending(item);
                g_ptr_array_add(prepared, item);
        }
        return prepared;
}

void items_install(Pass *pass, GPtrArray *items)
{
        g_autoptr(GPtrArray) prepared = items_prepare(items);
        g_autofree InstallItem *work = g_new0(InstallItem, prepared->len);

        agent_save_records(pass->agent, prepared);
        for (guint i = 0; i < prepared->len; i++) {
                PassItem *item = g_ptr_array_index(prepared, i);

                work[i].certificate = item->wish;
                work[i].generation = item->fresh;
        }
        install_batch(work, prepared->len);
        for (guint i = 0; i < prepared->len; i++) {
                PassItem *item = g_ptr_array_index(prepared, i);

                if (work[i].error)
                        item->error = work[i].error;
                else {
                        item_record_installed(item);
                        item_release_ensured(item);
                }
                agent_record_later(pass->agent, item->certificate);
        }
}

/* ---- 6. Units: those that must take it ---- */

static void group_conclude(UnitGroup *group)
{
        if (--group->open > 0)
                return;
        if (group->bad->len > 0)
                pass_go_back(group);
        else
                pass_group_done(group);
}

/* What units and probe said of one item. */
static void item_verdict(PassItem *item)
{
        UnitGroup *group = item->group;

        if (item->error)
                g_ptr_array_add(group->bad, item);
        else
                item_settle(item, JOB_STAGE_DONE, NULL);
        group_conclude(group);
}

static void item_take_unit_result(PassItem *item, const GroupUnit *u, const UnitResult *result)
{
        item->units_open--;
        item->units_told += result->outcome == UNIT_DONE && u->ref.action != UNIT_ACTION_NONE;
        item->units_inactive += result->outcome == UNIT_INACTIVE;
        item->unable |= result->outcome == UNIT_UNABLE;
        item->keep |= result->outcome == UNIT_GONE || item->unable;
        if (result->error && !item->error)
                item->error = g_error_copy(result->error);
}

static void on_unit_told(const char *unit, const UnitResult *result, void *userdata)
{
        GroupUnit *u = userdata;
        UnitGroup *group = u->group;

        u->job = NULL;
        u->timed_out = result->outcome == UNIT_TIMED_OUT;
        group->open++; /* the group outlives this loop */
        for (guint i = 0; i < u->items->len; i++) {
                PassItem *item = g_ptr_array_index(u->items, i);

                item_take_unit_result(item, u, result);
                if (item->units_open == 0)
                        item_verify(item);
        }
        group_conclude(group);
}

void group_tell_units(UnitGroup *group)
{
        group->open = group->items->len + 1;
        for (guint i = 0; i < group->items->len; i++)
                item_begin_units(g_ptr_array_index(group->items, i));
        for (guint i = 0; i < group->units->len; i++) {
                GroupUnit *u = g_ptr_array_index(group->units, i);

                for (guint k = 0; k < u->items->len; k++)
                        ((PassItem *) g_ptr_array_index(u->items, k))->units_open++;
                group_unit_start(u, on_unit_told);
        }
        for (guint i = 0; i < group->items->len; i++) {
                PassItem *item = g_ptr_array_index(group->items, i);

                if (item->units_open == 0)
                        item_verify(item);
        }
        group_conclude(group);
}

static void batch_tell_units(Pass *pass)
{
        g_autoptr(GPtrArray) batch = g_steal_pointer(&pass->batch);
        g_autoptr(GPtrArray) groups = g_ptr_array_new();

        pass_group(pass, batch, groups);
        for (guint i = 0; i < groups->len; i++)
                group_tell_units(g_ptr_array_index(groups, i));
        pass_advance(pass);
}

static void on_followers(const char *name, char **units, void *userdata)
{
        PassItem *item = userdata;

        item->followers = NULL;
        item->followed_by = g_strdupv(units);
        if (--item->pass->followers == 0)
                batch_tell_units(item->pass);
}

/* Units that follow cert@NAME.service are told as those of the manifest are. */
static void batch_ask_followers(Pass *pass)
{
        pass->followers = 1;
        for (guint i = 0; i < pass->batch->len; i++) {
                PassItem *item = g_ptr_array_index(pass->batch, i);

                item->followers = unit_followers_start(pass->agent->units, item->wish->name, on_followers, item);
                pass->followers += item->followers != NULL;
        }
        if (--pass->followers == 0)
                batch_tell_units(pass);
}

/* ---- 7. Verify: what is served now ---- */

/* Looks first: what was served is forgotten when files change, and they did. */
static void item_note_served(PassItem *item, const char *fingerprint)
{
        certificate_look(item->pass->agent, item->certificate);
        if (fingerprint)
                inventory_set_served(item->pass->agent->inventory, item->wish->name, fingerprint);
}

static void on_verified(const char *name, const VerifyResult *result, void *userdata)
{
        PassItem *item = userdata;

        item->verify = NULL;
        item_note_served(item, result->served);
        if (result->outcome != VERIFY_SERVED)
                item->error = g_error_copy(result->error);
        item->keep |= result->outcome == VERIFY_BROKEN; /* nothing speaks against the new one */
        item_verdict(item);
}

static void on_trust_verified(const char *name, const VerifyResult *result, void *userdata)
{
        PassItem *item = userdata;

        item->verify = NULL;
        if (result->outcome != VERIFY_SERVED)
                item->error = g_error_copy(result->error);
        item->keep |= result->outcome == VERIFY_BROKEN;
        item_verdict(item);
}

/* What is served must be trusted by what is in the bundle now. */
static void item_verify_trust(PassItem *item)
{
        g_autoptr(Generation) current = item->fresh ? generation_ref(item->fresh) : certificate_current(item->certificate);

        if (current)
                item->verify = verify_start_trust(item->pass->agent->prober, item->wish->name, item->wish->verify,
                                                  current->ca_pem, on_trust_verified, item);
        else
                item_verdict(item);
}

static void item_verify(PassItem *item)
{
        bool nobody_serves = item->units_inactive > 0 && item->units_told == 0;

        if (item->error || !item->wish->verify || nobody_serves || !item_tells_units(item)) {
                item_verdict(item);
                return;
        }
        if (item->step)
                job_step_set(item->step, JOB_STAGE_VERIFYING, NULL);
        agent_progress(item->pass);
        if (item->wish->kind == MANIFEST_KIND_CERTIFICATE)
                item->verify = verify_start(item->pass->agent->prober, item->wish->name, item->wish->verify,
                                            item->certificate->record->fingerprint, on_verified, item);
        else
                item_verify_trust(item);
}

/* Nothing is to be done, but is it served? A service that cannot be reached now is no reason for anything. */
static void on_looked(const char *name, const VerifyResult *result, void *userdata)
{
        PassItem *item = userdata;
        Certificate *c = item->certificate;
        Pass *pass = item->pass;
        PlanItem plan;

        item->verify = NULL;
        pass->issuing--;
        item_note_served(item, result->served);
        certificate_refresh(pass->agent, c);
        plan = pass_plan(pass, c);
        if (plan.action == ACTION_UNITS && !item->settled) {
                item->action = plan.action;
                item->reasons = plan.reasons;
                item->step = job_add(pass->job, item->wish->name);
                item->ready = true;
        } else
                item_settle(item, JOB_STAGE_SKIPPED, NULL);
        pass_advance(pass);
}

static void item_look_at_served(PassItem *item)
{
        item->pass->issuing++;
        item->verify = verify_look(item->pass->agent->prober, item->wish->name, item->wish->verify, on_looked, item);
}

/* ---- 8. Record: facts that outlive the agent ---- */

static void item_record(PassItem *item, JobStage stage, const GError *error)
{
        uint64_t now = now_realtime();

        if (stage == JOB_STAGE_DONE)
                item_record_done(item, now);
        else if (stage == JOB_STAGE_FAILED)
                item_record_failed(item, now, error);
        else if (stage != JOB_STAGE_WAITING) /* that has its record: item_keep_waiting() */
                return;
        agent_record_later(item->pass->agent, item->certificate);
}

/* ---- 9. The bus: what became of it ---- */

void item_settle(PassItem *item, JobStage stage, const GError *error)
{
        Certificate *c = item->certificate;
        Agent *a = item->pass->agent;

        if (item->settled)
                return;
        item->settled = true;
        item_record(item, stage, error);
        c->work = NULL;
        agent_look(a, c); /* by the clock of now: a retry is counted from now on */
        certificate_note_due(c);
        item_show(item, stage, error);
        a->events->certificate_changed(c, a->events_userdata);
        pass_count_settled(item->pass);
}

/* ---- The pass: all of its items through these stages ---- */

static void item_make(PassItem *item)
{
        switch (item->wish->kind) {
        case MANIFEST_KIND_BUNDLE:
                item_compose(item);
                break;
        case MANIFEST_KIND_CRL:
                item_sign_lists(item);
                break;
        default:
                item_issue(item);
                break;
        }
}

static void item_begin(PassItem *item)
{
        switch (item->action) {
        case ACTION_NONE:
                if (!item->settled)
                        item_look_at_served(item);
                break;
        case ACTION_REPAIR:
                item_repair(item);
                break;
        case ACTION_UNITS:
                item->ready = true;
                break;
        case ACTION_ISSUE:
        case ACTION_POLL:
                item_make(item);
                break;
        default:
                g_assert_not_reached();
        }
}

void pass_begin(Pass *pass)
{
        guint n = pass->items->len;

        agent_warm_up(pass);
        for (guint i = 0; i < n; i++) {
                PassItem *item = g_ptr_array_index(pass->items, i);

                if (!item->joined_to && !item->settled) /* canceled, or done by the pass that it had joined */
                        item_begin(item);
        }
        agent_progress(pass);
        pass_advance(pass);
}

/* Takes what is ready into a batch. Those that have nothing to install only have their units told. */
static GPtrArray *pass_take_batch(Pass *pass)
{
        g_autoptr(GPtrArray) install = g_ptr_array_new();
        GPtrArray *batch = g_ptr_array_new();

        for (guint i = 0; i < pass->items->len; i++) {
                PassItem *item = g_ptr_array_index(pass->items, i);

                if (!item->ready || item->settled)
                        continue;
                item->ready = false;
                if (item->fresh && item_is_overtaken(item)) {
                        g_clear_pointer(&item->fresh, generation_unref);
                        item_issue(item);
                        continue;
                }
                g_ptr_array_add(item->fresh ? install : batch, item);
        }
        if (install->len > 0)
                items_install(pass, install);
        for (guint i = 0; i < install->len; i++) {
                PassItem *item = g_ptr_array_index(install, i);

                if (item->error)
                        item_settle(item, JOB_STAGE_FAILED, item->error);
                else
                        g_ptr_array_add(batch, item);
        }
        return batch;
}

static int on_gathered(sd_event_source *s, uint64_t usec, void *userdata)
{
        Pass *pass = userdata;

        pass->gathered = true;
        pass_advance(pass);
        return 0;
}

void pass_advance(Pass *pass)
{
        if (pass->batch || pass->closing || !pass_has_ready(pass))
                return;
        if (pass->issuing > 0 && !pass->gathered) {
                if (!pass->gather)
                        (void) sd_event_add_time_relative(pass->agent->event, &pass->gather, CLOCK_MONOTONIC,
                                                          GATHER_USEC, 0, on_gathered, pass);
                return;
        }
        pass->batch = pass_take_batch(pass);
        if (pass->batch->len > 0)
                batch_ask_followers(pass);
        else
                g_clear_pointer(&pass->batch, g_ptr_array_unref);
}
