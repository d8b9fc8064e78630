/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority-facts.h"
#include "agent/issue.h"

/* Calls to the process of a local authority: org.certagent1.Authority, and Revoke of org.certagent1.Issuer. Each is called
 * back exactly once, from the loop, never from within; `issuer` must outlive the call. */

typedef struct AuthorityCall AuthorityCall;

/* What comes back, or the error; exactly one of `facts`, `lists` and `error` is set, none when there is nothing to say. */
typedef struct AuthorityReply {
        AuthorityFacts *facts; /* borrowed: take a reference */
        GPtrArray *lists;      /* GBytes* DER, of SignRevocationLists */
        const GError *error;
} AuthorityReply;

typedef void (*AuthorityCallDone)(const AuthorityReply *reply, void *userdata);

/* "Inspect", "Make", "Begin", "Promote", "Retire", "Recreate" or "SignRevocationLists"; static. */
AuthorityCall *authority_call(IssuePool *p, const ManifestIssuer *issuer, const char *member, AuthorityCallDone done,
                              void *userdata);
/* Has a certificate (DER) revoked by its issuer, of whatever type. */
AuthorityCall *authority_call_revoke(IssuePool *p, const ManifestIssuer *issuer, GBytes *certificate, const char *reason,
                                     AuthorityCallDone done, void *userdata);

AuthorityCall *authority_call_discard(AuthorityCall *c);
