/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The roots of CAs that are elsewhere: a pass asks again for those that feed a bundle, each issuer once, and
 * waits for none of it. What a CA said last counts until it says another; then its bundles are written by a
 * pass of their own. */

#include "agent/agent-private.h"
#include "agent/roots.h"
#include "common/log.h"

#include <string.h>

typedef struct RootsAsked {
        Agent *agent;
        char *issuer; /* its name */
        IssueRoots *call;
} RootsAsked;

static void asked_free(void *p)
{
        RootsAsked *q = p;

        issue_roots_discard(q->call);
        g_free(q->issuer);
        g_free(q);
}

GHashTable *agent_roots_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, asked_free);
}

static bool feeds(const ManifestIssuer *issuer, const ManifestCertificate *bundle)
{
        return bundle->kind == MANIFEST_KIND_BUNDLE &&
               g_strv_contains((const char *const *) bundle->from, issuer->name);
}

/* Bundles that are no longer what they must be. */
static void agent_follow_roots(Agent *a, const ManifestIssuer *issuer)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (guint i = 0; i < a->bundles->len; i++) {
                Certificate *c = g_ptr_array_index(a->bundles, i);

                if (!feeds(issuer, c->wish))
                        continue;
                agent_look(a, c);
                if (c->item.action != ACTION_NONE)
                        g_ptr_array_add(names, c->wish->name);
        }
        g_ptr_array_add(names, NULL);
        if (names->len > 1)
                agent_start_due(a, (const char *const *) names->pdata);
}

/* Of a CA that is away its certificates tell louder. */
static void say_kept(const char *issuer, const GError *error)
{
        g_autofree char *summary = cert_error_summary(error);

        if (cert_error_code(error) != CERT_ERROR_NOT_SUPPORTED)
                log_full(LOG_INFO, &(LogContext){ .issuer = issuer },
                         "Its roots cannot be asked for, those that it said last count: %s", summary);
}

static void on_roots(GBytes *pem, const GError *error, void *userdata)
{
        RootsAsked *q = userdata;
        Agent *a = q->agent;
        const ManifestIssuer *issuer = manifest_find_issuer(a->manifest, q->issuer);

        q->call = NULL;
        if (error)
                say_kept(q->issuer, error);
        else if (issuer)
                agent_follow_roots(a, issuer);
        g_hash_table_remove(a->roots_asked, q->issuer);
        agent_let_go(a);
}

/* Those that are not known at all are asked for by the pass itself, which has nothing to write without them.
 */
static void agent_ask_issuer(Agent *a, const char *name)
{
        const ManifestIssuer *issuer = manifest_find_issuer(a->manifest, name);
        g_autoptr(GPtrArray) kept = NULL;
        RootsAsked *q;

        if (!issuer || issuer->authority || g_hash_table_contains(a->roots_asked, name))
                return;
        kept = roots_load(name);
        if (kept->len == 0)
                return;
        q = g_new0(RootsAsked, 1);
        q->agent = a;
        q->issuer = g_strdup(name);
        g_hash_table_insert(a->roots_asked, q->issuer, q);
        agent_hold(a); /* the issuer outlives the call */
        q->call = issue_roots(a->issuers, issuer, on_roots, q);
}

void agent_ask_roots(Agent *a, const char *const *names)
{
        if (a->clock.trust != CLOCK_GOOD)
                return;
        for (guint i = 0; i < a->bundles->len; i++) {
                const ManifestCertificate *w = ((Certificate *) g_ptr_array_index(a->bundles, i))->wish;

                if (w->kind != MANIFEST_KIND_BUNDLE || (names && *names && !g_strv_contains(names, w->name)))
                        continue;
                for (char **from = w->from; *from; from++)
                        agent_ask_issuer(a, *from);
        }
}
