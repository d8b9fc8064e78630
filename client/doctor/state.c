/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the agent says of a certificate: its state, its last error, and whether what it installed is still there. */

#include "client/doctor/state.h"

#include "client/doctor/diagnosis.h"
#include "common/error.h"
#include "common/state.h"
#include "common/timespan.h"

#define TEXT_MAX 2048

/* What the agent says is of CAs and services in part. */
static char *clean(const char *text)
{
        return cert_error_printable(text, TEXT_MAX, "");
}

static void judge_trouble(const CertDetail *d, GPtrArray *list)
{
        g_autofree char *error = clean(d->last_error), *hint = clean(d->hint), *reasons = g_strjoinv(", ", d->reasons);
        const char *colon = *error ? ": " : *reasons ? " because of: " : "";

        diagnosis_add(list, DIAGNOSIS_CERTIFICATE_STATE, "The agent says that \"%s\" is %s%s%s.\n%s%sMore is in: certctl log %s", d->name,
                      d->state, colon, *error ? error : reasons, hint, *hint ? " " : "", d->name);
}

static void judge_waiting(const CertDetail *d, uint64_t now, GPtrArray *list)
{
        g_autofree char *hint = clean(d->hint);
        const char *todo = *hint ? hint : "Give its request to the CA, and import the answer; see: certctl status";

        if (cert_detail_is_usable(d, now))
                diagnosis_warn(list, DIAGNOSIS_CERTIFICATE_STATE,
                               "The renewal of \"%s\" waits for an answer of its CA; the certificate in place is good.\n%s", d->name,
                               todo);
        else
                diagnosis_add(list, DIAGNOSIS_CERTIFICATE_STATE,
                              "There is no usable certificate \"%s\": it waits for an answer of its CA.\n%s", d->name, todo);
}

static void judge_unusable(const CertDetail *d, GPtrArray *list)
{
        g_autofree char *reasons = g_strjoinv(", ", d->reasons);

        diagnosis_add(list, DIAGNOSIS_CERTIFICATE_STATE, "There is no usable certificate \"%s\" (%s).\nGet one: certctl renew %s",
                      d->name, *reasons ? reasons : d->state, d->name);
}

static void judge_files(const CertDetail *d, const char *on_disk, GPtrArray *list)
{
        if (on_disk && *d->fingerprint && g_ascii_strcasecmp(on_disk, d->fingerprint) != 0)
                diagnosis_add(list, DIAGNOSIS_CERTIFICATE_STATE,
                              "What is in %s is not the certificate that the agent knows of: %s instead of %s.\n"
                              "Let the agent mend it: certctl renew %s",
                              d->cert_path, on_disk, d->fingerprint, d->name);
}

void state_judge(const CertDetail *d, const char *on_disk, uint64_t now, GPtrArray *list)
{
        CertState state = cert_state_from_string(d->state);

        if (state >= 0 && cert_state_is_trouble(state))
                judge_trouble(d, list);
        else if (state == CERT_STATE_WAITING)
                judge_waiting(d, now, list);
        else if (!cert_detail_is_usable(d, now) && (d->not_after == 0 || !on_disk)) /* else the file itself is judged */
                judge_unusable(d, list);
        judge_files(d, on_disk, list);
}
