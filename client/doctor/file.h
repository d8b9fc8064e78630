/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>

/* A file that the caller named, or the agent: read as the caller may, through links, never blocking, at most `max` bytes. A
 * relative path is one of the working folder; an absolute one goes through host_path(). The memory is wiped when it is
 * freed. NOT_AUTHORIZED: the caller may not read it; INSTALL_FAILED: everything else. */
GBytes *file_read(const char *path, size_t max, GError **error);
