/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A watch in another process's keeping: an inotify instance of the agent's, with watches of that process's.
 * It owns the descriptor. That anything happened is all that is told; of the events only those are looked at
 * that say the watch is gone. What is not drained at once waits in the kernel, which merges and bounds it
 * (inotify(7)). */

#include "agent/watch-descriptor.h"

#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define READ_SIZE  (64 * 1024)
#define READS_MAX  16 /* a mebibyte: the kernel's whole queue of ordinary events */
#define PAUSE_USEC (500 * USEC_PER_MSEC)
#define WAKES_MAX  2 /* in a pause */

struct WatchDescriptor {
        char *name;
        int fd;
        sd_event_source *source;
        WatchDescriptorChanged changed;
        void *userdata;
};

/* What was found in the instance. */
typedef struct Drained {
        bool any;
        bool gone;       /* a watch of it is */
        const char *why; /* it is of no use, or NULL */
} Drained;

/* Whether what was read is whole events; the lengths in it are the other side's word. */
static bool events_look(const uint8_t *bytes, size_t size, bool *ret_gone)
{
        bool gone = false;

        while (size > 0) {
                struct inotify_event event;

                if (size < sizeof(event))
                        return false;
                memcpy(&event, bytes, sizeof(event));
                if (event.len > size - sizeof(event))
                        return false;
                gone |= (event.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0;
                bytes += sizeof(event) + event.len;
                size -= sizeof(event) + event.len;
        }
        *ret_gone |= gone;
        return true;
}

/* The flag is the instance's and not the descriptor's (open(2), "Open file descriptions"): whoever has a copy
 * can take it away, so it is set anew each time. */
static bool set_nonblocking(int fd)
{
        int flags = fcntl(fd, F_GETFL);

        return flags >= 0 && ((flags & O_NONBLOCK) || fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0);
}

static Drained drain(int fd)
{
        g_autofree uint8_t *buffer = g_malloc(READ_SIZE);
        Drained d = { false, false, NULL };

        for (unsigned i = 0; i < READS_MAX; i++) {
                ssize_t n = set_nonblocking(fd) ? read(fd, buffer, READ_SIZE) : -1;

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return d;
                if (n < 0)
                        d.why = g_strerror(errno);
                else if (n == 0)
                        d.why = "it hung up";
                else if (!events_look(buffer, (size_t) n, &d.gone))
                        d.why = "what it says makes no sense";
                if (d.why)
                        return d;
                d.any = true;
        }
        d.why = "it does not stop";
        return d;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        WatchDescriptor *d = userdata;
        Drained drained = drain(fd);

        if (!drained.why && !drained.any && (revents & (EPOLLERR | EPOLLHUP)))
                drained.why = "it hung up";
        if (drained.any || drained.gone || drained.why)
                d->changed(d, drained.gone || drained.why, drained.why, d->userdata);
        return 0;
}

WatchDescriptor *watch_descriptor_new(sd_event *event, const char *name, int fd,
                                      WatchDescriptorChanged changed, void *userdata)
{
        WatchDescriptor *d = g_new0(WatchDescriptor, 1);
        int r;

        *d = (WatchDescriptor){ .name = g_strdup(name), .fd = fd, .changed = changed, .userdata = userdata };
        r = set_nonblocking(fd) ? sd_event_add_io(event, &d->source, fd, EPOLLIN, on_readable, d) : -errno;
        /* Not each event wakes the agent: what the process itself does at a signing is many, and a hostile
         * one could make any number. */
        if (r >= 0)
                r = sd_event_source_set_ratelimit(d->source, PAUSE_USEC, WAKES_MAX);
        if (r >= 0)
                return d;
        watch_descriptor_free(d); /* and the descriptor */
        errno = -r;
        return NULL;
}

WatchDescriptor *watch_descriptor_free(WatchDescriptor *d)
{
        if (!d)
                return NULL;
        sd_event_source_disable_unref(d->source);
        if (d->fd >= 0)
                close(d->fd);
        g_free(d->name);
        g_free(d);
        return NULL;
}

const char *watch_descriptor_name(const WatchDescriptor *d)
{
        return d->name;
}
