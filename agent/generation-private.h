/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/generation.h"

/* Between the generation's own files only. */

/* From PEM, leaf alone in `cert_pem`; any of them NULL. References are taken. */
Generation *generation_new_from_pem(GBytes *key_pem, GBytes *cert_pem, GBytes *chain_pem, GBytes *ca_pem,
                                    GError **error);

/* BAD_CERTIFICATE when there are both and the key is not the leaf's. */
bool generation_check_pair(const Generation *g, GError **error);

/* A file of at most 1 MiB; *ret_content stays NULL, without an error, when there is none. `shown` is the
 * folder's path for messages. */
bool generation_read_file(int folder, const char *name, const char *shown, GBytes **ret_content,
                          GError **error);
