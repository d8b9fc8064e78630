/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A glance
 *
 * Owns where the files of a certificate are (paths of their own, or names in the `directory` layout's folder) and
 * what can be known of them by looking only: one stat each.
 */

#include "agent/glance.h"

#include "agent/generation.h"
#include "agent/readfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static const char *const directory_names[SLOT_MAX] = {
        [MANAGED_FILE_CERT] = "fullchain.pem", [MANAGED_FILE_KEY] = "key.pem",
        [MANAGED_FILE_CHAIN] = "chain.pem",    [MANAGED_FILE_CA] = "ca.pem",
        [MANAGED_FILE_COMBINED] = "combined.pem", [SLOT_LEAF_ALONE] = "cert.pem",
};

/* With a key in a token there is no file that holds one. */
static bool slot_is_wanted(const ManifestCertificate *c, unsigned slot)
{
        if (c->directory)
                return !c->key_uri || (slot != MANAGED_FILE_KEY && slot != MANAGED_FILE_COMBINED);
        return slot < SLOT_LEAF_ALONE && c->path[slot];
}

static void visit_directory(const ManifestCertificate *c, SlotVisit visit, void *userdata)
{
        g_autoptr(Folder) directory = folder_cache_open(c->directory);
        int saved = errno;

        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                errno = saved;
                if (slot_is_wanted(c, slot))
                        visit(directory ? directory->fd : -1, directory_names[slot], slot, userdata);
        }
}

void slots_visit(FolderCache *folders, const ManifestCertificate *c, SlotVisit visit, void *userdata)
{
        if (c->directory) {
                visit_directory(c, visit, userdata);
                return;
        }
        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                const char *name;
                int folder;

                if (!slot_is_wanted(c, slot))
                        continue;
                folder = folder_cache_find(folders, c->path[slot], &name);
                visit(folder, name, slot, userdata);
        }
}

typedef struct Glancing {
        Glance glance;
        uint64_t max; /* larger files are not read */
} Glancing;

static void glance_at(int folder, const char *name, unsigned slot, void *userdata)
{
        Glancing *glancing = userdata;
        FileFacts *f = &glancing->glance.file[slot];
        FileIdentity id;
        struct stat st;

        if (folder < 0 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                f->state = errno == ENOENT || errno == ENOTDIR ? FILE_STATE_MISSING : FILE_STATE_UNREADABLE;
                return;
        }
        id = file_identity(&st);
        f->state = S_ISREG(st.st_mode) && (uint64_t) st.st_size <= glancing->max ? FILE_STATE_PRESENT : FILE_STATE_UNREADABLE;
        f->dev = id.dev;
        f->ino = id.ino;
        f->size = id.size;
        f->mtime_ns = id.mtime_ns;
        f->ctime_ns = id.ctime_ns;
        f->uid = st.st_uid;
        f->gid = st.st_gid;
        f->mode = st.st_mode & 07777;
}

Glance glance_take(FolderCache *folders, const ManifestCertificate *c, const Record *r)
{
        Glancing g = { .max = GENERATION_CONTENT_MAX };

        /* Only the files of a certificate are compared with what a generation and a key say. */
        if (c->kind == MANIFEST_KIND_CERTIFICATE) {
                g.max = READFILE_MAX;
                g.glance.generation = r ? r->generation : 0;
                g.glance.uri = c->key_uri ? g_str_hash(c->key_uri) | 1 : 0;
        }
        slots_visit(folders, c, glance_at, &g);
        return g.glance;
}

bool file_facts_same(const FileFacts *a, const FileFacts *b)
{
        return a->ino == b->ino && a->ctime_ns == b->ctime_ns && a->mtime_ns == b->mtime_ns && a->size == b->size &&
               a->dev == b->dev;
}

/* The kernel's own clock, by which files are stamped: not now_realtime(), which is for judging certificates. */
static uint64_t file_clock(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t) t.tv_sec * UINT64_C(1000000000) + (uint64_t) t.tv_nsec;
}

bool glance_is_settled(const Glance *g)
{
        uint64_t now_ns = file_clock();

        for (unsigned slot = 0; slot < SLOT_MAX; slot++) {
                const FileFacts *f = &g->file[slot];
                FileIdentity id = { f->dev, f->ino, f->size, f->mtime_ns, f->ctime_ns };

                if (f->state == FILE_STATE_PRESENT && !file_identity_is_settled(&id, now_ns))
                        return false;
        }
        return true;
}
