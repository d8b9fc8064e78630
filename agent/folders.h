/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Folders that stay open while a pass looks into them again and again. */

typedef struct Folders Folders;

Folders *folders_new(void);
Folders *folders_free(Folders *f);

/* The folder of a file, given by the file's absolute path as the host has it: a descriptor for fstatat(2) and
 * openat(2), borrowed until the next call, or -1 with errno. *ret_name is the file's name in it, a part of `path`. */
int folders_find(Folders *f, const char *path, const char **ret_name);

/* Lets go of all, so that a folder that was replaced is seen. */
void folders_close(Folders *f);

/* One folder, not kept; the caller closes it. -1 with errno. */
int folders_open(const char *path);
