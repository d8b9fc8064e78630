/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Folders, walked by descriptors
 *
 * A path is opened in one openat2(2) that follows no link at all; only when there is a link on the way (or
 * the kernel lacks the call, or something is wrong and must be named) is it walked part by part, and each
 * link is looked at before it is followed. Nobody but root can make the walk end in a folder that is not at
 * that path: directories cannot be hard-linked, and a link by another user, or in a folder where another user
 * could exchange it, is an error.
 */

#include "agent/folder.h"

#include "common/error.h"
#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 16
#define DEPTH_MAX 128

/* ---- Errors ---- */

/* What to do about it; NULL: the code's default. Caller owns. */
static char *hint_for(int number, const char *path)
{
        g_autofree char *folder = g_path_get_dirname(path);

        switch (number) {
        case EROFS:
                return g_strdup_printf(
                        "The file system is read-only, or the agent's sandbox makes it so. For the "
                        "latter run \"systemctl edit cert-agent.service\" and add, under [Service]: "
                        "ReadWritePaths=%s",
                        folder);
        case ENOSPC:
        case EDQUOT:
                return g_strdup_printf("Free some space on the file system of %s (see: df -h %s; df -i %s).",
                                       folder, folder, folder);
        case ENOENT:
        case ENOTDIR:
                return g_strdup_printf("The folder does not exist; make it: install -d %s", folder);
        case EACCES:
        case EPERM:
                return g_strdup_printf(
                        "Check that the file is not immutable (lsattr %s), and that neither the mount "
                        "nor a security module forbids it.",
                        path);
        case EIO:
                return g_strdup("The disk failed; look at: journalctl -k -p err");
        default:
                return NULL;
        }
}

bool folder_set_error(GError **error, int number, const char *doing, const char *path)
{
        g_autofree char *hint = hint_for(number, path);

        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, "%s %s: %s%s%s", doing, path,
                    g_strerror(number), hint ? "\n" : "", hint ?: "");
        return false;
}

/* An error of the folder itself: its own path must be made, not its parent's. */
static bool set_folder_error(GError **error, int number, const char *path, const char *part)
{
        if (number == ENOENT) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "The folder %s does not exist (%s is missing)\nMake it: install -d %s", path, part,
                            path);
                return false;
        }
        if (number == ENOTDIR) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "The folder %s cannot be reached: %s is not a folder\nMove %s away, then run: "
                            "install -d %s",
                            path, part, part, path);
                return false;
        }
        return folder_set_error(error, number, "Opening the folder", path);
}

/* ---- The walk ---- */

/* The folders from / down to the present one, and what is still to be walked. */
typedef struct Walk {
        const char *path;
        int fds[DEPTH_MAX];
        unsigned depth;
        char *rest;
        unsigned links;
} Walk;

static void walk_clear(Walk *w)
{
        while (w->depth > 0)
                close(w->fds[--w->depth]);
        g_free(w->rest);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

static bool walk_push(Walk *w, int fd, GError **error)
{
        if (w->depth == DEPTH_MAX) {
                close(fd);
                return set_folder_error(error, ENAMETOOLONG, w->path, w->path);
        }
        w->fds[w->depth++] = fd;
        return true;
}

static bool is_ours(uid_t uid)
{
        return uid == 0 || uid == geteuid();
}

/* Whether the link could have been made, or exchanged, by another user. `link` is an O_PATH descriptor of it.
 */
static bool check_link(const Walk *w, const struct stat *link, const char *name, GError **error)
{
        struct stat folder;

        if (fstat(w->fds[w->depth - 1], &folder) < 0)
                return set_folder_error(error, errno, w->path, name);
        if (is_ours(link->st_uid) && is_ours(folder.st_uid) && !(folder.st_mode & S_IWOTH) &&
            (!(folder.st_mode & S_IWGRP) || folder.st_gid == 0))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                    "The folder %s cannot be trusted: \"%s\" in it is a symbolic link that users other than "
                    "root can change "
                    "(link of user %u, in a folder of user %u with mode %04o)\n"
                    "Name the real folder in the manifest, or let root alone own the link and write in its "
                    "folder.",
                    w->path, name, (unsigned) link->st_uid, (unsigned) folder.st_uid,
                    (unsigned) (folder.st_mode & 07777));
        return false;
}

static bool follow_link(Walk *w, int link, const char *name, GError **error)
{
        char target[PATH_MAX];
        g_autofree char *rest = w->rest;
        ssize_t n = readlinkat(link, "", target, sizeof target - 1);

        w->rest = NULL;
        if (n <= 0)
                return set_folder_error(error, n < 0 ? errno : ENOENT, w->path, name);
        if (++w->links > LINKS_MAX)
                return set_folder_error(error, ELOOP, w->path, name);
        target[n] = '\0';
        if (target[0] == '/')
                while (w->depth > 1)
                        close(w->fds[--w->depth]);
        w->rest = g_strjoin("/", target, rest, NULL);
        return true;
}

static bool enter(Walk *w, const char *name, GError **error)
{
        struct stat st;
        bool done;
        int fd = openat(w->fds[w->depth - 1], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return set_folder_error(error, errno, w->path, name);
        if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
                return walk_push(w, fd, error);
        if (S_ISLNK(st.st_mode))
                done = check_link(w, &st, name, error) && follow_link(w, fd, name, error);
        else
                done = set_folder_error(error, ENOTDIR, w->path, name);
        close(fd);
        return done;
}

/* Takes the next part of what is left; NULL at the end. Caller owns. */
static char *next_part(Walk *w)
{
        const char *start = w->rest + strspn(w->rest, "/");
        size_t length = strcspn(start, "/");
        char *part = length > 0 ? g_strndup(start, length) : NULL;

        memmove(w->rest, start + length, strlen(start + length) + 1);
        return part;
}

/* Part by part; a descriptor of the folder, or -1. */
static int walk_slowly(int root, const char *path, GError **error)
{
        g_auto(Walk) w = { .path = path, .rest = g_strdup(path) };
        int fd;

        if (!walk_push(&w, fcntl(root, F_DUPFD_CLOEXEC, 0), error))
                return -1;
        for (;;) {
                g_autofree char *part = next_part(&w);

                if (!part)
                        break;
                if (g_str_equal(part, "."))
                        continue;
                if (g_str_equal(part, "..")) {
                        if (w.depth > 1)
                                close(w.fds[--w.depth]);
                        continue;
                }
                if (!enter(&w, part, error))
                        return -1;
        }
        fd = openat(w.fds[w.depth - 1], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                set_folder_error(error, errno, path, path);
        return fd;
}

/* In one call that follows no link; -1 when that cannot be done, for whatever reason. */
static int walk_at_once(int root, const char *path)
{
        struct open_how how = {
                .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };

        path += strspn(path, "/");
        return (int) syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
}

static int open_root(GError **error)
{
        g_autofree char *path = host_path("/");
        int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                folder_set_error(error, errno, "Opening", "/");
        return fd;
}

static int walk(const char *path, GError **error)
{
        int root = open_root(error), fd;

        if (root < 0)
                return -1;
        fd = walk_at_once(root, path);
        if (fd < 0)
                fd = walk_slowly(root, path, error);
        close(root);
        return fd;
}

/* ---- Folders of managed files ---- */

Folder *folder_open(const char *path, GError **error)
{
        g_autoptr(Folder) f = NULL;
        struct stat st;
        int fd = walk(path, error);

        if (fd < 0)
                return NULL;
        f = g_new(Folder, 1);
        *f = (Folder){ .path = g_strdup(path), .fd = fd };
        if (fstat(fd, &st) < 0) {
                set_folder_error(error, errno, path, path);
                return NULL;
        }
        if (st.st_mode & S_IWOTH) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "The folder %s cannot be trusted: every user may write in it (mode %04o)\n"
                            "Run: chmod o-w %s, or name another folder in the manifest.",
                            path, (unsigned) (st.st_mode & 07777), path);
                return NULL;
        }
        f->owner = st.st_uid;
        f->mode = st.st_mode & 07777;
        f->device = st.st_dev;
        f->inode = st.st_ino;
        return g_steal_pointer(&f);
}

Folder *folder_free(Folder *f)
{
        if (!f)
                return NULL;
        close(f->fd);
        g_free(f->path);
        g_free(f);
        return NULL;
}

bool folder_check_owner(const Folder *f, uid_t owner, GError **error)
{
        if (is_ours(f->owner) || f->owner == owner)
                return true;
        g_set_error(
                error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                "The folder %s cannot be trusted: it belongs to user %u, the file in it is to be user %u's\n"
                "Run: chown root %s, or let the file belong to user %u in the manifest (\"owner\").",
                f->path, (unsigned) f->owner, (unsigned) owner, f->path, (unsigned) f->owner);
        return false;
}

bool folder_sync(const Folder *f, GError **error)
{
        if (fsync(f->fd) < 0)
                return folder_set_error(error, errno, "Syncing the folder", f->path);
        return true;
}

/* ---- Folders of the state ---- */

int folder_open_below(int parent, const char *name, bool make, bool sync)
{
        int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT && make) {
                if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
                        return -errno;
                /* The name of a new folder must be on disk before anything in it is relied upon. */
                if (sync && fsync(parent) < 0)
                        return -errno;
                fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        return fd < 0 ? -errno : fd;
}

/* The state folder itself. StateDirectory= with DynamicUser= makes it a link: PID 1's, to be followed. */
static int open_state(bool make)
{
        g_autofree char *path = host_path(CERT_STATE_DIR);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT && make && g_mkdir_with_parents(path, 0700) >= 0)
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int folder_open_state(const char *path, bool make, GError **error)
{
        g_auto(GStrv) parts = NULL;
        int fd;

        g_return_val_if_fail(g_str_has_prefix(path, CERT_STATE_DIR), -1);
        parts = g_strsplit(path + strlen(CERT_STATE_DIR), "/", -1);
        fd = open_state(make);
        for (char **part = parts; fd >= 0 && *part; part++) {
                int parent = fd;

                if (!**part)
                        continue;
                fd = folder_open_below(parent, *part, make, true);
                close(parent);
        }
        if (fd >= 0)
                return fd;
        if (make || fd != -ENOENT)
                folder_set_error(error, -fd, "Opening the state folder", path);
        return -1;
}

/* ---- Small helpers ---- */

bool folder_name_is_safe(const char *name)
{
        return *name && !strchr(name, '/') && !g_str_equal(name, ".") && !g_str_equal(name, "..") &&
               strlen(name) <= NAME_MAX;
}

int folder_write_all(int fd, const void *data, size_t size)
{
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                p += n;
                size -= (size_t) n;
        }
        return 0;
}
