/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/secret.h"

#include <glib.h>
#include <stdbool.h>

/* The password of a file that is exported: UTF-8, ending in NUL, 1 to PASSWORD_SIZE_MAX bytes before that. */

#define PASSWORD_SIZE_MAX 512u /* OpenSSL's programs take less than 1,024 */

/* Asks on the terminal, twice, without showing it. A signal that ends or stops the process finds the terminal as it was.
 * `prompt` has no colon. */
Secret *password_ask(const char *prompt, GError **error);

/* From a regular file, or from a descriptor that was handed over ("/dev/fd/N", or "-": standard input), of which all is
 * read; a newline at the end does not count. *ret_exposed: others than the caller can read the file. */
Secret *password_read(const char *path, bool *ret_exposed, GError **error);
