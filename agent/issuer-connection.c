/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One connection to an issuer process. It owns the bus, the intake that bounds what the bus reads, and the
 * Signer offered on it. */

#include "agent/issuer-connection.h"

#include "agent/intake.h"
#include "common/error.h"
#include "common/peer.h"

#include <errno.h>
#include <unistd.h>

/* An honest answer holds 16 + 64 certificates of at most 64 KiB, and the calls of the Signer. */
#define CALL_BYTES_MAX (8 * 1024 * 1024)
#define IDLE_BYTES_MAX (64 * 1024)

struct IssuerConnection {
        sd_bus *bus;
        sd_bus_slot *disconnected;
        Signer *signer;
        Intake *intake;
        IssuerConnectionEnded ended;
        void *userdata;
};

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        IssuerConnection *c = userdata;

        c->ended(c, /* flooded= */ false, c->userdata);
        return 0;
}

static void on_flooded(void *userdata)
{
        IssuerConnection *c = userdata;

        c->ended(c, /* flooded= */ true, c->userdata);
}

static bool connection_failed(int r, GError **error)
{
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "connecting to an issuer: %s",
                            g_strerror(-r));
        return r < 0;
}

/* The bus writes to the socket itself, and reads what the intake lets through. */
static bool connect_bus(IssuerConnection *c, sd_event *event, int fd, GError **error)
{
        int in;

        c->intake = intake_new(event, fd, on_flooded, c, &in);
        if (!c->intake) {
                connection_failed(-errno, error);
                close(fd);
                return false;
        }
        intake_allow(c->intake, IDLE_BYTES_MAX);
        return peer_connect_fds(event, in, fd, &c->bus, error);
}

IssuerConnection *issuer_connection_new(sd_event *event, int fd, Offload *offload,
                                        IssuerConnectionEnded ended, void *userdata, GError **error)
{
        IssuerConnection *c = g_new0(IssuerConnection, 1);
        int r;

        c->ended = ended;
        c->userdata = userdata;
        if (!connect_bus(c, event, fd, error))
                return issuer_connection_free(c);
        r = sd_bus_match_signal(c->bus, &c->disconnected, NULL, "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, c);
        if (r >= 0) {
                c->signer = signer_new(c->bus, offload);
                r = c->signer ? 0 : -ENOMEM;
        }
        return connection_failed(r, error) ? issuer_connection_free(c) : c;
}

IssuerConnection *issuer_connection_free(IssuerConnection *c)
{
        if (!c)
                return NULL;
        signer_free(c->signer);
        intake_free(c->intake);
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
        intake_allow(c->intake, CALL_BYTES_MAX);
        if (keys)
                signer_open(c->signer, keys);
}

void issuer_connection_end(IssuerConnection *c)
{
        intake_allow(c->intake, IDLE_BYTES_MAX);
        signer_close(c->signer);
}
