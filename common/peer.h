/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* Peer-to-peer D-Bus over a socket: the one way in which the project's processes speak to one another when
 * no bus daemon stands between them (the agent's private socket, the issuers, the probe). */

/* The server side of a connection. Takes ownership of `fd` in every case. The bus is started and attached to
 * `event`; objects may be added at once. `org.freedesktop.DBus.Hello` is answered, so that busctl(1) works;
 * AddMatch and RemoveMatch are accepted (every peer gets every signal). `sender` is stamped on replies and
 * signals (NULL: none). File descriptors are refused. A message over 128 MiB, or an authentication that takes longer
 * than 25 s, ends the connection (sd-bus's limits). Errors: CERT_ERROR_ISSUER_UNREACHABLE. */
bool peer_serve(sd_event *event, int fd, const char *sender, sd_bus **ret_bus, GError **error);

/* The client side. Takes ownership of `fd` in every case. */
bool peer_connect_fd(sd_event *event, int fd, sd_bus **ret_bus, GError **error);

/* The same over two descriptors, `in` to read from and `out` to write to; takes ownership of both in every case. */
bool peer_connect_fds(sd_event *event, int in, int out, sd_bus **ret_bus, GError **error);

/* Connects to the socket at `path` (as the host has it; host_path() is applied), without blocking for more
 * than `timeout_usec`. CERT_ERROR_ISSUER_UNREACHABLE when nothing listens there. */
bool peer_open(const char *path, uint64_t timeout_usec, int *ret_fd, GError **error);
bool peer_connect(sd_event *event, const char *path, uint64_t timeout_usec, sd_bus **ret_bus, GError **error);

/* A worker's main connection: fd 3, passed by PID 1 (Accept=yes, LISTEN_FDS) or by the agent that spawned it
 * with one end of a socketpair; the worker cannot tell the difference. Fails with a message for a person who
 * typed the program's name when there is none. Sets *ret_fd; the environment's LISTEN_* is unset. */
bool peer_worker_fd(int *ret_fd, GError **error);

/* Runs a worker: serves `vtable` at `path`/`interface` on fd 3 with `userdata` until the other side closes or
 * SIGTERM. Returns the exit status; failures are logged. Handlers find bus and event by sd_bus_message_get_bus() and
 * sd_bus_get_event(). */
int peer_worker_run(const char *path, const char *interface, const sd_bus_vtable *vtable, void *userdata);

/* The same with several interfaces of the one object; the list ends with a name of NULL. */
typedef struct PeerInterface {
        const char *name;
        const sd_bus_vtable *vtable;
} PeerInterface;

int peer_worker_serve(const char *path, const PeerInterface *interfaces, void *userdata);
