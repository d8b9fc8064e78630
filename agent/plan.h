/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/inventory.h"
#include "agent/manifest.h"
#include "agent/record.h"
#include "common/reason.h"
#include "common/state.h"

/* The plan: what must be done, why, and when. Pure: (manifest, facts, record, clock) -> item. Nothing is
 * written before the whole plan stands. */

typedef enum ClockTrust {
        CLOCK_GOOD,
        CLOCK_UNSET,       /* before 2020: a machine without RTC that has not heard from a time server */
        CLOCK_JUMPED_BACK, /* more than a day before the latest time seen: nothing is judged by it */
} ClockTrust;

typedef struct PlanClock {
        uint64_t now;
        ClockTrust trust;
} PlanClock;

/* Judges `now` against the latest time seen (0: never). Pure. */
PlanClock plan_clock(uint64_t now, uint64_t latest_seen);

typedef struct PlanItem {
        const ManifestCertificate *certificate;
        Action action;     /* what the next pass does; ACTION_NONE also while a retry is not due */
        ReasonSet reasons; /* why; kept when the action must wait */
        CertState state;   /* never RENEWING: that is the job's to say */
        uint64_t due;      /* when the action is (was) due, microseconds since 1970; renewal time when valid; 0: no time
                            * is known (blocked until an administrator acts) */
        const char *hint;  /* static: what to do, with BLOCKED by the clock; else NULL */
} PlanItem;

typedef enum PlanFlags {
        PLAN_FORCED = 1 << 0,        /* `--force`: issue in any case, the clock permitting */
        PLAN_IGNORE_RETRY = 1 << 1,  /* a person asked: do not wait for retry_at */
} PlanFlags;

PlanItem plan_certificate(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                          PlanClock clock, PlanFlags flags);

/* When a certificate of this validity is to be renewed: not_after minus renew_before; a renew_before not
 * shorter than the certificate's whole lifetime counts as 33% of it. */
uint64_t plan_renewal_time(const RenewBefore *b, uint64_t not_before, uint64_t not_after);
