/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The roots last heard from an issuer: kept, found again, written only when they differ, and what stands in their way. */

#include "agent/roots.h"
#include "common/error.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

typedef struct Fixture {
        char *root, *file;
        FixtureAuthority *first, *second;
        GPtrArray *both;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->root = fixture_root_new();
        f->file = fixture_path(f->root, CERT_ROOTS_DIR "/step.pem");
        f->first = fixture_authority_new();
        f->second = fixture_authority_new();
        f->both = g_ptr_array_new();
        g_ptr_array_add(f->both, f->first->der);
        g_ptr_array_add(f->both, f->second->der);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        fixture_authority_free(f->first);
        fixture_authority_free(f->second);
        g_ptr_array_unref(f->both);
        fixture_root_free(f->root);
        g_free(f->file);
}

static void keep(Fixture *f)
{
        g_autoptr(GError) error = NULL;

        g_assert_true(roots_keep("step", f->both, &error));
        g_assert_no_error(error);
}

static void assert_none(const char *issuer)
{
        g_autoptr(GPtrArray) found = roots_load(issuer);

        g_assert_cmpuint(found->len, ==, 0);
}

static void test_kept_and_found_again(Fixture *f, gconstpointer data)
{
        g_autoptr(GPtrArray) found = NULL;
        struct stat st;

        assert_none("step");
        keep(f);
        found = roots_load("step");
        g_assert_cmpuint(found->len, ==, 2);
        g_assert_true(g_bytes_equal(found->pdata[0], f->first->der)); /* in the order in which they were heard */
        g_assert_true(g_bytes_equal(found->pdata[1], f->second->der));
        g_assert_cmpint(lstat(f->file, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0644);
        assert_none("other");
}

static void test_written_only_when_they_differ(Fixture *f, gconstpointer data)
{
        struct stat before, after;

        keep(f);
        g_assert_cmpint(lstat(f->file, &before), ==, 0);
        keep(f);
        g_assert_cmpint(lstat(f->file, &after), ==, 0);
        g_assert_cmpuint(before.st_ino, ==, after.st_ino);
        g_ptr_array_set_size(f->both, 1);
        keep(f);
        g_assert_cmpint(lstat(f->file, &after), ==, 0);
        g_assert_cmpuint(before.st_ino, !=, after.st_ino);
}

static void assert_kept(guint n, GBytes *first)
{
        g_autoptr(GPtrArray) found = roots_load("step");

        g_assert_cmpuint(found->len, ==, n);
        g_assert_true(g_bytes_equal(found->pdata[0], first));
}

static void test_what_came_with_a_certificate_takes_none_away(Fixture *f, gconstpointer data)
{
        g_autoptr(GPtrArray) one = g_ptr_array_new();

        g_ptr_array_add(one, f->first->der);
        g_assert_true(roots_learn("step", one, NULL)); /* none was known */
        assert_kept(1, f->first->der);
        g_ptr_array_index(one, 0) = f->second->der;
        g_assert_true(roots_learn("step", one, NULL)); /* another one */
        assert_kept(1, f->second->der);
        keep(f);
        g_assert_true(roots_learn("step", one, NULL)); /* one of those known */
        assert_kept(2, f->first->der);
}

static void test_what_is_no_certificate_is_not_kept(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) garbage = g_bytes_new_static("garbage", 7);
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) found = NULL;

        keep(f);
        g_ptr_array_add(f->both, garbage);
        g_assert_false(roots_keep("step", f->both, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        found = roots_load("step");
        g_assert_cmpuint(found->len, ==, 2); /* those heard before */
}

static void test_what_stands_there_cannot_be_read(Fixture *f, gconstpointer data)
{
        keep(f);
        g_assert_true(g_file_set_contents(f->file, "garbage", -1, NULL));
        assert_none("step");
        g_assert_cmpint(g_unlink(f->file), ==, 0);
        g_assert_cmpint(mkfifo(f->file, 0600), ==, 0);
        assert_none("step"); /* and does not wait for a writer */
        keep(f);
}

static void test_a_read_only_state_folder(Fixture *f, gconstpointer data)
{
        g_autofree char *folder = fixture_path(f->root, CERT_STATE_DIR);
        g_autoptr(GError) making = NULL, writing = NULL;

        if (!fixture_is_root())
                return;
        for (unsigned i = 0; i < 2; i++) { /* without its folder, and with it */
                GError **error = i == 0 ? &making : &writing;

                g_assert_cmpint(mount(folder, folder, NULL, MS_BIND, NULL), ==, 0);
                g_assert_cmpint(mount(NULL, folder, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
                g_assert_false(roots_keep("step", f->both, error));
                g_assert_cmpint(umount2(folder, MNT_DETACH), ==, 0);
                g_assert_error(*error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
                g_assert_nonnull(strstr((*error)->message, CERT_ROOTS_DIR));
                g_assert_nonnull(strstr((*error)->message, "Read-only file system"));
                fixture_make_folder(f->root, CERT_ROOTS_DIR, 0700);
        }
}

#define ADD(path, test) g_test_add("/roots/" path, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("kept and found again", test_kept_and_found_again);
        ADD("written only when they differ", test_written_only_when_they_differ);
        ADD("what came with a certificate takes none away", test_what_came_with_a_certificate_takes_none_away);
        ADD("what is no certificate is not kept", test_what_is_no_certificate_is_not_kept);
        ADD("what stands there cannot be read", test_what_stands_there_cannot_be_read);
        ADD("a read-only state folder", test_a_read_only_state_folder);
        return g_test_run();
}
