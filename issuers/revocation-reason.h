/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <glib.h>

/* Why a certificate is revoked, for every issuer that can. */

/* RFC 5280, 5.3.1; the values are those of its CRLReason. */
typedef enum RevocationReason {
        REVOCATION_UNSPECIFIED = 0,
        REVOCATION_KEY_COMPROMISE = 1,
        REVOCATION_AFFILIATION_CHANGED = 3,
        REVOCATION_SUPERSEDED = 4,
        REVOCATION_CESSATION_OF_OPERATION = 5,
        REVOCATION_PRIVILEGE_WITHDRAWN = 9,
        _REVOCATION_REASON_MAX = 10,
        _REVOCATION_REASON_INVALID = -EINVAL,
} RevocationReason;

const char *revocation_reason_to_string(RevocationReason reason); /* "keyCompromise" */
RevocationReason revocation_reason_from_string(const char *s);

/* The same for what somebody typed: NOT_SUPPORTED with those that there are. */
RevocationReason revocation_reason_read(const char *text, GError **error);
