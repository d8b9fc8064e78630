/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the doctor finds: codes for scripts, and a list of findings in the order in which they were made. */

#include "client/doctor/diagnosis.h"

#include "common/enum-table.h"

#include <string.h>

static const char *const codes[_DIAGNOSIS_CODE_MAX] = {
        [DIAGNOSIS_UNKNOWN_HOST] = "unknown-host",
        [DIAGNOSIS_NOT_LISTENING] = "not-listening",
        [DIAGNOSIS_UNREACHABLE] = "unreachable",
        [DIAGNOSIS_NOT_TLS] = "not-tls",
        [DIAGNOSIS_STARTTLS_NEEDED] = "starttls-needed",
        [DIAGNOSIS_PROTOCOL_TOO_OLD] = "protocol-too-old",
        [DIAGNOSIS_HANDSHAKE_FAILED] = "handshake-failed",
        [DIAGNOSIS_NO_CERTIFICATE] = "no-certificate",
        [DIAGNOSIS_UNKNOWN_AUTHORITY] = "unknown-authority",
        [DIAGNOSIS_INCOMPLETE_CHAIN] = "incomplete-chain",
        [DIAGNOSIS_CHAIN_ORDER] = "chain-order",
        [DIAGNOSIS_SUPERFLUOUS_CERTIFICATE] = "superfluous-certificate",
        [DIAGNOSIS_INVALID_CHAIN] = "invalid-chain",
        [DIAGNOSIS_EXPIRED] = "expired",
        [DIAGNOSIS_NOT_YET_VALID] = "not-yet-valid",
        [DIAGNOSIS_CLOCK] = "clock",
        [DIAGNOSIS_NAME_MISMATCH] = "name-mismatch",
        [DIAGNOSIS_ADDRESS_MISMATCH] = "address-mismatch",
        [DIAGNOSIS_SERVER_USAGE] = "server-usage",
        [DIAGNOSIS_KEY_TOO_WEAK] = "key-too-weak",
        [DIAGNOSIS_REVOKED] = "revoked",
        [DIAGNOSIS_CLIENT_CERTIFICATE_MISSING] = "client-certificate-missing",
        [DIAGNOSIS_CLIENT_CERTIFICATE_REFUSED] = "client-certificate-refused",
        [DIAGNOSIS_CLIENT_CERTIFICATE_USAGE] = "client-certificate-usage",
        [DIAGNOSIS_OLD_CERTIFICATE] = "old-certificate",
        [DIAGNOSIS_KEY_UNREADABLE] = "key-unreadable",
        [DIAGNOSIS_KEY_EXPOSED] = "key-exposed",
        [DIAGNOSIS_CERTIFICATE_STATE] = "certificate-state",
        [DIAGNOSIS_EXPIRES_SOON] = "expires-soon",
};

ENUM_TABLE(diagnosis_code, DiagnosisCode, codes, _DIAGNOSIS_CODE_MAX, _DIAGNOSIS_CODE_INVALID)

Diagnosis *diagnosis_free(Diagnosis *d)
{
        if (!d)
                return NULL;
        g_free(d->message);
        g_free(d->hint);
        g_free(d);
        return NULL;
}

static void destroy(void *p)
{
        diagnosis_free(p);
}

GPtrArray *diagnosis_list_new(void)
{
        return g_ptr_array_new_with_free_func(destroy);
}

static void add(GPtrArray *list, DiagnosisCode code, bool is_warning, const char *format, va_list ap) G_GNUC_PRINTF(4, 0);

static void add(GPtrArray *list, DiagnosisCode code, bool is_warning, const char *format, va_list ap)
{
        g_autofree char *text = g_strdup_vprintf(format, ap);
        Diagnosis *d = g_new(Diagnosis, 1);
        char *newline = strchr(text, '\n');

        *d = (Diagnosis) { .code = code, .is_warning = is_warning };
        d->message = newline ? g_strndup(text, (gsize) (newline - text)) : g_strdup(text);
        d->hint = g_strdup(newline ? newline + 1 : "");
        g_ptr_array_add(list, d);
}

void diagnosis_add(GPtrArray *list, DiagnosisCode code, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add(list, code, false, format, ap);
        va_end(ap);
}

void diagnosis_warn(GPtrArray *list, DiagnosisCode code, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        add(list, code, true, format, ap);
        va_end(ap);
}

bool diagnosis_list_has(const GPtrArray *list, DiagnosisCode code)
{
        for (guint i = 0; i < list->len; i++)
                if (((const Diagnosis *) list->pdata[i])->code == code)
                        return true;
        return false;
}

bool diagnosis_list_is_healthy(const GPtrArray *list)
{
        for (guint i = 0; i < list->len; i++)
                if (!((const Diagnosis *) list->pdata[i])->is_warning)
                        return false;
        return true;
}
