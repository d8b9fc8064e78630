/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Access control lists of files, as acl(5) describes them: whom they let read besides those whom the mode tells of. */

typedef struct AclReader {
        bool is_group;
        uint32_t id; /* of the user or the group */
} AclReader;

/* The first user or group, other than root, the file's own user and its own group, whom the list (the value of the attribute
 * "system.posix_acl_access") lets read. False: none, or it is no such list. Pure. */
bool acl_find_reader(const void *list, size_t size, uid_t uid, gid_t gid, AclReader *ret_reader);

/* The same of an open file (O_PATH will do); needs /proc. */
bool acl_find_reader_of_file(int fd, uid_t uid, gid_t gid, AclReader *ret_reader);

/* New files in this open folder (not O_PATH) get a list of their own. */
bool acl_is_inherited(int folder);
