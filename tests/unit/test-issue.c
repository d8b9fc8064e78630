/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuing, through the real programs: the local authority, and the fake issuer in each of its ways of being
 * wrong; spawned, and reached by a socket. */

#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"
#include "tests/unit/issue-run.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void assert_issued(IssueRun *r)
{
        g_assert_no_error(r->error);
        g_assert_cmpint(r->outcome, ==, ISSUE_DONE);
        g_assert_nonnull(r->generation);
        g_assert_nonnull(r->generation->cert_pem);
        g_assert_cmpuint(g_bytes_get_size(r->generation->ca_pem), >, 0);
}

static void assert_failed(IssueRun *r, CertError code, const char *says)
{
        g_assert_cmpint(r->outcome, ==, ISSUE_FAILED);
        g_assert_error(r->error, CERT_ERROR, (int) code);
        if (!strstr(r->error->message, says))
                g_error("\"%s\" does not say \"%s\"", r->error->message, says);
        g_assert_null(r->generation);
}

/* A short deadline only where it is to be reached: the machine may be busy. */
static char *fake_config(const char *behaviour, CertError expected)
{
        return g_strdup_printf("{\"type\":\"fake\",\"behaviour\":\"%s\",\"timeout\":\"%s\"}", behaviour,
                               expected == CERT_ERROR_ISSUER_TIMEOUT ? "2s" : "50s");
}

/* ---- The local authority ---- */

static void test_the_local_authority_issues(void)
{
        g_autoptr(IssueRun) r = issue_run_new("local", "{\"type\":\"local\"}");
        g_autofree char *key = fixture_path(r->root, CERT_AUTHORITY_DIR "/site/ca.key");
        g_autofree char *roots = fixture_path(r->root, CERT_ROOTS_DIR "/site.pem");
        g_autofree char *kept = NULL;
        struct stat st;

        issue_run(r, NULL);
        assert_issued(r);
        g_assert_cmpint(g_stat(key, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 07777, ==, 0600);
        g_assert_true(g_file_get_contents(roots, &kept, NULL, NULL));
        g_assert_cmpmem(kept, strlen(kept), g_bytes_get_data(r->generation->ca_pem, NULL),
                        g_bytes_get_size(r->generation->ca_pem));
}

static void test_every_type_of_key_is_issued(void)
{
        g_autoptr(IssueRun) r = issue_run_new("local", "{\"type\":\"local\"}");

        for (KeyType t = 0; t < _KEY_TYPE_MAX; t++) {
                if (t == KEY_TYPE_RSA_4096) /* its own test, in test-key */
                        continue;
                r->certificate->key_type = t;
                issue_run(r, NULL);
                assert_issued(r);
        }
}

static void test_a_type_of_key_and_a_subject_for_the_authority(void)
{
        g_autoptr(IssueRun) r =
                issue_run_new("local", "{\"type\":\"local\",\"key\":{\"type\":\"ed25519\"},"
                                       "\"subject\":\"CN=Our CA,O=Example\",\"lifetime\":\"30d\"}");

        issue_run(r, NULL);
        assert_issued(r);
        /* 90 days are the default, but nothing outlives its authority */
        g_assert_cmpuint(r->generation->not_after, <=, now_realtime() + 30 * USEC_PER_DAY);
}

static void test_unknown_keys_of_the_configuration_are_errors(void)
{
        g_autoptr(IssueRun) r = issue_run_new("local", "{\"type\":\"local\",\"lifetme\":\"1y\"}");

        issue_run(r, NULL);
        assert_failed(r, CERT_ERROR_MANIFEST_INVALID, "issuers.site.lifetme");
}

static void test_many_processes_agree_on_one_new_authority(void)
{
        g_autoptr(IssueRun) r = issue_run_new("local", "{\"type\":\"local\"}");
        g_autoptr(GBytes) roots = NULL;

        for (unsigned n = 0; n < 20; n++)
                issue_start(r->pool, r->certificate, &r->issuer, NULL, issue_run_done, r);
        g_assert_cmpuint(issue_pool_active(r->pool), ==, 20);
        for (unsigned n = 1; n <= 20; n++) {
                issue_run_until(r, n);
                assert_issued(r);
                g_assert_true(!roots || g_bytes_equal(roots, r->generation->ca_pem));
                g_clear_pointer(&roots, g_bytes_unref);
                roots = g_bytes_ref(r->generation->ca_pem);
        }
        g_assert_cmpuint(issue_pool_active(r->pool), ==, 0);
}

static void test_reuse_keeps_the_key_and_always_does_not(void)
{
        g_autoptr(IssueRun) r = issue_run_new("local", "{\"type\":\"local\"}");
        g_autoptr(Generation) first = NULL, second = NULL;

        r->certificate->key_rotation = KEY_ROTATION_REUSE;
        issue_run(r, NULL);
        assert_issued(r);
        first = generation_ref(r->generation);
        issue_run(r, first);
        assert_issued(r);
        second = generation_ref(r->generation);
        g_assert_true(g_bytes_equal(first->key_pem, second->key_pem));
        g_assert_cmpstr(first->serial, !=, second->serial);
        r->certificate->key_rotation = KEY_ROTATION_ALWAYS;
        issue_run(r, first);
        assert_issued(r);
        g_assert_false(g_bytes_equal(first->key_pem, r->generation->key_pem));
}

static void test_reuse_makes_a_new_key_when_the_type_changed(void)
{
        g_autoptr(IssueRun) r = issue_run_new("local", "{\"type\":\"local\"}");
        g_autoptr(Generation) first = NULL;

        r->certificate->key_rotation = KEY_ROTATION_REUSE;
        issue_run(r, NULL);
        first = generation_ref(r->generation);
        r->certificate->key_type = KEY_TYPE_ECDSA_P384;
        issue_run(r, first);
        assert_issued(r);
        g_assert_false(g_bytes_equal(first->key_pem, r->generation->key_pem));
}

/* ---- Wrong answers ---- */

typedef struct WrongAnswer {
        const char *behaviour;
        CertError code;
        const char *says;
} WrongAnswer;

static const WrongAnswer wrong_answers[] = {
        { "wrong-key", CERT_ERROR_BAD_CERTIFICATE, "another key" },
        { "wrong-names", CERT_ERROR_BAD_CERTIFICATE, "does not name web.example" },
        { "extra-names", CERT_ERROR_BAD_CERTIFICATE, "also names extra.example" },
        { "expired", CERT_ERROR_BAD_CERTIFICATE, "expired on" },
        { "not-yet", CERT_ERROR_BAD_CERTIFICATE, "not valid before" },
        { "ca", CERT_ERROR_BAD_CERTIFICATE, "is a CA certificate" },
        { "wrong-usage", CERT_ERROR_BAD_CERTIFICATE, "not for use as: server" },
        { "untrusted", CERT_ERROR_BAD_CERTIFICATE, "does not lead to one of the issuer's roots" },
        { "no-certificate", CERT_ERROR_BAD_CERTIFICATE, "certificate" },
        { "long-chain", CERT_ERROR_ISSUER_PROTOCOL, "at most 16" },
        { "empty-chain", CERT_ERROR_ISSUER_PROTOCOL, "without a Chain" },
        { "refuse", CERT_ERROR_ISSUER_REFUSED, "policy does not allow" },
        { "unknown-error", CERT_ERROR_ISSUER_PROTOCOL, "an error of its own" },
        { "wrong-type", CERT_ERROR_ISSUER_PROTOCOL, "its type is u" },
        { "wrong-value", CERT_ERROR_ISSUER_PROTOCOL, "Chain is not of type aay" },
        { "wrong-status", CERT_ERROR_ISSUER_PROTOCOL, "none of issued, waiting, later" },
        { "bad-token", CERT_ERROR_ISSUER_PROTOCOL, "without a Token" },
        { "crash", CERT_ERROR_ISSUER_PROTOCOL, "ended in the middle of a request" },
        { "exit", CERT_ERROR_ISSUER_PROTOCOL, "ended in the middle of a request" },
        { "garbage", CERT_ERROR_ISSUER_PROTOCOL, "ended in the middle of a request" },
        { "huge", CERT_ERROR_ISSUER_PROTOCOL, "more than any answer may hold" },
        { "flood", CERT_ERROR_ISSUER_PROTOCOL, "more than any answer may hold" },
        { "chatter", CERT_ERROR_ISSUER_PROTOCOL, "more than any answer may hold" },
        { "half-message", CERT_ERROR_ISSUER_TIMEOUT, "did not answer" },
        { "hang", CERT_ERROR_ISSUER_TIMEOUT, "did not answer" },
        { "sign-account", CERT_ERROR_NOT_AUTHORIZED, "no such key" },
        { "sign-current", CERT_ERROR_NOT_AUTHORIZED, "no such key" },
};

/* Each wrong answer is told apart, and the next request of the same issuer is none the worse. */
static void test_wrong_answer(const void *data)
{
        const WrongAnswer *w = data;
        g_autofree char *config = fake_config(w->behaviour, w->code);
        g_autoptr(IssueRun) r = issue_run_new("fake", config);

        issue_run(r, NULL);
        assert_failed(r, w->code, w->says);
        g_assert_cmpuint(issue_pool_active(r->pool), ==, 0);
        issue_run_set_config(r, "{\"type\":\"fake\"}");
        issue_run(r, NULL);
        assert_issued(r);
}

static void test_later_says_when(void)
{
        g_autoptr(IssueRun) r =
                issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"later\",\"retry_after\":\"3h\"}");

        issue_run(r, NULL);
        assert_failed(r, CERT_ERROR_ISSUER_REFUSED, "too many certificates");
        g_assert_cmpstr(cert_error_hint(r->error), ==, "Wait.");
        g_assert_cmpuint(r->retry_after, ==, 3 * USEC_PER_HOUR);
}

static void test_an_unordered_chain_is_mended(void)
{
        g_autoptr(IssueRun) r =
                issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"unordered-chain\"}");
        const char *chain;

        issue_run(r, NULL);
        assert_issued(r);
        chain = g_bytes_get_data(r->generation->chain_pem, NULL);
        g_assert_cmpuint(g_bytes_get_size(r->generation->chain_pem), >, 0);
        /* one intermediate, no root */
        g_assert_null(g_strstr_len(chain + 1, g_bytes_get_size(r->generation->chain_pem) - 1,
                                   "BEGIN CERTIFICATE-----\n"
                                   "BEGIN"));
        g_assert_false(g_bytes_equal(r->generation->chain_pem, r->generation->ca_pem));
}

static void test_the_signer_signs_with_the_new_and_the_current_key(void)
{
        g_autoptr(IssueRun) r = issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"sign\"}");
        g_autoptr(Generation) first = NULL;

        issue_run(r, NULL);
        assert_issued(r);
        first = generation_ref(r->generation);
        issue_run_set_config(r, "{\"type\":\"fake\",\"behaviour\":\"sign-current\"}");
        issue_run(r, first);
        assert_issued(r);
}

static void test_waiting_is_polled_with_the_same_key(void)
{
        g_autoptr(IssueRun) r =
                issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"wait\",\"polls\":2}");
        g_autoptr(GBytes) key = NULL;

        issue_run(r, NULL);
        g_assert_cmpint(r->outcome, ==, ISSUE_WAITING);
        g_assert_cmpuint(r->poll_after, ==, USEC_PER_SEC);
        key = g_bytes_ref(r->key_pem);
        issue_run_poll(r);
        g_assert_cmpint(r->outcome, ==, ISSUE_WAITING);
        g_assert_true(g_bytes_equal(key, r->key_pem));
        issue_run_poll(r);
        assert_issued(r);
        g_assert_true(g_bytes_equal(key, r->generation->key_pem));
}

static void bring(IssueRun *r, Generation *waiting, Generation *current, const char *what)
{
        g_autoptr(GBytes) answer = g_bytes_new(what, strlen(what));
        unsigned before = r->answers;

        issue_import(r->pool, r->certificate, &r->issuer, "by-hand", waiting, current, answer, issue_run_done, r);
        g_assert_cmpuint(r->answers, ==, before);
        issue_run_until(r, before + 1);
}

static void test_what_a_person_brings_is_for_the_key_that_waits(void)
{
        g_autoptr(IssueRun) r = issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"by-hand\"}");
        g_autoptr(Generation) waiting = NULL;

        issue_run(r, NULL);
        g_assert_cmpint(r->outcome, ==, ISSUE_WAITING);
        g_assert_cmpuint(r->poll_after, ==, UINT64_MAX);
        waiting = generation_new_request(r->key_pem, r->request, NULL);
        bring(r, waiting, NULL, "wrong-names");
        assert_failed(r, CERT_ERROR_BAD_CERTIFICATE, "the certificate that was brought for \"web\" is wrong");
        bring(r, waiting, NULL, "good");
        assert_issued(r);
        g_assert_true(g_bytes_equal(waiting->key_pem, r->generation->key_pem));
        g_assert_false(r->for_current);
}

static void test_what_a_person_brings_may_be_for_the_installed_key(void)
{
        g_autoptr(IssueRun) r = issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"good\"}");
        g_autoptr(Generation) current = NULL;

        issue_run(r, NULL);
        assert_issued(r);
        current = generation_ref(r->generation);
        issue_run_set_config(r, "{\"type\":\"fake\",\"behaviour\":\"by-hand\"}");
        bring(r, NULL, current, "good");
        assert_issued(r);
        g_assert_true(g_bytes_equal(current->key_pem, r->generation->key_pem));
        g_assert_cmpstr(current->fingerprint, !=, r->generation->fingerprint);
}

static void test_a_request_that_is_lost_is_not_made_up(void)
{
        g_autoptr(IssueRun) r = issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"wait\"}");

        issue_poll(r->pool, r->certificate, &r->issuer, "0", NULL, issue_run_done, r);
        issue_run_until(r, 1);
        assert_failed(r, CERT_ERROR_KEY_STORAGE, "is lost");
}

/* ---- Processes ---- */

static void test_a_type_that_is_not_installed(void)
{
        g_autoptr(IssueRun) r = issue_run_new("nowhere", "{\"type\":\"nowhere\"}");

        issue_run(r, NULL);
        assert_failed(r, CERT_ERROR_ISSUER_UNREACHABLE, "cert-issuer-nowhere");
}

static void test_a_type_that_is_a_path(void)
{
        g_autoptr(IssueRun) r = issue_run_new("../../bin/sh", "{}");

        issue_run(r, NULL);
        assert_failed(r, CERT_ERROR_ISSUER_UNREACHABLE, "no issuer program");
}

static void test_through_a_socket_it_is_the_same(void)
{
        g_autoptr(IssueRun) r = issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"sign\"}");

        issue_run_listen(r);
        issue_run(r, NULL);
        assert_issued(r);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong_answers); i++) {
                g_autofree char *config = fake_config(wrong_answers[i].behaviour, wrong_answers[i].code);

                if (wrong_answers[i].code == CERT_ERROR_BAD_CERTIFICATE)
                        continue; /* does not depend on the way there */
                g_test_message("%s", wrong_answers[i].behaviour);
                issue_run_set_config(r, config);
                issue_run(r, NULL);
                assert_failed(r, wrong_answers[i].code, wrong_answers[i].says);
        }
}

typedef struct Pair {
        IssueRun *run;
        unsigned good, failed;
} Pair;

static void on_pair(const ManifestCertificate *c, const IssueResult *result, void *userdata)
{
        Pair *p = userdata;

        if (result->outcome == ISSUE_DONE)
                p->good++;
        else
                p->failed++;
        issue_run_done(c, result, p->run);
}

/* Ten of one that hangs: neither another issuer of the same type nor another type is held up; four time out,
 * and those that wait fail with them. */
static void test_a_hanging_issuer_does_not_hold_up_others(void)
{
        g_autofree char *hang = fake_config("hang", CERT_ERROR_ISSUER_TIMEOUT);
        g_autoptr(IssueRun) r = issue_run_new("fake", hang);
        ManifestIssuer good = { .name = (char *) "good", .type = (char *) "fake", .config = (char *) "{}" };
        ManifestIssuer local = { .name = (char *) "inner",
                                 .type = (char *) "local",
                                 .config = (char *) "{}" };
        Pair hanging = { .run = r }, same_type = { .run = r }, other_type = { .run = r };

        issue_run_make_authority(local.name, local.config);
        for (unsigned n = 0; n < 10; n++)
                issue_start(r->pool, r->certificate, &r->issuer, NULL, on_pair, &hanging);
        issue_start(r->pool, r->certificate, &good, NULL, on_pair, &same_type);
        issue_start(r->pool, r->certificate, &local, NULL, on_pair, &other_type);
        while (other_type.good == 0 || same_type.good == 0)
                issue_run_until(r, r->answers + 1);
        g_assert_cmpuint(hanging.failed, ==, 0);
        issue_run_until(r, 12);
        g_assert_cmpuint(hanging.failed, ==, 10);
}

static unsigned count_lines(const char *path)
{
        g_autofree char *text = NULL;
        unsigned n = 0;

        if (g_file_get_contents(path, &text, NULL, NULL))
                for (const char *p = text; (p = strchr(p, '\n')); p++)
                        n++;
        return n;
}

static void assert_started(IssueRun *r, const char *file, unsigned wanted)
{
        for (unsigned n = 0; n < 3000 && count_lines(file) < wanted; n++)
                sd_event_run(r->event, USEC_PER_SEC / 100);
        for (unsigned n = 0; n < 20; n++)
                sd_event_run(r->event, USEC_PER_SEC / 100);
        g_assert_cmpuint(count_lines(file), ==, wanted);
}

/* Of the sixty-four processes that there may be of a type one is left to the other issuer of it. */
static void test_an_issuer_with_many_calls_leaves_a_place_to_others(void)
{
        g_autoptr(IssueRun) r = issue_run_new("idle", "{\"timeout\":\"50min\"}");
        g_autofree char *program = fixture_path(r->root, CERT_PROGRAM_DIR "/cert-issuer-idle");
        g_autofree char *started = fixture_path(r->root, "/started");
        g_autofree char *script = g_strdup_printf("#!/bin/sh\necho >>%s\nexec sleep 100\n", started);
        ManifestIssuer other = { .name = (char *) "other",
                                 .type = (char *) "idle",
                                 .config = r->issuer.config };
        Issue *first;

        g_assert_true(g_file_set_contents(program, script, -1, NULL));
        g_assert_cmpint(g_chmod(program, 0755), ==, 0);
        r->issuer.connections = 64;
        first = issue_start(r->pool, r->certificate, &other, NULL, issue_run_done, r);
        assert_started(r, started, 1);
        issue_discard(first);
        for (unsigned n = 0; n < 70; n++)
                issue_start(r->pool, r->certificate, &r->issuer, NULL, issue_run_done, r);
        assert_started(r, started, 1 + 63);
        issue_start(r->pool, r->certificate, &other, NULL, issue_run_done, r);
        assert_started(r, started, 1 + 63 + 1);
        g_assert_cmpuint(r->answers, ==, 0);
}

/* How often the fake issuer was asked, by its own notes. */
static guint times_asked(const IssueRun *r)
{
        g_autofree char *path = fixture_path(r->root, "/run/fake-calls"), *text = NULL;
        guint n = 0;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        for (const char *c = text; (c = strchr(c, '\n')); c++)
                n++;
        return n;
}

/* What fails with a refusal is the certificate's own matter: the next is tried. */
static void test_calls_that_wait_fail_with_an_issuer_that_is_away_alone(void)
{
        static const struct {
                const char *behaviour;
                CertError code;
                guint asked; /* for eight */
        } cases[] = {
                { "unreachable", CERT_ERROR_ISSUER_UNREACHABLE, 1 },
                { "refuse", CERT_ERROR_ISSUER_REFUSED, 8 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *config = g_strdup_printf(
                        "{\"type\":\"fake\",\"behaviour\":\"%s\",\"delay\":\"100ms\"}", cases[i].behaviour);
                g_autoptr(IssueRun) r = issue_run_new("fake", config);

                r->issuer.connections = 1;
                for (unsigned n = 1; n <= 8; n++)
                        issue_start(r->pool, r->certificate, &r->issuer, NULL, issue_run_done, r);
                for (unsigned n = 1; n <= 8; n++) {
                        issue_run_until(r, n);
                        assert_failed(r, cases[i].code, "");
                }
                g_assert_cmpuint(times_asked(r), ==, cases[i].asked);
                /* Those that come later are tried. */
                issue_run_set_config(r, "{\"type\":\"fake\"}");
                issue_run(r, NULL);
                assert_issued(r);
        }
}

static void test_discarded_at_every_stage(void)
{
        g_autoptr(IssueRun) r = issue_run_new("fake", "{\"type\":\"fake\",\"behaviour\":\"sign\"}");

        issue_run(r, NULL);
        for (unsigned turns = 0; turns < 40; turns++) {
                Issue *i = issue_start(r->pool, r->certificate, &r->issuer, NULL, issue_run_done, r);
                unsigned before = r->answers;

                for (unsigned n = 0; n < turns && r->answers == before; n++)
                        sd_event_run(r->event, USEC_PER_SEC / 100);
                if (r->answers == before)
                        issue_discard(i);
                g_assert_cmpuint(issue_pool_active(r->pool), ==, 0);
        }
        issue_run(r, NULL);
        assert_issued(r);
}

static void test_the_pool_ends_with_all_under_way(void)
{
        g_autofree char *hang = fake_config("hang", CERT_ERROR_ISSUER_TIMEOUT);
        g_autoptr(IssueRun) r = issue_run_new("fake", hang);

        for (unsigned n = 0; n < 8; n++)
                issue_start(r->pool, r->certificate, &r->issuer, NULL, issue_run_done, r);
        for (unsigned n = 0; n < 30; n++)
                sd_event_run(r->event, USEC_PER_SEC / 100);
        r->pool = issue_pool_free(r->pool);
        g_assert_cmpuint(r->answers, ==, 0);
}

static void on_roots(GBytes *pem, const GError *error, void *userdata)
{
        GBytes **ret = userdata;

        g_assert_no_error(error);
        *ret = g_bytes_ref(pem);
}

static void test_roots_are_asked_for(void)
{
        g_autoptr(IssueRun) r = issue_run_new("local", "{\"type\":\"local\"}");
        g_autoptr(GBytes) pem = NULL;

        issue_run(r, NULL);
        issue_roots(r->pool, &r->issuer, on_roots, &pem);
        while (!pem)
                sd_event_run(r->event, USEC_PER_SEC);
        g_assert_true(g_bytes_equal(pem, r->generation->ca_pem));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/issue/the local authority issues", test_the_local_authority_issues);
        g_test_add_func("/issue/every type of key is issued", test_every_type_of_key_is_issued);
        g_test_add_func("/issue/a type of key and a subject for the authority",
                        test_a_type_of_key_and_a_subject_for_the_authority);
        g_test_add_func("/issue/unknown keys of the configuration are errors",
                        test_unknown_keys_of_the_configuration_are_errors);
        g_test_add_func("/issue/many processes agree on one new authority",
                        test_many_processes_agree_on_one_new_authority);
        g_test_add_func("/issue/reuse keeps the key and always does not",
                        test_reuse_keeps_the_key_and_always_does_not);
        g_test_add_func("/issue/reuse makes a new key when the type changed",
                        test_reuse_makes_a_new_key_when_the_type_changed);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong_answers); i++) {
                g_autofree char *name =
                        g_strdup_printf("/issue/wrong answer: %s", wrong_answers[i].behaviour);

                g_test_add_data_func(name, &wrong_answers[i], test_wrong_answer);
        }
        g_test_add_func("/issue/later says when", test_later_says_when);
        g_test_add_func("/issue/an unordered chain is mended", test_an_unordered_chain_is_mended);
        g_test_add_func("/issue/the signer signs with the new and the current key",
                        test_the_signer_signs_with_the_new_and_the_current_key);
        g_test_add_func("/issue/what a person brings is for the key that waits",
                        test_what_a_person_brings_is_for_the_key_that_waits);
        g_test_add_func("/issue/what a person brings may be for the installed key",
                        test_what_a_person_brings_may_be_for_the_installed_key);
        g_test_add_func("/issue/a request that is lost is not made up", test_a_request_that_is_lost_is_not_made_up);
        g_test_add_func("/issue/waiting is polled with the same key",
                        test_waiting_is_polled_with_the_same_key);
        g_test_add_func("/issue/a type that is not installed", test_a_type_that_is_not_installed);
        g_test_add_func("/issue/a type that is a path", test_a_type_that_is_a_path);
        g_test_add_func("/issue/through a socket it is the same", test_through_a_socket_it_is_the_same);
        g_test_add_func("/issue/a hanging issuer does not hold up others",
                        test_a_hanging_issuer_does_not_hold_up_others);
        g_test_add_func("/issue/an issuer with many calls leaves a place to others",
                        test_an_issuer_with_many_calls_leaves_a_place_to_others);
        g_test_add_func("/issue/calls that wait fail with an issuer that is away alone",
                        test_calls_that_wait_fail_with_an_issuer_that_is_away_alone);
        g_test_add_func("/issue/discarded at every stage", test_discarded_at_every_stage);
        g_test_add_func("/issue/the pool ends with all under way", test_the_pool_ends_with_all_under_way);
        g_test_add_func("/issue/roots are asked for", test_roots_are_asked_for);
        return g_test_run();
}
