/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/certificate.h"

#include <systemd/sd-event.h>

/* The audit: what of a certificate's files on this host is dangerous, or cannot work, though the certificate is good. It
 * looks (on a thread) and changes nothing. */

typedef enum FindingCode {
        FINDING_KEY_READABLE,           /* others than its owner and group can read a key */
        FINDING_GENERATION_READABLE,    /* others can read a kept generation's key */
        FINDING_KEY_IN_CHECKOUT,        /* a key lies within a version-control checkout */
        FINDING_KEY_UNREADABLE_FOR_UNIT,/* the unit's user cannot read what it is to serve */
        _FINDING_CODE_MAX,
        _FINDING_CODE_INVALID = -EINVAL,
} FindingCode;

const char *finding_code_to_string(FindingCode code); /* as Diagnose of org.certagent1.Manager has them */

typedef struct Finding {
        FindingCode code;
        char *certificate, *message, *hint;
} Finding;

typedef struct Audit Audit;

/* `findings` (Finding) is borrowed. Called back once from the loop, never from within audit_start(). */
typedef void (*AuditDone)(const GArray *findings, void *userdata);

/* `certificates` is Certificate*; what it needs of them is copied. */
Audit *audit_start(struct Agent *a, GPtrArray *certificates, AuditDone done, void *userdata);
Audit *audit_discard(Audit *a);
