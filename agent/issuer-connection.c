/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One connection to an issuer process. It owns the bus and the Signer offered on it. */

#include "agent/issuer-connection.h"

#include "agent/worker-bus.h"
#include "common/error.h"

#include <errno.h>

/* An honest answer holds 16 + 64 certificates of at most 64 KiB, and the calls of the Signer. */
#define CALL_BYTES_MAX (8 * 1024 * 1024)
#define IDLE_BYTES_MAX (64 * 1024)

struct IssuerConnection {
        WorkerBus *bus;
        Signer *signer;
        IssuerConnectionEnded ended;
        void *userdata;
};

static void on_ended(WorkerBus *b, bool flooded, void *userdata)
{
        IssuerConnection *c = userdata;

        c->ended(c, flooded, c->userdata);
}

IssuerConnection *issuer_connection_new(sd_event *event, int fd, Offload *offload,
                                        IssuerConnectionEnded ended, void *userdata, GError **error)
{
        IssuerConnection *c = g_new0(IssuerConnection, 1);

        c->ended = ended;
        c->userdata = userdata;
        c->bus = worker_bus_new(event, fd, on_ended, c, error);
        if (!c->bus)
                return issuer_connection_free(c);
        worker_bus_allow(c->bus, IDLE_BYTES_MAX);
        c->signer = signer_new(worker_bus_get(c->bus), offload);
        if (!c->signer) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "connecting to an issuer: %s",
                            g_strerror(ENOMEM));
                return issuer_connection_free(c);
        }
        return c;
}

IssuerConnection *issuer_connection_free(IssuerConnection *c)
{
        if (!c)
                return NULL;
        signer_free(c->signer);
        worker_bus_free(c->bus);
        g_free(c);
        return NULL;
}

sd_bus *issuer_connection_bus(IssuerConnection *c)
{
        return worker_bus_get(c->bus);
}

void issuer_connection_begin(IssuerConnection *c, const SignerKeys *keys)
{
        worker_bus_allow(c->bus, CALL_BYTES_MAX);
        if (keys)
                signer_open(c->signer, keys);
}

void issuer_connection_end(IssuerConnection *c)
{
        worker_bus_allow(c->bus, IDLE_BYTES_MAX);
        signer_close(c->signer);
}
