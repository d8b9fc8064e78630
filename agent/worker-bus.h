/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* The bus to a worker: a connection of agent/worker.h on which the other side may send so much and no more. */

typedef struct WorkerBus WorkerBus;

/* From the loop, at most once: the other side closed, died, or sent more than it may (`flooded`). The user then frees
 * the bus. */
typedef void (*WorkerBusEnded)(WorkerBus *b, bool flooded, void *userdata);

/* Takes `fd` in every case. At first nothing is let through: worker_bus_allow(). ISSUER_UNREACHABLE. */
WorkerBus *worker_bus_new(sd_event *event, int fd, WorkerBusEnded ended, void *userdata, GError **error);
/* Drops what was not written yet: nobody waits for the other side. */
WorkerBus *worker_bus_free(WorkerBus *b);

/* So many bytes are let through from now on, the answers to sd-bus's own authentication among them. */
void worker_bus_allow(WorkerBus *b, uint64_t bytes);

sd_bus *worker_bus_get(WorkerBus *b); /* borrowed */
