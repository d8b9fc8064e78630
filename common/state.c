/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The states of a certificate: their names and the questions that are asked of them. */

#include "common/state.h"

#include "common/enum-table.h"

static const char *const states[_CERT_STATE_MAX] = {
        [CERT_STATE_VALID] = "valid",     [CERT_STATE_DUE] = "due",
        [CERT_STATE_RENEWING] = "renewing", [CERT_STATE_WAITING] = "waiting",
        [CERT_STATE_FAILED] = "failed",   [CERT_STATE_BLOCKED] = "blocked",
        [CERT_STATE_DEGRADED] = "degraded",
};

ENUM_TABLE(cert_state, CertState, states, _CERT_STATE_MAX, _CERT_STATE_INVALID)

bool cert_state_is_settled(CertState state)
{
        return state == CERT_STATE_VALID;
}

bool cert_state_is_trouble(CertState state)
{
        return state == CERT_STATE_FAILED || state == CERT_STATE_BLOCKED || state == CERT_STATE_DEGRADED;
}
