/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verdict
 *
 * From what was found to what is done about it, when, and what is to be shown: the same for everything that is managed.
 * What is found is kept apart by what it takes to mend it; the strongest remedy wins, since what is issued anew also
 * makes good what a repair would. Owns the meaning of failures: what waits for a retry, and what goes on meanwhile.
 */

#include "agent/plan-private.h"

#include "common/error.h"

/* Nothing is expected of a request that asks for something else than what is wanted, nor while what answers one is still to
 * be installed. */
static bool is_waiting(const PlanCase *c)
{
        return c->record && c->record->token && !c->outdated && !c->brought;
}

/* A person brings the answer, whenever that is. */
static bool waits_for_person(const PlanCase *c)
{
        return is_waiting(c) && c->record->poll_at == UINT64_MAX;
}

/* An issuer that was asked again and did not answer is one that has not decided. But what fails while a person is waited for
 * concerns what is in place. */
static bool fails_while_waiting(const PlanCase *c, const PlanFindings *f)
{
        return waits_for_person(c) && plan_is_failing(c) && (f->repair | f->units) != 0;
}

static bool may_ask_again(const PlanCase *c)
{
        return !waits_for_person(c) && (c->clock.now >= c->record->poll_at || (c->flags & PLAN_IGNORE_RETRY));
}

/* Unknown on either side is no difference. */
static bool differ(const char *a, const char *b)
{
        return a && b && !g_str_equal(a, b);
}

/* What failed by another wish, or by what was said of the issuer then (its address, its provisioner), says nothing of what is
 * wanted now. */
bool plan_is_failing(const PlanCase *c)
{
        const Record *r = c->record;

        if (!r || (r->failures == 0 && !r->degraded && !r->blocked))
                return false;
        return !differ(r->failed_digest, c->digest) && !differ(r->failed_issuer, c->issuer_digest);
}

/* When the clock went back to before the failure, the span cannot be judged by it. */
bool plan_retry_is_waited_for(const PlanCase *c)
{
        const Record *r = c->record;

        if ((c->flags & PLAN_IGNORE_RETRY) || !plan_is_failing(c))
                return false;
        return r->blocked || (c->clock.now < r->retry_at && c->clock.now >= r->failed_at);
}

CertState plan_state_of_failure(const Record *r)
{
        if (r->degraded)
                return CERT_STATE_DEGRADED;
        return r->blocked ? CERT_STATE_BLOCKED : CERT_STATE_FAILED;
}

const char *plan_clock_hint(ClockTrust trust)
{
        switch (trust) {
        case CLOCK_UNSET:
                return "The clock says a time before 2020: start time synchronisation (timedatectl set-ntp true) or "
                       "set the clock; nothing is renewed until then.";
        case CLOCK_JUMPED_BACK:
                return "The clock went back by more than a day: check it and time synchronisation (timedatectl "
                       "status); nothing is renewed until the time is past the latest one seen.";
        case CLOCK_GOOD:
        default:
                return NULL;
        }
}

void plan_find_in_attributes(const ManifestCertificate *wanted, ManagedFile i, const FileFacts *file, PlanFindings *f)
{
        const FileAttributes *a = manifest_certificate_attributes(wanted, i);

        if (file->uid != a->uid || file->gid != a->gid)
                f->repair |= REASON_BIT(REASON_OWNER_DRIFT);
        if (file->mode != a->mode)
                f->repair |= REASON_BIT(REASON_MODE_DRIFT);
}

/* Owner, mode and derived files may be mended while something new must wait, if there is something to mend them from and
 * mending is not just what failed. Roots are given to units with a certificate's other files: where a unit failed, they
 * wait for the retry. */
static bool repair_may_go_on(const PlanCase *c, const PlanFindings *f)
{
        CertError failure;

        if (!c->mendable)
                return false;
        if (!plan_is_failing(c))
                return true;
        failure = c->record->error;
        if ((f->repair & REASON_BIT(REASON_BUNDLE_DIFFER)) &&
            (failure == CERT_ERROR_UNIT_FAILED || failure == CERT_ERROR_NOT_SERVING))
                return false;
        return failure != CERT_ERROR_INSTALL_FAILED;
}

/* Of what was installed for this wish: it is put back from what is kept, though the next one waits for a person. */
static bool is_damaged_while_waiting(const PlanCase *c, const PlanFindings *f)
{
        const ReasonSet damage = REASON_BIT(REASON_MISSING_CERT) | REASON_BIT(REASON_MISSING_KEY) |
                                 REASON_BIT(REASON_UNREADABLE) | REASON_BIT(REASON_KEY_MISMATCH);

        return waits_for_person(c) && (f->issue & damage) != 0 && c->record->generation > 0 && c->digest &&
               g_strcmp0(c->record->request_digest, c->digest) == 0;
}

static bool clock_forbids(const PlanCase *c)
{
        return c->by_clock && c->clock.trust != CLOCK_GOOD;
}

static Action action_for(const PlanCase *c, const PlanFindings *f)
{
        bool issue = f->issue != 0 || is_waiting(c), held = plan_retry_is_waited_for(c);

        if (issue && !clock_forbids(c) && !held) {
                if (!is_waiting(c) || is_damaged_while_waiting(c, f) ||
                    (waits_for_person(c) && (c->flags & PLAN_FORCED)))
                        return ACTION_ISSUE;
                if (may_ask_again(c))
                        return ACTION_POLL;
        }
        if (f->repair != 0 && ((!issue && !held) || repair_may_go_on(c, f)))
                return ACTION_REPAIR;
        if (f->units != 0 && !held)
                return ACTION_UNITS;
        return ACTION_NONE;
}

static CertState state_for(const PlanCase *c, const PlanFindings *f)
{
        if (f->issue != 0 && clock_forbids(c))
                return CERT_STATE_BLOCKED;
        if (is_waiting(c) && !fails_while_waiting(c, f))
                return CERT_STATE_WAITING;
        if ((f->issue | f->repair | f->units) == 0)
                return CERT_STATE_VALID;
        return plan_is_failing(c) ? plan_state_of_failure(c->record) : CERT_STATE_DUE;
}

static uint64_t due_for(const PlanCase *c, const PlanFindings *f, Action action)
{
        const ReasonSet by_time = REASON_BIT(REASON_EXPIRED) | REASON_BIT(REASON_EXPIRING);

        if (waits_for_person(c) && action == ACTION_NONE && !fails_while_waiting(c, f))
                return 0;
        if (is_waiting(c) && !waits_for_person(c) && action != ACTION_REPAIR && action != ACTION_UNITS)
                return c->record->poll_at;
        if ((f->issue | f->repair | f->units) == 0)
                return c->renewal;
        if (action == ACTION_NONE && plan_retry_is_waited_for(c))
                return c->record->blocked ? 0 : c->record->retry_at;
        if (f->issue != 0 && (f->issue & ~by_time) == 0 && f->repair == 0 && f->units == 0)
                return c->renewal;
        return c->clock.now;
}

PlanItem plan_verdict(const PlanCase *c, const PlanFindings *f)
{
        PlanItem item = {
                .reasons = f->issue | f->repair | f->units,
                .action = action_for(c, f),
                .state = state_for(c, f),
        };

        item.due = due_for(c, f, item.action);
        if (f->issue != 0 && clock_forbids(c))
                item.hint = plan_clock_hint(c->clock.trust);
        return item;
}
