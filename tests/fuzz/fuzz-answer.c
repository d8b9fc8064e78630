/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever an issuer answers, it is one of the three answers within their bounds, or refused as none. The input is as
 * tests/fuzz/message.h says, with a status. */

#include "agent/answer.h"
#include "agent/chain.h"
#include "common/error.h"
#include "common/timespan.h"
#include "tests/fuzz/message.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
        g_assert_true(g_utf8_validate(text, -1, NULL));
        for (; *text; text = g_utf8_next_char(text))
                g_assert_true(*text == '\n' || !g_unichar_iscntrl(g_utf8_get_char(text)));
}

static void check_list(const GPtrArray *list, unsigned max)
{
        g_assert_nonnull(list);
        g_assert_cmpuint(list->len, <=, max);
        for (unsigned i = 0; i < list->len; i++)
                g_assert_cmpuint(g_bytes_get_size(list->pdata[i]), >, 0);
}

static void check_answer(const Answer *a)
{
        switch (a->status) {
        case ANSWER_ISSUED:
                check_list(a->chain, CHAIN_MAX);
                check_list(a->roots, ANSWER_ROOTS_MAX);
                g_assert_cmpuint(a->chain->len, >, 0);
                break;
        case ANSWER_WAITING:
                g_assert_nonnull(a->token);
                g_assert_cmpuint(strcspn(a->token, "\n\r\t\x1b\x7f"), ==, strlen(a->token));
                g_assert_cmpuint(a->poll_after, >=, USEC_PER_SEC);
                g_assert_cmpuint(a->poll_after, <=, 7 * USEC_PER_DAY);
                break;
        case ANSWER_LATER:
                g_assert_nonnull(a->refusal);
                check_text(a->refusal->message);
                g_assert_cmpuint(a->retry_after, <=, 7 * USEC_PER_DAY);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const keys[] = { "Chain", "Roots",   "Token", "PollAfter",
                                            "Error", "Message", "Hint",  "RetryAfter", NULL };
        sd_bus_message *m = fuzz_message_new(data, size, keys, /* with_status= */ true);
        g_autoptr(Answer) a = NULL;
        g_autoptr(GError) error = NULL;

        if (!m)
                return 0;
        if (answer_read(m, "site", &a, &error)) {
                g_assert_no_error(error);
                check_answer(a);
        } else {
                g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL);
                check_text(error->message);
        }
        sd_bus_message_unref(m);
        return 0;
}
