/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Authorities in a pass. Before anything else the authorities that the job concerns are asked what they have, everything
 * that hangs on them is looked at, and at most one thing is done to each: it is made, its rotation goes one step on, or
 * it is replaced. Then the pass is filled with the certificates, bundles and lists that have to follow. When these have,
 * another pass of the same job takes the next step, if there is one that need not wait. */

#include "agent/agent-private.h"
#include "agent/clock.h"
#include "agent/inquiry.h"
#include "common/timespan.h"

#include <string.h>

/* Made, introduced, promoted, retired: no job needs more, and none may go on without end. */
#define ROUNDS_MAX 6

static const char *issuer_of_name(const char *name)
{
        return g_str_has_prefix(name, MANIFEST_AUTHORITY_PREFIX) ? name + strlen(MANIFEST_AUTHORITY_PREFIX) : NULL;
}

/* ---- Whom it concerns ---- */

static void pass_add_authority(Pass *pass, Authority *authority)
{
        if (authority && !g_ptr_array_find(pass->authorities, authority, NULL))
                g_ptr_array_add(pass->authorities, authority);
}

static void pass_add_authorities_of(Pass *pass, const ManifestCertificate *wish)
{
        if (wish->kind == MANIFEST_KIND_CERTIFICATE)
                pass_add_authority(pass, agent_find_authority(pass->agent, wish->issuer));
        for (char **from = wish->from; from && *from; from++)
                pass_add_authority(pass, agent_find_authority(pass->agent, *from));
}

static void pass_find_authorities(Pass *pass)
{
        Agent *a = pass->agent;

        g_ptr_array_set_size(pass->authorities, 0);
        for (guint i = 0; !*pass->names && i < a->authorities->len; i++)
                pass_add_authority(pass, g_ptr_array_index(a->authorities, i));
        for (char **name = pass->names; *name; name++) {
                const char *issuer = issuer_of_name(*name);
                const Certificate *c = issuer ? NULL : agent_find(a, *name);

                if (issuer)
                        pass_add_authority(pass, agent_find_authority(a, issuer));
                else if (c)
                        pass_add_authorities_of(pass, c->wish);
        }
}

/* A watched file of a certificate or bundle is no reason to ask: an authority's own files are watched too. */
static GPtrArray *pass_whom_to_ask(const Pass *pass)
{
        GPtrArray *ask = g_ptr_array_new();

        for (guint i = 0; i < pass->authorities->len; i++) {
                Authority *authority = g_ptr_array_index(pass->authorities, i);
                bool named = g_strv_contains((const char *const *) pass->names, authority->name);

                if (pass->job->kind != JOB_KIND_REPAIR || named || !authority->asked)
                        g_ptr_array_add(ask, authority);
        }
        return ask;
}

/* ---- What is done to them ---- */

/* To try again costs nobody but this host: each pass does, but for those that a watch or the agent itself begins. */
static PlanFlags retry_flags(const Pass *pass)
{
        return pass->job->kind == JOB_KIND_REPAIR || pass->by_itself ? 0 : PLAN_IGNORE_RETRY;
}

static PlanFlags flags_for(const Pass *pass)
{
        PlanFlags flags = retry_flags(pass);

        if (pass->round > 0)
                return flags;
        if (pass->job->kind == JOB_KIND_ROTATE)
                return flags | PLAN_FORCED;
        return pass->job->kind == JOB_KIND_RECREATE ? flags | PLAN_FORCED | PLAN_AT_ONCE : flags;
}

/* Everything that hangs on it is looked at anew, or only what was never looked at. */
static void pass_look_at(Pass *pass, const Authority *authority, bool unknown_only)
{
        Agent *a = pass->agent;

        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++) {
                Certificate *c = agent_managed(a, i);

                if (authority_concerns(authority, c->wish) && (!unknown_only || !c->facts))
                        certificate_refresh(a, c);
        }
}

/* What the job names, and what must be known of the rest to judge an authority. */
static void pass_look_at_named(Pass *pass)
{
        for (char **name = pass->names; *name; name++) {
                Certificate *c = agent_find(pass->agent, *name);

                if (c)
                        certificate_refresh(pass->agent, c);
        }
        for (guint i = 0; i < pass->authorities->len; i++)
                pass_look_at(pass, g_ptr_array_index(pass->authorities, i), /* unknown_only= */ true);
}

/* A step may be taken on what the rest of the host looks like: then that must be of this moment. */
static bool authority_is_moving(const Authority *authority)
{
        return authority->plan.action != AUTHORITY_ACTION_NONE ||
               (authority->facts && authority->facts->certificates->len > 1);
}

static void pass_after_operations(Pass *pass)
{
        /* All of it before any of it is planned: whether one may be signed anew depends on the others. */
        for (guint i = 0; i < pass->operations->len; i++)
                pass_look_at(pass, ((AuthorityOperation *) g_ptr_array_index(pass->operations, i))->authority,
                             /* unknown_only= */ false);
        pass_fill(pass);
        /* Those who waited for the same authorities. */
        for (guint i = pass->agent->passes->len; i > 0; i--) {
                Pass *other = g_ptr_array_index(pass->agent->passes, i - 1);

                if (other != pass && !other->filled && !other->inquiry && other->operating == 0)
                        pass_ask(other);
        }
}

static void on_operated(const AuthorityReply *reply, void *userdata)
{
        AuthorityOperation *o = userdata;
        Pass *pass = o->pass;
        Authority *authority = o->authority;
        uint64_t now = now_realtime();

        o->call = NULL;
        o->done = reply->facts != NULL;
        authority->at_work = false;
        if (reply->facts) {
                authority_take_facts(authority, reply->facts);
                authority_record_done(authority, o->action, o->reasons, now);
                if (o->action == AUTHORITY_ACTION_RECREATE && *authority->found) {
                        g_free(authority->record->answered);
                        authority->record->answered = g_strdup(authority->found);
                }
                job_step_set(o->step, JOB_STAGE_DONE, NULL);
        } else {
                g_autofree char *summary = cert_error_summary(reply->error);

                authority_record_failed(authority, o->action, o->reasons, now, reply->error);
                job_step_set(o->step, JOB_STAGE_FAILED, summary);
        }
        agent_save_authority(pass->agent, authority);
        agent_progress(pass);
        if (--pass->operating == 0)
                pass_after_operations(pass);
}

static const char *member_for(AuthorityAction action)
{
        static const char *const members[_AUTHORITY_ACTION_MAX] = {
                [AUTHORITY_ACTION_MAKE] = "Make",         [AUTHORITY_ACTION_BEGIN] = "Begin",
                [AUTHORITY_ACTION_PROMOTE] = "Promote",   [AUTHORITY_ACTION_RETIRE] = "Retire",
                [AUTHORITY_ACTION_RECREATE] = "Recreate",
        };

        return members[action];
}

static void pass_operate(Pass *pass, Authority *authority)
{
        AuthorityOperation *o = g_new0(AuthorityOperation, 1);

        o->pass = pass;
        o->authority = authority;
        o->action = authority->plan.action;
        o->reasons = authority->plan.reasons;
        g_ptr_array_add(pass->operations, o);
        pass_announce(pass);
        o->step = job_add(pass->job, authority->name);
        job_step_set(o->step, JOB_STAGE_ISSUING, NULL);
        if (o->action == AUTHORITY_ACTION_RECREATE && !(o->reasons & REASON_BIT(REASON_FORCED)))
                authority->recreations++;
        authority->at_work = true;
        pass->operating++;
        o->call = authority_call(pass->agent->issuers, authority->issuer, member_for(o->action), on_operated, o);
}

/* One that could not be asked is a failure of a job about all, or about it: that it is damaged is seen by nobody else. A
 * job about a certificate fails if that cannot be had. */
static void pass_note_error(Pass *pass, const Authority *authority)
{
        g_autofree char *summary = NULL;

        if (*pass->names && !g_strv_contains((const char *const *) pass->names, authority->name))
                return;
        summary = cert_error_summary(authority->error);
        pass_announce(pass);
        job_step_set(job_add(pass->job, authority->name), JOB_STAGE_FAILED, summary);
}

static bool pass_must_wait(const Pass *pass)
{
        for (guint i = 0; i < pass->authorities->len; i++)
                if (((Authority *) g_ptr_array_index(pass->authorities, i))->at_work)
                        return true;
        return false;
}

static void pass_judge(Pass *pass)
{
        Agent *a = pass->agent;

        pass_find_authorities(pass); /* the manifest may have changed meanwhile */
        if (pass_must_wait(pass)) /* pass_after_operations() of the one at work asks again */
                return;
        a->clock = clock_read();
        if (!*pass->names)
                agent_look_at_all(a);
        else
                pass_look_at_named(pass);
        for (guint i = 0; i < pass->authorities->len; i++) {
                Authority *authority = g_ptr_array_index(pass->authorities, i);

                agent_judge_authority(a, authority, flags_for(pass));
                if (*pass->names && authority_is_moving(authority)) {
                        pass_look_at(pass, authority, /* unknown_only= */ false);
                        agent_judge_authority(a, authority, flags_for(pass));
                }
                if (authority->plan.action != AUTHORITY_ACTION_NONE && pass->job->result == JOB_RESULT_NONE)
                        pass_operate(pass, authority);
                else if (authority->error && pass->round == 0 && a->clock.trust == CLOCK_GOOD)
                        pass_note_error(pass, authority);
        }
        pass->looked = !*pass->names && pass->operating == 0;
        if (pass->operating == 0)
                pass_fill(pass);
        else
                agent_progress(pass);
}

static void on_answered(void *userdata)
{
        Pass *pass = userdata;

        pass->inquiry = NULL;
        pass_judge(pass);
}

/* A unit that waits for its certificate is not held up by an authority that has nothing to do with it now. */
static bool pass_finds_all_usable(Pass *pass)
{
        if (pass->job->kind != JOB_KIND_ENSURE)
                return false;
        for (char **name = pass->names; *name; name++) {
                Certificate *c = agent_find(pass->agent, *name);

                if (!c)
                        continue;
                certificate_refresh(pass->agent, c);
                if (!plan_item_is_usable(&c->item))
                        return false;
        }
        return true;
}

void pass_ask(Pass *pass)
{
        g_autoptr(GPtrArray) ask = NULL;

        if (pass_finds_all_usable(pass)) {
                pass_fill(pass);
                return;
        }
        pass_find_authorities(pass);
        ask = pass_whom_to_ask(pass);
        if (ask->len > 0)
                pass->inquiry = inquiry_start(pass->agent->event, pass->agent->issuers, ask, on_answered, pass);
        else if (pass->authorities->len > 0)
                pass_judge(pass);
        else
                pass_fill(pass);
}

/* ---- Going on ---- */

/* What has just failed is for the next job to try. */
static bool pass_has_failed(const Pass *pass, const Authority *authority)
{
        for (guint i = 0; i < pass->operations->len; i++) {
                const AuthorityOperation *o = g_ptr_array_index(pass->operations, i);

                if (o->authority == authority && !o->done)
                        return true;
        }
        return false;
}

/* What ends a rotation, or mends; a job that has ended one does not begin another. */
static bool action_goes_on(AuthorityAction action)
{
        return action == AUTHORITY_ACTION_MAKE || action == AUTHORITY_ACTION_PROMOTE || action == AUTHORITY_ACTION_RETIRE;
}

char **pass_goes_on(Pass *pass)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        if (pass->round >= ROUNDS_MAX || pass->job->result != JOB_RESULT_NONE)
                return NULL;
        for (guint i = 0; i < pass->authorities->len; i++) {
                Authority *authority = g_ptr_array_index(pass->authorities, i);

                agent_judge_authority(pass->agent, authority, retry_flags(pass));
                if (action_goes_on(authority->plan.action) && !authority->at_work && !pass_has_failed(pass, authority))
                        g_ptr_array_add(names, g_strdup(authority->name));
        }
        if (names->len == 0)
                return NULL;
        g_ptr_array_add(names, NULL);
        return (char **) g_ptr_array_steal(names, NULL);
}
