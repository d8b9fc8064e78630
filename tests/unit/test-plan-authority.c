/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plan of an authority, as a table: each row is one authority, described by how it differs from a sound one, how the
 * host stands to it, and what must be done about it, why, and when. And a whole rotation, step by step, as the plan alone
 * drives it. */

#include "agent/plan.h"

#include "common/timespan.h"
#include "tests/unit/fixture.h"

#define T0 (UINT64_C(1767225600) * USEC_PER_SEC) /* 2026-01-01: the current one's first moment */
#define LIFE (1000 * USEC_PER_DAY)
#define END (T0 + LIFE)
#define RENEWAL (END - 330 * USEC_PER_DAY)
#define NOW (T0 + 100 * USEC_PER_DAY)
#define GRACE USEC_PER_DAY
#define IN_AN_HOUR (NOW + USEC_PER_HOUR)

#define CURRENT "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define NEXT "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define OLD "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define MADE_FOR "1111111111111111111111111111111111111111111111111111111111111111"
#define WANTED_NOW "2222222222222222222222222222222222222222222222222222222222222222"

/* How an authority differs from a sound one. Sound: a current certificate of a hundred days, for a thousand, made for what
 * is wanted now; nothing of the host differs; an administrator who wants everything mended and nothing made anew. */
typedef struct Row {
        const char *name;
        /* facts */
        bool never_asked, missing, key_lost, next, old;
        uint64_t old_issued_until, current_issued_until; /* what they signed for requests from elsewhere ends then */
        /* the host */
        unsigned signed_by_old, not_trusting;
        bool bundle_drifted, stray;
        /* wish */
        bool recreate_on_drift, recreate_on_stray, other_wish, no_wish;
        uint64_t renew_before; /* 0: 33% */
        /* record */
        bool no_record, unknown_wish;
        uint64_t unused_since;
        unsigned failures;
        bool blocked, changed_since;
        uint64_t failed_at, retry_at;
        /* question */
        uint64_t now;
        ClockTrust trust;
        PlanFlags flags;
        /* answer */
        AuthorityAction action;
        ReasonSet reasons;
        CertState state;
        uint64_t due; /* 0: now */
        bool never_due, hint;
} Row;

#define PROMOTION (RENEWAL + (END - RENEWAL) / 3 * 2)
#define R(x) REASON_BIT(REASON_##x)
#define ROTATED R(AUTHORITY_ROTATED)

static const Row rows[] = {
        { "nothing is wrong", .state = CERT_STATE_VALID, .due = RENEWAL },
        { "it was never asked", .never_asked = true, .state = CERT_STATE_DUE },
        { "nothing is recorded of it", .no_record = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        /* 1: missing */
        { "it is missing", .missing = true,
          .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_DUE },
        { "its key is lost", .key_lost = true,
          .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_DUE },
        { "it is missing, and nothing is recorded", .missing = true, .no_record = true,
          .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_DUE },
        { "it is missing, and a rotation was under way", .missing = true, .next = true, .old = true,
          .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_DUE },
        { "what is missing is made, not made anew", .missing = true, .bundle_drifted = true, .recreate_on_drift = true,
          .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_DUE },
        /* 3 and 4: tampered with */
        { "a bundle was changed, and is rewritten", .bundle_drifted = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a bundle was changed, which asks for a new authority", .bundle_drifted = true, .recreate_on_drift = true,
          .action = AUTHORITY_ACTION_RECREATE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "no bundle was changed, though that would ask for it", .recreate_on_drift = true, .recreate_on_stray = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a certificate is stray, and is signed again", .stray = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a certificate is stray, which asks for a new authority", .stray = true, .recreate_on_stray = true,
          .action = AUTHORITY_ACTION_RECREATE, .reasons = R(NOT_SIGNED_BY_AUTHORITY), .state = CERT_STATE_DUE },
        { "each has its own answer", .stray = true, .recreate_on_drift = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "both, and both ask for it", .stray = true, .bundle_drifted = true, .recreate_on_drift = true,
          .recreate_on_stray = true, .action = AUTHORITY_ACTION_RECREATE,
          .reasons = R(NOT_SIGNED_BY_AUTHORITY) | R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "tampering overtakes a rotation", .next = true, .bundle_drifted = true, .recreate_on_drift = true,
          .action = AUTHORITY_ACTION_RECREATE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        /* 5: expiring */
        { "the moment before its renewal", .now = RENEWAL - 1, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the moment of its renewal", .now = RENEWAL,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(AUTHORITY_EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "it is over, and there is no next one", .now = END + 1,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(AUTHORITY_EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "renewed a day before its end", .renew_before = USEC_PER_DAY, .now = END - USEC_PER_DAY,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(AUTHORITY_EXPIRING), .state = CERT_STATE_DUE,
          .due = END - USEC_PER_DAY },
        { "something else is to be written in it", .other_wish = true,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(MANIFEST_CHANGED), .state = CERT_STATE_DUE },
        { "nobody knows what it was made for", .other_wish = true, .unknown_wish = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "nobody says what it is to be made for", .no_wish = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "expiring, and something else is wanted", .now = RENEWAL, .other_wish = true,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(AUTHORITY_EXPIRING) | R(MANIFEST_CHANGED),
          .state = CERT_STATE_DUE },
        /* a rotation waits for trust */
        { "two do not trust the next one yet", .next = true, .not_trusting = 2,
          .reasons = ROTATED, .state = CERT_STATE_RENEWING, .due = PROMOTION, .hint = true },
        { "all trust the next one", .next = true,
          .action = AUTHORITY_ACTION_PROMOTE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        { "there is time to wait for one that does not", .next = true, .not_trusting = 1, .now = PROMOTION - 1,
          .reasons = ROTATED, .state = CERT_STATE_RENEWING, .due = PROMOTION, .hint = true },
        { "no more time to wait: what it signs would be over with it", .next = true, .not_trusting = 1, .now = PROMOTION,
          .action = AUTHORITY_ACTION_PROMOTE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        { "expiring, but its rotation is under way", .next = true, .not_trusting = 1, .now = RENEWAL,
          .reasons = ROTATED, .state = CERT_STATE_RENEWING, .due = PROMOTION, .hint = true },
        { "something else is wanted in the midst of a rotation: that is for the next one", .next = true, .not_trusting = 1,
          .other_wish = true, .reasons = ROTATED, .state = CERT_STATE_RENEWING, .due = PROMOTION, .hint = true },
        /* what is old */
        { "certificates of the old one are installed", .old = true, .signed_by_old = 3,
          .state = CERT_STATE_VALID, .due = RENEWAL, .hint = true },
        { "none is, but nobody noted since when", .old = true, .state = CERT_STATE_VALID, .due = RENEWAL, .hint = true },
        { "none is since just now", .old = true, .unused_since = NOW,
          .state = CERT_STATE_VALID, .due = NOW + GRACE, .hint = true },
        { "the moment before the grace time is over", .old = true, .unused_since = NOW - GRACE + 1,
          .state = CERT_STATE_VALID, .due = NOW + 1, .hint = true },
        { "the grace time is over", .old = true, .unused_since = NOW - GRACE,
          .action = AUTHORITY_ACTION_RETIRE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        { "the grace time is over, but somebody put one of it back", .old = true, .signed_by_old = 1,
          .unused_since = NOW - 2 * GRACE, .state = CERT_STATE_VALID, .due = RENEWAL, .hint = true },
        { "there is no old one: what is noted means nothing", .unused_since = NOW - 2 * GRACE,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a rotation may begin while an old one is in grace", .old = true, .unused_since = RENEWAL - 1, .now = RENEWAL,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(AUTHORITY_EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "an old one goes while the next one waits", .next = true, .not_trusting = 1, .old = true,
          .unused_since = NOW - GRACE, .action = AUTHORITY_ACTION_RETIRE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        { "a promotion comes before a retirement", .next = true, .old = true, .unused_since = NOW - GRACE,
          .action = AUTHORITY_ACTION_PROMOTE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        /* what is old, and was used to sign for others */
        { "the grace time is over, but not what the old one signed for others", .old = true, .unused_since = NOW - GRACE,
          .old_issued_until = IN_AN_HOUR, .state = CERT_STATE_VALID, .due = IN_AN_HOUR, .hint = true },
        { "what the old one signed for others ends, but the grace time lasts", .old = true, .unused_since = NOW,
          .old_issued_until = IN_AN_HOUR, .state = CERT_STATE_VALID, .due = NOW + GRACE, .hint = true },
        { "what the old one signed for others has just ended", .old = true, .unused_since = NOW - GRACE,
          .old_issued_until = NOW, .action = AUTHORITY_ACTION_RETIRE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        { "what the old one signed for others ended while the grace time lasted", .old = true, .unused_since = NOW - GRACE,
          .old_issued_until = NOW - GRACE / 2, .action = AUTHORITY_ACTION_RETIRE, .reasons = ROTATED,
          .state = CERT_STATE_DUE },
        { "what the current one signed for others holds up nothing", .old = true, .unused_since = NOW - GRACE,
          .current_issued_until = IN_AN_HOUR, .action = AUTHORITY_ACTION_RETIRE, .reasons = ROTATED,
          .state = CERT_STATE_DUE },
        { "others need the old one, and a certificate of it is installed", .old = true, .signed_by_old = 1,
          .unused_since = NOW - GRACE, .old_issued_until = IN_AN_HOUR, .state = CERT_STATE_VALID, .due = RENEWAL,
          .hint = true },
        { "others need the old one, and the next one is trusted", .next = true, .old = true, .unused_since = NOW - GRACE,
          .old_issued_until = IN_AN_HOUR, .action = AUTHORITY_ACTION_PROMOTE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        { "others need the old one until after the next renewal", .old = true, .unused_since = NOW - GRACE,
          .old_issued_until = RENEWAL + 1, .state = CERT_STATE_VALID, .due = RENEWAL, .hint = true },
        { "others need what there is, but this is an emergency", .flags = PLAN_FORCED | PLAN_AT_ONCE, .old = true,
          .unused_since = NOW, .old_issued_until = IN_AN_HOUR, .current_issued_until = IN_AN_HOUR,
          .action = AUTHORITY_ACTION_RECREATE, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "the clock went back: what others had ended before", .old = true, .unused_since = 1, .old_issued_until = IN_AN_HOUR,
          .now = IN_AN_HOUR + 1, .trust = CLOCK_JUMPED_BACK, .state = CERT_STATE_VALID, .due = IN_AN_HOUR, .hint = true },
        /* a person asks */
        { "a person asks for a rotation", .flags = PLAN_FORCED,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "a person asks, and a rotation is under way", .flags = PLAN_FORCED, .next = true, .not_trusting = 1,
          .reasons = ROTATED, .state = CERT_STATE_RENEWING, .due = PROMOTION, .hint = true },
        { "a person asks, and the next one is trusted", .flags = PLAN_FORCED, .next = true,
          .action = AUTHORITY_ACTION_PROMOTE, .reasons = ROTATED, .state = CERT_STATE_DUE },
        { "a person asks while an old one is in grace", .flags = PLAN_FORCED, .old = true, .signed_by_old = 1,
          .action = AUTHORITY_ACTION_BEGIN, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "an emergency", .flags = PLAN_FORCED | PLAN_AT_ONCE,
          .action = AUTHORITY_ACTION_RECREATE, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "an emergency in the midst of a rotation", .flags = PLAN_FORCED | PLAN_AT_ONCE, .next = true, .old = true,
          .not_trusting = 1, .action = AUTHORITY_ACTION_RECREATE, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "at once, but nobody asked", .flags = PLAN_AT_ONCE, .state = CERT_STATE_VALID, .due = RENEWAL },
        /* failures */
        { "making it failed, the retry is not due", .missing = true, .failures = 2, .retry_at = IN_AN_HOUR,
          .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_FAILED, .due = IN_AN_HOUR },
        { "making it failed, the retry is due", .missing = true, .failures = 2, .retry_at = NOW,
          .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_FAILED },
        { "making it failed, and a person asks", .missing = true, .failures = 2, .retry_at = IN_AN_HOUR,
          .flags = PLAN_IGNORE_RETRY, .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY),
          .state = CERT_STATE_FAILED },
        { "making it failed, but the manifest is another now", .missing = true, .failures = 2, .retry_at = IN_AN_HOUR,
          .changed_since = true, .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY),
          .state = CERT_STATE_DUE },
        { "it failed at a time that is still to come", .missing = true, .failures = 2, .failed_at = NOW + 1,
          .retry_at = IN_AN_HOUR, .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY),
          .state = CERT_STATE_FAILED },
        { "it is blocked until an administrator acts", .missing = true, .failures = 1, .blocked = true,
          .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_BLOCKED, .never_due = true },
        { "it is blocked, and a person asks", .missing = true, .failures = 1, .blocked = true, .flags = PLAN_IGNORE_RETRY,
          .action = AUTHORITY_ACTION_MAKE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_BLOCKED },
        { "a promotion failed, the retry is not due", .next = true, .failures = 1, .retry_at = IN_AN_HOUR,
          .reasons = ROTATED, .state = CERT_STATE_FAILED, .due = IN_AN_HOUR },
        { "a promotion failed, and meanwhile one does not trust it", .next = true, .not_trusting = 1, .failures = 1,
          .retry_at = IN_AN_HOUR, .reasons = ROTATED, .state = CERT_STATE_RENEWING, .due = PROMOTION, .hint = true },
        { "a rotation failed to begin, the retry is not due", .now = RENEWAL, .failures = 1, .failed_at = RENEWAL,
          .retry_at = RENEWAL + USEC_PER_HOUR, .reasons = R(AUTHORITY_EXPIRING), .state = CERT_STATE_FAILED,
          .due = RENEWAL + USEC_PER_HOUR },
        { "something failed, and nothing is wrong any more", .failures = 1, .retry_at = IN_AN_HOUR,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        /* the clock */
        { "no clock: nothing is judged by time", .now = 5 * USEC_PER_DAY, .trust = CLOCK_UNSET, .old = true,
          .unused_since = 1, .state = CERT_STATE_VALID, .due = 1 + GRACE, .hint = true },
        { "the clock went back to before it was made", .now = T0 - USEC_PER_DAY, .trust = CLOCK_JUMPED_BACK,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the clock went back: one that looks over is not promoted past", .now = END + 1, .trust = CLOCK_JUMPED_BACK,
          .next = true, .not_trusting = 1, .reasons = ROTATED, .state = CERT_STATE_RENEWING, .due = PROMOTION, .hint = true },
        { "no clock: none is made", .missing = true, .now = 86400 * USEC_PER_SEC, .trust = CLOCK_UNSET,
          .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_BLOCKED, .hint = true },
        { "the clock went back: no rotation begins", .other_wish = true, .trust = CLOCK_JUMPED_BACK,
          .reasons = R(MANIFEST_CHANGED), .state = CERT_STATE_BLOCKED, .hint = true },
        { "the clock went back: none is made anew", .stray = true, .recreate_on_stray = true, .trust = CLOCK_JUMPED_BACK,
          .reasons = R(NOT_SIGNED_BY_AUTHORITY), .state = CERT_STATE_BLOCKED, .hint = true },
        { "the clock went back: even force waits", .flags = PLAN_FORCED | PLAN_AT_ONCE | PLAN_IGNORE_RETRY,
          .trust = CLOCK_JUMPED_BACK, .reasons = R(FORCED), .state = CERT_STATE_BLOCKED, .hint = true },
        { "the clock went back: what all trust signs all the same", .next = true, .trust = CLOCK_JUMPED_BACK,
          .action = AUTHORITY_ACTION_PROMOTE, .reasons = ROTATED, .state = CERT_STATE_DUE },
};

/* ---- A row as the plan's arguments ---- */

static void add_certificate(AuthorityFacts *f, AuthorityRole role, const char *fingerprint, uint64_t from,
                            uint64_t issued_until)
{
        AuthorityCertificate *c = g_new0(AuthorityCertificate, 1);

        c->role = role;
        c->fingerprint = (char *) fingerprint;
        c->not_before = from;
        c->not_after = from + LIFE;
        c->issued_until = issued_until;
        g_ptr_array_add(f->certificates, c);
}

static AuthorityFacts facts_of(const Row *row)
{
        AuthorityFacts f = { .missing = row->missing || row->key_lost, .certificates = g_ptr_array_new_with_free_func(g_free) };

        if (row->old)
                add_certificate(&f, AUTHORITY_ROLE_OLD, OLD, T0 - LIFE, row->old_issued_until);
        if (!row->missing)
                add_certificate(&f, AUTHORITY_ROLE_CURRENT, CURRENT, T0, row->current_issued_until);
        if (row->next)
                add_certificate(&f, AUTHORITY_ROLE_NEXT, NEXT, T0 + USEC_PER_DAY, 0);
        return f;
}

static ManifestAuthority wish_of(const Row *row)
{
        return (ManifestAuthority) {
                .renew_before = { .is_percent = row->renew_before == 0, .percent = 33, .usec = row->renew_before },
                .recreate_on_bundle_drift = row->recreate_on_drift,
                .recreate_on_stray = row->recreate_on_stray,
                .grace_usec = GRACE,
                .request_digest = row->no_wish ? NULL : (char *) (row->other_wish ? WANTED_NOW : MADE_FOR),
        };
}

static Record record_of(const Row *row, const ManifestAuthority *wish)
{
        return (Record) {
                .request_digest = row->unknown_wish ? NULL : (char *) MADE_FOR,
                .unused_since = row->unused_since,
                .failures = row->failures,
                .failed_digest = row->changed_since ? (char *) OLD : wish->request_digest,
                .failed_at = row->failed_at,
                .retry_at = row->retry_at,
                .error = row->failures ? CERT_ERROR_KEY_STORAGE : _CERT_ERROR_INVALID,
                .blocked = row->blocked,
        };
}

/* When it is rotated, and when the old one goes, whatever is done now. */
static void assert_times(const AuthorityPlan *plan, const Row *row, const ManifestAuthority *wish)
{
        bool unused = row->old && row->signed_by_old == 0 && row->unused_since != 0;

        g_assert_cmpuint(plan->rotation, ==,
                         row->missing ? 0 : plan_renewal_time(&wish->renew_before, T0, END));
        g_assert_cmpuint(plan->retirement, ==, unused ? MAX(row->unused_since + GRACE, row->old_issued_until) : 0);
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        PlanClock clock = { .now = row->now ?: NOW, .trust = row->trust };
        ManifestAuthority wish = wish_of(row);
        AuthorityFacts facts = facts_of(row);
        Record record = record_of(row, &wish);
        AuthorityUse use = {
                .certificates = 5, .signed_by_old = row->signed_by_old, .not_trusting = row->not_trusting,
                .bundle_drifted = row->bundle_drifted, .stray = row->stray,
        };
        AuthorityPlan plan = plan_authority(&wish, row->never_asked ? NULL : &facts, &use, row->no_record ? NULL : &record,
                                            clock, row->flags);

        fixture_assert_reasons(plan.reasons, row->reasons);
        g_assert_cmpstr(authority_action_to_string(plan.action), ==, authority_action_to_string(row->action));
        g_assert_cmpstr(cert_state_to_string(plan.state), ==, cert_state_to_string(row->state));
        g_assert_cmpuint(plan.due, ==, row->never_due ? 0 : row->due ?: clock.now);
        g_assert_cmpint(plan.hint != NULL, ==, row->hint);
        if (!row->never_asked)
                assert_times(&plan, row, &wish);
        g_ptr_array_unref(facts.certificates);
}

/* ---- A rotation ---- */

/* The host and the authority as a rotation changes them; what the plan says is done, and time goes on. */
typedef struct Simulation {
        Row row;
        unsigned steps;
        AuthorityAction actions[16];
} Simulation;

static void act(Row *row, AuthorityAction action)
{
        switch (action) {
        case AUTHORITY_ACTION_BEGIN:
                row->next = true;
                row->not_trusting = 4;
                break;
        case AUTHORITY_ACTION_PROMOTE:
                row->next = false;
                row->old = true;
                row->signed_by_old = 3;
                row->flags = 0;
                break;
        case AUTHORITY_ACTION_RETIRE:
                row->old = false;
                row->unused_since = 0;
                break;
        default:
                break;
        }
}

/* Between two passes: one bundle more is taken, one certificate more is issued. */
static void go_on(Row *row)
{
        if (row->not_trusting > 0)
                row->not_trusting--;
        if (!row->old || row->next)
                return;
        if (row->signed_by_old > 0)
                row->signed_by_old--;
        if (row->signed_by_old == 0 && row->unused_since == 0)
                row->unused_since = row->now;
}

static void simulate(Simulation *s, unsigned passes)
{
        for (unsigned i = 0; i < passes; i++) {
                ManifestAuthority wish = wish_of(&s->row);
                AuthorityFacts facts = facts_of(&s->row);
                Record record = record_of(&s->row, &wish);
                AuthorityUse use = { .signed_by_old = s->row.signed_by_old, .not_trusting = s->row.not_trusting };
                AuthorityPlan plan = plan_authority(&wish, &facts, &use, &record, (PlanClock) { .now = s->row.now },
                                                    s->row.flags);

                g_ptr_array_unref(facts.certificates);
                if (plan.action != AUTHORITY_ACTION_NONE) {
                        g_assert_cmpuint(s->steps, <, G_N_ELEMENTS(s->actions));
                        s->actions[s->steps++] = plan.action;
                }
                act(&s->row, plan.action);
                go_on(&s->row);
                s->row.now += USEC_PER_HOUR;
        }
}

static void test_rotation(void)
{
        Simulation s = { .row = { .now = NOW, .flags = PLAN_FORCED } };

        simulate(&s, 100);
        g_assert_cmpuint(s.steps, ==, 3);
        g_assert_cmpint(s.actions[0], ==, AUTHORITY_ACTION_BEGIN);
        g_assert_cmpint(s.actions[1], ==, AUTHORITY_ACTION_PROMOTE);
        g_assert_cmpint(s.actions[2], ==, AUTHORITY_ACTION_RETIRE);
        g_assert_false(s.row.old || s.row.next);
}

static void test_actions(void)
{
        for (int action = 0; action < _AUTHORITY_ACTION_MAX; action++) {
                const char *name = authority_action_to_string((AuthorityAction) action);

                g_assert_nonnull(name);
                g_assert_cmpint(authority_action_from_string(name), ==, action);
        }
        g_assert_null(authority_action_to_string(_AUTHORITY_ACTION_MAX));
        g_assert_cmpint(authority_action_from_string("destroy"), ==, _AUTHORITY_ACTION_INVALID);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/plan-authority/the names of the actions, both ways", test_actions);
        g_test_add_func("/plan-authority/a rotation is three actions, each once, and then over", test_rotation);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/plan-authority/", rows[i].name, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        return g_test_run();
}
