/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Staging
 *
 * The only place where content is written next to managed files. A target itself is never opened for writing,
 * and nothing is ever changed by its path: what another user put there (a link, a FIFO, a name for somebody
 * else's file) is replaced as a name, never followed, filled, waited for, or given away.
 */

#include "agent/stage.h"

#include "common/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX        ".cert-agent"
#define RANDOM_DIGITS 16
#define EXTRA         (1 + 1 + RANDOM_DIGITS + sizeof SUFFIX - 1)
#define TARGET_MAX    (NAME_MAX - EXTRA) /* of the target's name so much goes into the staged one */

/* ---- Names ---- */

static char *new_name(const char *target)
{
        const char *end;
        uint64_t random = 0;

        /* A long name is cut between two characters: staged names are written as JSON. */
        (void) g_utf8_validate_len(target, MIN(strlen(target), TARGET_MAX), &end);
        (void) gnutls_rnd(GNUTLS_RND_NONCE, &random, sizeof random);
        return g_strdup_printf(".%.*s.%016" G_GINT64_MODIFIER "x" SUFFIX, (int) (end - target), target,
                               random);
}

bool stage_is_name(const char *name, char **ret_target)
{
        size_t length = strlen(name);

        if (length <= EXTRA || length > NAME_MAX || name[0] != '.' || !g_str_has_suffix(name, SUFFIX) ||
            strchr(name, '/') || name[length - EXTRA + 1] != '.' ||
            strspn(name + length - EXTRA + 2, "0123456789abcdef") != RANDOM_DIGITS)
                return false;
        if (ret_target)
                *ret_target = g_strndup(name + 1, length - EXTRA);
        return true;
}

/* ---- Making ---- */

/* What must never be seen: a key in a file that others can open. So the order is: nobody's access, the owner,
 * the mode, the content. */
static int fill(int fd, GBytes *content, const FileAttributes *a, bool sync)
{
        size_t size;
        const void *data = g_bytes_get_data(content, &size);
        int r;

        if (fchown(fd, a->uid, a->gid) < 0)
                return -errno;
        if (fchmod(fd, a->mode) < 0)
                return -errno;
        r = folder_write_all(fd, data, size);
        if (r >= 0 && sync && fsync(fd) < 0)
                r = -errno;
        return r;
}

bool stage_write(const Folder *folder, const char *name, const char *path, GBytes *content,
                 const FileAttributes *a, Labels *labels, bool sync, GError **error)
{
        int fd, r;

        labels_enter(labels, path, S_IFREG);
        fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
        r = fd < 0 ? -errno : 0;
        labels_leave(labels);
        if (r >= 0) {
                r = fill(fd, content, a, sync);
                if (close(fd) < 0 && r >= 0)
                        r = -errno;
                if (r < 0)
                        (void) unlinkat(folder->fd, name, 0);
        }
        return r >= 0 || folder_set_error(error, -r, "Writing", path);
}

bool stage_file(const Folder *folder, const char *name, const char *path, GBytes *content,
                const FileAttributes *a, Labels *labels, bool sync, char **ret_staged, GError **error)
{
        g_autofree char *staged = new_name(name);

        if (!stage_write(folder, staged, path, content, a, labels, sync, error))
                return false;
        *ret_staged = g_steal_pointer(&staged);
        return true;
}

bool stage_link(const Folder *folder, const char *name, const char *path, const char *text, Labels *labels,
                char **ret_staged, GError **error)
{
        g_autofree char *staged = new_name(name);
        int r;

        labels_enter(labels, path, S_IFLNK);
        r = symlinkat(text, folder->fd, staged) < 0 ? -errno : 0;
        labels_leave(labels);
        if (r < 0)
                return folder_set_error(error, -r, "Making the link", path);
        *ret_staged = g_steal_pointer(&staged);
        return true;
}

bool stage_rename(const Folder *folder, const char *staged, const char *name, const char *path,
                  GError **error)
{
        if (renameat(folder->fd, staged, folder->fd, name) >= 0)
                return true;
        if (errno == EISDIR || errno == EEXIST || errno == ENOTEMPTY) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "A folder stands at %s\nMove it away; the agent removes no folder that it did "
                            "not make.",
                            path);
                return false;
        }
        return folder_set_error(error, errno, "Replacing", path);
}

/* ---- Sweeping ---- */

void stage_sweep(const Folder *folder, GHashTable *targets)
{
        int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(dir));) {
                g_autofree char *target = NULL;

                if (e->d_name[0] == '.' && stage_is_name(e->d_name, &target) &&
                    g_hash_table_contains(targets, target))
                        (void) unlinkat(folder->fd, e->d_name, 0);
        }
        closedir(dir);
}
