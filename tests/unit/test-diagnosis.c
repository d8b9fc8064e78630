/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/doctor/diagnosis.h"

static void test_every_code_has_a_name_of_its_own(void)
{
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

        for (int i = 0; i < _DIAGNOSIS_CODE_MAX; i++) {
                const char *name = diagnosis_code_to_string(i);

                g_assert_nonnull(name);
                g_assert_true(g_hash_table_add(names, (gpointer) name));
                g_assert_cmpint(diagnosis_code_from_string(name), ==, i);
        }
        g_assert_null(diagnosis_code_to_string(_DIAGNOSIS_CODE_MAX));
        g_assert_null(diagnosis_code_to_string(_DIAGNOSIS_CODE_INVALID));
        g_assert_cmpint(diagnosis_code_from_string("nosuch"), ==, _DIAGNOSIS_CODE_INVALID);
        g_assert_cmpint(diagnosis_code_from_string(NULL), ==, _DIAGNOSIS_CODE_INVALID);
}

static void test_what_follows_the_newline_is_the_hint(void)
{
        g_autoptr(GPtrArray) list = diagnosis_list_new();
        const Diagnosis *d;

        diagnosis_add(list, DIAGNOSIS_EXPIRED, "It is over since %d.\nRenew it.", 1999);
        diagnosis_warn(list, DIAGNOSIS_CLOCK, "Late.");
        d = list->pdata[0];
        g_assert_cmpstr(d->message, ==, "It is over since 1999.");
        g_assert_cmpstr(d->hint, ==, "Renew it.");
        g_assert_false(d->is_warning);
        d = list->pdata[1];
        g_assert_cmpstr(d->message, ==, "Late.");
        g_assert_cmpstr(d->hint, ==, "");
        g_assert_true(d->is_warning);
}

static void test_warnings_are_healthy(void)
{
        g_autoptr(GPtrArray) list = diagnosis_list_new();

        g_assert_true(diagnosis_list_is_healthy(list));
        diagnosis_warn(list, DIAGNOSIS_EXPIRES_SOON, "Soon.");
        g_assert_true(diagnosis_list_is_healthy(list));
        g_assert_true(diagnosis_list_has(list, DIAGNOSIS_EXPIRES_SOON));
        g_assert_false(diagnosis_list_has(list, DIAGNOSIS_EXPIRED));
        diagnosis_add(list, DIAGNOSIS_EXPIRED, "Now.");
        g_assert_false(diagnosis_list_is_healthy(list));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/diagnosis/every-code-has-a-name-of-its-own", test_every_code_has_a_name_of_its_own);
        g_test_add_func("/diagnosis/what-follows-the-newline-is-the-hint", test_what_follows_the_newline_is_the_hint);
        g_test_add_func("/diagnosis/warnings-are-healthy", test_warnings_are_healthy);
        return g_test_run();
}
