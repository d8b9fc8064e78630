/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <glib.h>
#include <stdbool.h>

/* What the doctor finds: each has a code for scripts, a sentence that says what is wrong, and one that says what to do. */

typedef enum DiagnosisCode {
        DIAGNOSIS_UNKNOWN_HOST,
        DIAGNOSIS_NOT_LISTENING,
        DIAGNOSIS_UNREACHABLE,       /* no answer, or no way to it */
        DIAGNOSIS_NOT_TLS,           /* something answers, which is not TLS */
        DIAGNOSIS_STARTTLS_NEEDED,   /* it speaks a protocol that begins in the clear */
        DIAGNOSIS_PROTOCOL_TOO_OLD,
        DIAGNOSIS_HANDSHAKE_FAILED,  /* the server ended it, and none of the others explains it */
        DIAGNOSIS_NO_CERTIFICATE,
        DIAGNOSIS_UNKNOWN_AUTHORITY, /* and which bundle would know it */
        DIAGNOSIS_INCOMPLETE_CHAIN,  /* the server did not send an intermediate */
        DIAGNOSIS_CHAIN_ORDER,
        DIAGNOSIS_SUPERFLUOUS_CERTIFICATE, /* a root, or what belongs to nothing: only weight */
        DIAGNOSIS_INVALID_CHAIN,     /* it leads to what is trusted, but breaks a rule: constraints, a signature */
        DIAGNOSIS_EXPIRED,
        DIAGNOSIS_NOT_YET_VALID,
        DIAGNOSIS_CLOCK,             /* it is this host's clock that is wrong */
        DIAGNOSIS_NAME_MISMATCH,     /* and which names there are */
        DIAGNOSIS_ADDRESS_MISMATCH,
        DIAGNOSIS_SERVER_USAGE,      /* not for servers */
        DIAGNOSIS_KEY_TOO_WEAK,
        DIAGNOSIS_REVOKED,
        DIAGNOSIS_CLIENT_CERTIFICATE_MISSING,
        DIAGNOSIS_CLIENT_CERTIFICATE_REFUSED,
        DIAGNOSIS_CLIENT_CERTIFICATE_USAGE,
        DIAGNOSIS_OLD_CERTIFICATE,   /* what is served is not what is on disk */
        DIAGNOSIS_KEY_UNREADABLE,    /* for the service's user */
        DIAGNOSIS_KEY_EXPOSED,       /* what Diagnose of the agent found */
        DIAGNOSIS_CERTIFICATE_STATE, /* the agent says: failed, waiting, blocked … */
        DIAGNOSIS_EXPIRES_SOON,      /* and no renewal is planned before */
        _DIAGNOSIS_CODE_MAX,
        _DIAGNOSIS_CODE_INVALID = -EINVAL,
} DiagnosisCode;

const char *diagnosis_code_to_string(DiagnosisCode code); /* "unknown-authority" … */
DiagnosisCode diagnosis_code_from_string(const char *s);

typedef struct Diagnosis {
        DiagnosisCode code;
        bool is_warning;      /* it works, but not for long, or not for all */
        char *message, *hint; /* of one paragraph each, printable */
} Diagnosis;

Diagnosis *diagnosis_free(Diagnosis *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Diagnosis, diagnosis_free)

/* Diagnosis*, in the order in which they were found. */
GPtrArray *diagnosis_list_new(void);

/* Adds one; as in errors, what follows the first newline of the text is the hint. What came from elsewhere must have gone
 * through cert_error_printable(), so that it has no newline of its own. */
void diagnosis_add(GPtrArray *list, DiagnosisCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);
void diagnosis_warn(GPtrArray *list, DiagnosisCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

bool diagnosis_list_has(const GPtrArray *list, DiagnosisCode code);

/* No more than warnings. */
bool diagnosis_list_is_healthy(const GPtrArray *list);
