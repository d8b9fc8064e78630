/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ways to renew a certificate: their names in manifests, which the agent and an issuer's process read alike.
 */

#include "common/renewal.h"

#include "common/enum-table.h"

static const char *const renewals[_RENEWAL_MAX] = {
        [RENEWAL_SIGN] = "sign",
        [RENEWAL_RENEW] = "renew",
        [RENEWAL_REKEY] = "rekey",
};

ENUM_TABLE(renewal, Renewal, renewals, _RENEWAL_MAX, _RENEWAL_INVALID)
