/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plan of an authority
 *
 * Owns the rules by which a local authority is made, rotated and made anew. A rotation is three actions with pauses
 * between them: the next certificate is made; when all trust it, it signs; when nothing of the old one is left, that is
 * forgotten. Which of them comes next is seen from the facts each time, so that a rotation that was cut off goes on where
 * it stood, and one that somebody overtook with a new beginning is simply over. At most one action is planned: the facts
 * are others after it.
 */

#include "agent/plan-private.h"

#include "common/enum-table.h"

#define HINT_NEXT                                                                                                      \
        "The next certificate of the authority is made; it will sign when all bundles, CA files and revocation lists " \
        "hold it and their units have taken them."
#define HINT_OLD                                                                                                     \
        "The old certificate of the authority is trusted until no certificate of it is installed and the grace time " \
        "is over."
#define HINT_ISSUED                                                                                                    \
        "The old certificate of the authority is trusted until the last certificate has ended that it signed for a "   \
        "request from elsewhere, or has been revoked."

static const char *const actions[_AUTHORITY_ACTION_MAX] = {
        [AUTHORITY_ACTION_NONE] = "none",       [AUTHORITY_ACTION_MAKE] = "make",
        [AUTHORITY_ACTION_BEGIN] = "begin",     [AUTHORITY_ACTION_PROMOTE] = "promote",
        [AUTHORITY_ACTION_RETIRE] = "retire",   [AUTHORITY_ACTION_RECREATE] = "recreate",
};

ENUM_TABLE(authority_action, AuthorityAction, actions, _AUTHORITY_ACTION_MAX, _AUTHORITY_ACTION_INVALID)

/* All that an authority is judged by. */
typedef struct Case {
        PlanCase verdict;
        const ManifestAuthority *wish;
        const AuthorityFacts *facts;
        const AuthorityUse *use;
        const AuthorityCertificate *current, *next, *old; /* NULL: none in that role */
} Case;

/* What is to be done, and why. */
typedef struct Finding {
        AuthorityAction action;
        ReasonSet reasons;
} Finding;

/* ---- When ---- */

static bool clock_is_good(const Case *c)
{
        return c->verdict.clock.trust == CLOCK_GOOD;
}

static uint64_t renewal_time(const Case *c)
{
        return plan_renewal_time(&c->wish->renew_before, c->current->not_before, c->current->not_after);
}

/* When the old ones may go; 0: it is not known yet, or there is none. Certificates of the host are replaced, those that were
 * signed for requests from elsewhere are not: nobody here can. */
static uint64_t retirement_time(const Case *c)
{
        uint64_t unused_since = c->verdict.record->unused_since;

        if (!c->old || c->use->signed_by_old > 0 || unused_since == 0)
                return 0;
        return MAX(unused_since + c->wish->grace_usec, authority_facts_old_needed_until(c->facts));
}

static bool is_needed_elsewhere(const Case *c)
{
        return c->use->signed_by_old == 0 && authority_facts_old_needed_until(c->facts) > c->verdict.clock.now;
}

/* ---- What ---- */

/* A new one in place of all there is: what was tampered with is not mended but replaced. */
static ReasonSet reasons_to_recreate(const Case *c)
{
        const PlanFlags now = PLAN_FORCED | PLAN_AT_ONCE;
        ReasonSet reasons = 0;

        if (c->use->bundle_drifted && c->wish->recreate_on_bundle_drift)
                reasons |= REASON_BIT(REASON_BUNDLE_DIFFER);
        if (c->use->stray && c->wish->recreate_on_stray)
                reasons |= REASON_BIT(REASON_NOT_SIGNED_BY_AUTHORITY);
        if ((c->verdict.flags & now) == now)
                reasons |= REASON_BIT(REASON_FORCED);
        return reasons;
}

/* How long one that does not take the next certificate may hold up the others: not until the current one is over, for all
 * that it signed are over then, too. */
static uint64_t promotion_limit(const Case *c)
{
        uint64_t from = renewal_time(c);

        return from + (c->current->not_after - MIN(from, c->current->not_after)) / 3 * 2;
}

/* All trust the next one; or there is no more time to wait for those who do not. */
static bool may_promote(const Case *c)
{
        return c->next && (c->use->not_trusting == 0 ||
                           (clock_is_good(c) && c->verdict.clock.now >= promotion_limit(c)));
}

static bool may_retire(const Case *c)
{
        uint64_t at = retirement_time(c);

        return at != 0 && clock_is_good(c) && c->verdict.clock.now >= at;
}

static ReasonSet reasons_to_begin(const Case *c)
{
        const char *made_for = c->verdict.record->request_digest, *wanted = c->wish->request_digest;
        ReasonSet reasons = 0;

        if (c->next)
                return 0;
        if (clock_is_good(c) && c->verdict.clock.now >= renewal_time(c))
                reasons |= REASON_BIT(REASON_AUTHORITY_EXPIRING);
        if (made_for && wanted && !g_str_equal(made_for, wanted))
                reasons |= REASON_BIT(REASON_MANIFEST_CHANGED);
        if (c->verdict.flags & PLAN_FORCED)
                reasons |= REASON_BIT(REASON_FORCED);
        return reasons;
}

static Finding find(const Case *c)
{
        ReasonSet reasons;

        if (c->facts->missing || !c->current)
                return (Finding) { AUTHORITY_ACTION_MAKE, REASON_BIT(REASON_MISSING_AUTHORITY) };
        reasons = reasons_to_recreate(c);
        if (reasons != 0)
                return (Finding) { AUTHORITY_ACTION_RECREATE, reasons };
        if (may_promote(c))
                return (Finding) { AUTHORITY_ACTION_PROMOTE, REASON_BIT(REASON_AUTHORITY_ROTATED) };
        if (may_retire(c))
                return (Finding) { AUTHORITY_ACTION_RETIRE, REASON_BIT(REASON_AUTHORITY_ROTATED) };
        reasons = reasons_to_begin(c);
        if (reasons != 0)
                return (Finding) { AUTHORITY_ACTION_BEGIN, reasons };
        return (Finding) { AUTHORITY_ACTION_NONE, 0 };
}

/* ---- The plan ---- */

/* What makes a certificate writes the time into it. */
static bool clock_forbids(const Case *c, AuthorityAction action)
{
        return !clock_is_good(c) && (action == AUTHORITY_ACTION_MAKE || action == AUTHORITY_ACTION_BEGIN ||
                                     action == AUTHORITY_ACTION_RECREATE);
}

/* Nothing is to be done: a rotation waits for others, or all is well. */
static AuthorityPlan plan_of_rest(const Case *c)
{
        uint64_t retirement = retirement_time(c), renewal = renewal_time(c);

        if (c->next)
                return (AuthorityPlan) {
                        .reasons = REASON_BIT(REASON_AUTHORITY_ROTATED),
                        .state = CERT_STATE_RENEWING,
                        .due = promotion_limit(c), /* then it is promoted in any case */
                        .hint = HINT_NEXT,
                };
        return (AuthorityPlan) {
                .state = CERT_STATE_VALID,
                .due = retirement != 0 ? MIN(retirement, renewal) : renewal,
                .hint = !c->old ? NULL : is_needed_elsewhere(c) ? HINT_ISSUED : HINT_OLD,
        };
}

/* When what is found was due. */
static uint64_t due_of(const Case *c, const Finding *f)
{
        if (f->action == AUTHORITY_ACTION_RETIRE)
                return retirement_time(c);
        return f->reasons == REASON_BIT(REASON_AUTHORITY_EXPIRING) ? renewal_time(c) : c->verdict.clock.now;
}

static AuthorityPlan plan_of_action(const Case *c, const Finding *f)
{
        const Record *r = c->verdict.record;
        AuthorityPlan plan = { .action = f->action, .reasons = f->reasons, .state = CERT_STATE_DUE };

        if (plan_is_failing(&c->verdict))
                plan.state = plan_state_of_failure(r);
        if (clock_forbids(c, f->action)) {
                plan.action = AUTHORITY_ACTION_NONE;
                plan.state = CERT_STATE_BLOCKED;
                plan.hint = plan_clock_hint(c->verdict.clock.trust);
                plan.due = c->verdict.clock.now;
        } else if (plan_retry_is_waited_for(&c->verdict)) {
                plan.action = AUTHORITY_ACTION_NONE;
                plan.due = r->blocked ? 0 : r->retry_at;
        } else {
                plan.due = due_of(c, f);
        }
        return plan;
}

AuthorityPlan plan_authority(const ManifestAuthority *wish, const AuthorityFacts *facts, const AuthorityUse *use,
                             const Record *record, PlanClock clock, PlanFlags flags)
{
        const Record nothing = { .error = _CERT_ERROR_INVALID };
        Case c = {
                .verdict = { .record = record ?: &nothing, .digest = wish->request_digest, .clock = clock, .flags = flags },
                .wish = wish,
                .facts = facts,
                .use = use,
        };
        AuthorityPlan plan;
        Finding f;

        if (!facts)
                return (AuthorityPlan) { .state = CERT_STATE_DUE, .due = clock.now };
        c.current = authority_facts_in_role(facts, AUTHORITY_ROLE_CURRENT);
        c.next = authority_facts_in_role(facts, AUTHORITY_ROLE_NEXT);
        c.old = authority_facts_in_role(facts, AUTHORITY_ROLE_OLD);
        f = find(&c);
        plan = f.action == AUTHORITY_ACTION_NONE ? plan_of_rest(&c) : plan_of_action(&c, &f);
        plan.rotation = c.current ? renewal_time(&c) : 0;
        plan.retirement = retirement_time(&c);
        return plan;
}
