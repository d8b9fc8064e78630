/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* A worker: a process at the other end of a peer-to-peer connection (an issuer, the probe). PID 1 starts it,
 * in its sandbox, when the agent connects to its socket; where no systemd runs the agent starts the same
 * program with one end of a socketpair as fd 3. */

/* `socket_path` and `program` are as the host has them (host_path() is applied). *ret_fd is the connection, owned by
 * the caller. *ret_pid is the process when this call started it, to be given to worker_end(), else 0. Where systemd
 * runs a worker is never started outside of its sandbox: then a socket on which nothing listens is an error whose hint
 * names the socket unit. Blocks for 250 ms at most. Errors: CERT_ERROR_ISSUER_UNREACHABLE. */
bool worker_open(const char *socket_path, const char *program, int *ret_fd, pid_t *ret_pid, GError **error);

/* Ends a process that worker_open() started, at once, and reaps it; 0 is fine. Close the connection first.
 * Workers keep what matters on disk before they answer, so this loses nothing. Returns 0. */
pid_t worker_end(pid_t pid);

/* The same without waiting until it has ended, which a process that hangs in the kernel may not do for hours: it is reaped
 * from the loop. */
void worker_end_later(sd_event *event, pid_t pid);
