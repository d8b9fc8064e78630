/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"
#include "agent/offload.h"
#include "agent/unit-access.h"

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
FindingCode finding_code_from_string(const char *s);

typedef struct Finding {
        FindingCode code;
        char *certificate, *message, *hint;
} Finding;

GArray *findings_new(void); /* of Finding, which it owns */
/* Takes over message and hint. */
void findings_add(GArray *findings, FindingCode code, const char *certificate, char *message, char *hint);

typedef struct Audit Audit;

/* `findings` (Finding, sorted by certificate and code) is borrowed. `complete`: all was looked at; else there was no time for
 * more. Called back once from the loop, never from within audit_start(); the audit is gone afterwards. */
typedef void (*AuditDone)(const GArray *findings, bool complete, void *userdata);

/* `wishes` is const ManifestCertificate*; what it needs of them is copied. `whole`: they are all there are, and what is kept
 * of others is looked at, too. The rest is borrowed until the end. */
Audit *audit_start(sd_event *event, UnitAccess *access, Offload *offload, const GPtrArray *wishes, bool whole, AuditDone done,
                   void *userdata);
Audit *audit_discard(Audit *a);
