/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Surroundings
 *
 * Owns the way from a folder up to the root, made by ".." of open folders and not by names: nobody who may rename something
 * leads it elsewhere. A checkout ends where its file system does, as Git's own search does by default.
 */

#include "agent/surroundings.h"

#include "common/error.h"
#include "common/path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 128

/* What a checkout has in its topmost folder (CVS in each). A bare repository has none of these: nothing is checked out
 * there. A worktree and a submodule of Git have a file. CVS's folder must say what was checked out: CVS is also what people
 * call the folder of the repositories. */
static const struct {
        const char *name, *system;
        bool may_be_file;
} markers[] = {
        { ".git", "Git", true },     { ".hg", "Mercurial", false }, { ".svn", "Subversion", false }, { ".jj", "Jujutsu", false },
        { ".bzr", "Bazaar", false }, { "_darcs", "Darcs", false },  { "CVS/Entries", "CVS", true },
};

typedef struct FolderId {
        guint64 dev, ino;
} FolderId;

struct SurroundingsCache {
        GHashTable *known; /* FolderId -> Surroundings */
        FolderId root;     /* where the host's paths begin */
        char *root_path;   /* as the kernel has it; "" for "/" */
};

static FolderId id_of(const struct stat *st)
{
        return (FolderId) { st->st_dev, st->st_ino };
}

static guint id_hash(gconstpointer p)
{
        const FolderId *id = p;

        return (guint) (id->ino ^ id->ino >> 32 ^ id->dev * 31);
}

static gboolean id_equal(gconstpointer a, gconstpointer b)
{
        const FolderId *x = a, *y = b;

        return x->dev == y->dev && x->ino == y->ino;
}

static void surroundings_free(gpointer p)
{
        g_free(((Surroundings *) p)->checkout);
        g_free(p);
}

SurroundingsCache *surroundings_cache_new(void)
{
        SurroundingsCache *c = g_new0(SurroundingsCache, 1);
        g_autofree char *path = host_path("/");
        char *real = realpath(path, NULL);
        struct stat st;

        c->known = g_hash_table_new_full(id_hash, id_equal, g_free, surroundings_free);
        c->root_path = g_strdup(real && !g_str_equal(real, "/") ? real : "");
        free(real); /* the C library's */
        if (stat(path, &st) == 0)
                c->root = id_of(&st);
        return c;
}

SurroundingsCache *surroundings_cache_free(SurroundingsCache *c)
{
        if (!c)
                return NULL;
        g_hash_table_unref(c->known);
        g_free(c->root_path);
        g_free(c);
        return NULL;
}

/* The folder's path as the host has it, links followed, for people: who may rename it gives it any bytes, and a string of D-Bus
 * takes not all of them. The caller owns it. */
static char *path_of(const SurroundingsCache *c, int folder)
{
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", folder);
        g_autofree char *path = g_file_read_link(link, NULL);

        if (!path || !g_str_has_prefix(path, c->root_path))
                return NULL;
        return cert_error_printable(path[strlen(c->root_path)] ? path + strlen(c->root_path) : "/", PATH_MAX, "");
}

static void find_marker(const SurroundingsCache *c, Surroundings *s, int folder)
{
        for (size_t i = 0; i < G_N_ELEMENTS(markers); i++) {
                struct stat st;

                if (fstatat(folder, markers[i].name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
                        continue;
                if (!S_ISDIR(st.st_mode) && !(markers[i].may_be_file && S_ISREG(st.st_mode)))
                        continue;
                s->system = markers[i].system;
                s->checkout = path_of(c, folder);
                return;
        }
}

static const Surroundings *look(SurroundingsCache *c, int folder, unsigned depth);

/* What lies above counts for what is below it. */
static void take_from_above(SurroundingsCache *c, Surroundings *s, int folder, const struct stat *st, unsigned depth)
{
        int fd = openat(folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        const Surroundings *above = fd >= 0 ? look(c, fd, depth + 1) : NULL;
        struct stat parent;

        if (above && fstat(fd, &parent) == 0) {
                s->is_closed |= above->is_closed;
                if (!s->system && above->system && parent.st_dev == st->st_dev) {
                        s->system = above->system;
                        s->checkout = g_strdup(above->checkout);
                }
        }
        if (fd >= 0)
                close(fd);
}

static bool is_root(const SurroundingsCache *c, int folder, const FolderId *id)
{
        struct stat parent;
        FolderId above;

        if (id_equal(id, &c->root))
                return true;
        if (fstatat(folder, "..", &parent, 0) < 0)
                return true;
        above = id_of(&parent);
        return id_equal(id, &above);
}

static const Surroundings *look(SurroundingsCache *c, int folder, unsigned depth)
{
        Surroundings *s;
        struct stat st;
        FolderId id;

        if (depth > DEPTH_MAX || fstat(folder, &st) < 0)
                return NULL;
        id = id_of(&st);
        s = g_hash_table_lookup(c->known, &id);
        if (s)
                return s;
        s = g_new0(Surroundings, 1);
        s->is_closed = !(st.st_mode & S_IXOTH);
        find_marker(c, s, folder);
        if (!is_root(c, folder, &id))
                take_from_above(c, s, folder, &st, depth);
        g_hash_table_insert(c->known, g_memdup2(&id, sizeof id), s);
        return s;
}

const Surroundings *surroundings_of(SurroundingsCache *c, int folder)
{
        return look(c, folder, 0);
}
