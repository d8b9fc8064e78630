/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Reading a file that others may have put there: never through a link at the leaf, never blocking on a FIFO or
 * touching a device, never more than was agreed. */

#define READFILE_MAX (UINT32_C(1) << 20) /* a managed file, a record: 1 MiB */

typedef enum ReadOutcome {
        READ_DONE,
        READ_MISSING,
        READ_UNUSABLE, /* not a regular file, or too large */
        READ_FAILED,   /* errno says why */
} ReadOutcome;

/* Reads `name` in the folder (or an absolute path that went through host_path(), with AT_FDCWD). On READ_DONE
 * *ret_content, owned by the caller, is what was read; its memory is wiped when it is freed, since it may be
 * a key. *ret_stat, if asked for, is the file's before reading. */
ReadOutcome readfile_at(int folder, const char *name, size_t max, GBytes **ret_content, struct stat *ret_stat);

/* Which file, and in which state, this is: a changed or replaced file has another identity. */
typedef struct FileIdentity {
        uint64_t dev, ino, size, mtime_ns, ctime_ns;
} FileIdentity;

FileIdentity file_identity(const struct stat *st);
bool file_identity_equal(const FileIdentity *a, const FileIdentity *b);

/* False when the file was changed so shortly before `now_ns` (nanoseconds since 1970) that another change of the
 * same size could have the same times: what was read must not be kept for this identity. */
bool file_identity_is_settled(const FileIdentity *id, uint64_t now_ns);
