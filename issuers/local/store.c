/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a local authority. It owns the folder's descriptor and, while it is held, the lock on it. */

#include "issuers/local/store.h"

#include "common/error.h"
#include "common/names.h"
#include "common/path.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (64 * 1024)

static const char *const file_names[2] = { "ca.key", "ca.pem" };
enum { KEY, CERTIFICATE };

struct Store {
        char *shown; /* the folder's path, for people */
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

/* ---- Secrets ---- */

typedef struct Secret {
        size_t size;
        unsigned char data[];
} Secret;

static void secret_free(void *p)
{
        Secret *secret = p;

        gnutls_memset(secret->data, 0, secret->size);
        g_free(secret);
}

GBytes *store_secret_new(const void *data, size_t size)
{
        Secret *secret = g_malloc(sizeof(Secret) + size);

        secret->size = size;
        memcpy(secret->data, data, size);
        return g_bytes_new_with_free_func(secret->data, size, secret_free, secret);
}

void store_content_clear(StoreContent *c)
{
        g_clear_pointer(&c->key, g_bytes_unref);
        g_clear_pointer(&c->certificate, g_bytes_unref);
}

/* ---- The folder ---- */

static bool check_folder(const Store *s, GError **error)
{
        struct stat st;

        if (fstat(s->fd, &st) < 0)
                return io_error(s, "", "looked at", error);
        if (st.st_uid != geteuid())
                return unsafe(s, "", error,
                              "belongs to user %u, not to the issuer's user %u\nRun: chown -R %u %s",
                              (unsigned) st.st_uid, (unsigned) geteuid(), (unsigned) geteuid(), s->shown);
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

Store *store_open(const char *name, GError **error)
{
        g_autoptr(Store) s = g_new0(Store, 1);
        g_autofree char *path = NULL;
        bool made;

        s->fd = -1;
        s->shown = g_build_filename(CERT_AUTHORITY_DIR, name, NULL);
        path = host_path(s->shown);
        made = g_mkdir_with_parents(path, 0700) == 0; /* also when it was there */
        if (made)
                s->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (s->fd < 0) {
                io_error(s, "", made ? "opened" : "made", error);
                return NULL;
        }
        return check_folder(s, error) && sync_parent(s, path, error) ? g_steal_pointer(&s) : NULL;
}

Store *store_free(Store *s)
{
        if (!s)
                return NULL;
        if (s->fd >= 0)
                close(s->fd); /* and the lock */
        g_free(s->shown);
        g_free(s);
        return NULL;
}

bool store_lock(Store *s, GError **error)
{
        while (flock(s->fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return io_error(s, "", "locked", error);
        return true;
}

/* ---- Reading ---- */

static bool check_file(const Store *s, int which, const struct stat *st, GError **error)
{
        const char *file = file_names[which];

        if (!S_ISREG(st->st_mode) || st->st_size > FILE_MAX)
                return unsafe(s, file, error,
                              "is no regular file of at most 64 KiB\nRestore it from a backup.");
        if (st->st_uid != geteuid())
                return unsafe(s, file, error,
                              "belongs to user %u, not to the issuer's user %u\nRun: chown %u %s/%s",
                              (unsigned) st->st_uid, (unsigned) geteuid(), (unsigned) geteuid(), s->shown,
                              file);
        if (which == KEY && (st->st_mode & 0077))
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

static bool read_all(const Store *s, int which, int fd, size_t size, GBytes **ret, GError **error)
{
        g_autofree unsigned char *data = g_malloc(size + 1);
        size_t have = 0;

        while (have < size) {
                ssize_t n = read(fd, data + have, size - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return io_error(s, file_names[which], "read", error);
                if (n == 0)
                        break;
                have += n;
        }
        *ret = store_secret_new(data, have);
        gnutls_memset(data, 0, have);
        return true;
}

/* A missing file leaves *ret NULL. */
static bool read_file(const Store *s, int which, GBytes **ret, StoreMark *mark, GError **error)
{
        int fd = openat(s->fd, file_names[which], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat st;
        bool good;

        if (fd < 0)
                return errno == ENOENT || io_error(s, file_names[which], "opened", error);
        good = fstat(fd, &st) >= 0 || io_error(s, file_names[which], "looked at", error);
        good = good && check_file(s, which, &st, error) && read_all(s, which, fd, st.st_size, ret, error);
        close(fd);
        if (good) {
                mark->device = st.st_dev;
                mark->inode[which] = st.st_ino;
                mark->changed_ns[which] = (int64_t) st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
        }
        return good;
}

bool store_read(Store *s, StoreContent *content, GError **error)
{
        store_content_clear(content);
        /* The certificate first: it is written last, so whoever finds it finds the key. */
        return read_file(s, CERTIFICATE, &content->certificate, &content->mark, error) &&
               read_file(s, KEY, &content->key, &content->mark, error);
}

bool store_mark_is_current(const char *name, const StoreMark *mark)
{
        for (int which = 0; which < 2; which++) {
                g_autofree char *shown = g_build_filename(CERT_AUTHORITY_DIR, name, file_names[which], NULL);
                g_autofree char *path = host_path(shown);
                struct stat st;

                if (lstat(path, &st) < 0 || st.st_dev != mark->device || st.st_ino != mark->inode[which] ||
                    (int64_t) st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec != mark->changed_ns[which])
                        return false;
        }
        return true;
}

/* ---- Writing ---- */

static bool write_all(int fd, GBytes *bytes)
{
        size_t size, done = 0;
        const unsigned char *data = g_bytes_get_data(bytes, &size);

        while (done < size) {
                ssize_t n = write(fd, data + done, size - done);

                if (n < 0 && errno != EINTR)
                        return false;
                if (n > 0)
                        done += n;
        }
        return fsync(fd) >= 0;
}

/* Under the lock, so that one name for the unfinished file is enough; a crash's is begun anew. linkat() and
 * not rename(): what is there is never replaced. */
static bool write_file(Store *s, int which, mode_t mode, GBytes *pem, GError **error)
{
        g_autofree char *staged = g_strdup_printf(".%s.new", file_names[which]);
        int fd;
        bool good;

        if (unlinkat(s->fd, staged, 0) < 0 && errno != ENOENT)
                return io_error(s, staged, "removed", error);
        fd = openat(s->fd, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return io_error(s, staged, "made", error);
        good = write_all(fd, pem) || io_error(s, file_names[which], "written", error);
        close(fd);
        if (good && linkat(s->fd, staged, s->fd, file_names[which], 0) < 0)
                good = io_error(s, file_names[which], "made", error);
        (void) unlinkat(s->fd, staged, 0);
        if (good && fsync(s->fd) < 0)
                good = io_error(s, "", "synced", error);
        return good;
}

bool store_write_key(Store *s, GBytes *pem, GError **error)
{
        return write_file(s, KEY, 0600, pem, error);
}

bool store_write_certificate(Store *s, GBytes *pem, GError **error)
{
        return write_file(s, CERTIFICATE, 0644, pem, error);
}
