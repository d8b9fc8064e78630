/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a local authority. It owns the folder's descriptor and, while it is held, the lock on it. */

#include "issuers/local/store.h"

#include "common/error.h"
#include "common/names.h"
#include "common/path.h"
#include "common/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STAGED_PREFIX ".new-"
#define NAMES_MAX     65536

struct Store {
        char *shown; /* the folder's path, for people */
        char *path;  /* and as it is opened */
        int fd;
};

/* ---- Errors ---- */

G_GNUC_PRINTF(4, 5)
static bool unsafe(const Store *s, const char *file, GError **error, const char *format, ...)
{
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "%s%s%s %s", s->shown, *file ? "/" : "", file,
                    what);
        return false;
}

static bool io_error(const Store *s, const char *file, const char *what, GError **error)
{
        int saved = errno;

        return unsafe(s, file, error,
                      "cannot be %s: %s\nCheck the disk, and that the issuer's user owns the folder.", what,
                      g_strerror(saved));
}

/* ---- The folder ---- */

static bool foreign_folder(const Store *s, const struct stat *st, GError **error)
{
        return unsafe(s, "", error, "belongs to user %u, not to the issuer's user %u\nRun: chown -R %u %s",
                      (unsigned) st->st_uid, (unsigned) geteuid(), (unsigned) geteuid(), s->shown);
}

/* It could not be opened: that it is another's is more to the point than that permission was denied. */
static bool cannot_open(const Store *s, GError **error)
{
        int saved = errno;
        struct stat st;

        if (saved == EACCES && lstat(s->path, &st) >= 0 && st.st_uid != geteuid())
                return foreign_folder(s, &st, error);
        errno = saved;
        return io_error(s, "", "opened", error);
}

static bool check_folder(const Store *s, GError **error)
{
        struct stat st;

        if (fstat(s->fd, &st) < 0)
                return io_error(s, "", "looked at", error);
        if (st.st_uid != geteuid())
                return foreign_folder(s, &st, error);
        if (st.st_mode & 0077)
                return unsafe(s, "", error,
                              "has mode %04o, so that others can reach the authority's key\n"
                              "Run: chmod 0700 %s",
                              (unsigned) st.st_mode & 07777, s->shown);
        return true;
}

static bool sync_parent(const Store *s, const char *path, GError **error)
{
        g_autofree char *parent = g_path_get_dirname(path);
        int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool good = fd >= 0 && fsync(fd) >= 0;

        if (!good)
                io_error(s, "", "synced", error);
        if (fd >= 0)
                close(fd);
        return good;
}

bool store_open(const char *name, bool make, Store **ret_store, GError **error)
{
        g_autoptr(Store) s = g_new0(Store, 1);

        s->fd = -1;
        s->shown = g_build_filename(CERT_AUTHORITY_DIR, name, NULL);
        s->path = host_path(s->shown);
        if (make && g_mkdir_with_parents(s->path, 0700) < 0) /* it succeeds also when it was there */
                return io_error(s, "", "made", error);
        s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (s->fd < 0 && errno == ENOENT) {
                *ret_store = NULL;
                return true;
        }
        if (s->fd < 0 && (errno == ELOOP || errno == ENOTDIR))
                return unsafe(
                        s, "", error,
                        "is a link or a file, but must be a folder of its own\n"
                        "Two authorities cannot share one folder: move it away, and restore the folder.");
        if (s->fd < 0)
                return cannot_open(s, error);
        if (!check_folder(s, error) || (make && !sync_parent(s, s->path, error)))
                return false;
        *ret_store = g_steal_pointer(&s);
        return true;
}

Store *store_free(Store *s)
{
        if (!s)
                return NULL;
        if (s->fd >= 0)
                close(s->fd); /* and the lock */
        g_free(s->shown);
        g_free(s->path);
        g_free(s);
        return NULL;
}

const char *store_shown(const Store *s)
{
        return s->shown;
}

bool store_lock(Store *s, bool exclusive, GError **error)
{
        while (flock(s->fd, exclusive ? LOCK_EX : LOCK_SH) < 0)
                if (errno != EINTR)
                        return io_error(s, "", "locked", error);
        return true;
}

/* ---- Names ---- */

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char **list_of(const Store *s, const char *folder, GError **error)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        int fd = openat(s->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *entry;

        if (!dir) {
                io_error(s, folder, "listed", error);
                if (fd >= 0)
                        close(fd);
                return NULL;
        }
        for (errno = 0; names->len <= NAMES_MAX && (entry = readdir(dir)); errno = 0)
                if (*entry->d_name != '.')
                        g_ptr_array_add(names, g_strdup(entry->d_name));
        if (errno != 0) {
                io_error(s, folder, "listed", error);
                closedir(dir);
                return NULL;
        }
        closedir(dir);
        /* A part of the names is worse than none: what is not seen would stay where it is trusted. */
        if (names->len > NAMES_MAX) {
                unsafe(s, folder, error,
                       "holds more than %d names\nRemove the files in it that nobody wants.", NAMES_MAX);
                return NULL;
        }
        g_ptr_array_sort(names, compare_names);
        g_ptr_array_add(names, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

char **store_list(const Store *s, GError **error)
{
        return list_of(s, ".", error);
}

char **store_list_in(const Store *s, const char *folder, GError **error)
{
        return list_of(s, folder, error);
}

/* ---- Reading ---- */

static bool check_file(const Store *s, const char *file, size_t max, const struct stat *st, GError **error)
{
        if (!S_ISREG(st->st_mode) || (uint64_t) st->st_size > max)
                return unsafe(s, file, error,
                              "is no regular file of at most %zu KiB\nRestore it from a backup.", max / 1024);
        if (st->st_uid != geteuid())
                return unsafe(s, file, error,
                              "belongs to user %u, not to the issuer's user %u\nRun: chown %u %s/%s",
                              (unsigned) st->st_uid, (unsigned) geteuid(), (unsigned) geteuid(), s->shown,
                              file);
        if (g_str_has_suffix(file, STORE_SUFFIX_KEY) && (st->st_mode & 0077))
                return unsafe(s, file, error,
                              "has mode %04o, so that others could have read it\nRun: chmod 0600 %s/%s; "
                              "begin a new authority if someone may have.",
                              (unsigned) st->st_mode & 07777, s->shown, file);
        if (st->st_mode & 0022)
                return unsafe(s, file, error,
                              "has mode %04o, so that others can change it\nRun: chmod go-w %s/%s",
                              (unsigned) st->st_mode & 07777, s->shown, file);
        return true;
}

static bool read_all(const Store *s, const char *file, int fd, size_t size, GBytes **ret, GError **error)
{
        g_autofree unsigned char *data = g_malloc(size + 1);
        size_t have = 0;

        while (have < size) {
                ssize_t n = read(fd, data + have, size - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return io_error(s, file, "read", error);
                if (n == 0)
                        break;
                have += n;
        }
        *ret = secret_bytes_new(data, have);
        gnutls_memset(data, 0, have);
        return true;
}

bool store_read(const Store *s, const char *file, size_t max, GBytes **ret, GError **error)
{
        int fd = openat(s->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st;
        bool good;

        if (fd < 0 && errno == ENOENT) {
                *ret = NULL;
                return true;
        }
        if (fd < 0 && errno == ELOOP)
                return unsafe(s, file, error, "is a link, but must be a file\nRestore it from a backup.");
        if (fd < 0)
                return io_error(s, file, "opened", error);
        good = fstat(fd, &st) >= 0 || io_error(s, file, "looked at", error);
        good = good && check_file(s, file, max, &st, error) &&
               read_all(s, file, fd, (size_t) st.st_size, ret, error);
        close(fd);
        return good;
}

/* ---- Writing ---- */

static bool write_all(int fd, const unsigned char *data, size_t size)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = write(fd, data + done, size - done);

                if (n < 0 && errno != EINTR)
                        return false;
                if (n > 0)
                        done += n;
        }
        return fsync(fd) >= 0;
}

static bool sync_folder(const Store *s, GError **error)
{
        return fsync(s->fd) >= 0 || io_error(s, "", "synced", error);
}

/* "." is the folder itself. */
static bool sync_folder_in(const Store *s, const char *folder, GError **error)
{
        int fd = openat(s->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        bool good = (fd >= 0 && fsync(fd) >= 0) || io_error(s, folder, "synced", error);

        if (fd >= 0)
                close(fd);
        return good;
}

bool store_make_folder(Store *s, const char *folder, GError **error)
{
        if (mkdirat(s->fd, folder, 0700) < 0 && errno != EEXIST)
                return io_error(s, folder, "made", error);
        return sync_folder(s, error); /* also where it was there: who made it may have been cut off */
}

/* Under the lock, so that one name for the unfinished file is enough; a crash's is begun anew. */
bool store_write(Store *s, const char *file, GBytes *content, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(file), *base = g_path_get_basename(file);
        g_autofree char *staged = g_strconcat(folder, "/" STAGED_PREFIX, base, NULL);
        size_t size;
        const unsigned char *data = g_bytes_get_data(content, &size);
        int fd;
        bool good;

        if (unlinkat(s->fd, staged, 0) < 0 && errno != ENOENT)
                return io_error(s, staged, "removed", error);
        fd = openat(s->fd, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    g_str_has_suffix(file, STORE_SUFFIX_KEY) ? 0600 : 0644);
        if (fd < 0)
                return io_error(s, staged, "made", error);
        good = write_all(fd, data, size) || io_error(s, file, "written", error);
        close(fd);
        if (good && renameat(s->fd, staged, s->fd, file) < 0)
                good = io_error(s, file, "made", error);
        if (!good)
                (void) unlinkat(s->fd, staged, 0);
        return good && sync_folder_in(s, folder, error);
}

bool store_rename(Store *s, const char *from, const char *to, GError **error)
{
        return (renameat(s->fd, from, s->fd, to) >= 0 || io_error(s, from, "renamed", error)) &&
               sync_folder(s, error);
}

bool store_link(Store *s, const char *from, const char *to, GError **error)
{
        return (linkat(s->fd, from, s->fd, to, 0) >= 0 || io_error(s, to, "made", error)) &&
               sync_folder(s, error);
}

bool store_remove(Store *s, const char *file, GError **error)
{
        if (unlinkat(s->fd, file, 0) < 0)
                return errno == ENOENT || io_error(s, file, "removed", error);
        return sync_folder(s, error);
}

bool store_remove_folder(Store *s, const char *folder, GError **error)
{
        return (unlinkat(s->fd, folder, AT_REMOVEDIR) >= 0 || io_error(s, folder, "removed", error)) &&
               sync_folder(s, error);
}

bool store_move(Store *s, const char *file, const char *folder, GError **error)
{
        int fd;
        bool good;

        if (mkdirat(s->fd, folder, 0700) < 0 && errno != EEXIST)
                return io_error(s, folder, "made", error);
        fd = openat(s->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return io_error(s, folder, "opened", error);
        good = (renameat(s->fd, file, fd, file) >= 0 && fsync(fd) >= 0) ||
               io_error(s, file, "put aside", error);
        close(fd);
        return good && sync_folder(s, error);
}

bool store_clean(Store *s, GError **error)
{
        return store_clean_in(s, ".", error);
}

bool store_clean_in(Store *s, const char *folder, GError **error)
{
        int fd = openat(s->fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *entry;
        bool good = true;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return io_error(s, folder, "listed", error);
        }
        while (good && (entry = readdir(dir)))
                if (g_str_has_prefix(entry->d_name, STAGED_PREFIX))
                        good = unlinkat(dirfd(dir), entry->d_name, 0) >= 0 || errno == ENOENT ||
                               io_error(s, entry->d_name, "removed", error);
        closedir(dir);
        return good;
}

bool store_append(Store *s, const char *file, uint64_t size, const void *data, size_t data_size,
                  GError **error)
{
        int fd = openat(s->fd, file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
        bool good;

        if (fd < 0)
                return io_error(s, file, "opened", error);
        good = ftruncate(fd, (off_t) size) >= 0 && lseek(fd, 0, SEEK_END) == (off_t) size &&
               write_all(fd, data, data_size);
        if (!good)
                io_error(s, file, "written", error);
        close(fd);
        return good && (size > 0 || sync_folder(s, error));
}

/* ---- Watching ---- */

#define WATCH_FOLDER                                                                                         \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB |      \
         IN_DELETE_SELF | IN_MOVE_SELF)
#define WATCH_PARENT (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

bool store_watch(const char *name, int inotify, GError **error)
{
        g_autofree char *shown = g_build_filename(CERT_AUTHORITY_DIR, name, NULL);
        g_autofree char *path = host_path(shown), *parent = host_path(CERT_AUTHORITY_DIR);
        const Store s = { .shown = shown };

        /* Where no systemd has made it (StateDirectory=). */
        if (g_mkdir_with_parents(parent, 0700) < 0)
                return io_error(&s, "", "watched", error);
        /* The parent first: a folder that is made between the two is seen there. */
        if (inotify_add_watch(inotify, parent, WATCH_PARENT | IN_ONLYDIR) < 0)
                return io_error(&s, "", "watched", error);
        return inotify_add_watch(inotify, path, WATCH_FOLDER | IN_ONLYDIR | IN_DONT_FOLLOW) >= 0 ||
               errno == ENOENT || io_error(&s, "", "watched", error);
}

/* ---- Marks ---- */

/* A file system's clock ticks some milliseconds: a change so soon after the last one may not be seen. */
#define SETTLED_NSEC (INT64_C(50) * 1000 * 1000)

typedef struct MarkFile {
        char *path;
        bool there;
        dev_t device;
        ino_t inode;
        int64_t changed_ns; /* ctime */
} MarkFile;

struct StoreMark {
        bool settled;
        size_t n;
        MarkFile files[]; /* the folder first */
};

static int64_t to_ns(const struct timespec *t)
{
        return (int64_t) t->tv_sec * 1000000000 + t->tv_nsec;
}

StoreFile store_file(const Store *s, const char *file)
{
        StoreFile f = { 0 };
        struct stat st;

        if (fstatat(s->fd, file, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                f.inode = st.st_ino;
                f.size = (uint64_t) st.st_size;
                f.changed_ns = to_ns(&st.st_ctim);
                f.modified_ns = to_ns(&st.st_mtim);
        }
        return f;
}

static MarkFile mark_file(const char *path)
{
        MarkFile m = { 0 };
        struct stat st;

        m.there = lstat(path, &st) >= 0;
        if (m.there) {
                m.device = st.st_dev;
                m.inode = st.st_ino;
                m.changed_ns = to_ns(&st.st_ctim);
        }
        return m;
}

StoreMark *store_mark_new(const Store *s, const char *const *files)
{
        size_t n = 1 + g_strv_length((char **) files);
        StoreMark *m = g_malloc0(sizeof(StoreMark) + n * sizeof(MarkFile));
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        m->n = n;
        m->settled = true;
        for (size_t i = 0; i < n; i++) {
                char *path = i == 0 ? g_strdup(s->path) : g_build_filename(s->path, files[i - 1], NULL);

                m->files[i] = mark_file(path);
                m->files[i].path = path;
                if (m->files[i].there && ABS(to_ns(&now) - m->files[i].changed_ns) < SETTLED_NSEC)
                        m->settled = false;
        }
        return m;
}

StoreMark *store_mark_free(StoreMark *m)
{
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n; i++)
                g_free(m->files[i].path);
        g_free(m);
        return NULL;
}

bool store_mark_is_current(const StoreMark *m)
{
        for (size_t i = 0; m->settled && i < m->n; i++) {
                const MarkFile *was = &m->files[i];
                MarkFile is = mark_file(was->path);

                if (is.there != was->there || is.device != was->device || is.inode != was->inode ||
                    is.changed_ns != was->changed_ns)
                        return false;
        }
        return m->settled;
}
