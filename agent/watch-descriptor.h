/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

/* An inotify instance that another process has put its watches into (org.certagent1.Authority's Watch):
 * something changed where the agent cannot look. That process may hold it still, so what comes out of it is
 * hostile. */

typedef struct WatchDescriptor WatchDescriptor;

/* Something changed; with `over` the instance is of no use any more: a watch in it is gone, it failed or it
 * floods. The callback may free `d`. `why` is NULL or what is wrong, as no watch that is well behaved does
 * it. */
typedef void (*WatchDescriptorChanged)(WatchDescriptor *d, bool over, const char *why, void *userdata);

/* Takes the descriptor, in any case. NULL with errno when it cannot be waited for. */
WatchDescriptor *watch_descriptor_new(sd_event *event, const char *name, int fd,
                                      WatchDescriptorChanged changed, void *userdata);
WatchDescriptor *watch_descriptor_free(WatchDescriptor *d); /* NULL is fine; returns NULL */

const char *watch_descriptor_name(const WatchDescriptor *d);
