/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reasons and actions: their names, both ways. */

#include "common/reason.h"

#include "common/enum-table.h"

static const char *const reasons[_REASON_MAX] = {
        [REASON_MISSING_CERT] = "missing-cert",
        [REASON_MISSING_KEY] = "missing-key",
        [REASON_UNREADABLE] = "unreadable",
        [REASON_EXPIRED] = "expired",
        [REASON_EXPIRING] = "expiring",
        [REASON_REVOKED] = "revoked",
        [REASON_KEY_MISMATCH] = "key-mismatch",
        [REASON_SANS_DIFFER] = "sans-differ",
        [REASON_SUBJECT_DIFFER] = "subject-differ",
        [REASON_USAGE_DIFFER] = "usage-differ",
        [REASON_KEY_TYPE_DIFFER] = "key-type-differ",
        [REASON_ISSUER_DIFFER] = "issuer-differ",
        [REASON_NOT_SIGNED_BY_AUTHORITY] = "not-signed-by-authority",
        [REASON_MISSING_AUTHORITY] = "missing-authority",
        [REASON_AUTHORITY_EXPIRING] = "authority-expiring",
        [REASON_AUTHORITY_ROTATED] = "authority-rotated",
        [REASON_BUNDLE_DIFFER] = "bundle-differ",
        [REASON_CONTENT_DRIFT] = "content-drift",
        [REASON_OWNER_DRIFT] = "owner-drift",
        [REASON_MODE_DRIFT] = "mode-drift",
        [REASON_MANIFEST_CHANGED] = "manifest-changed",
        [REASON_UNIT_NOT_SERVING] = "unit-not-serving",
        [REASON_SUGGESTED_WINDOW] = "suggested-window",
        [REASON_FORCED] = "forced",
};

static const char *const actions[_ACTION_MAX] = {
        [ACTION_NONE] = "none",   [ACTION_REPAIR] = "repair", [ACTION_UNITS] = "units",
        [ACTION_ISSUE] = "issue", [ACTION_POLL] = "poll",
};

ENUM_TABLE(reason, Reason, reasons, _REASON_MAX, _REASON_INVALID)
ENUM_TABLE(action, Action, actions, _ACTION_MAX, _ACTION_INVALID)

char **reason_set_to_strv(ReasonSet set)
{
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();

        for (int r = 0; r < _REASON_MAX; r++)
                if (set & REASON_BIT(r))
                        g_strv_builder_add(b, reasons[r]);
        return g_strv_builder_end(b);
}

char *reason_set_to_string(ReasonSet set)
{
        g_auto(GStrv) names = reason_set_to_strv(set);

        return g_strjoinv(" ", names);
}
