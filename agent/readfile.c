/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading files safely
 *
 * The one way in which managed files, records and caches are read. The type is looked at before the file is
 * opened (opening a device may already do something), and again once it is open (it may have been replaced).
 */

#include "agent/readfile.h"

#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#define NSEC_PER_SEC UINT64_C(1000000000)
#define TICK_NSEC UINT64_C(20000000)   /* times are stamped by the kernel's tick: 10 ms at most, twice that */
#define COARSE_NSEC (2 * NSEC_PER_SEC) /* file systems that keep whole seconds, or two (FAT) */

/* Reads up to `size` bytes; fewer when the file was cut meanwhile. */
static bool read_whole(int fd, uint8_t *data, size_t size, size_t *ret_n)
{
        size_t n = 0;

        while (n < size) {
                ssize_t k = read(fd, data + n, size - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return false;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        *ret_n = n;
        return true;
}

static ReadOutcome outcome_of_errno(void)
{
        switch (errno) {
        case ENOENT:
        case ENOTDIR:
                return READ_MISSING;
        case ELOOP: /* O_NOFOLLOW */
        case ENXIO: /* a socket */
                return READ_UNUSABLE;
        default:
                return READ_FAILED;
        }
}

ReadOutcome readfile_at(int folder, const char *name, size_t max, GBytes **ret_content, struct stat *ret_stat)
{
        Secret *s = NULL;
        struct stat st;
        size_t n;
        int fd, saved;

        if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return outcome_of_errno();
        if (!S_ISREG(st.st_mode) || (uint64_t) st.st_size > max)
                return READ_UNUSABLE;
        fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return outcome_of_errno();
        if (fstat(fd, &st) < 0)
                goto fail;
        if (!S_ISREG(st.st_mode) || (uint64_t) st.st_size > max) {
                close(fd);
                return READ_UNUSABLE;
        }
        s = secret_new((size_t) st.st_size);
        if (!read_whole(fd, s->data, s->size, &n))
                goto fail;
        close(fd);
        *ret_content = secret_to_bytes(s, n);
        if (ret_stat)
                *ret_stat = st;
        return READ_DONE;

fail:
        saved = errno;
        secret_free(s);
        close(fd);
        errno = saved;
        return READ_FAILED;
}

static uint64_t nsec_of(const struct timespec *t)
{
        return (uint64_t) t->tv_sec * NSEC_PER_SEC + (uint64_t) t->tv_nsec;
}

FileIdentity file_identity(const struct stat *st)
{
        return (FileIdentity) {
                .dev = st->st_dev,
                .ino = st->st_ino,
                .size = (uint64_t) st->st_size,
                .mtime_ns = nsec_of(&st->st_mtim),
                .ctime_ns = nsec_of(&st->st_ctim),
        };
}

bool file_identity_equal(const FileIdentity *a, const FileIdentity *b)
{
        return a->ino == b->ino && a->ctime_ns == b->ctime_ns && a->mtime_ns == b->mtime_ns && a->size == b->size &&
               a->dev == b->dev;
}

bool file_identity_is_settled(const FileIdentity *id, uint64_t now_ns)
{
        uint64_t distance = now_ns > id->ctime_ns ? now_ns - id->ctime_ns : id->ctime_ns - now_ns;

        return distance > (id->ctime_ns % NSEC_PER_SEC == 0 ? COARSE_NSEC : TICK_NSEC);
}
