/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <sys/stat.h>

/* A file of the administrator's that says whom an issuer trusts. */

/* Reads it, links followed, never blocking on what is no regular file. Returns 0, or a negative errno; -EFBIG: it is no
 * regular file, or larger than `max` bytes. `path` is the host's; *ret_content is the caller's. */
int root_file_read(const char *path, size_t max, GBytes **ret_content, struct stat *ret_stat);
