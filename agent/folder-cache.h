/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/folder.h"

/* Folders of managed files that stay open while a pass looks into them again and again. Only folders that
 * folder_open() would open: no link that others could have made is followed. */

typedef struct FolderCache FolderCache;

FolderCache *folder_cache_new(void);
FolderCache *folder_cache_free(FolderCache *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FolderCache, folder_cache_free)

/* The folder of a file, given by the file's absolute path as the manifest has it: a descriptor for fstatat(2) and
 * openat(2), borrowed until the next call, or -1 with errno: ENOENT when it is not there. *ret_name is the file's
 * name in it, a part of `path`. */
int folder_cache_find(FolderCache *c, const char *path, const char **ret_name);

/* Lets go of all, so that a folder that was replaced is seen. */
void folder_cache_close(FolderCache *c);

/* One folder, not kept (the `directory` layout's, which is another one after each renewal). NULL with errno. */
Folder *folder_cache_open(const char *path);
