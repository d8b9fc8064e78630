/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The files of a local authority: CERT_AUTHORITY_DIR/NAME, 0700. Read by descriptor, without following links,
 * and refused when others own or can change them; each change is atomic and on disk when it returns. What a
 * file means is not known here. All errors are KEY_STORAGE and say what to do. */

typedef struct Store Store;

#define STORE_FILE_MAX   (64 * 1024)
#define STORE_SUFFIX_KEY ".key" /* such a file must be unreadable for others */

/* Opens the folder; made with its parent when `make`. When it is not there and not to be made, it succeeds
 * with *ret_store NULL. A folder that is a link, or that others own or can reach, is refused. */
bool store_open(const char *name, bool make, Store **ret_store, GError **error);
Store *store_free(Store *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

const char *store_shown(const Store *s); /* the folder's path, for people; borrowed */

/* Waits. Until store_free(), or until it is taken again: shared to read, exclusive to change anything. */
bool store_lock(Store *s, bool exclusive, GError **error);

/* The names in the folder that do not begin with ".", sorted, NULL ends; caller owns (g_strfreev). All of
 * them: more than 65,536 are an error. */
char **store_list(const Store *s, GError **error);
char **store_list_in(const Store *s, const char *folder, GError **error); /* the same of a folder in it */

/* The content of a file of at most `max` bytes; NULL when it is not there. The memory is wiped when it is
 * freed. `file` may be in a folder in it: "FOLDER/FILE". */
bool store_read(const Store *s, const char *file, size_t max, GBytes **ret, GError **error);

/* Which file it is, and whether it was written to; all zero when it is not there. */
typedef struct StoreFile {
        uint64_t inode, size;
        int64_t changed_ns, modified_ns; /* ctime, mtime */
} StoreFile;

StoreFile store_file(const Store *s, const char *file);

/* The folder in it is there and on disk, 0700. */
bool store_make_folder(Store *s, const char *folder, GError **error);

/* Atomic, and synced with the folder that it is in. What is there is replaced. `file` may be in a folder in it. */
bool store_write(Store *s, const char *file, GBytes *content, GError **error);

/* Synced with the folders. */
bool store_rename(Store *s, const char *from, const char *to, GError **error); /* replaces */
bool store_link(Store *s, const char *from, const char *to, GError **error);   /* never replaces */
bool store_remove(Store *s, const char *file, GError **error);                 /* fine when it is not there */
bool store_remove_folder(Store *s, const char *folder, GError **error);        /* an empty one */
/* Moves a file into a folder in it, which is made where it is missing. */
bool store_move(Store *s, const char *file, const char *folder, GError **error);
/* What a cut-off store_write() left; in a folder in it. */
bool store_clean(Store *s, GError **error);
bool store_clean_in(Store *s, const char *folder, GError **error);

/* Appends to a file, which is cut to `size` bytes before; synced. */
bool store_append(Store *s, const char *file, uint64_t size, const void *data, size_t data_size,
                  GError **error);

/* Adds watches of an authority's folder, and of the one that it is in, to an inotify(7) instance: every
 * change of its files, and that it comes or goes. The folder that it is in is made where it is missing. */
bool store_watch(const char *name, int inotify, GError **error);

/* Which files were looked at, so that a few stat() tell whether they are still the same. */
typedef struct StoreMark StoreMark;

/* Of the folder and these files of it; to be taken before they are read. */
StoreMark *store_mark_new(const Store *s, const char *const *files);
StoreMark *store_mark_free(StoreMark *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreMark, store_mark_free)
bool store_mark_is_current(const StoreMark *m);
