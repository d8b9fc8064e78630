/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Installing bundles and revocation lists: with the same guarantees as certificates, and beside them. Kills at any moment
 * have their own program, tests/fault/install-kill.c. */

#include "agent/install.h"
#include "agent/intent.h"
#include "common/error.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534
#define FILE_PATH "/etc/tls/site-ca.pem"

typedef struct Fixture {
        char *root, *folder, *file;
        ManifestCertificate *c;
        Generation *old, *new; /* both saved; neither installed */
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->root = fixture_root_new();
        f->c = fixture_bundle_new("site-ca");
        fixture_make_folder(f->root, "/etc/tls", 0755);
        f->folder = fixture_path(f->root, "/etc/tls");
        f->file = fixture_path(f->root, FILE_PATH);
        f->old = fixture_bundle_generation_new(1);
        f->new = fixture_bundle_generation_new(2);
        g_assert_true(generation_save(f->old, f->c->name, NULL));
        g_assert_true(generation_save(f->new, f->c->name, NULL));
}

static void tear_down(Fixture *f, gconstpointer data)
{
        generation_unref(f->old);
        generation_unref(f->new);
        fixture_certificate_free(f->c);
        fixture_root_free(f->root);
        g_free(f->folder);
        g_free(f->file);
}

static bool install(Fixture *f, const Generation *g)
{
        InstallItem item = { .certificate = f->c, .generation = g };

        install_batch(&item, 1);
        g_assert_no_error(item.error);
        fixture_assert_installed(f->root, f->c, g);
        g_assert_false(install_is_cut_off());
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
        return item.changed;
}

/* The install must fail, say these words, and leave nothing behind. */
static void install_refused(Fixture *f, const Generation *g, const char *words)
{
        InstallItem item = { .certificate = f->c, .generation = g };

        install_batch(&item, 1);
        g_assert_error(item.error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_false(item.changed);
        g_assert_false(install_is_cut_off());
        if (!strstr(item.error->message, words))
                g_error("\"%s\" does not say \"%s\"", item.error->message, words);
        g_error_free(item.error);
}

static ino_t inode_of(const char *file)
{
        struct stat st;

        g_assert_cmpint(lstat(file, &st), ==, 0);
        return st.st_ino;
}

/* ---- It is there ---- */

static void test_old_and_new(Fixture *f, gconstpointer data)
{
        g_assert_true(install(f, f->old));
        g_assert_true(install(f, f->new));
        g_assert_true(install(f, f->old));
}

static void test_beside_a_certificate_and_a_list(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) authority = fixture_authority_new();
        g_autoptr(ManifestCertificate) web = fixture_certificate_new("web"), list = fixture_bundle_new("site-crl");
        g_autoptr(Generation) pair = fixture_generation_new(authority, web), crl = NULL;
        g_autoptr(GBytes) text = fixture_authority_crl(authority, 2000000000);

        list->kind = MANIFEST_KIND_CRL;
        crl = generation_new_content(text, NULL);
        InstallItem items[] = { { .certificate = f->c, .generation = f->new },
                                { .certificate = web, .generation = pair },
                                { .certificate = list, .generation = crl } };
        install_batch(items, G_N_ELEMENTS(items));
        for (size_t i = 0; i < G_N_ELEMENTS(items); i++) {
                g_assert_no_error(items[i].error);
                g_assert_true(items[i].changed);
                fixture_assert_installed(f->root, items[i].certificate, items[i].generation);
        }
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
}

static void test_what_is_so_already_is_left_alone(Fixture *f, gconstpointer data)
{
        ino_t inode;

        install(f, f->old);
        inode = inode_of(f->file);
        g_assert_false(install(f, f->old));
        g_assert_cmpuint(inode_of(f->file), ==, inode);
}

static void test_drift_is_repaired(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        install(f, f->old);
        g_assert_cmpint(g_chmod(f->file, 0666), ==, 0);
        g_assert_true(install_repair(f->c, f->old, &error));
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_true(g_file_set_contents(f->file, "-----BEGIN", -1, NULL));
        g_assert_true(install_repair(f->c, f->old, &error));
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpint(g_unlink(f->file), ==, 0);
        g_assert_true(install_repair(f->c, f->old, &error));
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_no_error(error);
}

/* What was there before the first install, larger than any certificate's file. */
static void test_back_to_somebody_else_s_file(Fixture *f, gconstpointer data)
{
        g_autofree char *words = g_strnfill(2 << 20, '#');
        g_autoptr(GString) text = g_string_new(words);
        g_autoptr(Generation) before = NULL;
        g_autoptr(GError) error = NULL;

        g_string_append_c(text, '\n');
        g_string_append_len(text, g_bytes_get_data(f->old->ca_pem, NULL), (gssize) g_bytes_get_size(f->old->ca_pem));
        g_assert_true(g_file_set_contents(f->file, text->str, (gssize) text->len, NULL));
        before = generation_from_files(f->c, &error);
        g_assert_no_error(error);
        g_assert_true(generation_save(before, f->c->name, NULL));
        install(f, f->new);
        install(f, before);
}

/* ---- What is no bundle ---- */

static void test_kinds_are_not_confused(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) authority = fixture_authority_new();
        g_autoptr(ManifestCertificate) web = fixture_certificate_new("web");
        g_autoptr(Generation) pair = fixture_generation_new(authority, web),
                              key = fixture_request_generation_new(pair->key_pem);
        InstallItem item = { .certificate = web, .generation = f->new };

        install_refused(f, pair, "holds no bundle");
        install_refused(f, key, "holds no bundle");
        install_batch(&item, 1);
        g_assert_error(item.error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_error_free(item.error);
}

/* ---- What cannot be done ---- */

static void test_one_that_fails_fails_alone(Fixture *f, gconstpointer data)
{
        g_autoptr(ManifestCertificate) lost = fixture_bundle_new("lost");
        InstallItem items[] = { { .certificate = lost, .generation = f->new },
                                { .certificate = f->c, .generation = f->new } };

        install(f, f->old);
        g_free(lost->path[MANAGED_FILE_CA]);
        lost->path[MANAGED_FILE_CA] = g_strdup("/etc/gone/lost.pem");
        install_batch(items, 2);
        g_assert_error(items[0].error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_nonnull(strstr(items[0].error->message, "install -d /etc/gone"));
        g_clear_error(&items[0].error);
        g_assert_no_error(items[1].error);
        fixture_assert_installed(f->root, f->c, f->new);
}

static void test_a_folder_that_is_gone(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(g_rmdir(f->folder), ==, 0);
        install_refused(f, f->new, "The folder /etc/tls does not exist");
}

static void test_a_folder_at_the_target(Fixture *f, gconstpointer data)
{
        fixture_make_folder(f->root, FILE_PATH, 0755);
        install_refused(f, f->new, "A folder stands at " FILE_PATH);
        g_assert_true(g_file_test(f->file, G_FILE_TEST_IS_DIR));
}

/* The name is replaced; what a link led to, and what else the file was called, stays. */
static void test_links_at_the_target(Fixture *f, gconstpointer data)
{
        g_autofree char *victim = fixture_path(f->root, "/etc/victim"), *content = NULL;

        g_assert_true(g_file_set_contents(victim, "mine", -1, NULL));
        g_assert_cmpint(symlink(victim, f->file), ==, 0);
        install(f, f->old);
        g_assert_cmpint(g_unlink(f->file), ==, 0);
        g_assert_cmpint(link(victim, f->file), ==, 0);
        install(f, f->old);
        g_assert_true(g_file_get_contents(victim, &content, NULL, NULL));
        g_assert_cmpstr(content, ==, "mine");
}

static void test_a_link_of_another_user_on_the_way(Fixture *f, gconstpointer data)
{
        g_autofree char *link = fixture_path(f->root, "/etc/certs");

        if (!fixture_is_root())
                return;
        g_assert_cmpint(symlink("tls", link), ==, 0);
        g_assert_cmpint(lchown(link, NOBODY, NOBODY), ==, 0);
        g_free(f->c->path[MANAGED_FILE_CA]);
        f->c->path[MANAGED_FILE_CA] = g_strdup("/etc/certs/site-ca.pem");
        install_refused(f, f->new, "The folder /etc/certs cannot be trusted");
        g_assert_cmpint(g_access(f->file, F_OK), ==, -1);
}

static void test_a_folder_that_others_can_write(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(g_chmod(f->folder, 01777), ==, 0);
        install_refused(f, f->new, "every user may write in it");
}

static void test_a_full_disk(Fixture *f, gconstpointer data)
{
        g_autofree char *filler = fixture_path(f->root, "/etc/tls/filler");
        g_autofree char *zeros = g_malloc0(1 << 20);

        if (!fixture_is_root())
                return;
        g_assert_cmpint(mount("tmpfs", f->folder, "tmpfs", 0, "size=64k,mode=755"), ==, 0);
        install(f, f->old);
        (void) !g_file_set_contents_full(filler, zeros, 1 << 20, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
        install_refused(f, f->new, "Writing " FILE_PATH ": No space left on device\nFree some space");
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
        g_assert_cmpint(umount2(f->folder, MNT_DETACH), ==, 0);
}

static void test_a_read_only_target(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        install(f, f->old);
        g_assert_cmpint(mount(f->folder, f->folder, NULL, MS_BIND, NULL), ==, 0);
        g_assert_cmpint(mount(NULL, f->folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
        install_refused(f, f->new, "ReadWritePaths=/etc/tls");
        fixture_assert_installed(f->root, f->c, f->old);
        g_assert_cmpint(umount2(f->folder, MNT_DETACH), ==, 0);
}

/* ---- Recovery ---- */

/* An intent as a crash leaves it, with `staged` beside the target (NULL: it was lost). */
static void cut_off(Fixture *f, const Generation *g, GBytes *staged)
{
        g_autoptr(GPtrArray) changes = g_ptr_array_new();
        g_autoptr(Intent) intent = intent_new();
        g_autofree char *staged_file = fixture_path(f->root, "/etc/tls/.site-ca.pem.0123456789abcdef.cert-agent");
        Change change = { .file = MANAGED_FILE_CA,
                          .path = (char *) FILE_PATH,
                          .staged = (char *) ".site-ca.pem.0123456789abcdef.cert-agent",
                          .attributes = f->c->cert_attributes };
        g_autoptr(GError) error = NULL;

        change.digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, g->ca_pem);
        g_ptr_array_add(changes, &change);
        g_ptr_array_add(intent->items, intent_item_new(f->c, g->number, changes));
        g_assert_true(intent_write(intent, true, &error));
        g_assert_no_error(error);
        if (staged)
                g_assert_true(g_file_set_contents_full(staged_file, g_bytes_get_data(staged, NULL),
                                                       (gssize) g_bytes_get_size(staged), G_FILE_SET_CONTENTS_NONE,
                                                       0644, NULL));
        g_free(change.digest);
}

static void recover(Fixture *f, unsigned wanted)
{
        g_autoptr(GPtrArray) names = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(install_is_cut_off());
        g_assert_true(install_recover(&names, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(names->len, ==, wanted);
        if (wanted > 0)
                g_assert_cmpstr(g_ptr_array_index(names, 0), ==, "bundle:site-ca");
        g_assert_false(install_is_cut_off());
        g_assert_cmpuint(fixture_count_staged(f->root, "/etc/tls"), ==, 0);
}

static void test_what_is_staged_is_renamed_in(Fixture *f, gconstpointer data)
{
        install(f, f->old);
        cut_off(f, f->new, f->new->ca_pem);
        recover(f, 1);
        fixture_assert_installed(f->root, f->c, f->new);
}

static void test_what_was_renamed_in_stays(Fixture *f, gconstpointer data)
{
        install(f, f->new);
        cut_off(f, f->new, NULL);
        recover(f, 1);
        fixture_assert_installed(f->root, f->c, f->new);
}

static void test_what_is_staged_is_lost_and_the_old_one_is_whole(Fixture *f, gconstpointer data)
{
        install(f, f->old);
        cut_off(f, f->new, NULL);
        recover(f, 1);
        fixture_assert_installed(f->root, f->c, f->old);
}

static void test_what_is_staged_is_lost_and_nothing_is_there(Fixture *f, gconstpointer data)
{
        cut_off(f, f->new, f->old->ca_pem); /* not what the intent says */
        recover(f, 1);
        fixture_assert_installed(f->root, f->c, f->new);
}

static void test_the_new_generation_is_lost_as_well(Fixture *f, gconstpointer data)
{
        g_autofree char *kept = fixture_path(f->root, CERT_GENERATION_DIR "/bundle:site-ca/2/ca.pem");

        g_assert_true(g_file_set_contents(f->file, "half of", -1, NULL));
        g_assert_cmpint(g_unlink(kept), ==, 0);
        cut_off(f, f->new, NULL);
        recover(f, 1);
        fixture_assert_installed(f->root, f->c, f->old);
}

static void test_its_folder_is_gone(Fixture *f, gconstpointer data)
{
        g_autoptr(GPtrArray) names = NULL;

        cut_off(f, f->new, NULL);
        g_assert_cmpint(g_rmdir(f->folder), ==, 0);
        g_assert_true(install_recover(&names, NULL));
        g_assert_cmpuint(names->len, ==, 0);
        g_assert_false(install_is_cut_off());
}

#define ADD(path, test) g_test_add("/install-bundle/" path, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("old and new", test_old_and_new);
        ADD("beside a certificate and a list", test_beside_a_certificate_and_a_list);
        ADD("what is so already is left alone", test_what_is_so_already_is_left_alone);
        ADD("drift is repaired", test_drift_is_repaired);
        ADD("back to somebody else's file", test_back_to_somebody_else_s_file);
        ADD("kinds are not confused", test_kinds_are_not_confused);
        ADD("one that fails fails alone", test_one_that_fails_fails_alone);
        ADD("a folder that is gone", test_a_folder_that_is_gone);
        ADD("a folder at the target", test_a_folder_at_the_target);
        ADD("links at the target", test_links_at_the_target);
        ADD("a link of another user on the way", test_a_link_of_another_user_on_the_way);
        ADD("a folder that others can write", test_a_folder_that_others_can_write);
        ADD("a full disk", test_a_full_disk);
        ADD("a read-only target", test_a_read_only_target);
        ADD("what is staged is renamed in", test_what_is_staged_is_renamed_in);
        ADD("what was renamed in stays", test_what_was_renamed_in_stays);
        ADD("what is staged is lost, and the old one is whole", test_what_is_staged_is_lost_and_the_old_one_is_whole);
        ADD("what is staged is lost, and nothing is there", test_what_is_staged_is_lost_and_nothing_is_there);
        ADD("the new generation is lost as well", test_the_new_generation_is_lost_as_well);
        ADD("its folder is gone", test_its_folder_is_gone);
        return g_test_run();
}
