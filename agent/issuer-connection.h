/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/signer.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* One connection to an issuer process: the bus, the Signer on it, and an intake that bounds what the other side sends. */

typedef struct IssuerConnection IssuerConnection;

/* From the loop, at most once: the other side closed, died, or sent more than an answer may hold (`flooded`). The
 * user then frees the connection. */
typedef void (*IssuerConnectionEnded)(IssuerConnection *c, bool flooded, void *userdata);

/* Takes `fd` in every case. ISSUER_UNREACHABLE. */
IssuerConnection *issuer_connection_new(sd_event *event, int fd, Offload *offload, IssuerConnectionEnded ended,
                                        void *userdata, GError **error);
IssuerConnection *issuer_connection_free(IssuerConnection *c);

sd_bus *issuer_connection_bus(IssuerConnection *c); /* borrowed */

/* A call begins or ends: opens and closes the Signer (keys may be NULL), and counts what is received anew. */
void issuer_connection_begin(IssuerConnection *c, const SignerKeys *keys);
void issuer_connection_end(IssuerConnection *c);

