/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The real cert-keyholder: which keys it opens and signs by, what it says when it does not, what it notices
 * and what it does not do twice. */

#include "agent/worker.h"
#include "tests/unit/jose-vectors.h"
#include "tests/unit/keyholder-bench.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const Source step = BENCH_STEP;

static void test_a_provisioners_key_is_opened_and_signs(void)
{
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };

        bench_make(&b);
        worker_make(&b, &w);
        worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(jose_keys); i++) {
                Source s = { .password_file = BENCH_PASSWORD, .encrypted_key = jose_keys[i].jwe };
                g_autofree char *key_id = g_strdup_printf("the %s key", jose_keys[i].name);

                worker_assert_signs(&w, &s, key_id, 0);
        }
}

static void test_an_algorithm_of_another_type_is_refused(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };

        bench_make(&b);
        worker_make(&b, &w);
        g_assert_null(worker_sign(&w, &step, "rsa-sha256", &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
}

static void test_a_wrong_password_names_its_file_and_nothing_more(void)
{
        g_autofree char *log = NULL;
        g_auto(Bench) b = { 0 };

        bench_make(&b);
        bench_put(&b, BENCH_PASSWORD, "incorrect donkey\n", 0600);
        {
                g_auto(Worker) w = { 0 };
                g_autoptr(GError) error = NULL;
                worker_make(&b, &w);
                worker_assert_refused(&w, &step, CERT_ERROR_ISSUER_AUTHENTICATION,
                                      "not opened by the password in " BENCH_PASSWORD);
                g_assert_null(worker_sign(&w, &step, "ecdsa-sha256", &error));
                g_assert_null(strstr(error->message, "donkey"));
        }
        g_assert_true(g_file_get_contents(b.log, &log, NULL, NULL));
        g_assert_cmpstr(log, ==, "");
}

static void test_a_password_that_changes_is_noticed(void)
{
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };
        g_autofree char *path = NULL;

        bench_make(&b);
        worker_make(&b, &w);
        worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
        bench_put(&b, BENCH_PASSWORD, "correct house\n", 0600); /* of the same length */
        worker_assert_refused(&w, &step, CERT_ERROR_ISSUER_AUTHENTICATION, BENCH_PASSWORD);
        bench_put(&b, BENCH_PASSWORD, JOSE_PASSWORD, 0600);
        worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
        path = fixture_path(b.root, BENCH_PASSWORD);
        g_assert_cmpint(unlink(path), ==, 0);
        worker_assert_refused(&w, &step, CERT_ERROR_KEY_STORAGE, BENCH_PASSWORD " does not exist");
}

/* Nanoseconds of CPU that it has used. */
static uint64_t cpu(const Worker *w)
{
        g_autofree char *path = g_strdup_printf("/proc/%d/schedstat", (int) w->pid), *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return g_ascii_strtoull(text, NULL, 10);
}

static void test_many_signatures_cost_one_derivation(void)
{
        const Source cheap = { .password_file = BENCH_PASSWORD, .encrypted_key = jose_keys[0].jwe };
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };
        uint64_t start, first, others;

        bench_make(&b);
        worker_make(&b, &w);
        worker_assert_signs(&w, &cheap, "the P-256 key", 0); /* what is done once in a process */
        start = cpu(&w);
        worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
        first = cpu(&w) - start;
        start = cpu(&w);
        for (unsigned i = 0; i < 200; i++) {
                g_autoptr(GBytes) signature = worker_sign(&w, &step, "ecdsa-sha256", NULL);

                g_assert_nonnull(signature);
        }
        others = cpu(&w) - start;
        g_test_message("the first %" PRIu64 " us, 200 others %" PRIu64 " us", first / 1000, others / 1000);
        g_assert_cmpuint(others, <, 50 * first);
}

static void test_a_wrong_password_is_not_tried_twice(void)
{
        g_autoptr(GError) error = NULL;
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };
        uint64_t start, first;

        bench_make(&b);
        bench_put(&b, BENCH_PASSWORD, "incorrect donkey\n", 0600);
        worker_make(&b, &w);
        start = cpu(&w);
        g_assert_null(worker_sign(&w, &step, "ecdsa-sha256", &error));
        first = cpu(&w) - start;
        start = cpu(&w);
        for (unsigned i = 0; i < 20; i++)
                worker_assert_refused(&w, &step, CERT_ERROR_ISSUER_AUTHENTICATION, BENCH_PASSWORD);
        g_assert_cmpuint(cpu(&w) - start, <, 5 * first);
}

static void test_more_keys_than_are_kept_are_all_opened(void)
{
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };

        bench_make(&b);
        worker_make(&b, &w);
        for (unsigned round = 0; round < 2; round++)
                for (unsigned i = 0; i < 40; i++) {
                        g_autofree char *path = g_strdup_printf("/etc/password.%u", i);
                        Source s = { .password_file = path, .encrypted_key = jose_keys[i % 2].jwe };

                        bench_put(&b, path, JOSE_PASSWORD "\n", 0600);
                        worker_assert_signs(&w, &s, i % 2 ? "the P-384 key" : "the P-256 key", 0);
                }
}

static void test_an_exposed_file_is_told_of_once(void)
{
        g_autofree char *log = NULL;
        g_auto(Bench) b = { 0 };

        bench_make(&b);
        bench_put(&b, BENCH_PASSWORD, JOSE_PASSWORD "\n", 0644);
        {
                g_auto(Worker) w = { 0 };

                worker_make(&b, &w);
                worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
                worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
        }
        g_assert_true(g_file_get_contents(b.log, &log, NULL, NULL));
        g_assert_nonnull(strstr(log, BENCH_PASSWORD));
        g_assert_nonnull(strstr(log, "chmod o="));
        g_assert_null(strchr(strchr(log, '\n') + 1, '\n'));
}

/* ---- A key file with its certificate ---- */

static void test_a_key_file_signs_with_its_chain(void)
{
        static const Source plain = { .key_file = "/etc/x5c.key", .certificate_file = "/etc/x5c.pem" };
        static const Source locked = { .key_file = "/etc/x5c.key",
                                       .certificate_file = "/etc/x5c.pem",
                                       .password_file = BENCH_PASSWORD };
        g_autoptr(FixtureAuthority) authority = fixture_authority_new();
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("x5c");
        g_autoptr(GBytes) pem = fixture_key_new(KEY_TYPE_ECDSA_P256),
                          other = fixture_key_new(KEY_TYPE_ECDSA_P256);
        g_autoptr(GBytes) der = fixture_authority_sign(authority, c, pem, time(NULL) - 60, time(NULL) + 3600);
        g_autofree char *key = bench_key_file(pem, NULL), *other_key = bench_key_file(other, NULL);
        g_autofree char *encrypted = bench_key_file(pem, JOSE_PASSWORD);
        g_autofree char *leaf = bench_certificate_file(der), *root = bench_certificate_file(authority->der);
        g_autofree char *chain = g_strconcat("a comment\n", leaf, root, NULL),
                        *reversed = g_strconcat(root, leaf, NULL);
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };

        bench_make(&b);
        worker_make(&b, &w);
        bench_put(&b, "/etc/x5c.key", key, 0600);
        bench_put(&b, "/etc/x5c.pem", chain, 0644);
        worker_assert_signs(&w, &plain, "", 2);
        worker_assert_signs(&w, &locked, "", 2); /* a password that nobody needs does no harm */
        bench_put(&b, "/etc/x5c.pem", leaf, 0644);
        worker_assert_signs(&w, &plain, "", 1);
        bench_put(&b, "/etc/x5c.key", encrypted, 0600);
        worker_assert_signs(&w, &locked, "", 1);
        worker_assert_refused(&w, &plain, CERT_ERROR_KEY_STORAGE,
                              "/etc/x5c.key is encrypted, and the manifest names no password");
        bench_put(&b, BENCH_PASSWORD, "incorrect donkey\n", 0600);
        worker_assert_refused(&w, &locked, CERT_ERROR_ISSUER_AUTHENTICATION,
                              "/etc/x5c.key is not opened by the password in " BENCH_PASSWORD);
        bench_put(&b, "/etc/x5c.key", other_key, 0600);
        worker_assert_refused(&w, &plain, CERT_ERROR_KEY_STORAGE,
                              "is not the key of the first certificate in /etc/x5c.pem");
        bench_put(&b, "/etc/x5c.key", key, 0600);
        bench_put(&b, "/etc/x5c.pem", reversed, 0644);
        worker_assert_refused(&w, &plain, CERT_ERROR_KEY_STORAGE, "/etc/x5c.pem");
        bench_put(&b, "/etc/x5c.pem", "nothing of the kind\n", 0644);
        worker_assert_refused(&w, &plain, CERT_ERROR_KEY_STORAGE, "/etc/x5c.pem holds none");
        bench_put(&b, "/etc/x5c.key", leaf, 0600);
        worker_assert_refused(&w, &plain, CERT_ERROR_KEY_STORAGE, "/etc/x5c.key holds no private key");
}

/* ---- What is asked wrongly, or by the wrong ones ---- */

static void test_sources_that_are_none_are_refused(void)
{
        g_autofree char *large = g_strnfill(70 * 1024, 'A');
        const Source none = { NULL }, huge = { .password_file = BENCH_PASSWORD, .encrypted_key = large };
        g_autoptr(GError) error = NULL;
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };
        sd_bus_message *m = NULL;

        bench_make(&b);
        worker_make(&b, &w);
        worker_assert_refused(&w, &none, CERT_ERROR_NOT_SUPPORTED, "encrypted key or a key file");
        worker_assert_refused(&w, &huge, CERT_ERROR_ISSUER_PROTOCOL, "64 KiB");
        g_assert_cmpint(sd_bus_message_new_method_call(w.bus, &m, NULL, CERT_BUS_KEYHOLDER_PATH,
                                                       CERT_INTERFACE_KEYHOLDER, "Open"),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 1, "Environment", "s", "x"), >=, 0);
        g_assert_null(worker_ask(&w, m, &error));
        g_assert_nonnull(strstr(error->message, "no such key"));
}

static void test_a_credential_is_used_and_its_want_explained(void)
{
        static const Source s = { .credential = "step.password", .encrypted_key = STEP_JWE };
        g_auto(Bench) b = { 0 };

        bench_make(&b);
        {
                g_auto(Worker) w = { 0 };

                worker_make(&b, &w);
                worker_assert_refused(
                        &w, &s, CERT_ERROR_KEY_STORAGE,
                        "LoadCredentialEncrypted=step.password:/etc/credstore.encrypted/step.password");
        }
        fixture_make_folder(b.root, "/run/credentials", 0700);
        bench_put(&b, "/run/credentials/step.password", JOSE_PASSWORD, 0400);
        g_setenv("CREDENTIALS_DIRECTORY", "/run/credentials", TRUE);
        {
                g_auto(Worker) w = { 0 };

                worker_make(&b, &w);
                worker_assert_signs(&w, &s, STEP_KEY_ID, 0);
        }
        g_unsetenv("CREDENTIALS_DIRECTORY");
}

/* ---- A file system that hangs ---- */

/* The program in place of the real one, which reads the password as slowly as a dead share. */
static void make_slow(const Bench *b, unsigned seconds)
{
        g_autofree char *program = fixture_path(b->root, BENCH_PROGRAM),
                        *password = fixture_path(b->root, BENCH_PASSWORD);
        g_autofree char *script = NULL;

        g_assert_cmpint(unlink(program), ==, 0);
        script = g_strdup_printf("#!/bin/sh\nexec strace -qqq -o /dev/null -P %s -e trace=read "
                                 "-e inject=read:delay_enter=%us %s/cert-keyholder\n",
                                 password, seconds, g_getenv("CERT_TEST_ISSUERS"));
        bench_put(b, BENCH_PROGRAM, script, 0755);
}

static void test_a_file_that_hangs_holds_up_its_own_connection_alone(void)
{
        static const Source other = { .password_file = "/etc/other.password", .encrypted_key = STEP_JWE };
        g_autofree char *strace = g_find_program_in_path("strace");
        g_auto(Bench) b = { 0 };
        sd_bus_message *m, *reply = NULL;
        sd_bus_error e = SD_BUS_ERROR_NULL;
        Worker hanging = { 0 };
        int64_t start;
        int status;

        if (!strace) {
                g_test_skip("no strace: this was NOT tested");
                return;
        }
        bench_make(&b);
        bench_put(&b, other.password_file, JOSE_PASSWORD, 0600);
        make_slow(&b, 600);
        worker_make(&b, &hanging);
        m = worker_method(&hanging, "Open", &step);
        g_assert_cmpint(sd_bus_call(hanging.bus, m, 2 * G_USEC_PER_SEC, &e, &reply), <, 0);
        g_assert_cmpstr(e.name, ==, "org.freedesktop.DBus.Error.Timeout");
        sd_bus_message_unref(m);
        sd_bus_error_free(&e);
        bench_link_program(&b);
        {
                g_auto(Worker) w = { 0 };

                start = g_get_monotonic_time();
                worker_make(&b, &w);
                worker_assert_signs(&w, &other, STEP_KEY_ID, 0);
                g_assert_cmpint(g_get_monotonic_time() - start, <, 200 * G_USEC_PER_SEC);
        }
        g_assert_cmpint(waitpid(hanging.pid, &status, WNOHANG), ==, 0);
        sd_bus_close_unref(hanging.bus);
        worker_end(hanging.pid);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/keyholder/opens", test_a_provisioners_key_is_opened_and_signs);
        g_test_add_func("/keyholder/algorithm", test_an_algorithm_of_another_type_is_refused);
        g_test_add_func("/keyholder/wrong-password", test_a_wrong_password_names_its_file_and_nothing_more);
        g_test_add_func("/keyholder/changed-password", test_a_password_that_changes_is_noticed);
        g_test_add_func("/keyholder/one-derivation", test_many_signatures_cost_one_derivation);
        g_test_add_func("/keyholder/not-twice", test_a_wrong_password_is_not_tried_twice);
        g_test_add_func("/keyholder/many", test_more_keys_than_are_kept_are_all_opened);
        g_test_add_func("/keyholder/exposed", test_an_exposed_file_is_told_of_once);
        g_test_add_func("/keyholder/key-file", test_a_key_file_signs_with_its_chain);
        g_test_add_func("/keyholder/sources", test_sources_that_are_none_are_refused);
        g_test_add_func("/keyholder/credential", test_a_credential_is_used_and_its_want_explained);
        g_test_add_func("/keyholder/hangs", test_a_file_that_hangs_holds_up_its_own_connection_alone);
        return g_test_run();
}
