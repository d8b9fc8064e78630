/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether somebody can read a file. Owns the kernel's rule and what it is applied to; who that somebody is, is
 * agent/unit-reader.c's matter. */

#include "agent/readable.h"

#include "common/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define ACL_ATTRIBUTE "system.posix_acl_access"
#define READ_BIT 04
#define SEARCH_BIT 01

/* ---- The way ---- */

static void step_clear(void *data)
{
        g_free(((PathStep *) data)->path);
}

/* Without links (they were followed), below `root`, which is no part of the host's own paths. "" is "/". */
static bool add_step(GArray *steps, const char *root, const char *path)
{
        g_autofree char *real = g_strconcat(root, *root || *path ? path : "/", NULL);
        struct stat st;
        PathStep step;

        if (lstat(real, &st) < 0)
                return false;
        step = (PathStep) {
                .path = g_strdup(*path ? path : "/"),
                .uid = st.st_uid,
                .gid = st.st_gid,
                .mode = st.st_mode & 07777,
                .has_acl = lgetxattr(real, ACL_ATTRIBUTE, NULL, 0) > 0,
        };
        g_array_append_val(steps, step);
        return true;
}

/* "" for "/". */
static char *real_root(void)
{
        g_autofree char *path = host_path("/");
        char *real = realpath(path, NULL), *root;

        root = g_strdup(real && !g_str_equal(real, "/") ? real : "");
        free(real); /* the C library's */
        return root;
}

GArray *path_steps(const char *file)
{
        g_autofree char *path = host_path(file), *root = real_root(), *way = NULL;
        g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(PathStep));
        char *real = realpath(path, NULL);

        g_array_set_clear_func(steps, step_clear);
        way = real && g_str_has_prefix(real, root) ? g_strdup(real + strlen(root)) : NULL;
        free(real);
        if (!way || *way != '/' || !add_step(steps, root, ""))
                return NULL;
        for (char *slash = strchr(way + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (!add_step(steps, root, way))
                        return NULL;
                *slash = '/';
        }
        return add_step(steps, root, way) ? g_steal_pointer(&steps) : NULL;
}

/* ---- The rule ---- */

static bool is_member(const ReaderIds *who, gid_t group)
{
        for (size_t i = 0; i < who->n; i++)
                if (who->groups[i] == group)
                        return true;
        return false;
}

/* One of the three classes counts, the first that fits: an owner without permission is not helped by the group's. */
static bool may(const ReaderIds *who, const PathStep *step, mode_t bit)
{
        if (step->has_acl)
                return true;
        if (who->uid == step->uid)
                return step->mode & (bit << 6);
        return step->mode & (is_member(who, step->gid) ? bit << 3 : bit);
}

const PathStep *readable_find_obstacle(const ReaderIds *who, const PathStep *steps, size_t n)
{
        if (who->uid == 0)
                return NULL;
        for (size_t i = 0; i < n; i++)
                if (!may(who, &steps[i], i + 1 < n ? SEARCH_BIT : READ_BIT))
                        return &steps[i];
        return NULL;
}

ReadableCure readable_cure(const ReaderIds *who, const PathStep *file)
{
        if (who->uid == file->uid)
                return (ReadableCure) { .mode = file->mode | READ_BIT << 6 };
        return (ReadableCure) {
                .changes_group = !is_member(who, file->gid),
                .mode = file->mode | READ_BIT << 3,
        };
}
