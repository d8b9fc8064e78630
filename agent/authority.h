/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority-facts.h"
#include "agent/manifest.h"
#include "agent/plan.h"
#include "agent/record.h"

/* A local authority as the agent knows it: what is wanted, what its process last said, what happened, what is to be done. */

typedef struct Pass Pass;

typedef struct Authority {
        const ManifestIssuer *issuer; /* ->authority is not NULL */
        char *name;            /* MANIFEST_AUTHORITY_PREFIX + the issuer's */
        AuthorityFacts *facts; /* NULL: it was never asked */
        GError *error;         /* why its process could not say, the last time it was asked; `facts` are then the last good */
        Record *record;        /* borrowed from the store */
        AuthorityUse use;
        AuthorityPlan plan;
        Pass *pass;            /* that is at work on it, or NULL */
} Authority;

Authority *authority_new(const ManifestIssuer *issuer);
Authority *authority_free(Authority *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Authority, authority_free)

/* The state to show: the plan's, FAILED or BLOCKED when it could not be asked. */
CertState authority_state(const Authority *a);
