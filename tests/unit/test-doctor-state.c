/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the agent says of a certificate, as diagnoses: a table of states. */

#include "client/doctor/diagnosis.h"
#include "client/doctor/state.h"

#include <string.h>

#define NOW UINT64_C(1780000000000000)

typedef struct Row {
        const char *what, *state, *reason, *error, *hint, *fingerprint, *on_disk;
        uint64_t not_after;
        const char *found; /* NULL: nothing; "error" or "warning" */
        const char *says;
} Row;

static const Row rows[] = {
        { "all is well", "valid", NULL, "", "", "aa", "AA", NOW + 1 },
        { "due, and still good", "due", "expiring", "", "", "aa", "aa", NOW + 1 },
        { "renewing for the first time", "renewing", "missing-cert", "", "", "", NULL, 0, "error", "missing-cert" },
        { "failed", "failed", "expiring", "the CA is away", "Wait.", "aa", "aa", NOW + 1, "error", "is failed: the CA is away" },
        { "blocked, without an error of its own", "blocked", "missing-cert", "", "Do it.", "", NULL, 0, "error", "because of: missing-cert" },
        { "degraded", "degraded", "unit-not-serving", "nginx would not", "", "aa", "aa", NOW + 1, "error", "nginx would not" },
        { "an error that is no single line", "failed", "expiring", "one\ntwo\x1b[0m", "", "aa", "aa", NOW + 1, "error", "one?two?[0m" },
        { "a renewal waits", "waiting", "expiring", "", "", "aa", "aa", NOW + 1, "warning", "the certificate in place is good" },
        { "the first one waits", "waiting", "missing-cert", "", "", "", NULL, 0, "error", "There is no usable certificate" },
        { "expired, and its file cannot be read", "due", "expired", "", "", "aa", NULL, NOW - 1, "error", "expired" },
        { "expired, which its file tells", "due", "expired", "", "", "aa", "aa", NOW - 1 },
        { "another one is in the file", "valid", NULL, "", "", "aa", "bb", NOW + 1, "error", "bb instead of aa" },
        { "the file cannot be read", "valid", NULL, "", "", "aa", NULL, NOW + 1 },
        { "a state of tomorrow's agents", "dreaming", NULL, "", "", "aa", "aa", NOW + 1 },
};

static void test_states(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const Row *r = &rows[i];
                char *reasons[] = { (char *) r->reason, NULL };
                g_autoptr(GPtrArray) list = diagnosis_list_new();
                const CertDetail d = { .name = (char *) "web", .state = (char *) r->state, .reasons = reasons,
                                       .last_error = (char *) r->error, .hint = (char *) r->hint, .cert_path = (char *) "/etc/web.pem",
                                       .fingerprint = (char *) r->fingerprint, .not_after = r->not_after };
                const Diagnosis *found;

                g_test_message("%s", r->what);
                state_judge(&d, r->on_disk, NOW, list);
                g_assert_cmpuint(list->len, ==, r->found ? 1 : 0);
                if (!r->found)
                        continue;
                found = list->pdata[0];
                g_assert_cmpint(found->code, ==, DIAGNOSIS_CERTIFICATE_STATE);
                g_assert_cmpstr(found->is_warning ? "warning" : "error", ==, r->found);
                g_assert_nonnull(strstr(found->message, r->says));
                g_assert_cmpstr(found->hint, !=, "");
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/doctor-state/states", test_states);
        return g_test_run();
}
