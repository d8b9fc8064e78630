/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The folder of a managed file, held by descriptor: what is done in it is done by *at() calls with a bare
 * file name, so that nobody who may rename a parent can lead the agent elsewhere. Also the folders of the
 * agent's own state. All errors are CERT_ERROR_INSTALL_FAILED with a hint. */

typedef struct Folder {
        char *path; /* as the manifest has it */
        int fd;     /* O_RDONLY | O_DIRECTORY */
        uid_t owner;
        mode_t mode; /* permission bits */
        dev_t device;
        ino_t inode;
} Folder;

/* Walks from / to `path` (absolute, normal) by descriptors. A symbolic link on the way is followed only when
 * root or the agent's own user made it, in a folder that only they may write; none is followed that /proc
 * made up. The folder itself must not be writable by everyone. */
Folder *folder_open(const char *path, GError **error);
Folder *folder_free(Folder *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Folder, folder_free)

/* Whether a file that will belong to `owner` may be put here: the folder must be root's, the agent's or this
 * user's own; anybody else could take the file away again. */
bool folder_check_owner(const Folder *f, uid_t owner, GError **error);

/* Makes all changes of names in the folder durable. */
bool folder_sync(const Folder *f, GError **error);

/* A folder at or below the state folder, each part made with mode 0700 when `make`; descriptor, caller
 * closes. -1: an error, or, without `make`, missing (then no error is set). */
int folder_open_state(const char *path, bool make, GError **error);

/* One folder below another; made with mode 0700 when `make`, its name durable when `sync`. -errno on failure.
 */
int folder_open_below(int parent, const char *name, bool make, bool sync);

/* A file's name that is a bare name: no '/', not "." or "..", not empty. */
bool folder_name_is_safe(const char *name);

/* Sets the error for `number` (an errno) that came up when `doing` ("staging", "renaming in") something to
 * `path`, with the hint that fits: sandbox, space, folder gone. Returns false. */
bool folder_set_error(GError **error, int number, const char *doing, const char *path);

/* Writes all of it; -errno on failure. */
int folder_write_all(int fd, const void *data, size_t size);
