/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/record.h"

/* An outage: an issuer that could not be reached, or did not answer. Its certificates fail for no fault of theirs, each
 * with a retry of its own; when the issuer is back they need not wait for these. So in each pass one of them is tried
 * before its time (the scout), and when the issuer has answered in a pass, all others follow. Pure. */

/* A certificate, as far as its issuer's absence goes. */
typedef struct OutageCase {
        const char *issuer;   /* whom it asks; NULL: nobody who could be away */
        const Record *record; /* NULL: nothing is known */
        bool waits;           /* it wants something of its issuer, and only waits for its retry */
        bool tried;           /* it is tried in this pass anyway, or has been */
        bool answered;        /* and its issuer has answered in this pass */
} OutageCase;

/* The last try failed because the issuer was away, and the issuer has not said itself when to try again. */
bool outage_is_cause(const Record *r);

/* Whether an answer shows that the issuer is there for the others, too: `error` NULL, or about this one request alone.
 * Not one that says when to come again. */
bool outage_is_over(const GError *error, uint64_t retry_after);

/* The indices (guint, ascending; the caller owns the array) of those that are tried before their time: of each issuer
 * that nobody asks in this pass anyway the one whose retry is the next. */
GArray *outage_scouts(const OutageCase *cases, guint n);

/* Of those that need wait no longer, since their issuer has answered in this pass. */
GArray *outage_followers(const OutageCase *cases, guint n);
