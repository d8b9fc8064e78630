/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The reasons for which a certificate may be revoked, by RFC 5280's names. */

#include "issuers/revocation-reason.h"

#include "common/enum-table.h"
#include "common/error.h"

#define TEXT_MAX 64

static const char *const reasons[_REVOCATION_REASON_MAX] = {
        [REVOCATION_UNSPECIFIED] = "unspecified",
        [REVOCATION_KEY_COMPROMISE] = "keyCompromise",
        [REVOCATION_AFFILIATION_CHANGED] = "affiliationChanged",
        [REVOCATION_SUPERSEDED] = "superseded",
        [REVOCATION_CESSATION_OF_OPERATION] = "cessationOfOperation",
        [REVOCATION_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
};

ENUM_TABLE(revocation_reason, RevocationReason, reasons, _REVOCATION_REASON_MAX, _REVOCATION_REASON_INVALID)

RevocationReason revocation_reason_read(const char *text, GError **error)
{
        RevocationReason reason = revocation_reason_from_string(text);
        g_autofree char *shown = NULL;

        if (reason >= 0)
                return reason;
        shown = cert_error_printable(text, TEXT_MAX, "");
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "no certificate is revoked for the reason \"%s\"\n"
                    "Say one of: unspecified keyCompromise affiliationChanged superseded cessationOfOperation "
                    "privilegeWithdrawn",
                    shown);
        return _REVOCATION_REASON_INVALID;
}
