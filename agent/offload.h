/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <systemd/sd-event.h>

/* Work done off the loop: it runs on a thread, and its end comes back to the loop. For what computes long (keys)
 * or may wait for a device (PKCS#11 tokens). */

typedef struct Offload Offload;
typedef struct OffloadJob OffloadJob;

typedef enum OffloadKind {
        OFFLOAD_COMPUTE, /* one thread for each CPU */
        OFFLOAD_DEVICE,  /* may hang with the device: threads of its own, so that it holds up nothing else */
        _OFFLOAD_MAX,
} OffloadKind;

/* `work` runs on a thread and alone may touch `data` meanwhile; then `done` runs in the loop, unless the job was
 * discarded. `destroy` frees `data` when both thread and loop are through with it, on either. */
typedef void (*OffloadFunction)(void *data);

/* NULL with errno set when there are no descriptors left. */
Offload *offload_new(sd_event *event);

/* Ends all without calling back. Work that computes is awaited; work at a device is left to end by itself. */
Offload *offload_free(Offload *o);

/* The job is gone when `done` is called. */
OffloadJob *offload_start(Offload *o, OffloadKind kind, OffloadFunction work, OffloadFunction done, void *data,
                          GDestroyNotify destroy);

/* `done` will not be called; work that has not begun is never begun. NULL is fine. Returns NULL. */
OffloadJob *offload_discard(OffloadJob *j);
