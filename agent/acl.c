/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Access control lists
 *
 * Owns the form in which the kernel gives them (linux/posix_acl_xattr.h): a version, then entries of tag, permissions and
 * id, all little-endian. libacl would do the same and is one more library in a process that runs as root.
 */

#include "agent/acl.h"

#include <glib.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/xattr.h>

#define LIST_SIZE_MAX 65536 /* what the kernel takes of any attribute */
#define ACCESS_ATTRIBUTE "system.posix_acl_access"
#define DEFAULT_ATTRIBUTE "system.posix_acl_default"

/* linux/posix_acl.h is the kernel's own. */
#define TAG_USER 0x02
#define TAG_GROUP 0x08
#define TAG_MASK 0x10
#define READ_PERMISSION 04

typedef struct Entry {
        unsigned tag, permissions;
        uint32_t id;
} Entry;

static Entry entry_at(const uint8_t *list, size_t offset)
{
        struct posix_acl_xattr_entry e;

        memcpy(&e, list + offset, sizeof e);
        return (Entry) { GUINT16_FROM_LE(e.e_tag), GUINT16_FROM_LE(e.e_perm), GUINT32_FROM_LE(e.e_id) };
}

static bool is_list(const uint8_t *list, size_t size)
{
        struct posix_acl_xattr_header header;

        if (size < sizeof header)
                return false;
        memcpy(&header, list, sizeof header);
        return GUINT32_FROM_LE(header.a_version) == POSIX_ACL_XATTR_VERSION &&
               (size - sizeof header) % sizeof(struct posix_acl_xattr_entry) == 0;
}

/* What the mask takes away from every named user and group; without one they have all. */
static unsigned find_mask(const uint8_t *list, size_t size)
{
        for (size_t i = sizeof(struct posix_acl_xattr_header); i < size; i += sizeof(struct posix_acl_xattr_entry)) {
                Entry e = entry_at(list, i);

                if (e.tag == TAG_MASK)
                        return e.permissions;
        }
        return ~0u;
}

bool acl_find_reader(const void *list, size_t size, uid_t uid, gid_t gid, AclReader *ret_reader)
{
        unsigned mask;

        if (!is_list(list, size))
                return false;
        mask = find_mask(list, size);
        for (size_t i = sizeof(struct posix_acl_xattr_header); i < size; i += sizeof(struct posix_acl_xattr_entry)) {
                Entry e = entry_at(list, i);
                bool is_group = e.tag == TAG_GROUP;

                if ((e.tag != TAG_USER && !is_group) || !(e.permissions & mask & READ_PERMISSION))
                        continue;
                if (is_group ? e.id == gid : e.id == 0 || e.id == uid)
                        continue;
                *ret_reader = (AclReader) { is_group, e.id };
                return true;
        }
        return false;
}

bool acl_find_reader_of_file(int fd, uid_t uid, gid_t gid, AclReader *ret_reader)
{
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd), *list = NULL;
        ssize_t size = getxattr(path, ACCESS_ATTRIBUTE, NULL, 0);

        if (size <= 0 || size > LIST_SIZE_MAX)
                return false;
        list = g_malloc((size_t) size);
        size = getxattr(path, ACCESS_ATTRIBUTE, list, (size_t) size);
        return size > 0 && acl_find_reader(list, (size_t) size, uid, gid, ret_reader);
}

bool acl_is_inherited(int folder)
{
        return fgetxattr(folder, DEFAULT_ATTRIBUTE, NULL, 0) > 0;
}
