/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A watch of an authority's folder. It owns the inotify instance and the call that waits. Events are never read: that
 * there are any is all that counts, and before each answer a new instance takes the place of the one that has them.
 * So the folder is found again after it came or went, no overflow is lost, and what happens after the answer's look
 * is in the new instance. */

#include "issuers/local/folder-watch.h"

#include "common/error.h"
#include "common/timespan.h"
#include "issuers/local/store.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define GATHER_USEC (50 * USEC_PER_MSEC)

struct FolderWatch {
        sd_event *event;
        char *authority;
        int fd;
        sd_event_source *readable; /* on while a call waits */
        sd_event_source *gathered;
        sd_bus_message *call;
        bool broken;
};

static bool watch_anew(FolderWatch *w, GError **error);

static int on_gathered(sd_event_source *s, uint64_t usec, void *userdata)
{
        FolderWatch *w = userdata;
        sd_bus_message *call = g_steal_pointer(&w->call);
        sd_bus_error refusal = SD_BUS_ERROR_NULL;
        g_autoptr(GError) error = NULL;

        w->broken = !watch_anew(w, &error);
        if (w->broken) {
                (void) cert_error_to_bus(error, &refusal);
                (void) sd_bus_reply_method_error(call, &refusal);
        } else
                (void) sd_bus_reply_method_return(call, NULL);
        sd_bus_error_free(&refusal);
        sd_bus_message_unref(call);
        return 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        FolderWatch *w = userdata;
        int r = sd_event_source_set_enabled(s, SD_EVENT_OFF);

        if (r >= 0)
                r = sd_event_source_set_time_relative(w->gathered, GATHER_USEC);
        return r < 0 ? r : sd_event_source_set_enabled(w->gathered, SD_EVENT_ONESHOT);
}

static bool failed(int r, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "watching an authority's folder: %s",
                            g_strerror(-r));
        return r < 0;
}

/* A new instance with the watches, in the place of the one before. */
static bool watch_anew(FolderWatch *w, GError **error)
{
        int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), r;
        sd_event_source *readable = NULL;

        if (fd < 0)
                return !failed(-errno, error);
        if (!store_watch(w->authority, fd, error)) {
                close(fd);
                return false;
        }
        r = sd_event_add_io(w->event, &readable, fd, EPOLLIN, on_readable, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(readable, SD_EVENT_OFF);
        if (failed(r, error)) {
                sd_event_source_disable_unref(readable);
                close(fd);
                return false;
        }
        sd_event_source_disable_unref(w->readable);
        w->readable = readable;
        if (w->fd >= 0)
                close(w->fd);
        w->fd = fd;
        return true;
}

FolderWatch *folder_watch_new(sd_event *event, const char *authority, GError **error)
{
        FolderWatch *w = g_new0(FolderWatch, 1);
        int r;

        w->event = sd_event_ref(event);
        w->authority = g_strdup(authority);
        w->fd = -1;
        r = sd_event_add_time_relative(event, &w->gathered, CLOCK_MONOTONIC, 0, 1, on_gathered, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->gathered, SD_EVENT_OFF);
        return failed(r, error) || !watch_anew(w, error) ? folder_watch_free(w) : w;
}

FolderWatch *folder_watch_free(FolderWatch *w)
{
        if (!w)
                return NULL;
        sd_bus_message_unref(w->call);
        sd_event_source_disable_unref(w->gathered);
        sd_event_source_disable_unref(w->readable);
        if (w->fd >= 0)
                close(w->fd);
        sd_event_unref(w->event);
        g_free(w->authority);
        g_free(w);
        return NULL;
}

bool folder_watch_is_of(const FolderWatch *w, const char *authority)
{
        return !w->broken && g_str_equal(w->authority, authority);
}

int folder_watch_answer(FolderWatch *w, sd_bus_message *call)
{
        int r = 0;

        if (w->call)
                r = sd_bus_reply_method_return(w->call, NULL);
        sd_bus_message_unref(w->call);
        w->call = sd_bus_message_ref(call);
        /* Not while it gathers: then the answer is on its way. */
        if (r >= 0 && sd_event_source_get_enabled(w->gathered, NULL) <= 0)
                r = sd_event_source_set_enabled(w->readable, SD_EVENT_ON);
        return r < 0 ? r : 1;
}
