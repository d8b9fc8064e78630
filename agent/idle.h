/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/bus.h"
#include "agent/credential-socket.h"

/* The idle exit: after some time without messages, peers or work the agent ends, in such a way that no call is lost:
 * what comes in while it gives up its name is still answered, and what comes later starts the next one. */

typedef struct Idle Idle;

/* `usec` 0: never. `system_bus` may be NULL. All are borrowed. */
Idle *idle_new(sd_event *event, Bus *bus, CredentialSocket *credentials, sd_bus *system_bus, uint64_t usec);
Idle *idle_free(Idle *i);

/* The same on request (SIGTERM): work that is under way is not awaited. */
void idle_stop_now(Idle *i);
