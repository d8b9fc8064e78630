/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The hash links of a folder of certificates, as OpenSSL's X509_LOOKUP_hash_dir(3) reads it: HHHHHHHH.N, where H is of the
 * subject and N counts up from 0 without a hole: what stands after a hole, or after a link to nothing, is not found. */

/* Takes away every link to `file` (a name in that folder), and every one that leads nowhere. There is no moment at which
 * another certificate of the same hash cannot be found. G_FILE_ERROR. */
bool links_drop(int folder, const char *file, GError **error);
