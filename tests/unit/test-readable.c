/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who can read what, as a table, and the least change by which he can; the way to a real file. */

#include "agent/readable.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY (-1)

/* The reader is user 100 of the groups 200 and 201. */
typedef struct Row {
        const char *name;
        PathStep folder, file;
        int obstacle; /* 0: the folder; 1: the file; NOBODY: none */
        bool changes_group;
        mode_t cure; /* of the file, where it is the obstacle */
} Row;

#define OPEN_FOLDER { .mode = 0755 }

static const Row rows[] = {
        { "the key of root", OPEN_FOLDER, { .mode = 0600 }, 1, true, 0640 },
        { "the key of another group", OPEN_FOLDER, { .gid = 9, .mode = 0640 }, 1, true, 0640 },
        { "its own", OPEN_FOLDER, { .uid = 100, .mode = 0600 }, NOBODY },
        { "its own, but not for itself", OPEN_FOLDER, { .uid = 100, .gid = 200, .mode = 0240 }, 1, false, 0640 },
        { "its group's", OPEN_FOLDER, { .gid = 200, .mode = 0640 }, NOBODY },
        { "a further group's", OPEN_FOLDER, { .gid = 201, .mode = 0640 }, NOBODY },
        { "its group's, but not for the group", OPEN_FOLDER, { .gid = 201, .mode = 0600 }, 1, false, 0640 },
        { "all may but its group", OPEN_FOLDER, { .gid = 200, .mode = 0604 }, 1, false, 0644 },
        { "everybody's", OPEN_FOLDER, { .mode = 0644 }, NOBODY },
        { "in a folder of root's", { .mode = 0700 }, { .mode = 0644 }, 0 },
        { "in a folder that can be read but not passed", { .mode = 0744 }, { .mode = 0644 }, 0 },
        { "in a folder that can be passed but not read", { .mode = 0711 }, { .mode = 0644 }, NOBODY },
        { "in its group's folder", { .gid = 200, .mode = 0750 }, { .mode = 0644 }, NOBODY },
        { "with a list of its own", OPEN_FOLDER, { .mode = 0600, .has_acl = true }, NOBODY },
        { "in a folder with a list of its own", { .mode = 0700, .has_acl = true }, { .mode = 0600 }, 1, true, 0640 },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        gid_t groups[] = { 200, 201 };
        const ReaderIds who = { 100, groups, 2 }, root = { 0, groups, 1 };
        const PathStep steps[] = { row->folder, row->file };
        const PathStep *obstacle = readable_find_obstacle(&who, steps, 2);

        g_assert_true(obstacle == (row->obstacle == NOBODY ? NULL : &steps[row->obstacle]));
        g_assert_null(readable_find_obstacle(&root, steps, 2));
        if (row->obstacle == 1) {
                ReadableCure cure = readable_cure(&who, &row->file);
                PathStep mended = row->file;

                g_assert_cmpuint(cure.mode, ==, row->cure);
                g_assert_cmpint(cure.changes_group, ==, row->changes_group);
                mended.mode = cure.mode;
                mended.gid = cure.changes_group ? groups[0] : mended.gid;
                g_assert_null(readable_find_obstacle(&who, &(PathStep[]) { row->folder, mended }[1], 1));
        }
}

static void test_the_way_to_a_file_follows_links(void)
{
        g_autofree char *root = fixture_root_new(), *real = NULL, *link = NULL, *file = NULL;
        g_autoptr(GArray) way = NULL;

        real = g_strconcat(root, "/srv/real", NULL);
        link = g_strconcat(root, "/srv/link", NULL);
        file = g_strconcat(real, "/web.key", NULL);
        g_assert_cmpint(g_mkdir_with_parents(real, 0755), ==, 0);
        g_assert_cmpint(chmod(real, 0710), ==, 0);
        g_assert_cmpint(symlink("real", link), ==, 0);
        g_assert_true(g_file_set_contents(file, "x", 1, NULL));
        g_assert_cmpint(chmod(file, 0640), ==, 0);

        way = path_steps("/srv/link/web.key");
        g_assert_nonnull(way);
        g_assert_cmpuint(way->len, ==, 4); /* nothing above the test's root */
        g_assert_cmpstr(g_array_index(way, PathStep, 0).path, ==, "/");
        g_assert_cmpstr(g_array_index(way, PathStep, 2).path, ==, "/srv/real");
        g_assert_cmpuint(g_array_index(way, PathStep, 2).mode, ==, 0710);
        g_assert_cmpstr(g_array_index(way, PathStep, 3).path, ==, "/srv/real/web.key");
        g_assert_cmpuint(g_array_index(way, PathStep, 3).mode, ==, 0640);
        g_assert_null(path_steps("/srv/link/none.key"));
        fixture_root_free(g_steal_pointer(&root));
}

static void test_the_way_begins_at_the_root(void)
{
        g_autoptr(GArray) way = path_steps("/etc/passwd");

        g_assert_nonnull(way);
        g_assert_cmpstr(g_array_index(way, PathStep, 0).path, ==, "/");
        g_assert_cmpstr(g_array_index(way, PathStep, 1).path, ==, "/etc");
        g_assert_cmpstr(g_array_index(way, PathStep, way->len - 1).path, ==, "/etc/passwd");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/readable/", rows[i].name, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/readable/the way to a file follows links", test_the_way_to_a_file_follows_links);
        g_test_add_func("/readable/the way begins at the root", test_the_way_begins_at_the_root);
        return g_test_run();
}
