/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/plan.h"

/* What the plans of certificates, bundles, revocation lists and authorities have in common: what follows from what was
 * found (plan-verdict.c). */

/* What was found, by what mends it. */
typedef struct PlanFindings {
        ReasonSet issue;
        ReasonSet repair;
        ReasonSet units;
} PlanFindings;

/* All that a verdict is made from, beside what was found. */
typedef struct PlanCase {
        const Record *record; /* NULL: nothing is known */
        const char *digest;   /* of what is wanted, as a failed try would have noted it; NULL: it has none */
        const char *issuer_digest; /* likewise of its issuer */
        PlanClock clock;
        PlanFlags flags;
        bool by_clock;    /* to issue takes a clock that can be trusted */
        bool brought;     /* a person brought what is to be installed now */
        bool outdated;    /* the request that waits asks for something else than what is wanted */
        bool mendable;    /* there is something sound from which owner, mode and derived files can be mended */
        uint64_t renewal; /* when it is due by time; 0: never, or not known */
} PlanCase;

/* Action, reasons, state, due time and hint; the certificate is left to the caller. */
PlanItem plan_verdict(const PlanCase *c, const PlanFindings *f);

/* The last try failed, and what is wanted now is still what was wanted then. */
bool plan_is_failing(const PlanCase *c);
/* Whether a retry is still to be waited for. */
bool plan_retry_is_waited_for(const PlanCase *c);
/* The state of what failed. */
CertState plan_state_of_failure(const Record *r);
/* What to do about a clock that cannot be trusted; static, NULL with a good one. */
const char *plan_clock_hint(ClockTrust trust);

/* Owner and mode of a file that is present. */
void plan_find_in_attributes(const ManifestCertificate *wanted, ManagedFile i, const FileFacts *file, PlanFindings *f);
