/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"
#include "issuers/request.h"

/* A certificate that is wrong in just one way, by the fake issuer. */

typedef enum LeafFlaw {
        LEAF_GOOD,
        LEAF_OTHER_KEY,
        LEAF_OTHER_NAME,   /* in place of the first */
        LEAF_EXTRA_NAME,
        LEAF_EXPIRED,
        LEAF_NOT_YET,
        LEAF_AUTHORITY,    /* may sign others */
        LEAF_OTHER_USAGE,
        LEAF_INTERMEDIATE, /* good, by an authority below the root */
} LeafFlaw;

/* The chain, leaf first (GBytes* of DER); caller owns. Aborts when something fails: it is for tests. */
GPtrArray *fake_chain_new(const Authority *a, const IssuerRequest *r, LeafFlaw flaw);
