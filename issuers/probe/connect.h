/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Connecting to a service: "HOST:PORT", "[V6]:PORT" or "/path/of/a/unix/socket". */

/* *ret_fd is a connected stream socket that does not block; the caller closes it. Of a name's addresses the
 * first that takes the connection is used, at most 8 are tried. Errors: CERT_ERROR_NOT_SERVING, in words. */
bool probe_connect(const char *target, uint64_t deadline, int *ret_fd, GError **error);

/* The same for who has words of his own: how far it came. */
typedef enum ConnectStep {
        CONNECT_STEP_TARGET, /* it is no target */
        CONNECT_STEP_NAME,   /* the name is not known; `number` is getaddrinfo(3)'s */
        CONNECT_STEP_SOCKET, /* `number` is an errno */
} ConnectStep;

typedef struct ConnectFailure {
        ConnectStep step;
        int number;
} ConnectFailure;

bool probe_connect_to(const char *target, uint64_t deadline, int *ret_fd, ConnectFailure *ret_failure);
const char *connect_failure_words(const ConnectFailure *f); /* static */

/* "HOST:PORT" or "[V6]:PORT" into its parts, the host without its brackets; the caller owns them. */
bool probe_split(const char *target, char **ret_host, char **ret_port);
