/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority-call.h"
#include "agent/authority-facts.h"
#include "agent/authority-watch.h"
#include "agent/manifest.h"
#include "agent/plan.h"
#include "agent/record.h"

/* A local authority as the agent knows it: what is wanted, what its process last said, what happened, what is to be done. */

typedef struct Authority {
        const ManifestIssuer *issuer; /* ->authority is not NULL */
        char *name;            /* MANIFEST_AUTHORITY_PREFIX + the issuer's */
        AuthorityFacts *facts; /* NULL: it was never asked */
        GError *error;         /* why its process could not say, the last time it was asked; `facts` are then the last good */
        Record *record;        /* borrowed from the store */
        Record *substitute;    /* owned: in its place when it cannot be read */
        AuthorityUse use;
        char *found;           /* by the last count: what was changed by others, as in Record.answered */
        AuthorityPlan plan;
        AuthorityCall *inspection; /* it is being asked */
        GPtrArray *inquiries;      /* Inquiry*, who wait for that; borrowed */
        AuthorityWatch *watch;     /* of its folder; NULL: it is not watched */
        bool at_work;              /* a pass has it do something */
        bool asked;                /* it has answered since the agent began, and nothing speaks against what it said */
        const char *waits_for;     /* by the last count: the first that does not trust what is trusted now; borrowed */
        bool unknown;              /* by the last count: something that hangs on it cannot be looked at */
        int64_t recreate_since;    /* CLOCK_MONOTONIC, microseconds: since when the next is counted */
        unsigned recreations;      /* how often it was made anew since then because something was changed */
} Authority;

Authority *agent_authority_new(const ManifestIssuer *issuer);
Authority *agent_authority_free(Authority *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Authority, agent_authority_free)

/* The state to show: the plan's, FAILED or BLOCKED when it could not be asked. */
CertState authority_state(const Authority *a);
/* "missing", "steady", "introducing" (a next one is being made known) or "retiring" (an old one is still trusted). */
const char *authority_phase(const Authority *a);

/* Whether a certificate, bundle or list of the manifest hangs on it. */
bool authority_concerns(const Authority *a, const ManifestCertificate *wish);

/* Takes what it said, or why it could not; the reference and the error stay the caller's. A failure is logged when it
 * is another than the last. */
void authority_take_facts(Authority *a, AuthorityFacts *facts);
void authority_take_error(Authority *a, const GError *error);

/* What a pass did to it, or failed to do, into its record and the log. */
void authority_record_done(Authority *a, AuthorityAction action, ReasonSet reasons, uint64_t now);
void authority_record_failed(Authority *a, AuthorityAction action, ReasonSet reasons, uint64_t now, const GError *error);
