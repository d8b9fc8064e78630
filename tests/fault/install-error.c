/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An install in which a system call fails.
 *
 * This program runs itself below strace(1), which makes the n-th call of a kind fail (a broken disk, a full
 * one, a file system across which nothing can be renamed), for each kind and every n there is. Whatever was
 * said of the install, every pair must match afterwards: the new one where it was said to be done, else an
 * old or a new one; and so the bundle.
 */

#include "agent/install.h"
#include "common/error.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define N           3
#define BUNDLE      2 /* its place among them */
#define SAID_FAILED 3
#define RUNS_MAX    60 /* of one kind */

static const char *const names[N] = { "web", "mail", MANIFEST_BUNDLE_PREFIX "site-ca" };

typedef struct Case {
        char *root;
        FixtureAuthority *authority;
        ManifestCertificate *c[N];
        Generation *old[N], *new[N];
} Case;

static ManifestCertificate *certificate_new(unsigned i)
{
        ManifestCertificate *c;

        if (i == BUNDLE)
                return fixture_bundle_new("site-ca");
        c = fixture_certificate_new(names[i]);
        c->key_attributes = (FileAttributes){ 65534, 33, 0440 };
        g_free(c->path[MANAGED_FILE_KEY]);
        c->path[MANAGED_FILE_KEY] = g_strconcat("/etc/keys/", names[i], ".key", NULL);
        return c;
}

static Generation *generation_new_for(Case *k, unsigned i)
{
        return i == BUNDLE ? fixture_bundle_generation_new(2) : fixture_generation_new(k->authority, k->c[i]);
}

static void case_init(Case *k)
{
        *k = (Case){ .root = fixture_root_new(), .authority = fixture_authority_new() };
        fixture_make_folder(k->root, "/etc/tls", 0755);
        fixture_make_folder(k->root, "/etc/keys", 0755);
        for (unsigned i = 0; i < N; i++) {
                k->c[i] = certificate_new(i);
                k->old[i] = generation_new_for(k, i);
                k->new[i] = generation_new_for(k, i);
                g_assert_true(generation_save(k->old[i], names[i], NULL));
                g_assert_true(generation_save(k->new[i], names[i], NULL));
        }
}

static void case_clear(Case *k)
{
        for (unsigned i = 0; i < N; i++) {
                fixture_certificate_free(k->c[i]);
                generation_unref(k->old[i]);
                generation_unref(k->new[i]);
        }
        fixture_authority_free(k->authority);
        fixture_root_free(k->root);
}

static bool install(ManifestCertificate *const *c, Generation *const *g)
{
        InstallItem items[N] = {};
        bool done = true;

        for (unsigned i = 0; i < N; i++)
                items[i] = (InstallItem){ .certificate = c[i], .generation = g[i] };
        install_batch(items, N);
        for (unsigned i = 0; i < N; i++) {
                done = done && !items[i].error;
                g_clear_error(&items[i].error);
        }
        return done;
}

/* ---- Below strace ---- */

static int run_install(void)
{
        ManifestCertificate *c[N];
        Generation *g[N];
        bool done;

        for (unsigned i = 0; i < N; i++) {
                c[i] = certificate_new(i);
                g[i] = generation_load(names[i], 2, NULL);
                g_assert_nonnull(g[i]);
        }
        done = install(c, g);
        for (unsigned i = 0; i < N; i++) {
                fixture_certificate_free(c[i]);
                generation_unref(g[i]);
        }
        return done ? 0 : SAID_FAILED;
}

/* False when there was no n-th call of this kind. */
static bool run_with_error(const char *call, const char *error, unsigned n, int *ret_status)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *trace = g_strconcat("trace=", call, NULL);
        g_autofree char *inject = g_strdup_printf("inject=%s:error=%s:when=%u", call, error, n);
        const char *argv[] = { "strace", "-qq", "-e", trace, "-e", inject, self, "--install", NULL };
        g_autofree char *said = NULL;
        g_autoptr(GError) e = NULL;

        g_assert_true(g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said,
                                   ret_status, &e));
        g_assert_no_error(e);
        return strstr(said, "(INJECTED)") != NULL;
}

/* ---- What must hold ---- */

static bool file_is(Case *k, unsigned i, ManagedFile f, const Generation *g)
{
        g_autofree char *path = fixture_path(k->root, k->c[i]->path[f]);
        g_autoptr(GBytes) content = generation_file(g, f);
        g_autofree char *present = NULL;
        gsize size;

        return g_file_get_contents(path, &present, &size, NULL) && size == g_bytes_get_size(content) &&
               memcmp(present, g_bytes_get_data(content, NULL), size) == 0;
}

static bool pair_is(Case *k, unsigned i, const Generation *g)
{
        if (i == BUNDLE)
                return file_is(k, i, MANAGED_FILE_CA, g);
        return file_is(k, i, MANAGED_FILE_CERT, g) && file_is(k, i, MANAGED_FILE_KEY, g);
}

static unsigned fail_each(Case *k, const char *call, const char *error)
{
        unsigned said = 0, n;

        for (n = 1; n < RUNS_MAX; n++) {
                g_autoptr(GPtrArray) recovered = NULL;
                int status;
                bool failed;

                g_assert_true(install(k->c, k->old));
                if (!run_with_error(call, error, n, &status))
                        break;
                g_assert_true(WIFEXITED(status));
                failed = WEXITSTATUS(status) == SAID_FAILED;
                g_assert_true(failed || WEXITSTATUS(status) == 0);
                said += failed;
                for (unsigned i = 0; i < N; i++)
                        g_assert_true(pair_is(k, i, k->new[i]) || (failed && pair_is(k, i, k->old[i])));
                g_assert_true(install_recover(&recovered, NULL));
                for (unsigned i = 0; i < N; i++)
                        g_assert_true(pair_is(k, i, k->new[i]) || pair_is(k, i, k->old[i]));
        }
        g_test_message("%s %s: %u of %u runs said that they failed", call, error, said, n - 1);
        g_assert_cmpuint(n, >, 1);
        return said;
}

static void test_each_call_fails(void)
{
        static const struct {
                const char *call, *error;
                bool is_fatal; /* the install cannot be done without it */
        } kinds[] = {
                { "fchown", "EPERM", true },  { "fchmod", "EIO", true },     { "write", "ENOSPC", true },
                { "fsync", "EIO", true },     { "renameat", "EXDEV", true }, { "renameat", "EROFS", true },
                { "unlinkat", "EIO", false },
        };
        g_autofree char *strace = g_find_program_in_path("strace");
        Case k;

        if (!fixture_is_root())
                return;
        if (!strace) {
                if (g_getenv("CI"))
                        g_test_fail_printf("strace is missing: this was NOT tested");
                else
                        g_test_skip("strace is missing: this was NOT tested");
                return;
        }
        g_setenv("ASAN_OPTIONS", "detect_leaks=0", TRUE); /* its ptrace(2) would meet strace's */
        case_init(&k);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                unsigned said = fail_each(&k, kinds[i].call, kinds[i].error);

                g_assert_true(said > 0 || !kinds[i].is_fatal);
        }
        case_clear(&k);
}

int main(int argc, char **argv)
{
        if (argc == 2 && g_str_equal(argv[1], "--install"))
                return run_install();
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/install-error/each call fails", test_each_call_fails);
        return g_test_run();
}
