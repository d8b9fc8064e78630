/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words of the contract: enums and their names, both ways. */

#include "agent/job.h"
#include "common/error.h"
#include "common/keytype.h"
#include "common/names.h"
#include "common/reason.h"
#include "common/renewal.h"
#include "common/state.h"

#include <string.h>

#define BOTH_WAYS(noun, MAX)                                                                                         \
        G_STMT_START                                                                                                 \
        {                                                                                                            \
                for (int v = 0; v < (int) (MAX); v++) {                                                              \
                        const char *s = noun##_to_string(v);                                                         \
                        g_assert_nonnull(s);                                                                         \
                        g_assert_cmpint(noun##_from_string(s), ==, v);                                               \
                }                                                                                                    \
                g_assert_null(noun##_to_string(MAX));                                                                \
                g_assert_null(noun##_to_string(-1));                                                                 \
                g_assert_cmpint(noun##_from_string("no such word"), ==, -EINVAL);                                    \
                g_assert_cmpint(noun##_from_string(NULL), ==, -EINVAL);                                              \
        }                                                                                                            \
        G_STMT_END

static void test_every_word_both_ways(void)
{
        BOTH_WAYS(reason, _REASON_MAX);
        BOTH_WAYS(action, _ACTION_MAX);
        BOTH_WAYS(cert_state, _CERT_STATE_MAX);
        BOTH_WAYS(key_type, _KEY_TYPE_MAX);
        BOTH_WAYS(renewal, _RENEWAL_MAX);
        BOTH_WAYS(job_kind, _JOB_KIND_MAX);
        BOTH_WAYS(job_stage, _JOB_STAGE_MAX);
        BOTH_WAYS(job_result, _JOB_RESULT_MAX);
}

static void test_reasons_keep_their_order(void)
{
        g_autofree char *text = reason_set_to_string(REASON_BIT(REASON_FORCED) | REASON_BIT(REASON_EXPIRED));

        g_assert_cmpstr(text, ==, "expired forced");
        g_assert_cmpint(_REASON_MAX, <=, 32);
}

static void test_every_error_has_a_name_and_a_hint(void)
{
        for (int code = 0; code < _CERT_ERROR_MAX; code++) {
                g_autoptr(GError) error = g_error_new_literal(CERT_ERROR, code, "what happened");

                g_assert_true(g_str_has_prefix(cert_error_to_name(code), CERT_ERROR_PREFIX));
                g_assert_cmpint(cert_error_from_name(cert_error_to_name(code)), ==, code);
                g_assert_cmpuint(strlen(cert_error_hint(error)), >, 10);
        }
}

static void test_an_error_crosses_the_bus_and_back(void)
{
        g_autoptr(GError) error = g_error_new_literal(CERT_ERROR, CERT_ERROR_NOT_SERVING, "old one\ndo this");
        g_autoptr(GError) back = NULL;
        sd_bus_error bus_error = SD_BUS_ERROR_NULL;

        g_assert_cmpint(cert_error_to_bus(error, &bus_error), <, 0);
        g_assert_cmpstr(bus_error.name, ==, CERT_ERROR_PREFIX "NotServing");
        cert_error_set_from_bus(&back, &bus_error, -EIO, CERT_ERROR_ISSUER_PROTOCOL, "asking");
        g_assert_error(back, CERT_ERROR, CERT_ERROR_NOT_SERVING);
        g_assert_cmpstr(back->message, ==, "asking: old one\ndo this");
        g_assert_cmpstr(cert_error_hint(back), ==, "do this");
        sd_bus_error_free(&bus_error);
}

static void test_what_the_other_side_says_is_made_harmless(void)
{
        g_autofree char *flood = g_strnfill(100000, 'x');
        sd_bus_error hostile = SD_BUS_ERROR_MAKE_CONST("com.example.Strange", "\033[2Jred\a\xff");
        sd_bus_error huge = SD_BUS_ERROR_MAKE_CONST("com.example.Strange", flood);
        g_autoptr(GError) a = NULL, b = NULL;

        cert_error_set_from_bus(&a, &hostile, -EIO, CERT_ERROR_ISSUER_REFUSED, "asking");
        g_assert_error(a, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
        g_assert_null(strchr(a->message, '\033'));
        g_assert_null(strchr(a->message, '\a'));
        g_assert_true(g_utf8_validate(a->message, -1, NULL));
        cert_error_set_from_bus(&b, &huge, -EIO, CERT_ERROR_ISSUER_REFUSED, "asking");
        g_assert_cmpuint(strlen(b->message), <, 1100);
}

static void test_a_job_fails_when_one_step_fails(void)
{
        g_autoptr(Job) job = job_new(1, JOB_KIND_RENEW);

        g_assert_cmpint(job_conclude(job), ==, JOB_RESULT_SKIPPED);
        job_step_set(job_add(job, "a"), JOB_STAGE_SKIPPED, NULL);
        g_assert_cmpint(job_conclude(job), ==, JOB_RESULT_SKIPPED);
        job_step_set(job_add(job, "b"), JOB_STAGE_DONE, NULL);
        g_assert_cmpint(job_conclude(job), ==, JOB_RESULT_DONE);
        job_step_set(job_add(job, "c"), JOB_STAGE_FAILED, "why");
        job_step_set(job_add(job, "d"), JOB_STAGE_DONE, NULL);
        g_assert_cmpint(job_conclude(job), ==, JOB_RESULT_FAILED);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/words/both-ways", test_every_word_both_ways);
        g_test_add_func("/words/reasons-keep-their-order", test_reasons_keep_their_order);
        g_test_add_func("/words/every-error-has-name-and-hint", test_every_error_has_a_name_and_a_hint);
        g_test_add_func("/words/an-error-crosses-the-bus", test_an_error_crosses_the_bus_and_back);
        g_test_add_func("/words/foreign-text-is-made-harmless", test_what_the_other_side_says_is_made_harmless);
        g_test_add_func("/words/a-job-fails-when-one-step-fails", test_a_job_fails_when_one_step_fails);
        return g_test_run();
}
