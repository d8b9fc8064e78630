/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Whether somebody can read a file: the owners and modes of the file and of the folders on the way to it, judged as the
 * kernel does (POSIX.1-2017, 4.5, File Access Permissions). */

/* Somebody without privileges. */
typedef struct ReaderIds {
        uid_t uid;
        gid_t *groups; /* the first is the primary one */
        size_t n;
} ReaderIds;

/* A folder on the way, or the file itself. */
typedef struct PathStep {
        char *path; /* as the host has it */
        uid_t uid;
        gid_t gid;
        mode_t mode; /* permission bits */
        bool has_acl; /* more may read it than the mode says */
} PathStep;

/* The way to a file, from "/" to the file, links followed; NULL when the file cannot be found. Blocks. */
GArray *path_steps(const char *file); /* PathStep */

/* The first step that holds the reader up; NULL: none does. One with an ACL is taken to let everybody pass. Pure. */
const PathStep *readable_find_obstacle(const ReaderIds *who, const PathStep *steps, size_t n);

/* The least change of owner and mode of a file by which the reader can read it. Pure. */
typedef struct ReadableCure {
        bool changes_group; /* to the reader's primary one */
        mode_t mode;        /* the whole new mode */
} ReadableCure;

ReadableCure readable_cure(const ReaderIds *who, const PathStep *file);
