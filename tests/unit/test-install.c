/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Installing: what stands there afterwards, what is left alone, what happens when it cannot be done. Attacks
 * have their own program, test-install-attack.c; kills at any moment theirs, tests/fault/install-kill.c. */

#include "agent/install.h"
#include "common/error.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Fixture {
        char *root;
        FixtureAuthority *authority;
        ManifestCertificate *c;
        Generation *old, *new; /* both saved; neither installed */
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->root = fixture_root_new();
        f->authority = fixture_authority_new();
        f->c = fixture_certificate_new("web");
        fixture_make_folder(f->root, "/etc/tls", 0755);
        f->old = fixture_generation_new(f->authority, f->c);
        f->new = fixture_generation_new(f->authority, f->c);
        g_assert_true(generation_save(f->old, "web", NULL));
        g_assert_true(generation_save(f->new, "web", NULL));
}

static void tear_down(Fixture *f, gconstpointer data)
{
        generation_unref(f->old);
        generation_unref(f->new);
        fixture_authority_free(f->authority);
        fixture_certificate_free(f->c);
        fixture_root_free(f->root);
}

static void install(Fixture *f, const Generation *g)
{
        InstallItem item = { .certificate = f->c, .generation = g };

        install_batch(&item, 1);
        g_assert_no_error(item.error);
}

/* Installs and gives the error that must come. */
static GError *install_refused(Fixture *f, const Generation *g)
{
        InstallItem item = { .certificate = f->c, .generation = g };

        install_batch(&item, 1);
        g_assert_error(item.error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_false(item.changed);
        g_assert_false(install_is_cut_off());
        return item.error;
}

static ino_t inode_of(Fixture *f, const char *path)
{
        g_autofree char *file = fixture_path(f->root, path);
        struct stat st;

        g_assert_cmpint(lstat(file, &st), ==, 0);
        return st.st_ino;
}

static void assert_mentions(const GError *error, const char *text)
{
        if (!strstr(error->message, text))
                g_error("\"%s\" does not mention \"%s\"", error->message, text);
}

/* ---- Files ---- */

static void test_all_kinds_of_file(Fixture *f, gconstpointer data)
{
        f->c->path[MANAGED_FILE_CHAIN] = g_strdup("/etc/tls/web.chain");
        f->c->path[MANAGED_FILE_CA] = g_strdup("/etc/tls/web.ca");
        f->c->path[MANAGED_FILE_COMBINED] = g_strdup("/etc/tls/web.combined");
        install(f, f->old);
        fixture_assert_installed(f->root, f->c, f->old);
        install(f, f->new);
        fixture_assert_installed(f->root, f->c, f->new);
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
        g_assert_false(install_is_cut_off());
}

static void test_owner_and_mode(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        f->c->cert_attributes = (FileAttributes){ 0, 65534, 0444 };
        f->c->key_attributes = (FileAttributes){ 65534, 33, 0400 };
        install(f, f->old);
        fixture_assert_installed(f->root, f->c, f->old);
}

static void test_a_narrow_umask_does_not_matter(Fixture *f, gconstpointer data)
{
        mode_t before = umask(0777);

        install(f, f->old);
        umask(before);
        fixture_assert_installed(f->root, f->c, f->old);
}

static void test_what_is_so_already_is_left_alone(Fixture *f, gconstpointer data)
{
        InstallItem item = { .certificate = f->c, .generation = f->old };
        ino_t cert, key;

        install_batch(&item, 1);
        g_assert_true(item.changed);
        cert = inode_of(f, "/etc/tls/web.pem");
        key = inode_of(f, "/etc/tls/web.key");
        install_batch(&item, 1);
        g_assert_no_error(item.error);
        g_assert_false(item.changed);
        g_assert_cmpuint(inode_of(f, "/etc/tls/web.pem"), ==, cert);
        g_assert_cmpuint(inode_of(f, "/etc/tls/web.key"), ==, key);
}

static void test_repair_replaces_only_what_drifted(Fixture *f, gconstpointer data)
{
        g_autofree char *key = fixture_path(f->root, "/etc/tls/web.key");
        g_autofree char *other_name = fixture_path(f->root, "/etc/tls/elsewhere");
        g_autoptr(GError) error = NULL;
        struct stat st;
        ino_t cert;

        install(f, f->old);
        cert = inode_of(f, "/etc/tls/web.pem");
        g_assert_cmpint(g_chmod(key, 0666), ==, 0);
        g_assert_cmpint(link(key, other_name), ==, 0);
        g_assert_true(install_repair(f->c, f->old, &error));
        g_assert_no_error(error);
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpuint(inode_of(f, "/etc/tls/web.pem"), ==, cert);
        /* The file's other name is not touched. */
        g_assert_cmpint(stat(other_name, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 0777, ==, 0666);
}

static void test_a_token_s_key_has_no_file(Fixture *f, gconstpointer data)
{
        g_autoptr(GPtrArray) chain = g_ptr_array_new();
        g_autoptr(Generation) g = NULL;

        g_ptr_array_add(chain, f->authority->der);
        g = generation_new(NULL, chain, NULL, NULL);
        g_clear_pointer(&f->c->path[MANAGED_FILE_KEY], g_free);
        f->c->key_uri = g_strdup("pkcs11:token=x");
        install(f, g);
        fixture_assert_installed(f->root, f->c, g);
}

static void test_a_generation_without_certificate_is_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) g = fixture_request_generation_new(f->old->key_pem);

        g_error_free(install_refused(f, g));
}

/* ---- Batches ---- */

static void check_many(Fixture *f, unsigned n)
{
        g_autoptr(GPtrArray) certificates = g_ptr_array_new();
        g_autofree InstallItem *items = g_new0(InstallItem, n);

        for (unsigned i = 0; i < n; i++) {
                g_autofree char *name = g_strdup_printf("c%u", i);
                ManifestCertificate *c = fixture_certificate_new(name);

                if (i % 3 == 0) { /* in a folder of its own */
                        g_autofree char *folder = g_strdup_printf("/etc/tls/%u", i);

                        fixture_make_folder(f->root, folder, 0755);
                        g_free(c->path[MANAGED_FILE_CERT]);
                        c->path[MANAGED_FILE_CERT] = g_strconcat(folder, "/cert.pem", NULL);
                }
                g_ptr_array_add(certificates, c);
                items[i] = (InstallItem){ .certificate = c, .generation = i % 2 ? f->new : f->old };
        }
        install_batch(items, n);
        for (unsigned i = 0; i < n; i++) {
                g_assert_no_error(items[i].error);
                fixture_assert_installed(f->root, items[i].certificate, items[i].generation);
                fixture_certificate_free(g_ptr_array_index(certificates, i));
        }
        g_assert_false(install_is_cut_off());
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
}

static void test_many_together(Fixture *f, gconstpointer data)
{
        check_many(f, 40);
}

static void test_more_folders_than_are_held_open(Fixture *f, gconstpointer data)
{
        check_many(f, 900);
}

static void test_one_that_fails_fails_alone(Fixture *f, gconstpointer data)
{
        g_autoptr(ManifestCertificate) lost = fixture_certificate_new("lost");
        InstallItem items[] = { { .certificate = lost, .generation = f->new },
                                { .certificate = f->c, .generation = f->new } };

        install(f, f->old);
        g_free(lost->path[MANAGED_FILE_KEY]);
        lost->path[MANAGED_FILE_KEY] = g_strdup("/etc/gone/lost.key");
        install_batch(items, 2);
        g_assert_error(items[0].error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        assert_mentions(items[0].error, "install -d /etc/gone");
        g_clear_error(&items[0].error);
        g_assert_no_error(items[1].error);
        fixture_assert_installed(f->root, f->c, f->new);
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
}

static void test_leftovers_of_a_crash_are_swept(Fixture *f, gconstpointer data)
{
        static const char *const left[] = { ".web.key.0123456789abcdef.cert-agent",
                                            ".other.key.0123456789abcdef.cert-agent", ".web.key.cert-agent",
                                            ".web.key.0123456789abcdef" };

        for (size_t i = 0; i < G_N_ELEMENTS(left); i++) {
                g_autofree char *path = g_strconcat(f->root, "/etc/tls/", left[i], NULL);

                g_assert_true(g_file_set_contents(path, "key", -1, NULL));
        }
        install(f, f->old);
        for (size_t i = 0; i < G_N_ELEMENTS(left); i++) {
                g_autofree char *path = g_strconcat(f->root, "/etc/tls/", left[i], NULL);

                g_assert_cmpint(g_access(path, F_OK), ==, i == 0 ? -1 : 0);
        }
}

/* ---- What cannot be done ---- */

static void test_a_folder_at_the_target(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        install(f, f->old);
        g_free(f->c->path[MANAGED_FILE_KEY]);
        f->c->path[MANAGED_FILE_KEY] = g_strdup("/etc/tls/folder");
        fixture_make_folder(f->root, "/etc/tls/folder", 0755);
        error = install_refused(f, f->new);
        assert_mentions(error, "A folder stands at /etc/tls/folder");
        g_clear_pointer(&f->c->path[MANAGED_FILE_KEY], g_free);
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
}

static void test_a_full_disk(Fixture *f, gconstpointer data)
{
        g_autofree char *folder = fixture_path(f->root, "/etc/tls");
        g_autofree char *filler = fixture_path(f->root, "/etc/tls/filler");
        g_autofree char *zeros = g_malloc0(1 << 20);
        g_autoptr(GError) error = NULL;

        if (!fixture_is_root())
                return;
        g_assert_cmpint(mount("tmpfs", folder, "tmpfs", 0, "size=64k,mode=755"), ==, 0);
        install(f, f->old);
        (void) !g_file_set_contents_full(filler, zeros, 1 << 20, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
        error = install_refused(f, f->new);
        assert_mentions(error, "No space left on device\nFree some space");
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
        g_assert_cmpint(umount2(folder, MNT_DETACH), ==, 0);
}

static void test_a_full_state_folder(Fixture *f, gconstpointer data)
{
        g_autofree char *folder = fixture_path(f->root, CERT_STATE_DIR);
        g_autofree char *filler = fixture_path(f->root, CERT_STATE_DIR "/filler");
        g_autofree char *zeros = g_malloc0(1 << 20);
        g_autoptr(GError) error = NULL;

        if (!fixture_is_root())
                return;
        install(f, f->old);
        g_assert_cmpint(mount("tmpfs", folder, "tmpfs", 0, "size=16k,mode=700"), ==, 0);
        (void) !g_file_set_contents_full(filler, zeros, 1 << 20, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
        error = install_refused(f, f->new);
        assert_mentions(error, CERT_INTENT_DIR);
        assert_mentions(error, "Free some space");
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
        g_assert_cmpint(umount2(folder, MNT_DETACH), ==, 0);
}

static void test_a_read_only_target(Fixture *f, gconstpointer data)
{
        g_autofree char *folder = fixture_path(f->root, "/etc/tls");
        g_autoptr(GError) error = NULL;

        if (!fixture_is_root())
                return;
        install(f, f->old);
        g_assert_cmpint(mount(folder, folder, NULL, MS_BIND, NULL), ==, 0);
        g_assert_cmpint(mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
        error = install_refused(f, f->new);
        assert_mentions(error, "systemctl edit cert-agent.service");
        assert_mentions(error, "ReadWritePaths=/etc/tls");
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpint(umount2(folder, MNT_DETACH), ==, 0);
}

static void test_a_folder_that_is_gone(Fixture *f, gconstpointer data)
{
        g_autofree char *folder = fixture_path(f->root, "/etc/tls");
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(g_rmdir(folder), ==, 0);
        error = install_refused(f, f->new);
        assert_mentions(error, "The folder /etc/tls does not exist");
        assert_mentions(error, "install -d /etc/tls");
}

static void test_a_key_in_another_file_system(Fixture *f, gconstpointer data)
{
        g_autofree char *folder = fixture_path(f->root, "/etc/keys");

        if (!fixture_is_root())
                return;
        fixture_make_folder(f->root, "/etc/keys", 0755);
        g_assert_cmpint(mount("tmpfs", folder, "tmpfs", 0, "size=64k,mode=755"), ==, 0);
        g_free(f->c->path[MANAGED_FILE_KEY]);
        f->c->path[MANAGED_FILE_KEY] = g_strdup("/etc/keys/web.key");
        install(f, f->old);
        install(f, f->new);
        fixture_assert_installed(f->root, f->c, f->new);
        g_assert_cmpint(umount2(folder, MNT_DETACH), ==, 0);
}

/* ---- The `directory` layout ---- */

static void set_up_directory(Fixture *f, gconstpointer data)
{
        set_up(f, data);
        g_clear_pointer(&f->c->path[MANAGED_FILE_CERT], g_free);
        g_clear_pointer(&f->c->path[MANAGED_FILE_KEY], g_free);
        f->c->directory = g_strdup("/etc/tls/web");
}

static void assert_directory(Fixture *f, const char *path, const Generation *g)
{
        static const struct {
                const char *name;
                ManagedFile file;
        } files[] = { { "key.pem", MANAGED_FILE_KEY },
                      { "fullchain.pem", MANAGED_FILE_CERT },
                      { "chain.pem", MANAGED_FILE_CHAIN },
                      { "ca.pem", MANAGED_FILE_CA },
                      { "combined.pem", MANAGED_FILE_COMBINED } };
        g_autofree char *leaf = g_strconcat(path, "/cert.pem", NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *file = g_strconcat(path, "/", files[i].name, NULL);
                g_autoptr(GBytes) content = generation_file(g, files[i].file);

                fixture_assert_file(f->root, file, content,
                                    manifest_certificate_attributes(f->c, files[i].file));
        }
        fixture_assert_file(f->root, leaf, g->cert_pem, &f->c->cert_attributes);
}

static char *link_text(Fixture *f, const char *path)
{
        g_autofree char *file = fixture_path(f->root, path);

        return g_file_read_link(file, NULL);
}

static void test_a_directory_is_a_link_to_a_generation(Fixture *f, gconstpointer data)
{
        g_autofree char *before = NULL, *after = NULL;
        g_autofree char *store = fixture_path(f->root, "/etc/tls/.web.cert-agent/1");
        mode_t narrow = umask(0077);
        struct stat st;

        install(f, f->old);
        umask(narrow);
        before = link_text(f, "/etc/tls/web");
        g_assert_cmpstr(before, ==, ".web.cert-agent/1");
        g_assert_cmpint(stat(store, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0755);
        assert_directory(f, "/etc/tls/web", f->old);
        install(f, f->new);
        after = link_text(f, "/etc/tls/web");
        g_assert_cmpstr(after, ==, ".web.cert-agent/2");
        assert_directory(f, "/etc/tls/web", f->new);
        assert_directory(f, "/etc/tls/.web.cert-agent/1", f->old);          /* a reader may be in it */
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 1); /* the store */
}

static void test_a_directory_goes_back(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;
        InstallItem item = { .certificate = f->c, .generation = f->old };

        install(f, f->old);
        install(f, f->new);
        install(f, f->old);
        text = link_text(f, "/etc/tls/web");
        g_assert_cmpstr(text, ==, ".web.cert-agent/1");
        install_batch(&item, 1);
        g_assert_no_error(item.error);
        g_assert_false(item.changed);
}

static void test_a_directory_s_drift_is_repaired_in_another_folder(Fixture *f, gconstpointer data)
{
        g_autofree char *text = NULL;
        g_autofree char *key = fixture_path(f->root, "/etc/tls/web/key.pem");
        g_autoptr(GError) error = NULL;

        install(f, f->old);
        g_assert_cmpint(g_chmod(key, 0644), ==, 0);
        g_assert_true(install_repair(f->c, f->old, &error));
        text = link_text(f, "/etc/tls/web");
        g_assert_cmpstr(text, ==, ".web.cert-agent/1.1");
        assert_directory(f, "/etc/tls/web", f->old);
}

static void test_old_folders_of_a_directory_go(Fixture *f, gconstpointer data)
{
        static const char *const left[] = { "1", "2", "3", "4", "5", "6", "7", "8" };

        f->c->keep = 2;
        install(f, f->old);
        install(f, f->new);
        for (unsigned i = 3; i <= 7; i++) {
                g_autoptr(Generation) g = fixture_generation_new(f->authority, f->c);

                g_assert_true(generation_save(g, "web", NULL));
                install(f, g);
        }
        install(f, f->old); /* back to one that is gone from here */
        for (size_t i = 0; i < G_N_ELEMENTS(left); i++) {
                g_autofree char *path = g_strconcat(f->root, "/etc/tls/.web.cert-agent/", left[i], NULL);
                bool there = g_file_test(path, G_FILE_TEST_IS_DIR);

                /* 6 and 7 are the newest, 7 was flipped from, 1 is shown */
                g_assert_true(there == (i == 0 || i == 5 || i == 6));
        }
}

static void test_a_real_folder_in_the_place_of_a_directory(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        fixture_make_folder(f->root, "/etc/tls/web", 0755);
        error = install_refused(f, f->new);
        assert_mentions(error, "A folder stands at /etc/tls/web");
}

static void test_the_generation_in_a_directory_is_read(Fixture *f, gconstpointer data)
{
        g_autoptr(Generation) live = NULL;
        g_autoptr(GError) error = NULL;

        install(f, f->new);
        live = generation_from_files(f->c, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(live->fingerprint, ==, f->new->fingerprint);
}

#define ADD(path, test) g_test_add("/install/" path, Fixture, NULL, set_up, test, tear_down)
#define ADD_DIRECTORY(path, test)                                                                            \
        g_test_add("/install/directory/" path, Fixture, NULL, set_up_directory, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("all kinds of file", test_all_kinds_of_file);
        ADD("owner and mode", test_owner_and_mode);
        ADD("a narrow umask does not matter", test_a_narrow_umask_does_not_matter);
        ADD("what is so already is left alone", test_what_is_so_already_is_left_alone);
        ADD("repair replaces only what drifted", test_repair_replaces_only_what_drifted);
        ADD("a token's key has no file", test_a_token_s_key_has_no_file);
        ADD("a generation without certificate is refused", test_a_generation_without_certificate_is_refused);
        ADD("many together", test_many_together);
        ADD("more folders than are held open", test_more_folders_than_are_held_open);
        ADD("one that fails fails alone", test_one_that_fails_fails_alone);
        ADD("leftovers of a crash are swept", test_leftovers_of_a_crash_are_swept);
        ADD("a folder at the target", test_a_folder_at_the_target);
        ADD("a full disk", test_a_full_disk);
        ADD("a full state folder", test_a_full_state_folder);
        ADD("a read-only target", test_a_read_only_target);
        ADD("a folder that is gone", test_a_folder_that_is_gone);
        ADD("a key in another file system", test_a_key_in_another_file_system);
        ADD_DIRECTORY("a link to a generation", test_a_directory_is_a_link_to_a_generation);
        ADD_DIRECTORY("goes back", test_a_directory_goes_back);
        ADD_DIRECTORY("drift is repaired in another folder",
                      test_a_directory_s_drift_is_repaired_in_another_folder);
        ADD_DIRECTORY("old folders go", test_old_folders_of_a_directory_go);
        ADD_DIRECTORY("a real folder in its place", test_a_real_folder_in_the_place_of_a_directory);
        ADD_DIRECTORY("the generation in it is read", test_the_generation_in_a_directory_is_read);
        return g_test_run();
}
