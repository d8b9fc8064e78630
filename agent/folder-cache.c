/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The folder cache
 *
 * Owns open folders for a moment: thousands of files in one folder cost one walk down to it. They are dropped
 * after a tenth of a second, and when there are too many.
 */

#include "agent/folder-cache.h"

#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define FOLDERS_MAX 128
#define KEPT_NSEC INT64_C(100000000)

struct FolderCache {
        GHashTable *by_path; /* path -> Folder* */
        const char *last_path;
        size_t last_length;
        Folder *last;
        int64_t since; /* CLOCK_MONOTONIC, ns: when the oldest was opened */
};

static void folder_destroy(gpointer p)
{
        folder_free(p);
}

FolderCache *folder_cache_new(void)
{
        FolderCache *c = g_new0(FolderCache, 1);

        c->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, folder_destroy);
        return c;
}

FolderCache *folder_cache_free(FolderCache *c)
{
        if (!c)
                return NULL;
        g_hash_table_unref(c->by_path);
        g_free(c);
        return NULL;
}

void folder_cache_close(FolderCache *c)
{
        c->last = NULL;
        g_hash_table_remove_all(c->by_path);
}

static int64_t clock_coarse(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Whether a folder that cannot be walked to is just not there. */
static int errno_of_missing(const char *path)
{
        g_autofree char *real = host_path(path);
        struct stat st;

        return stat(real, &st) < 0 && (errno == ENOENT || errno == ENOTDIR) ? ENOENT : EACCES;
}

Folder *folder_cache_open(const char *path)
{
        Folder *folder = folder_open(path, NULL);

        if (!folder)
                errno = errno_of_missing(path);
        return folder;
}

static void remember(FolderCache *c, char *path, size_t length, Folder *folder)
{
        if (g_hash_table_size(c->by_path) == 0)
                c->since = clock_coarse();
        g_hash_table_insert(c->by_path, path, folder);
        c->last_path = path;
        c->last_length = length;
        c->last = folder;
}

int folder_cache_find(FolderCache *c, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        size_t length = (size_t) (slash - path);
        g_autofree char *folder_path = NULL;
        gpointer key, folder;

        *ret_name = slash + 1;
        if (g_hash_table_size(c->by_path) >= FOLDERS_MAX || clock_coarse() - c->since > KEPT_NSEC)
                folder_cache_close(c);
        if (c->last && c->last_length == length && memcmp(c->last_path, path, length) == 0)
                return c->last->fd;
        folder_path = length > 0 ? g_strndup(path, length) : g_strdup("/");
        if (g_hash_table_lookup_extended(c->by_path, folder_path, &key, &folder)) {
                c->last_path = key;
                c->last_length = length;
                c->last = folder;
                return c->last->fd;
        }
        folder = folder_cache_open(folder_path);
        if (!folder)
                return -1;
        remember(c, g_steal_pointer(&folder_path), length, folder);
        return c->last->fd;
}
