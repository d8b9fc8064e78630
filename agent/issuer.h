/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"
#include "agent/offload.h"
#include "agent/signer.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* Issuer processes: the connections to them and the calls on these. A connection goes to the socket of the
 * issuer's type (PID 1 starts the worker), or where there is none to a program that is spawned; it belongs to one issuer,
 * carries one call at a time, is kept for a while, then closed. What a process does wrong (dies, hangs, floods) ends its
 * connection and the one call on it. */

typedef struct IssuerPool IssuerPool;
typedef struct IssuerCall IssuerCall;

/* Appends the call's arguments after `config`, when its turn has come. Returns as sd-bus does. */
typedef int (*IssuerFill)(sd_bus_message *m, void *userdata);

/* The answer, or the error; exactly one is set. Called once from the loop, never from within issuer_call(); the
 * call is gone. ISSUER_UNREACHABLE: no connection; ISSUER_TIMEOUT; ISSUER_PROTOCOL: the connection ended or was
 * ended; else what the issuer replied with. */
typedef void (*IssuerReply)(sd_bus_message *reply, const GError *error, void *userdata);

/* `offload` (for signatures) may be NULL where no call has keys. */
IssuerPool *issuer_pool_new(sd_event *event, Offload *offload);
IssuerPool *issuer_pool_free(IssuerPool *p); /* ends all without calling back, and the processes it spawned */
unsigned issuer_pool_active(const IssuerPool *p); /* calls under way or waiting for their turn */

/* Calls `member` of `interface` (CERT_INTERFACE_ISSUER or CERT_INTERFACE_AUTHORITY; both static). `issuer` must outlive
 * the call. `keys` (may be NULL; its keyholder and issuer are set here) are held while it lasts; with any call of an issuer
 * that has an account its process may open that.
 *
 * At most issuer_config_connections() calls of an issuer are under way at once, the others wait for their turn, and one
 * issuer that hangs holds up no other. A call that fails with ISSUER_UNREACHABLE or ISSUER_TIMEOUT fails those of the same
 * issuer that wait then with the same error, at once: a CA that is down costs one time-out, however many certificates
 * hang on it. Those under way go on, and later ones are tried. */
IssuerCall *issuer_call(IssuerPool *p, const ManifestIssuer *issuer, const char *interface, const char *member,
                        IssuerFill fill, const SignerKeys *keys, IssuerReply done, void *userdata);
/* It lasts until the issuer answers or the connection ends; right after issuer_call(). */
void issuer_call_without_deadline(IssuerCall *c);
IssuerCall *issuer_call_discard(IssuerCall *c);
