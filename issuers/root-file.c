/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files with roots: read fresh with each call, for they are small and may be others now. It owns nothing. */

#include "issuers/root-file.h"

#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int read_regular(int fd, size_t max, GBytes **ret_content, struct stat *ret_stat)
{
        g_autofree char *text = NULL;
        ssize_t n;

        if (fstat(fd, ret_stat) < 0)
                return -errno;
        if (!S_ISREG(ret_stat->st_mode) || (uint64_t) ret_stat->st_size > max)
                return -EFBIG;
        text = g_malloc((size_t) ret_stat->st_size + 1);
        n = pread(fd, text, (size_t) ret_stat->st_size, 0);
        if (n < 0)
                return -errno;
        *ret_content = g_bytes_new_take(g_steal_pointer(&text), (size_t) n);
        return 0;
}

int root_file_read(const char *path, size_t max, GBytes **ret_content, struct stat *ret_stat)
{
        g_autofree char *opened = host_path(path);
        int fd = open(opened, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;

        if (fd < 0)
                return -errno;
        r = read_regular(fd, max, ret_content, ret_stat);
        close(fd);
        return r;
}
