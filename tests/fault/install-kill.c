/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An install, killed at every one of its system calls.
 *
 * A child installs new generations over old ones and is killed (SIGKILL) as it enters its n-th system call,
 * for every n there is. Before the recovery every file must be wholly old or wholly new (a bundle's at any time);
 * after it every key must match its certificate, and nothing may be left behind. The recovery itself is then killed at each of
 * its own system calls, too. The test also demands that some of the kills left a pair that did not match:
 * else it would prove nothing.
 */

#include "agent/install.h"
#include "common/names.h"
#include "tests/fault/kill.h"
#include "tests/unit/fixture.h"

#include <string.h>
#include <sys/stat.h>

#define CERTIFICATES_MAX 12
#define RECOVERY_STRIDE  7 /* every so manieth of the kills that left an intent has its recovery killed */

typedef struct Case {
        char *root;
        FixtureAuthority *authority;
        unsigned n;
        ManifestCertificate *c[CERTIFICATES_MAX];
        Generation *old[CERTIFICATES_MAX], *new[CERTIFICATES_MAX];
        unsigned kills, mismatches, forward, recovery_kills;
} Case;

/* ---- Set-up ---- */

/* Takes all three; both generations are saved. */
static void add(Case *k, ManifestCertificate *c, Generation *old, Generation *new)
{
        k->c[k->n] = c;
        k->old[k->n] = old;
        k->new[k->n] = new;
        g_assert_true(generation_save(old, c->name, NULL));
        g_assert_true(generation_save(new, c->name, NULL));
        k->n++;
}

static void add_bundle(Case *k, const char *name)
{
        ManifestCertificate *c = fixture_bundle_new(name);

        c->cert_attributes = (FileAttributes){ 65534, 33, 0444 };
        add(k, c, fixture_bundle_generation_new(1), fixture_bundle_generation_new(2));
}

static void add_certificate(Case *k, const char *name, bool directory)
{
        ManifestCertificate *c = fixture_certificate_new(name);

        c->key_attributes = (FileAttributes){ 65534, 33, 0440 };
        if (directory) {
                g_clear_pointer(&c->path[MANAGED_FILE_CERT], g_free);
                g_clear_pointer(&c->path[MANAGED_FILE_KEY], g_free);
                c->directory = g_strconcat("/etc/tls/", name, NULL);
        } else {
                g_free(c->path[MANAGED_FILE_KEY]);
                c->path[MANAGED_FILE_KEY] = g_strconcat("/etc/keys/", name, ".key", NULL);
        }
        add(k, c, fixture_generation_new(k->authority, c), fixture_generation_new(k->authority, c));
}

static void case_init(Case *k)
{
        *k = (Case){ .root = fixture_root_new(), .authority = fixture_authority_new() };
        fixture_make_folder(k->root, "/etc/tls", 0755);
        fixture_make_folder(k->root, "/etc/keys", 0755);
}

static void case_clear(Case *k)
{
        for (unsigned i = 0; i < k->n; i++) {
                fixture_certificate_free(k->c[i]);
                generation_unref(k->old[i]);
                generation_unref(k->new[i]);
        }
        fixture_authority_free(k->authority);
        fixture_root_free(k->root);
}

static void install(Case *k, Generation *const *generations)
{
        InstallItem items[CERTIFICATES_MAX] = {};

        for (unsigned i = 0; i < k->n; i++)
                items[i] = (InstallItem){ .certificate = k->c[i], .generation = generations[i] };
        install_batch(items, k->n);
        for (unsigned i = 0; i < k->n; i++)
                g_assert_no_error(items[i].error);
}

/* ---- The killed child ---- */

static void child_install(void *data)
{
        Case *k = data;

        install(k, k->new);
}

static void child_recover(void *data)
{
        g_autoptr(GPtrArray) names = NULL;

        (void) install_recover(&names, NULL);
}

/* ---- What must hold ---- */

static bool file_is(Case *k, unsigned i, ManagedFile f, const Generation *g)
{
        const ManifestCertificate *c = k->c[i];
        g_autofree char *path = g_strconcat(k->root, c->directory ?: c->path[f],
                                            !c->directory           ? ""
                                            : f == MANAGED_FILE_KEY ? "/key.pem"
                                                                    : "/fullchain.pem",
                                            NULL);
        const FileAttributes *a = manifest_certificate_attributes(c, f);
        g_autoptr(GBytes) content = generation_file(g, f);
        g_autofree char *present = NULL;
        struct stat st;
        gsize size;

        return g_file_get_contents(path, &present, &size, NULL) && size == g_bytes_get_size(content) &&
               memcmp(present, g_bytes_get_data(content, NULL), size) == 0 && stat(path, &st) == 0 &&
               st.st_uid == a->uid && st.st_gid == a->gid && (st.st_mode & 07777) == a->mode;
}

static bool pair_is(Case *k, unsigned i, const Generation *g)
{
        if (k->c[i]->kind != MANIFEST_KIND_CERTIFICATE)
                return file_is(k, i, MANAGED_FILE_CA, g);
        return file_is(k, i, MANAGED_FILE_CERT, g) && file_is(k, i, MANAGED_FILE_KEY, g);
}

/* Every file is wholly one or the other. Counts pairs that do not match. */
static void check_files_are_whole(Case *k)
{
        for (unsigned i = 0; i < k->n; i++) {
                bool matches = pair_is(k, i, k->old[i]) || pair_is(k, i, k->new[i]);

                if (k->c[i]->kind != MANIFEST_KIND_CERTIFICATE) {
                        g_assert_true(matches);
                        continue;
                }
                k->mismatches += !matches;
                g_assert_true(file_is(k, i, MANAGED_FILE_CERT, k->old[i]) ||
                              file_is(k, i, MANAGED_FILE_CERT, k->new[i]));
                g_assert_true(file_is(k, i, MANAGED_FILE_KEY, k->old[i]) ||
                              file_is(k, i, MANAGED_FILE_KEY, k->new[i]));
                g_assert_true(matches || !k->c[i]->directory); /* a flip is atomic */
        }
}

/* After the recovery: pairs, all old or all new if an intent was there; a further recovery finds nothing. */
static void check_recovered(Case *k, bool was_cut_off)
{
        g_autoptr(GPtrArray) names = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(install_is_cut_off());
        for (unsigned i = 0; i < k->n; i++) {
                bool is_new = pair_is(k, i, k->new[i]);

                g_assert_true(is_new || (!was_cut_off && pair_is(k, i, k->old[i])));
                k->forward += is_new;
        }
        g_assert_true(install_recover(&names, &error));
        g_assert_cmpuint(names->len, ==, 0);
}

/* The next install finds nothing in its way and leaves nothing. */
static void check_next_install(Case *k)
{
        unsigned stores = 0;

        install(k, k->new);
        for (unsigned i = 0; i < k->n; i++) {
                g_assert_true(pair_is(k, i, k->new[i]));
                stores += k->c[i]->directory != NULL;
        }
        g_assert_cmpuint(fixture_count_staged(k->root, "/etc/keys"), ==, 0);
        g_assert_cmpuint(fixture_count_staged(k->root, "/etc/tls"), ==, stores);
}

/* ---- The runs ---- */

/* The recovery of the n-th kill, itself killed at every system call. Which call is the n-th may differ by one
 * or two from run to run (the allocator), so whether there is an intent is asked anew. */
static void kill_recoveries(Case *k, unsigned n)
{
        bool was_cut_off, was_killed;

        for (unsigned m = 1;; m++) {
                g_autoptr(GPtrArray) names = NULL;

                install(k, k->old);
                g_assert_true(kill_at_call(child_install, k, KILL_AT_ANY, n));
                was_cut_off = install_is_cut_off();
                was_killed = kill_at_call(child_recover, k, KILL_AT_ANY, m);
                check_files_are_whole(k);
                g_assert_true(install_recover(&names, NULL));
                check_recovered(k, was_cut_off);
                if (!was_killed)
                        break;
                k->recovery_kills++;
        }
}

/* `step`: every so manieth call as long as there is no intent; with one, every call. The recovery is killed
 * only where `step` is 1: with many certificates it takes too long. */
static void kill_at_each_call(Case *k, unsigned step)
{
        unsigned cut_off = 0;
        bool was_cut_off = false;

        for (unsigned n = 1;; n += was_cut_off ? 1 : step) {
                g_autoptr(GPtrArray) names = NULL;

                install(k, k->old);
                if (!kill_at_call(child_install, k, KILL_AT_ANY, n))
                        break;
                k->kills++;
                check_files_are_whole(k);
                was_cut_off = install_is_cut_off();
                g_assert_true(install_recover(&names, NULL));
                if (was_cut_off)
                        g_assert_cmpuint(names->len, ==, k->n);
                check_recovered(k, was_cut_off);
                check_next_install(k);
                if (step == 1 && was_cut_off && cut_off++ % RECOVERY_STRIDE == 0)
                        kill_recoveries(k, n);
        }
        g_test_message("%u kills, %u left a pair that did not match, %u recoveries killed", k->kills,
                       k->mismatches, k->recovery_kills);
        g_assert_cmpuint(k->kills, >, 20);
        g_assert_cmpuint(k->forward, >, 0);
}

static void test_two_certificates(void)
{
        Case k;

        if (!fixture_is_root())
                return;
        case_init(&k);
        add_certificate(&k, "web", false);
        add_certificate(&k, "mail", false);
        kill_at_each_call(&k, 1);
        g_assert_cmpuint(k.mismatches, >, 0);
        case_clear(&k);
}

static void test_a_bundle_beside_a_certificate(void)
{
        Case k;

        if (!fixture_is_root())
                return;
        case_init(&k);
        add_bundle(&k, "site-ca");
        add_certificate(&k, "web", false);
        kill_at_each_call(&k, 1); /* of one pair alone it is chance whether a kill falls between its two renames */
        case_clear(&k);
}

static void test_directories(void)
{
        Case k;

        if (!fixture_is_root())
                return;
        case_init(&k);
        add_certificate(&k, "web", true);
        add_certificate(&k, "mail", true);
        kill_at_each_call(&k, 1);
        g_assert_cmpuint(k.mismatches, ==, 0);
        case_clear(&k);
}

/* So many that the file system is synced as a whole. */
static void test_many(void)
{
        Case k;

        if (!fixture_is_root())
                return;
        case_init(&k);
        for (unsigned i = 0; i < CERTIFICATES_MAX; i++) {
                g_autofree char *name = g_strdup_printf("c%u", i);

                if (i % 4 == 2)
                        add_bundle(&k, name);
                else
                        add_certificate(&k, name, i % 4 == 3);
        }
        kill_at_each_call(&k, 7);
        g_assert_cmpuint(k.mismatches, >, 0);
        case_clear(&k);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/install-kill/two certificates", test_two_certificates);
        g_test_add_func("/install-kill/a bundle beside a certificate", test_a_bundle_beside_a_certificate);
        g_test_add_func("/install-kill/two directories", test_directories);
        g_test_add_func("/install-kill/many certificates", test_many);
        return g_test_run();
}
