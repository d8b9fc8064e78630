/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Open folders
 *
 * Owns descriptors of the folders that managed files are in, for a moment: thousands of files in one folder cost
 * one walk down to it. They are dropped after a tenth of a second, and when there are too many.
 */

#include "agent/folders.h"

#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FOLDERS_MAX 128
#define KEPT_NSEC INT64_C(100000000)

typedef struct Folder {
        char *path;
        size_t length;
        int fd;
} Folder;

struct Folders {
        GHashTable *by_path; /* path (the Folder's) -> Folder* */
        Folder *last;
        int64_t since; /* CLOCK_MONOTONIC, ns: when the oldest was opened */
};

static void folder_free(gpointer p)
{
        Folder *f = p;

        close(f->fd);
        g_free(f->path);
        g_free(f);
}

Folders *folders_new(void)
{
        Folders *f = g_new0(Folders, 1);

        f->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, folder_free);
        return f;
}

Folders *folders_free(Folders *f)
{
        if (!f)
                return NULL;
        g_hash_table_unref(f->by_path);
        g_free(f);
        return NULL;
}

void folders_close(Folders *f)
{
        f->last = NULL;
        g_hash_table_remove_all(f->by_path);
}

static int64_t clock_coarse(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int folders_open(const char *path)
{
        g_autofree char *real = host_path(path);

        return open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static Folder *folders_add(Folders *f, const char *path, int64_t now)
{
        int fd = folders_open(path);
        Folder *folder;

        if (fd < 0)
                return NULL;
        if (g_hash_table_size(f->by_path) >= FOLDERS_MAX)
                folders_close(f);
        if (g_hash_table_size(f->by_path) == 0)
                f->since = now;
        folder = g_new0(Folder, 1);
        folder->path = g_strdup(path);
        folder->length = strlen(path);
        folder->fd = fd;
        g_hash_table_insert(f->by_path, folder->path, folder);
        return folder;
}

int folders_find(Folders *f, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        size_t length = (size_t) (slash - path);
        int64_t now = clock_coarse();

        *ret_name = slash + 1;
        if (g_hash_table_size(f->by_path) > 0 && now - f->since > KEPT_NSEC)
                folders_close(f);
        if (!f->last || f->last->length != length || memcmp(f->last->path, path, length) != 0) {
                g_autofree char *folder = length > 0 ? g_strndup(path, length) : g_strdup("/");

                f->last = g_hash_table_lookup(f->by_path, folder) ?: folders_add(f, folder, now);
        }
        return f->last ? f->last->fd : -1;
}
