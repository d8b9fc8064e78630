/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plans of bundles and revocation lists, as tables: each row is one that differs from a sound one, and what must be
 * done about it, why, and when. */

#include "agent/plan.h"

#include "common/timespan.h"
#include "tests/unit/fixture.h"

#define T0 (UINT64_C(1767225600) * USEC_PER_SEC) /* 2026-01-01: when the sound one was written */
#define LIFE (9 * USEC_PER_DAY)
#define END (T0 + LIFE)
#define RENEWAL (T0 + 6 * USEC_PER_DAY)
#define NOW (T0 + USEC_PER_DAY)
#define IN_AN_HOUR (NOW + USEC_PER_HOUR)
#define NO_CLOCK (86400 * USEC_PER_SEC)

#define WRITTEN "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIGEST "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define SIGNERS "11111111111111111111111111111111"
#define OTHER_SIGNERS "22222222222222222222222222222222"
#define REVOKED_NONE "33333333333333333333333333333333"
#define REVOKED_ONE "44444444444444444444444444444444"

/* How one differs from a sound one. Sound: written by us a day ago, as is wanted now, taken by its unit; a revocation list
 * for nine days. */
typedef struct Row {
        const char *name;
        bool crl;
        /* the file */
        bool missing, unreadable, edited, foreign_owner, wrong_mode;
        /* wanted */
        bool unknown_roots, other_wanted, no_units;
        /* the authority, of a revocation list */
        bool never_asked, no_authority, other_signers, one_revoked, no_end;
        /* record */
        bool no_record, no_generation, other_recorded, not_taken, no_source, never_renewed;
        unsigned failures;
        bool blocked, degraded, changed_since;
        uint64_t retry_at;
        CertError error; /* 0: UNIT_FAILED */
        /* question */
        uint64_t now;
        ClockTrust trust;
        PlanFlags flags;
        /* answer */
        Action action;
        ReasonSet reasons;
        CertState state;
        uint64_t due; /* 0: now */
        bool never_due, hint, drifted;
} Row;

#define R(x) REASON_BIT(REASON_##x)

static const Row rows[] = {
        { "a bundle that is as it should be", .state = CERT_STATE_VALID, .never_due = true },
        { "a bundle that is missing", .missing = true, .drifted = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle that was never written", .missing = true, .no_record = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle in whose place is a folder", .unreadable = true, .drifted = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle that somebody edited", .edited = true, .drifted = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle of somebody else's", .edited = true, .no_record = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle that was adopted, and then edited by its owner", .edited = true, .no_generation = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle of somebody else's that was adopted", .other_wanted = true, .no_generation = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle of somebody else's that holds what is wanted", .no_record = true,
          .state = CERT_STATE_VALID, .never_due = true },
        { "a bundle whose roots became others has not drifted", .other_wanted = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle that somebody made what is wanted now", .other_recorded = true, .drifted = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle whose issuer's roots are not known", .unknown_roots = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle of another owner", .foreign_owner = true,
          .action = ACTION_REPAIR, .reasons = R(OWNER_DRIFT), .state = CERT_STATE_DUE },
        { "a bundle of another mode", .wrong_mode = true,
          .action = ACTION_REPAIR, .reasons = R(MODE_DRIFT), .state = CERT_STATE_DUE },
        { "a bundle that its unit was not told of", .not_taken = true,
          .action = ACTION_UNITS, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DUE },
        { "a bundle that nobody is to be told of", .not_taken = true, .no_units = true,
          .state = CERT_STATE_VALID, .never_due = true },
        { "a bundle that is asked for", .flags = PLAN_FORCED,
          .action = ACTION_ISSUE, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "a bundle that was put back, the retry is not due", .other_wanted = true, .failures = 1, .retry_at = IN_AN_HOUR,
          .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_FAILED, .due = IN_AN_HOUR },
        { "a bundle that was put back, the retry is due", .other_wanted = true, .failures = 1, .retry_at = NOW,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_FAILED },
        { "a bundle that was put back, and a person asks", .other_wanted = true, .failures = 1, .retry_at = IN_AN_HOUR,
          .flags = PLAN_IGNORE_RETRY, .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_FAILED },
        { "a bundle that was put back, and its entry changed", .other_wanted = true, .failures = 1, .retry_at = IN_AN_HOUR,
          .changed_since = true, .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle that is blocked until an administrator acts", .missing = true, .failures = 1, .blocked = true,
          .drifted = true, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_BLOCKED, .never_due = true },
        { "a bundle that a unit did not take", .not_taken = true, .failures = 1, .degraded = true, .retry_at = IN_AN_HOUR,
          .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DEGRADED, .due = IN_AN_HOUR },
        { "a bundle's mode is mended while it waits for its retry", .other_wanted = true, .wrong_mode = true, .failures = 1,
          .retry_at = IN_AN_HOUR, .error = CERT_ERROR_ISSUER_TIMEOUT, .action = ACTION_REPAIR,
          .reasons = R(BUNDLE_DIFFER) | R(MODE_DRIFT), .state = CERT_STATE_FAILED },
        { "a bundle is mended whatever the clock says", .edited = true, .drifted = true, .now = NO_CLOCK,
          .trust = CLOCK_UNSET, .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a bundle's unknown roots are not asked for without a clock", .unknown_roots = true, .now = NO_CLOCK,
          .trust = CLOCK_UNSET, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_BLOCKED, .hint = true },
        /* revocation lists */
        { "a list that is as it should be", .crl = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a list that is missing", .crl = true, .missing = true, .drifted = true,
          .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT), .state = CERT_STATE_DUE },
        { "a list that was never written", .crl = true, .missing = true, .no_record = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a list of somebody else's", .crl = true, .edited = true, .no_record = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a list of somebody else's that was adopted", .crl = true, .no_generation = true, .no_source = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a list that somebody edited", .crl = true, .edited = true, .drifted = true,
          .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT), .state = CERT_STATE_DUE },
        { "a list that lacks one that is revoked", .crl = true, .one_revoked = true,
          .action = ACTION_ISSUE, .reasons = R(REVOKED), .state = CERT_STATE_DUE },
        { "a list of other signers", .crl = true, .other_signers = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a list of other signers that lacks one", .crl = true, .other_signers = true, .one_revoked = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a list that nobody knows what it was made from", .crl = true, .no_source = true,
          .action = ACTION_ISSUE, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a list the moment before two thirds of its time", .crl = true, .now = RENEWAL - 1,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a list at two thirds of its time", .crl = true, .now = RENEWAL,
          .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "a list after its end", .crl = true, .now = END + 1,
          .action = ACTION_ISSUE, .reasons = R(EXPIRED), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "a list without an end", .crl = true, .no_end = true, .now = END + 1,
          .state = CERT_STATE_VALID, .never_due = true },
        { "a list whose writing was not noted is renewed rather too early", .crl = true, .never_renewed = true,
          .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE, .due = END / 3 * 2 },
        { "a list of another mode", .crl = true, .wrong_mode = true,
          .action = ACTION_REPAIR, .reasons = R(MODE_DRIFT), .state = CERT_STATE_DUE },
        { "a list that its unit was not told of", .crl = true, .not_taken = true,
          .action = ACTION_UNITS, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DUE },
        { "a list that is asked for", .crl = true, .flags = PLAN_FORCED,
          .action = ACTION_ISSUE, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "a list of an authority that was never asked", .crl = true, .never_asked = true, .missing = true,
          .drifted = true, .state = CERT_STATE_DUE },
        { "a list of an authority that is missing", .crl = true, .no_authority = true, .missing = true, .drifted = true,
          .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_DUE },
        { "a list that could not be signed, the retry is not due", .crl = true, .one_revoked = true, .failures = 2,
          .retry_at = IN_AN_HOUR, .error = CERT_ERROR_ISSUER_UNREACHABLE, .reasons = R(REVOKED),
          .state = CERT_STATE_FAILED, .due = IN_AN_HOUR },
        { "a list is not signed without a clock", .crl = true, .one_revoked = true, .now = NO_CLOCK, .trust = CLOCK_UNSET,
          .reasons = R(REVOKED), .state = CERT_STATE_BLOCKED, .hint = true },
        { "a list is not judged by a clock that went back", .crl = true, .now = END + 1, .trust = CLOCK_JUMPED_BACK,
          .state = CERT_STATE_VALID, .due = RENEWAL },
};

/* ---- A row as the plan's arguments ---- */

typedef struct World {
        ManifestCertificate *wanted;
        CertificateFacts facts;
        Record *record;
        AuthorityFacts authority;
} World;

static void make_wish(World *w, const Row *row)
{
        ManifestCertificate *c = w->wanted = fixture_certificate_new("site");

        c->kind = row->crl ? MANIFEST_KIND_CRL : MANIFEST_KIND_BUNDLE;
        g_free(c->name);
        c->name = g_strdup(row->crl ? MANIFEST_CRL_PREFIX "site" : MANIFEST_BUNDLE_PREFIX "site");
        g_clear_pointer(&c->path[MANAGED_FILE_CERT], g_free);
        g_clear_pointer(&c->path[MANAGED_FILE_KEY], g_free);
        c->path[MANAGED_FILE_CA] = g_strdup("/etc/tls/site.pem");
        g_free(c->request_digest);
        c->request_digest = g_strdup(DIGEST);
        if (!row->no_units)
                g_ptr_array_add(c->units, g_new0(UnitRef, 1));
}

static void make_facts(World *w, const Row *row)
{
        const FileAttributes *a = manifest_certificate_attributes(w->wanted, MANAGED_FILE_CA);
        FileFacts *file = &w->facts.file[MANAGED_FILE_CA];

        w->facts.certificate = w->wanted;
        file->state = row->missing      ? FILE_STATE_MISSING
                      : row->unreadable ? FILE_STATE_UNREADABLE
                                        : FILE_STATE_PRESENT;
        file->uid = a->uid + (row->foreign_owner ? 1 : 0);
        file->gid = a->gid;
        file->mode = row->wrong_mode ? 0666 : a->mode;
        if (file->state == FILE_STATE_PRESENT)
                w->facts.content = (char *) (row->edited ? OTHER : WRITTEN);
        if (row->crl && file->state == FILE_STATE_PRESENT && !row->no_end)
                w->facts.content_until = END;
}

static void make_record(World *w, const Row *row)
{
        Record *r;

        if (row->no_record)
                return;
        r = w->record = record_new(w->wanted->name);
        r->generation = row->no_generation ? 0 : 7;
        r->fingerprint = g_strdup(row->other_recorded ? OTHER : WRITTEN);
        r->taken = g_strdup(row->not_taken ? OTHER : r->fingerprint);
        r->last_renewal = row->never_renewed ? 0 : T0;
        r->source = row->no_source ? NULL : g_strdup(SIGNERS REVOKED_NONE);
        r->failures = row->failures;
        r->failed_digest = g_strdup(row->changed_since ? OTHER : row->failures ? DIGEST : NULL);
        r->retry_at = row->retry_at;
        r->error = row->failures ? row->error ?: CERT_ERROR_UNIT_FAILED : _CERT_ERROR_INVALID;
        r->blocked = row->blocked;
        r->degraded = row->degraded;
}

static PlanItem plan_of(World *w, const Row *row, PlanClock clock)
{
        const char *wanted = row->unknown_roots ? NULL : row->other_wanted ? OTHER : WRITTEN;
        g_autofree char *digest = g_strconcat(row->other_signers ? OTHER_SIGNERS : SIGNERS,
                                              row->one_revoked ? REVOKED_ONE : REVOKED_NONE, NULL);

        if (!row->crl)
                return plan_bundle(w->wanted, &w->facts, w->record, wanted, clock, row->flags);
        w->authority.missing = row->no_authority;
        w->authority.crl_digest = digest;
        return plan_crl(w->wanted, &w->facts, w->record, row->never_asked ? NULL : &w->authority, clock, row->flags);
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        PlanClock clock = { .now = row->now ?: NOW, .trust = row->trust };
        World w = {};
        PlanItem item;

        make_wish(&w, row);
        make_facts(&w, row);
        make_record(&w, row);
        item = plan_of(&w, row, clock);

        fixture_assert_reasons(item.reasons, row->reasons);
        g_assert_cmpstr(action_to_string(item.action), ==, action_to_string(row->action));
        g_assert_cmpstr(cert_state_to_string(item.state), ==, cert_state_to_string(row->state));
        g_assert_cmpuint(item.due, ==, row->never_due ? 0 : row->due ?: clock.now);
        g_assert_cmpint(item.hint != NULL, ==, row->hint);
        g_assert_true(item.certificate == w.wanted);
        g_assert_cmpint(plan_bundle_drifted(&w.facts, w.record), ==, row->drifted);
        g_ptr_array_set_free_func(w.wanted->units, g_free);
        fixture_certificate_free(w.wanted);
        record_free(w.record);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/plan-bundle/", rows[i].name, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        return g_test_run();
}
