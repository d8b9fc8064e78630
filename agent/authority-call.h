/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority-facts.h"
#include "agent/issue.h"
#include "agent/sign-options.h"

/* Calls to the process of a local authority: org.certagent1.Authority, and Revoke of org.certagent1.Issuer. Each is called
 * back exactly once, from the loop, never from within; `issuer` must outlive the call. */

typedef struct AuthorityCall AuthorityCall;

/* What comes back, or the error: of the method what it gives, nothing when it gives nothing. Lists are GBytes* of DER; all
 * of it is borrowed, take a reference. */
typedef struct AuthorityReply {
        AuthorityFacts *facts;
        GPtrArray *lists;         /* of SignRevocationLists */
        GPtrArray *chain, *roots; /* of SignRequest: leaf first; all that is trusted */
        GPtrArray *issued;        /* of ListIssued, the latest first */
        GBytes *certificate;      /* of GetIssued, DER */
        const GError *error;
} AuthorityReply;

typedef void (*AuthorityCallDone)(const AuthorityReply *reply, void *userdata);

/* "Inspect", "Make", "Begin", "Promote", "Retire", "Recreate", "SignRevocationLists" or "ListIssued"; static. */
AuthorityCall *authority_call(IssuePool *p, const ManifestIssuer *issuer, const char *member, AuthorityCallDone done,
                              void *userdata);
/* Has a certificate (DER) revoked by its issuer, of whatever type. */
AuthorityCall *authority_call_revoke(IssuePool *p, const ManifestIssuer *issuer, GBytes *certificate, const char *reason,
                                     AuthorityCallDone done, void *userdata);

/* Has a request from elsewhere (PKCS#10, DER) signed. */
AuthorityCall *authority_call_sign(IssuePool *p, const ManifestIssuer *issuer, GBytes *request, const SignOptions *options,
                                   AuthorityCallDone done, void *userdata);
/* Asks for one of those that were, by its serial number (lower-case hex). */
AuthorityCall *authority_call_get_issued(IssuePool *p, const ManifestIssuer *issuer, const char *serial,
                                         AuthorityCallDone done, void *userdata);

AuthorityCall *authority_call_discard(AuthorityCall *c);
