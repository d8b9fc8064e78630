/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One connection to an issuer process. It owns the bus, the Signer offered there and a second descriptor of
 * the socket, by which it sees how much arrives before sd-bus reads it: sd-bus itself would take messages of
 * up to 128 MiB into memory. */

#include "agent/issuer-connection.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* An honest answer holds 16 + 64 certificates of at most 64 KiB; what lies in the socket may be counted more
 * than once, so this leaves room. */
#define CALL_BYTES_MAX (16 * 1024 * 1024)
#define IDLE_BYTES_MAX (64 * 1024)

struct IssuerConnection {
        sd_bus *bus;
        sd_bus_slot *disconnected;
        Signer *signer;
        int watched_fd;
        sd_event_source *watch;
        uint64_t received, received_max;
        IssuerConnectionEnded ended;
        void *userdata;
};

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        IssuerConnection *c = userdata;

        c->ended(c, /* flooded= */ false, c->userdata);
        return 0;
}

/* Edge-triggered: each time more has arrived, what waits to be read is added up. */
static int on_arrival(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        IssuerConnection *c = userdata;
        int n = 0;

        if (ioctl(fd, SIOCINQ, &n) < 0 || n <= 0)
                return 0;
        c->received += n;
        if (c->received > c->received_max) {
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
                c->ended(c, /* flooded= */ true, c->userdata);
        }
        return 0;
}

/* Before sd-bus reads (priority), on a descriptor of its own: epoll takes each just once. */
static int watch(IssuerConnection *c, sd_event *event)
{
        int r = sd_event_add_io(event, &c->watch, c->watched_fd, EPOLLIN | EPOLLET, on_arrival, c);

        return r < 0 ? r : sd_event_source_set_priority(c->watch, SD_EVENT_PRIORITY_NORMAL - 1);
}

static int set_up(IssuerConnection *c, sd_event *event, Offload *offload)
{
        int r = c->watched_fd < 0 ? -errno : watch(c, event);

        if (r >= 0)
                r = sd_bus_match_signal(c->bus, &c->disconnected, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, c);
        if (r >= 0) {
                c->signer = signer_new(c->bus, offload);
                r = c->signer ? 0 : -ENOMEM;
        }
        return r;
}

IssuerConnection *issuer_connection_new(sd_event *event, sd_bus *bus, Offload *offload,
                                        IssuerConnectionEnded ended, void *userdata, GError **error)
{
        IssuerConnection *c = g_new0(IssuerConnection, 1);
        int r;

        c->bus = bus;
        c->ended = ended;
        c->userdata = userdata;
        c->received_max = IDLE_BYTES_MAX;
        c->watched_fd = fcntl(sd_bus_get_fd(bus), F_DUPFD_CLOEXEC, 3);
        r = set_up(c, event, offload);
        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "connecting to an issuer: %s",
                            g_strerror(-r));
                return issuer_connection_free(c);
        }
        return c;
}

IssuerConnection *issuer_connection_free(IssuerConnection *c)
{
        if (!c)
                return NULL;
        signer_free(c->signer);
        sd_event_source_disable_unref(c->watch);
        if (c->watched_fd >= 0)
                close(c->watched_fd);
        sd_bus_slot_unref(c->disconnected);
        sd_bus_close_unref(c->bus); /* what was not written yet is dropped: nobody waits for the other side */
        g_free(c);
        return NULL;
}

sd_bus *issuer_connection_bus(IssuerConnection *c)
{
        return c->bus;
}

void issuer_connection_begin(IssuerConnection *c, const SignerKeys *keys)
{
        c->received = 0;
        c->received_max = CALL_BYTES_MAX;
        if (keys)
                signer_open(c->signer, keys);
}

void issuer_connection_end(IssuerConnection *c)
{
        c->received = 0;
        c->received_max = IDLE_BYTES_MAX;
        signer_close(c->signer);
}
