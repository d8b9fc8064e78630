/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the real cert-keyholder leaves of a secret: nothing in its memory but the key itself, as GnuTLS has
 * it; nothing in its arguments and environment, and no core. */

#include "common/base64url.h"
#include "tests/unit/jose-vectors.h"
#include "tests/unit/keyholder-bench.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const Source step = BENCH_STEP;

static bool holds(const uint8_t *memory, size_t size, GBytes *secret)
{
        size_t length;
        const void *data = g_bytes_get_data(secret, &length);

        return memmem(memory, size, data, length);
}

/* In which mapping of the process the bytes are; NULL: in none. Caller owns. */
static char *find_in_memory(const Worker *w, GBytes *secret)
{
        g_autofree char *maps = g_strdup_printf("/proc/%d/maps", (int) w->pid), *text = NULL, *where = NULL;
        g_autofree char *mem = g_strdup_printf("/proc/%d/mem", (int) w->pid);
        g_auto(GStrv) lines = NULL;
        unsigned looked = 0;
        int fd = open(mem, O_RDONLY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        g_assert_true(g_file_get_contents(maps, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        for (char **l = lines; *l && !where; l++) {
                uint64_t from, to;
                char mode[5];

                /* What a sanitizer reserves is terabytes; what is in use of it are the parts that can be
                 * read. */
                if (sscanf(*l, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, mode) != 3 || mode[1] != 'w')
                        continue;
                for (; from < to && !where; from += 1 << 20) {
                        g_autofree uint8_t *memory = g_malloc((1 << 20) + 4096);
                        ssize_t n = pread(fd, memory, MIN(to - from, (1 << 20) + 4096), (off_t) from);

                        looked += n > 0;
                        if (n > 0 && holds(memory, (size_t) n, secret))
                                where = g_strdup(*l);
                        if (to - from > (uint64_t) 1 << 32)
                                break; /* shadow */
                }
        }
        close(fd);
        g_assert_true(where || looked > 4);
        return g_steal_pointer(&where);
}

static void assert_gone(const Worker *w, const char *what, GBytes *secret)
{
        g_autofree char *where = find_in_memory(w, secret);

        if (where)
                g_error("%s is in the memory of the process, at %s", what, where);
}

/* The private value as the JWK has it. Caller owns. */
static char *private_value(const char *jwk)
{
        const char *at = strstr(jwk, "\"d\": \"");

        g_assert_nonnull(at);
        at += strlen("\"d\": \"");
        return g_strndup(at, strcspn(at, "\""));
}

static void test_no_secret_is_left_in_memory(void)
{
        const Source s = { .password_file = BENCH_PASSWORD, .encrypted_key = jose_keys[0].jwe };
        g_autofree char *d = private_value(jose_keys[0].jwk);
        size_t size;
        g_autoptr(GBytes) text = g_bytes_new(d, strlen(d)),
                          number = g_bytes_new_take(base64url_decode(d, strlen(d), &size), 32);
        g_autoptr(GBytes) password = g_bytes_new_static(JOSE_PASSWORD, strlen(JOSE_PASSWORD));
        g_autoptr(GBytes) wrong = g_bytes_new_static("incorrect donkey", 16);
        g_autoptr(GBytes) file = g_bytes_new_static(BENCH_PASSWORD, strlen(BENCH_PASSWORD));
        g_autofree char *seen = NULL;
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };

        if (!fixture_is_root())
                return;
        bench_make(&b);
        bench_put(&b, BENCH_PASSWORD, "incorrect donkey\n", 0600);
        worker_make(&b, &w);
        worker_assert_refused(&w, &s, CERT_ERROR_ISSUER_AUTHENTICATION, BENCH_PASSWORD);
        bench_put(&b, BENCH_PASSWORD, JOSE_PASSWORD "\n", 0600);
        worker_assert_signs(&w, &s, "the P-256 key", 0);
        seen = find_in_memory(&w, file);
        g_assert_nonnull(seen); /* else nothing would ever be found */
        assert_gone(&w, "the password", password);
        assert_gone(&w, "the wrong password", wrong);
        assert_gone(&w, "the private value of the JWK", text);
        assert_gone(&w, "the private value", number);
}

/* But the key: of one that came in PEM, GnuTLS keeps the ASN.1 that it was read from for as long as it is open. */
static void test_nothing_of_a_key_file_is_left_in_memory(void)
{
        static const Source s = { .key_file = "/etc/x5c.key",
                                  .certificate_file = "/etc/x5c.pem",
                                  .password_file = BENCH_PASSWORD };
        g_autoptr(FixtureAuthority) authority = fixture_authority_new();
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("x5c");
        g_autoptr(GBytes) pem = fixture_key_new(KEY_TYPE_ECDSA_P256);
        g_autoptr(GBytes) der = fixture_authority_sign(authority, c, pem, time(NULL) - 60, time(NULL) + 3600);
        g_autoptr(GBytes) password = g_bytes_new_static(JOSE_PASSWORD, strlen(JOSE_PASSWORD));
        g_autofree char *leaf = bench_certificate_file(der);

        if (!fixture_is_root())
                return;
        for (unsigned encrypted = 0; encrypted < 2; encrypted++) {
                g_autofree char *key = bench_key_file(pem, encrypted ? JOSE_PASSWORD : NULL);
                g_autoptr(GBytes) line = g_bytes_new(strchr(key, '\n') + 1, 60);
                g_auto(Bench) b = { 0 };
                g_auto(Worker) w = { 0 };

                bench_make(&b);
                bench_put(&b, s.key_file, key, 0600);
                bench_put(&b, s.certificate_file, leaf, 0644);
                worker_make(&b, &w);
                worker_assert_signs(&w, &s, "", 1);
                assert_gone(&w, "the password", password);
                assert_gone(&w, "the text of the key file", line);
        }
}

static void test_neither_arguments_nor_environment_hold_a_secret(void)
{
        static const char *const files[] = { "cmdline", "environ" };
        g_auto(Bench) b = { 0 };
        g_auto(Worker) w = { 0 };

        bench_make(&b);
        worker_make(&b, &w);
        worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *path = g_strdup_printf("/proc/%d/%s", (int) w.pid, files[i]), *text = NULL;
                gsize size;

                if (!g_file_get_contents(path, &text, &size, NULL))
                        continue; /* not root: not even its own user may look */
                g_assert_null(memmem(text, size, JOSE_PASSWORD, strlen(JOSE_PASSWORD)));
                g_assert_null(memmem(text, size, "eyJ", 3));
        }
}

/* prctl(2): of a process that cannot be dumped, /proc/PID is root's; and no core is written, however large
 * one may be. */
static void test_it_leaves_no_core(void)
{
        g_auto(Bench) b = { 0 };
        Worker w = { 0 };
        int status;

        bench_make(&b);
        worker_make(&b, &w);
        worker_assert_signs(&w, &step, STEP_KEY_ID, 0);
        {
                struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

                (void) prlimit(w.pid, RLIMIT_CORE, &all, NULL);
        }
        g_assert_cmpint(kill(w.pid, SIGQUIT), ==, 0);
        g_assert_cmpint(waitpid(w.pid, &status, 0), ==, w.pid);
        g_assert_true(WIFSIGNALED(status));
        g_assert_false(WCOREDUMP(status));
        sd_bus_close_unref(w.bus);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/keyholder-memory/memory", test_no_secret_is_left_in_memory);
        g_test_add_func("/keyholder-memory/key-file", test_nothing_of_a_key_file_is_left_in_memory);
        g_test_add_func("/keyholder-memory/arguments", test_neither_arguments_nor_environment_hold_a_secret);
        g_test_add_func("/keyholder-memory/core", test_it_leaves_no_core);
        return g_test_run();
}
