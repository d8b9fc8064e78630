/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may be put in place. Between the time when something was issued, or was in place, and the time when it is installed
 * (again) an authority may have been replaced or a certificate revoked: then the way back is closed, and what is on its
 * way is asked for anew. */

#include "agent/agent-private.h"
#include "agent/cert-list.h"
#include "common/error.h"

#define ROOTS_MAX 65536 /* what a generation may hold is bounded by its size */

static bool is_among(gnutls_x509_crt_t crt, const CertList *list)
{
        for (unsigned i = 0; i < list->n; i++)
                if (gnutls_x509_crt_equals(crt, list->crt[i]))
                        return true;
        return false;
}

static bool all_are_among(const CertList *some, const CertList *list)
{
        for (unsigned i = 0; i < some->n; i++)
                if (!is_among(some->crt[i], list))
                        return false;
        return true;
}

/* The text trusts nothing that `wanted` does not. */
static bool trusts_no_more(GBytes *text, GBytes *wanted)
{
        g_auto(CertList) some = {}, list = {};

        return cert_list_of_pem(text, ROOTS_MAX, &some) && cert_list_of_pem(wanted, ROOTS_MAX, &list) &&
               all_are_among(&some, &list);
}

static bool trusts_current(GBytes *text, const AuthorityFacts *facts)
{
        const AuthorityCertificate *current = authority_facts_in_role(facts, AUTHORITY_ROLE_CURRENT);
        g_auto(CertList) some = {};

        return current && cert_list_of_pem(text, ROOTS_MAX, &some) && is_among(current->crt, &some);
}

static bool bundle_may_return(Agent *a, const ManifestCertificate *wish, const Generation *g)
{
        const ManifestIssuer *unknown;
        g_autoptr(GBytes) wanted = agent_compose_bundle(a, wish, &unknown, NULL);

        if (!wanted || !trusts_no_more(g->ca_pem, wanted))
                return false;
        for (char **from = wish->from; *from; from++) {
                const AuthorityFacts *facts = agent_facts_of(a, *from);

                if (facts && !trusts_current(g->ca_pem, facts))
                        return false;
        }
        return true;
}

/* What was there before us was never the authority's to distrust. A certificate that its issuer was told to revoke stays
 * away, whosever it is. */
static bool certificate_may_return(const PassItem *item)
{
        const ManifestCertificate *wish = item->wish;
        const Generation *g = item->previous;
        const AuthorityFacts *facts = agent_facts_of(item->pass->agent, wish->issuer);
        g_autoptr(GBytes) trusted = NULL;

        if (g && g_strcmp0(item->certificate->record->revoked, g->fingerprint) == 0)
                return false;
        if (!facts || facts->missing || !item->before_authority)
                return true;
        if (!authority_facts_find(facts, item->before_authority) || authority_facts_is_revoked(facts, g->serial))
                return false;
        if (!wish->path[MANAGED_FILE_CA] && !wish->directory)
                return true;
        trusted = authority_facts_to_pem(facts);
        return trusts_no_more(g->ca_pem, trusted);
}

bool item_may_return(const PassItem *item)
{
        switch (item->wish->kind) {
        case MANIFEST_KIND_BUNDLE:
                return !item->before_digest || /* it was there before us */
                       bundle_may_return(item->pass->agent, item->wish, item->previous);
        case MANIFEST_KIND_CRL: /* what was revoked stays revoked */
                return false;
        default:
                return certificate_may_return(item);
        }
}

bool item_is_overtaken(const PassItem *item)
{
        const AuthorityFacts *facts = agent_facts_of(item->pass->agent, item->wish->issuer);
        const AuthorityCertificate *current;

        if (item->wish->kind != MANIFEST_KIND_CERTIFICATE || item->action == ACTION_REPAIR || !facts || facts->missing)
                return false;
        current = authority_facts_in_role(facts, AUTHORITY_ROLE_CURRENT);
        return !current || g_strcmp0(item->authority, current->fingerprint) != 0 ||
               authority_facts_is_revoked(facts, item->fresh->serial);
}

/* What a local authority has signed goes in with what is trusted now, in one order for all. */
bool item_take_local(PassItem *item, Generation *g, GError **error)
{
        const AuthorityFacts *facts = agent_facts_of(item->pass->agent, item->wish->issuer);
        g_autoptr(GBytes) roots = NULL;
        Generation *fresh;

        if (!facts || facts->missing) {
                item_ready(item, generation_ref(g));
                return true;
        }
        roots = authority_facts_to_pem(facts);
        fresh = generation_with_roots(g, roots, error);
        if (!fresh)
                return false;
        g_free(item->authority);
        item->authority = generation_signer(fresh, facts);
        g_free(item->source);
        item->source = g_strdup(facts->trust_digest);
        item_ready(item, fresh);
        return true;
}

/* While a request waits, only damage is a reason to do anything: with nothing to put back, the next pass would be due at
 * once, and that without end. */
static void item_forget_kept(PassItem *item)
{
        Certificate *c = item->certificate;

        if (item->action != ACTION_ISSUE || !certificate_waits_for_person(c) || !certificate_waiting_is_wanted(c))
                return;
        c->record->generation = 0;
        agent_record_later(item->pass->agent, c);
}

/* What a person would have to have signed again although nothing is wrong but the files: it is put back. */
static bool item_take_damaged(PassItem *item)
{
        const ReasonSet not_the_files = REASON_BIT(REASON_FORCED) | REASON_BIT(REASON_REVOKED);
        g_autoptr(Generation) g = NULL;

        if (!certificate_is_by_hand(item->certificate) || (item->reasons & not_the_files))
                return false;
        g = certificate_damaged(item->certificate, item->pass->agent->clock.now);
        if (!g) {
                item_forget_kept(item);
                return false;
        }
        item->imported = certificate_waits_for_person(item->certificate); /* the next one goes on waiting */
        return item_take_local(item, g, NULL);
}

/* What was issued and not taken is tried again before a CA is asked for more; not what an authority has signed that is no
 * longer current, or has revoked. What a person brought is installed even where a new one is asked for in any case: it is
 * that new one. */
bool item_take_kept(PassItem *item)
{
        Agent *a = item->pass->agent;
        const AuthorityFacts *facts = agent_facts_of(a, item->wish->issuer);
        g_autoptr(Generation) kept = NULL;

        if ((item->pass->flags & PLAN_FORCED) && !item->certificate->record->pending_imported)
                return false;
        kept = certificate_pending(item->certificate, a->clock.now);
        if (!kept)
                return item_forget_brought(item) || item_take_damaged(item);
        if (facts && !generation_is_current(kept, facts))
                return false;
        item->imported = item->certificate->record->pending_imported;
        return item_take_local(item, kept, NULL);
}

/* The authority is another than the one that was known: it is asked what it has before anything else is. */
GError *item_forget_authority(PassItem *item)
{
        Authority *authority = agent_find_authority(item->pass->agent, item->wish->issuer);

        if (authority)
                authority->asked = false;
        item->certificate->drifted = true;
        item->ready = false;
        g_clear_pointer(&item->fresh, generation_unref);
        return g_error_new(CERT_ERROR, CERT_ERROR_BUSY,
                           "The authority \"%s\" became another one while it signed\nThe certificate is asked for again.",
                           item->wish->issuer);
}
