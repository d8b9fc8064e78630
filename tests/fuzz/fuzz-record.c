/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever stands in a record's file, it is refused with a sentence, or read as a record that is the same after it
 * was written and read again. */

#include "agent/record-file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const Record *r)
{
        const char *digests[] = {
                r->request_digest, r->fingerprint, r->taken, r->failed_digest, r->pending_digest, r->authority, r->source,
        };

        g_assert_cmpstr(r->name, ==, "web");
        g_assert_cmpuint(r->history->len, <=, RECORD_HISTORY_MAX);
        g_assert_true(r->error == _CERT_ERROR_INVALID || (r->error >= 0 && r->error < _CERT_ERROR_MAX));
        for (size_t i = 0; i < G_N_ELEMENTS(digests); i++)
                g_assert_true(!digests[i] || strlen(digests[i]) == 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Record) r = record_from_json("web", (const char *) data, size, &error), again = NULL;
        g_autofree char *text = NULL, *text_again = NULL;
        size_t length, length_again;

        g_assert_cmpint(r != NULL, ==, error == NULL);
        if (!r) {
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
                return 0;
        }
        check_record(r);
        text = record_to_json(r, &length);
        again = record_from_json("web", text, length, &error);
        g_assert_no_error(error);
        text_again = record_to_json(again, &length_again);
        g_assert_cmpstr(text, ==, text_again);
        return 0;
}
