/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <stdbool.h>

/* The states of a certificate. A state is derived from facts; it is never stored as progress. */

typedef enum CertState {
        CERT_STATE_VALID,    /* as the manifest wants it */
        CERT_STATE_DUE,      /* the next pass acts on it */
        CERT_STATE_RENEWING, /* a job is at work on it now */
        CERT_STATE_WAITING,  /* for the CA's approval, or for a CSR to be signed by hand */
        CERT_STATE_FAILED,   /* tried again at RetryAt */
        CERT_STATE_BLOCKED,  /* an administrator must act: what, in Hint */
        CERT_STATE_DEGRADED, /* good on disk, but a unit did not take it */
        _CERT_STATE_MAX,
        _CERT_STATE_INVALID = -EINVAL,
} CertState;

const char *cert_state_to_string(CertState state);
CertState cert_state_from_string(const char *s);

/* Nothing is under way and nothing is wrong. */
bool cert_state_is_settled(CertState state);

/* Something is wrong that `certctl check` must report. */
bool cert_state_is_trouble(CertState state);
