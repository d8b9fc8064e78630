/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Folders: which ones are opened, which links on the way are followed, and what is said of the others. */

#include "agent/folder.h"
#include "common/error.h"
#include "common/names.h"
#include "tests/unit/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

typedef struct Fixture {
        char *root;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        f->root = fixture_root_new();
        fixture_make_folder(f->root, "/etc/tls", 0755);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        fixture_root_free(f->root);
}

static void make_link(Fixture *f, const char *text, const char *path, uid_t owner)
{
        g_autofree char *link = fixture_path(f->root, path);

        g_assert_cmpint(symlink(text, link), ==, 0);
        if (owner != geteuid())
                g_assert_cmpint(lchown(link, owner, owner), ==, 0);
}

static void give_away(Fixture *f, const char *path, uid_t owner)
{
        g_autofree char *file = fixture_path(f->root, path);

        g_assert_cmpint(lchown(file, owner, owner), ==, 0);
}

static void assert_leads_to(Fixture *f, const char *path, const char *end)
{
        g_autofree char *real = fixture_path(f->root, end);
        g_autoptr(GError) error = NULL;
        g_autoptr(Folder) folder = folder_open(path, &error);
        struct stat st;

        g_assert_no_error(error);
        g_assert_cmpint(stat(real, &st), ==, 0);
        g_assert_cmpuint(folder->inode, ==, st.st_ino);
        g_assert_cmpuint(folder->device, ==, st.st_dev);
}

static void assert_refused(const char *path, const char *why)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Folder) folder = folder_open(path, &error);

        g_assert_null(folder);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        if (!strstr(error->message, why))
                g_error("\"%s\" does not say \"%s\"", error->message, why);
        g_assert_cmpuint(strlen(cert_error_hint(error)), >, 0);
}

static void test_a_plain_path(Fixture *f, gconstpointer data)
{
        assert_leads_to(f, "/etc/tls", "/etc/tls");
        assert_leads_to(f, "/", "/");
        assert_leads_to(f, "/etc//tls/", "/etc/tls");
}

static void test_links_of_root_are_followed(Fixture *f, gconstpointer data)
{
        make_link(f, "tls", "/etc/relative", geteuid());
        make_link(f, "/etc/tls", "/etc/absolute", geteuid()); /* in the test root, as / is */
        make_link(f, "../etc/./relative", "/etc/up", geteuid());
        make_link(f, "../../../../etc", "/etc/above", geteuid());
        fixture_make_folder(f->root, "/etc/tls/deep", 0755);
        assert_leads_to(f, "/etc/relative", "/etc/tls");
        assert_leads_to(f, "/etc/absolute/deep", "/etc/tls/deep");
        assert_leads_to(f, "/etc/up/deep", "/etc/tls/deep");
        assert_leads_to(f, "/etc/above/tls", "/etc/tls");
}

static void test_links_in_a_circle(Fixture *f, gconstpointer data)
{
        make_link(f, "b", "/etc/a", geteuid());
        make_link(f, "a", "/etc/b", geteuid());
        assert_refused("/etc/a/tls", "Too many levels of symbolic links");
}

static void test_a_link_of_another_user(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        make_link(f, "tls", "/etc/theirs", NOBODY);
        assert_refused("/etc/theirs",
                       "\"theirs\" in it is a symbolic link that users other than root can change");
}

static void test_a_link_in_a_folder_of_another_user(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        fixture_make_folder(f->root, "/home/eve", 0755);
        make_link(f, "/etc/tls", "/home/eve/tls", 0);
        give_away(f, "/home/eve", NOBODY);
        assert_refused("/home/eve/tls",
                       "\"tls\" in it is a symbolic link that users other than root can change");
}

static void test_a_link_in_a_folder_that_others_may_write(Fixture *f, gconstpointer data)
{
        if (!fixture_is_root())
                return;
        fixture_make_folder(f->root, "/tmp", 01777);
        make_link(f, "/etc/tls", "/tmp/tls", 0);
        assert_refused("/tmp/tls", "symbolic link that users other than root can change");
        fixture_make_folder(f->root, "/srv", 0775);
        make_link(f, "/etc/tls", "/srv/tls", 0);
        assert_leads_to(f, "/srv/tls", "/etc/tls"); /* its group is root */
        give_away(f, "/srv", 0);
        {
                g_autofree char *srv = fixture_path(f->root, "/srv");

                g_assert_cmpint(chown(srv, 0, NOBODY), ==, 0);
        }
        assert_refused("/srv/tls", "symbolic link that users other than root can change");
}

static void test_a_folder_that_everyone_may_write(Fixture *f, gconstpointer data)
{
        fixture_make_folder(f->root, "/etc/open", 01777);
        assert_refused("/etc/open", "every user may write in it (mode 1777)\nRun: chmod o-w /etc/open");
}

static void test_what_is_missing_is_named(Fixture *f, gconstpointer data)
{
        g_autofree char *file = fixture_path(f->root, "/etc/file");

        g_assert_true(g_file_set_contents(file, "x", 1, NULL));
        assert_refused("/etc/gone/below", "The folder /etc/gone/below does not exist (gone is missing)\nMake it: "
                                          "install -d /etc/gone/below");
        assert_refused("/etc/file/below", "file is not a folder");
        make_link(f, "/nowhere", "/etc/dangling", geteuid());
        assert_refused("/etc/dangling", "(nowhere is missing)");
}

static void test_a_fifo_on_the_way_blocks_nothing(Fixture *f, gconstpointer data)
{
        g_autofree char *fifo = fixture_path(f->root, "/etc/fifo");

        g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
        assert_refused("/etc/fifo", "fifo is not a folder");
        assert_refused("/etc/fifo/below", "fifo is not a folder");
}

static void test_a_path_without_end(Fixture *f, gconstpointer data)
{
        g_autoptr(GString) path = g_string_new("/etc/tls");

        for (unsigned i = 0; i < 300; i++)
                g_string_append(path, "/.");
        assert_leads_to(f, path->str, "/etc/tls");
        g_string_assign(path, "/etc/tls");
        for (unsigned i = 0; i < 200; i++) {
                g_autofree char *folder = NULL;

                g_string_append(path, "/d");
                folder = fixture_path(f->root, path->str);
                g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
        }
        assert_leads_to(f, path->str, path->str);
        make_link(f, "tls", "/etc/l", geteuid()); /* now it must be walked part by part */
        path->str[5] = 'l';
        g_string_erase(path, 6, 2);
        assert_refused(path->str, "File name too long");
}

static void test_whose_folder_it_may_be(Fixture *f, gconstpointer data)
{
        g_autoptr(Folder) folder = NULL;
        g_autoptr(GError) error = NULL;

        if (!fixture_is_root())
                return;
        give_away(f, "/etc/tls", 33);
        folder = folder_open("/etc/tls", &error);
        g_assert_no_error(error);
        g_assert_true(folder_check_owner(folder, 33, &error));
        g_assert_no_error(error);
        g_assert_false(folder_check_owner(folder, 0, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
        g_assert_nonnull(strstr(error->message, "it belongs to user 33"));
}

static void test_the_state_s_folders(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        struct stat st;
        int fd = folder_open_state(CERT_STATE_DIR "/a/b", false, &error);

        g_assert_cmpint(fd, ==, -1);
        g_assert_no_error(error);
        fd = folder_open_state(CERT_STATE_DIR "/a/b", true, &error);
        g_assert_no_error(error);
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        g_assert_cmpuint(st.st_mode & 07777, ==, 0700);
        close(fd);
        make_link(f, "/", CERT_STATE_DIR "/link", geteuid());
        g_assert_cmpint(folder_open_state(CERT_STATE_DIR "/link", true, &error), ==, -1);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED);
}

static void test_names(Fixture *f, gconstpointer data)
{
        static const char *const bad[] = { "", ".", "..", "a/b", "/" };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(folder_name_is_safe(bad[i]));
        g_assert_true(folder_name_is_safe("web"));
        g_assert_true(folder_name_is_safe("..."));
}

#define ADD(path, test) g_test_add("/folder/" path, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("a plain path", test_a_plain_path);
        ADD("links of root are followed", test_links_of_root_are_followed);
        ADD("links in a circle", test_links_in_a_circle);
        ADD("a link of another user", test_a_link_of_another_user);
        ADD("a link in a folder of another user", test_a_link_in_a_folder_of_another_user);
        ADD("a link in a folder that others may write", test_a_link_in_a_folder_that_others_may_write);
        ADD("a folder that everyone may write", test_a_folder_that_everyone_may_write);
        ADD("what is missing is named", test_what_is_missing_is_named);
        ADD("a FIFO on the way blocks nothing", test_a_fifo_on_the_way_blocks_nothing);
        ADD("a path without end", test_a_path_without_end);
        ADD("whose folder it may be", test_whose_folder_it_may_be);
        ADD("the state's folders", test_the_state_s_folders);
        ADD("names", test_names);
        return g_test_run();
}
