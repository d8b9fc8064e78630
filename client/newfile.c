/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* New files: what certctl writes, readable by all or by the caller alone, whatever the umask, and never half. */

#include "client/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *data, size_t length)
{
        while (length > 0) {
                ssize_t n = write(fd, data, length);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                data += n;
                length -= (size_t) n;
        }
        return true;
}

/* link() fails when something is there, rename() replaces it: a device or a link is not to be lost that way. */
static bool put(const char *temporary, const char *opened, bool replace)
{
        struct stat st;

        if (!replace || lstat(opened, &st) < 0)
                return link(temporary, opened) == 0;
        if (S_ISREG(st.st_mode))
                return rename(temporary, opened) == 0;
        errno = EEXIST;
        return false;
}

static int write_new(const char *opened, const char *data, size_t size, mode_t mode, bool replace)
{
        g_autofree char *temporary = g_strconcat(opened, ".XXXXXX", NULL);
        int fd = mkostemp(temporary, O_CLOEXEC), number = 0;

        if (fd < 0)
                return -errno;
        if (!write_all(fd, data, size) || fchmod(fd, mode) < 0 || fsync(fd) < 0 || !put(temporary, opened, replace))
                number = errno;
        (void) unlink(temporary); /* the name beside its place; after a rename there is none */
        close(fd);
        return -number;
}

int newfile_write(const char *opened, const char *text, bool replace)
{
        return write_new(opened, text, strlen(text), 0644, replace);
}

int newfile_write_secret(const char *opened, const void *data, size_t size, bool replace)
{
        return write_new(opened, data, size, 0600, replace);
}
