/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An outage, as a table: each case is a handful of certificates, a letter each, and which of them are tried. */

#include "agent/outage.h"
#include "common/error.h"

#include <string.h>

#define MEMBERS_MAX 5

typedef struct Member {
        const char *issuer; /* NULL: the end */
        uint64_t retry_at;  /* 0: it did not fail */
        CertError error;    /* 0: ISSUER_UNREACHABLE */
        bool told, blocked, idle, tried, answered;
} Member;

typedef struct Case {
        const char *name;
        Member members[MEMBERS_MAX + 1]; /* "a" to "e" */
        const char *scouts, *followers;  /* letters */
} Case;

static const Case cases[] = {
        { "nobody", {}, "", "" },
        { "one that did not fail", { { "x" } }, "", "" },
        { "one waits: it is tried", { { "x", 5 } }, "a", "" },
        { "of three the one whose retry is the next", { { "x", 7 }, { "x", 5 }, { "x", 6 } }, "b", "" },
        { "of equals the first", { { "x", 5 }, { "x", 5 } }, "a", "" },
        { "a time-out is an outage, too", { { "x", 5, CERT_ERROR_ISSUER_TIMEOUT } }, "a", "" },
        { "each issuer has its own", { { "x", 7 }, { "y", 5 }, { "x", 6 }, { "y", 8 } }, "bc", "" },
        { "somebody asks the issuer anyway", { { "x", 5 }, { "x", .tried = true } }, "", "" },
        { "somebody asks another issuer", { { "x", 5 }, { "y", .tried = true } }, "a", "" },
        { "what the issuer itself put off is not tried", { { "x", 5, .told = true }, { "x", 6 } }, "b", "" },
        { "nor what an administrator must mend", { { "x", 5, .blocked = true } }, "", "" },
        { "nor what was refused", { { "x", 5, CERT_ERROR_ISSUER_REFUSED } }, "", "" },
        { "nor what wants nothing any more", { { "x", 5, .idle = true } }, "", "" },
        { "nor what asks nobody", { { "-", 5 } }, "", "" },
        { "the scout got it: the others follow",
          { { "x", .tried = true, .answered = true }, { "x", 6 }, { "x", 7 } }, "", "bc" },
        { "the scout failed: nobody follows", { { "x", 9, .tried = true }, { "x", 6 } }, "", "" },
        { "those of another issuer do not follow",
          { { "x", .tried = true, .answered = true }, { "y", 6 } }, "b", "" },
        { "what failed in this pass is not tried again in it",
          { { "x", .tried = true, .answered = true }, { "x", 9, .tried = true }, { "x", 6 } }, "", "c" },
        { "those that were put off or refused do not follow",
          { { "x", .tried = true, .answered = true }, { "x", 6, .told = true }, { "x", 6, CERT_ERROR_ISSUER_REFUSED } },
          "", "" },
};

static char *letters(GArray *indices)
{
        GString *s = g_string_new(NULL);

        for (guint i = 0; i < indices->len; i++)
                g_string_append_c(s, (char) ('a' + g_array_index(indices, guint, i)));
        return g_string_free(s, FALSE);
}

static guint build(const Case *c, Record *records, OutageCase *ret_cases)
{
        guint n = 0;

        for (; c->members[n].issuer; n++) {
                const Member *m = &c->members[n];

                records[n] = (Record) {
                        .failures = m->retry_at > 0,
                        .retry_at = m->retry_at,
                        .retry_told = m->told,
                        .blocked = m->blocked,
                        .error = m->retry_at == 0 ? _CERT_ERROR_INVALID
                                 : m->error       ? m->error
                                                  : CERT_ERROR_ISSUER_UNREACHABLE,
                };
                ret_cases[n] = (OutageCase) {
                        .issuer = g_str_equal(m->issuer, "-") ? NULL : m->issuer,
                        .record = &records[n],
                        .waits = m->retry_at > 0 && !m->idle,
                        .tried = m->tried,
                        .answered = m->answered,
                };
        }
        return n;
}

static void test_case(gconstpointer data)
{
        const Case *c = data;
        Record records[MEMBERS_MAX];
        OutageCase members[MEMBERS_MAX];
        guint n = build(c, records, members);
        g_autoptr(GArray) scouts = outage_scouts(members, n), followers = outage_followers(members, n);
        g_autofree char *found_scouts = letters(scouts), *found_followers = letters(followers);

        g_assert_cmpstr(found_scouts, ==, c->scouts);
        g_assert_cmpstr(found_followers, ==, c->followers);
}

static void test_answers(void)
{
        g_autoptr(GError) refused = g_error_new(CERT_ERROR, CERT_ERROR_ISSUER_REFUSED, "this name is not allowed");
        g_autoptr(GError) bad = g_error_new(CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "another key");
        g_autoptr(GError) silent = g_error_new(CERT_ERROR, CERT_ERROR_ISSUER_TIMEOUT, "no answer");
        g_autoptr(GError) stranger = g_error_new(CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION, "who are you?");

        g_assert_true(outage_is_over(NULL, 0));
        g_assert_true(outage_is_over(refused, 0));
        g_assert_true(outage_is_over(bad, 0));
        g_assert_false(outage_is_over(refused, 60)); /* "come again in a minute" */
        g_assert_false(outage_is_over(silent, 0));
        g_assert_false(outage_is_over(stranger, 0));
        g_assert_false(outage_is_cause(NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strconcat("/outage/", cases[i].name, NULL);

                g_test_add_data_func(path, &cases[i], test_case);
        }
        g_test_add_func("/outage/which answers end it", test_answers);
        return g_test_run();
}
