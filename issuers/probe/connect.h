/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Connecting to a service: "HOST:PORT", "[V6]:PORT" or "/path/of/a/unix/socket". */

/* *ret_fd is a connected stream socket that does not block; the caller closes it. Of a name's addresses the
 * first that takes the connection is used, at most 8 are tried. Errors: CERT_ERROR_NOT_SERVING, in words. */
bool probe_connect(const char *target, uint64_t deadline, int *ret_fd, GError **error);
