/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plans of bundles and of revocation lists
 *
 * Both are one file whose content is compared as a whole: with what it must hold, or with what was written last. To issue
 * one means to write it. A bundle takes no CA and no time, so that trust is mended whatever the clock says; a revocation
 * list is signed, with the time in it.
 */

#include "agent/plan-private.h"

#include "agent/authority-facts-private.h"

#define FILE_INDEX MANAGED_FILE_CA /* the only one */

/* What we wrote is what is there. */
static bool is_recorded(const CertificateFacts *facts, const Record *record)
{
        return facts->content && record && g_strcmp0(record->fingerprint, facts->content) == 0;
}

/* It was ours, and became another, or none. Where nothing of ours was installed, it is what it is. */
bool plan_bundle_drifted(const CertificateFacts *facts, const Record *record)
{
        return record && record->generation != 0 && record->fingerprint && !is_recorded(facts, record);
}

/* Owner, mode, units: the same of both. */
static void find_around(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record, PlanFlags flags,
                        PlanFindings *f)
{
        if (facts->file[FILE_INDEX].state == FILE_STATE_PRESENT)
                plan_find_in_attributes(c, FILE_INDEX, &facts->file[FILE_INDEX], f);
        if (c->units && c->units->len > 0 && is_recorded(facts, record) &&
            g_strcmp0(record->taken, facts->content) != 0)
                f->units |= REASON_BIT(REASON_UNIT_NOT_SERVING);
        if (flags & PLAN_FORCED)
                f->issue |= REASON_BIT(REASON_FORCED);
}

static PlanItem conclude(const ManifestCertificate *c, const CertificateFacts *facts, const PlanCase *k,
                         const PlanFindings *f)
{
        PlanCase complete = *k;
        PlanItem item;

        complete.digest = c->request_digest;
        complete.issuer_digest = c->issuer_digest;
        complete.mendable = facts->content != NULL;
        item = plan_verdict(&complete, f);
        item.certificate = c;
        return item;
}

/* One that holds what is wanted, but was not written by us where something of ours should stand, is written again: then
 * it is known what the units were told. */
PlanItem plan_bundle(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                     const char *wanted, PlanClock clock, PlanFlags flags)
{
        /* To ask an issuer for its roots takes a clock, as everything does that others are asked for. */
        PlanCase k = { .record = record, .clock = clock, .flags = flags, .by_clock = !wanted };
        PlanFindings f = {};

        if (!wanted || g_strcmp0(facts->content, wanted) != 0 || plan_bundle_drifted(facts, record))
                f.issue |= REASON_BIT(REASON_BUNDLE_DIFFER);
        find_around(c, facts, record, flags, &f);
        return conclude(c, facts, &k, &f);
}

/* ---- Revocation lists ---- */

/* Two thirds of the time between its writing and its end. One whose writing was not recorded is renewed too early. */
static uint64_t crl_renewal(const CertificateFacts *facts, const Record *record)
{
        uint64_t since, until = facts->content_until;

        if (!is_recorded(facts, record) || until == 0 || until == UINT64_MAX)
                return 0;
        since = MIN(record->last_renewal, until);
        return since + (until - since) / 3 * 2;
}

/* What was written is no more what the authority would say now. */
static void find_in_source(const Record *record, const AuthorityFacts *authority, PlanFindings *f)
{
        const char *source = record ? record->source : NULL;

        if (g_strcmp0(source, authority->crl_digest) == 0)
                return;
        f->issue |= source && authority_crl_digest_same_signers(source, authority->crl_digest)
                            ? REASON_BIT(REASON_REVOKED)
                            : REASON_BIT(REASON_BUNDLE_DIFFER);
}

static void find_in_time(const CertificateFacts *facts, const PlanCase *k, PlanFindings *f)
{
        if (k->renewal == 0 || k->clock.trust != CLOCK_GOOD)
                return;
        if (k->clock.now > facts->content_until)
                f->issue |= REASON_BIT(REASON_EXPIRED);
        else if (k->clock.now >= k->renewal)
                f->issue |= REASON_BIT(REASON_EXPIRING);
}

PlanItem plan_crl(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                  const AuthorityFacts *authority, PlanClock clock, PlanFlags flags)
{
        PlanCase k = { .record = record, .clock = clock, .flags = flags, .by_clock = true };
        PlanFindings f = {};

        if (!authority || authority->missing) /* its own plan comes first */
                return (PlanItem) {
                        .certificate = c,
                        .reasons = authority ? REASON_BIT(REASON_MISSING_AUTHORITY) : 0,
                        .state = CERT_STATE_DUE,
                        .due = clock.now,
                };
        k.renewal = crl_renewal(facts, record);
        if (!is_recorded(facts, record))
                f.issue |= REASON_BIT(plan_bundle_drifted(facts, record) ? REASON_CONTENT_DRIFT : REASON_BUNDLE_DIFFER);
        find_in_source(record, authority, &f);
        find_in_time(facts, &k, &f);
        find_around(c, facts, record, flags, &f);
        return conclude(c, facts, &k, &f);
}
