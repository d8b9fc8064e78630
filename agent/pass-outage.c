/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pass and its issuers' outages: takes in the certificates that find out whether an issuer is back, and names those with
 * which the job goes on when it is. Which these are is decided by agent/outage.c. */

#include "agent/agent-private.h"
#include "agent/outage.h"

const char *agent_issuer_away(Agent *a, const ManifestCertificate *wish)
{
        if (wish->kind == MANIFEST_KIND_CERTIFICATE)
                return agent_find_authority(a, wish->issuer) ? NULL : wish->issuer;
        for (char **from = wish->from; wish->kind == MANIFEST_KIND_BUNDLE && *from; from++)
                if (!agent_find_authority(a, *from))
                        return *from;
        return NULL;
}

static bool is_to_ask(const PassItem *item)
{
        return item->action == ACTION_ISSUE || item->action == ACTION_POLL;
}

/* What was issued before and not taken is installed without asking, and a bundle mostly so. */
static bool surely_asks(const PassItem *item)
{
        return is_to_ask(item) && item->wish->kind == MANIFEST_KIND_CERTIFICATE && item->certificate->record->pending == 0;
}

/* It was looked at, and wants something that only its issuer can give. */
static bool wants(const Certificate *c)
{
        CertState state = certificate_state(c);

        return c->facts && !c->work && (state == CERT_STATE_FAILED || state == CERT_STATE_WAITING);
}

static OutageCase certificate_case(Agent *a, const Certificate *c)
{
        return (OutageCase) {
                .issuer = agent_issuer_away(a, c->wish),
                .record = c->record,
                .waits = wants(c),
        };
}

/* One for each that is managed, in the order of agent_managed(). */
static OutageCase *pass_cases(const Pass *pass)
{
        Agent *a = pass->agent;
        guint n = a->certificates->len + a->bundles->len;
        OutageCase *cases = g_new0(OutageCase, n + 1);

        for (guint i = 0; i < n; i++)
                cases[i] = certificate_case(a, agent_managed(a, i));
        return cases;
}

static GPtrArray *take_managed(Agent *a, GArray *indices)
{
        GPtrArray *certificates = g_ptr_array_sized_new(indices->len);

        for (guint i = 0; i < indices->len; i++)
                g_ptr_array_add(certificates, agent_managed(a, g_array_index(indices, guint, i)));
        return certificates;
}

/* ---- The scout ---- */

static bool waits_for_retry(const Certificate *c)
{
        return wants(c) && c->item.action == ACTION_NONE && outage_is_cause(c->record);
}

/* Without an outage this is all that a pass does here. */
static bool anybody_waits(Agent *a)
{
        for (guint i = 0; i < a->certificates->len + a->bundles->len; i++)
                if (waits_for_retry(agent_managed(a, i)))
                        return true;
        return false;
}

static GPtrArray *pass_find_scouts(const Pass *pass)
{
        Agent *a = pass->agent;
        g_autofree OutageCase *cases = pass_cases(pass);
        g_autoptr(GArray) scouts = NULL;
        guint n = a->certificates->len + a->bundles->len;

        for (guint i = 0; i < n; i++) {
                const Certificate *c = agent_managed(a, i);

                cases[i].tried = c->work && surely_asks(c->work);
                cases[i].waits = waits_for_retry(c);
        }
        scouts = outage_scouts(cases, n);
        return take_managed(a, scouts);
}

void pass_take_scouts(Pass *pass)
{
        g_autoptr(GPtrArray) scouts = NULL;

        if (pass->job->kind != JOB_KIND_RENEW_DUE || *pass->names || !anybody_waits(pass->agent))
                return;
        scouts = pass_find_scouts(pass);
        for (guint i = 0; i < scouts->len; i++) {
                Certificate *c = g_ptr_array_index(scouts, i);

                g_hash_table_add(pass->early, c);
                pass_take(pass, c, false);
        }
}

/* ---- Those that follow ---- */

static bool anybody_answered(const Pass *pass)
{
        for (guint i = 0; i < pass->items->len; i++)
                if (((const PassItem *) g_ptr_array_index(pass->items, i))->answered)
                        return true;
        return false;
}

/* Each is tried once in a job: only its first pass can make others follow. */
GPtrArray *pass_find_followers(const Pass *pass)
{
        Agent *a = pass->agent;
        g_autoptr(GHashTable) items = NULL;
        g_autofree OutageCase *cases = NULL;
        g_autoptr(GArray) followers = NULL;
        guint n = a->certificates->len + a->bundles->len;

        if (pass->job->kind != JOB_KIND_RENEW_DUE || pass->round > 0 || pass->job->result != JOB_RESULT_NONE ||
            !anybody_answered(pass))
                return g_ptr_array_new();
        items = g_hash_table_new(NULL, NULL);
        for (guint i = 0; i < pass->items->len; i++) {
                PassItem *item = g_ptr_array_index(pass->items, i);

                g_hash_table_insert(items, item->certificate, item);
        }
        cases = pass_cases(pass);
        for (guint i = 0; i < n; i++) {
                const PassItem *item = g_hash_table_lookup(items, agent_managed(a, i));

                cases[i].tried = item && is_to_ask(item);
                cases[i].answered = item && item->answered;
        }
        followers = outage_followers(cases, n);
        return take_managed(a, followers);
}
