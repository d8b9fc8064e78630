/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Writes a new file of mode 0644, whole or not at all: beside its place, synced, then linked there. `opened` is the
 * path as it is opened. -EEXIST when something is there already; with `replace` a regular file that is there is
 * replaced. Other -errno as they come. */
int newfile_write(const char *opened, const char *text, bool replace);

/* The same of mode 0600, for what others must not read. */
int newfile_write_secret(const char *opened, const void *data, size_t size, bool replace);
