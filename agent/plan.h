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
                            * is known (blocked until an administrator acts, waiting until somebody brings the answer) */
        const char *hint;  /* static: what to do, with BLOCKED by the clock; else NULL */
} PlanItem;

typedef enum PlanFlags {
        PLAN_FORCED = 1 << 0,        /* `--force`: issue in any case, the clock permitting; a request that waits for a
                                      * person is replaced */
        PLAN_IGNORE_RETRY = 1 << 1,  /* a person asked: do not wait for retry_at */
        PLAN_AT_ONCE = 1 << 2,       /* with FORCED, of an authority: a new one in place of all there is */
} PlanFlags;

/* `authority` is what is known of a local issuer; NULL for other types, and while nothing is known. */
PlanItem plan_certificate(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                          const AuthorityFacts *authority, PlanClock clock, PlanFlags flags);

/* Whether a subject (RFC 4514) as it stands in a certificate is the one that is wanted. Pure. */
bool plan_subject_is_wanted(const ManifestCertificate *c, const char *subject);

/* What a unit wants that is to be started: the files. That its units are told of them is not waited for, for that unit may
 * be one of them, and wait for us. */
bool plan_item_is_usable(const PlanItem *item);

/* ---- Bundles and revocation lists (plan-bundle.c) ---- */

/* `wanted` is the digest of what the bundle must hold (trust.h); NULL while the roots of one of its issuers are not
 * known: then it must be asked for them (ISSUE). */
PlanItem plan_bundle(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                     const char *wanted, PlanClock clock, PlanFlags flags);

/* `authority` NULL: not known yet. A list is signed anew when what it says changed, when it is not what was written, and
 * when two thirds of its time are over. */
PlanItem plan_crl(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                  const AuthorityFacts *authority, PlanClock clock, PlanFlags flags);

/* Somebody changed or removed what was installed last (and not: what is wanted became another). */
bool plan_bundle_drifted(const CertificateFacts *facts, const Record *record);

/* Whether a leaf that was ours was replaced by one that the authority did not sign (rule 4's "stray"). False where the
 * authority changed meanwhile, or the manifest names another issuer than the record. */
bool plan_is_stray(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                   const AuthorityFacts *authority);

/* ---- Authorities (plan-authority.c) ---- */

typedef enum AuthorityAction {
        AUTHORITY_ACTION_NONE,
        AUTHORITY_ACTION_MAKE,     /* there is none, or half of one */
        AUTHORITY_ACTION_BEGIN,    /* a rotation: the next one is made, to be trusted first */
        AUTHORITY_ACTION_PROMOTE,  /* all trust the next one: from now on it signs */
        AUTHORITY_ACTION_RETIRE,   /* the old one has no certificate left, and the grace time is over */
        AUTHORITY_ACTION_RECREATE, /* a new one at once, in place of all there is */
        _AUTHORITY_ACTION_MAX,
        _AUTHORITY_ACTION_INVALID = -EINVAL,
} AuthorityAction;

const char *authority_action_to_string(AuthorityAction action); /* "none" "make" "begin" "promote" "retire" "recreate" */
AuthorityAction authority_action_from_string(const char *s);

/* How the rest of the host stands to an authority, as the agent has counted it. */
typedef struct AuthorityUse {
        unsigned certificates;    /* that the manifest wants of it */
        unsigned signed_by_old;   /* of these, whose leaf in place was signed by an old one */
        unsigned not_trusting;    /* bundles, CRLs and CA files that do not say what is trusted now, or whose units have not
                                   * taken it */
        bool bundle_drifted;      /* a bundle of it was changed, and that was not answered yet */
        bool stray;               /* a certificate of it was replaced, and that was not answered yet */
} AuthorityUse;

typedef struct AuthorityPlan {
        AuthorityAction action;
        ReasonSet reasons;
        CertState state; /* RENEWING while a rotation is under way that waits for others; DUE when there is something to do */
        uint64_t due;    /* as in PlanItem */
        uint64_t rotation;   /* when it is (was) to be replaced by a new one; 0: there is none yet */
        uint64_t retirement; /* when the old one goes; 0: there is none, or it is still in use */
        const char *hint; /* static or NULL: what a rotation waits for, what to do */
} AuthorityPlan;

/* Pure. `facts` NULL: the authority was never asked; nothing is done then. `record` is that of
 * MANIFEST_AUTHORITY_PREFIX + name. */
AuthorityPlan plan_authority(const ManifestAuthority *wish, const AuthorityFacts *facts, const AuthorityUse *use,
                             const Record *record, PlanClock clock, PlanFlags flags);

/* When a certificate of this validity is to be renewed: not_after minus renew_before; a renew_before not
 * shorter than the certificate's whole lifetime counts as 33% of it. */
uint64_t plan_renewal_time(const RenewBefore *b, uint64_t not_before, uint64_t not_after);
