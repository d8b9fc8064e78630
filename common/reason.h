/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* Why a certificate is acted on: data that travels from the plan into log, bus and client. The names are
 * fixed by the contract. */

typedef enum Reason {
        REASON_MISSING_CERT,
        REASON_MISSING_KEY,
        REASON_UNREADABLE,
        REASON_EXPIRED,
        REASON_EXPIRING,
        REASON_REVOKED,
        REASON_KEY_MISMATCH,
        REASON_SANS_DIFFER,
        REASON_SUBJECT_DIFFER,
        REASON_USAGE_DIFFER,
        REASON_KEY_TYPE_DIFFER,
        REASON_ISSUER_DIFFER,
        REASON_NOT_SIGNED_BY_AUTHORITY,
        REASON_MISSING_AUTHORITY,
        REASON_AUTHORITY_EXPIRING,
        REASON_AUTHORITY_ROTATED,
        REASON_BUNDLE_DIFFER,
        REASON_CONTENT_DRIFT,
        REASON_OWNER_DRIFT,
        REASON_MODE_DRIFT,
        REASON_MANIFEST_CHANGED,
        REASON_UNIT_NOT_SERVING,
        REASON_SUGGESTED_WINDOW,
        REASON_FORCED,
        _REASON_MAX,
        _REASON_INVALID = -EINVAL,
} Reason;

typedef uint32_t ReasonSet;
#define REASON_BIT(reason) (UINT32_C(1) << (reason))

const char *reason_to_string(Reason reason);      /* "missing-cert"; NULL when out of range */
Reason reason_from_string(const char *s);         /* _REASON_INVALID when unknown */
char *reason_set_to_string(ReasonSet set);        /* "expired sans-differ", in the enum's order; caller owns */
char **reason_set_to_strv(ReasonSet set);         /* NULL-terminated; caller owns (g_strfreev) */

/* What is done about it. */
typedef enum Action {
        ACTION_NONE,   /* nothing is wrong */
        ACTION_REPAIR, /* owner, mode or derived files are made good from what is there; no new certificate */
        ACTION_UNITS,  /* only the units are told again */
        ACTION_ISSUE,  /* a new certificate */
        ACTION_POLL,   /* ask the issuer whether a waiting request was decided */
        _ACTION_MAX,
        _ACTION_INVALID = -EINVAL,
} Action;

const char *action_to_string(Action action); /* "none" "repair" "units" "issue" "poll" */
Action action_from_string(const char *s);
