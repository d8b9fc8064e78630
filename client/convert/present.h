/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"
#include "common/usage.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* What stands on this host where an entry's files are: to be taken over as it is, the manifest must say of it what
 * the agent would otherwise find different. Keys are looked at from outside only. */

/* The file that a path leads to through links at its end: links are what other programs keep beside the files, and
 * the agent manages files. Only root's links are followed, and the caller's own: another user could lead the agent to any file
 * of the host. Caller owns; NULL with the reason in *ret_why (static) when it leads nowhere sure. What does not exist leads
 * to itself. */
char *present_resolve(const char *path, const char **ret_why);

typedef struct PresentFile {
        bool is_there;  /* a regular file */
        bool is_hidden; /* who asks may not look into its folder */
        uid_t uid;
        gid_t gid;
        mode_t mode; /* permission bits */
} PresentFile;

PresentFile present_look(const char *path);

/* A certificate in place. */
typedef struct PresentCertificate {
        char *subject;     /* RFC 4514; "" when empty */
        char *common_name; /* when the subject is that alone, else NULL */
        char **sans;       /* san_list_of_certificate() */
        unsigned usage;
        KeyType key_type; /* _KEY_TYPE_INVALID: none that a manifest can name */
        uint64_t not_before, not_after; /* microseconds since 1970 */
} PresentCertificate;

/* The first certificate of a PEM file that present_resolve() gave. NULL without an error when there is no such file. */
PresentCertificate *present_read(const char *path, GError **error);
PresentCertificate *present_free(PresentCertificate *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PresentCertificate, present_free)
