/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bounded bus to a worker. It owns the bus, the intake that bounds what the bus reads, and the word of its
 * end. */

#include "agent/worker-bus.h"

#include "agent/intake.h"
#include "common/error.h"
#include "common/peer.h"

#include <errno.h>
#include <unistd.h>

struct WorkerBus {
        sd_bus *bus;
        sd_bus_slot *disconnected;
        Intake *intake;
        WorkerBusEnded ended;
        void *userdata;
};

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        WorkerBus *b = userdata;

        b->ended(b, /* flooded= */ false, b->userdata);
        return 0;
}

static void on_flooded(void *userdata)
{
        WorkerBus *b = userdata;

        b->ended(b, /* flooded= */ true, b->userdata);
}

static bool connecting_failed(int r, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "connecting to a worker: %s",
                            g_strerror(-r));
        return r < 0;
}

/* The bus writes to the socket itself, and reads what the intake lets through. */
static bool connect_bus(WorkerBus *b, sd_event *event, int fd, GError **error)
{
        int in;

        b->intake = intake_new(event, fd, on_flooded, b, &in);
        if (!b->intake) {
                connecting_failed(-errno, error);
                close(fd);
                return false;
        }
        return peer_connect_fds(event, in, fd, &b->bus, error);
}

WorkerBus *worker_bus_new(sd_event *event, int fd, WorkerBusEnded ended, void *userdata, GError **error)
{
        WorkerBus *b = g_new0(WorkerBus, 1);
        int r;

        b->ended = ended;
        b->userdata = userdata;
        if (!connect_bus(b, event, fd, error))
                return worker_bus_free(b);
        /* At the loop's end sd-bus would wait until all is written and, before that, authenticated: by a worker that
         * may hang, through an intake that the loop no longer turns. */
        r = sd_bus_set_close_on_exit(b->bus, false);
        if (r >= 0)
                r = sd_bus_match_signal(b->bus, &b->disconnected, NULL, "/org/freedesktop/DBus/Local",
                                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, b);
        return connecting_failed(r, error) ? worker_bus_free(b) : b;
}

WorkerBus *worker_bus_free(WorkerBus *b)
{
        if (!b)
                return NULL;
        intake_free(b->intake);
        sd_bus_slot_unref(b->disconnected);
        sd_bus_close_unref(b->bus);
        g_free(b);
        return NULL;
}

void worker_bus_allow(WorkerBus *b, uint64_t bytes)
{
        intake_allow(b->intake, bytes);
}

sd_bus *worker_bus_get(WorkerBus *b)
{
        return b->bus;
}
