/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/generation.h"

/* Between the generation's own files only. */

/* From PEM, leaf alone in `cert_pem`; any of them NULL. References are taken. */
Generation *generation_new_from_pem(GBytes *key_pem, GBytes *cert_pem, GBytes *chain_pem, GBytes *ca_pem,
                                    GError **error);

/* BAD_CERTIFICATE when there are both and the key is not the leaf's. */
bool generation_check_pair(const Generation *g, GError **error);

typedef enum ContentForm {
        CONTENT_BARE,      /* nothing but space between the PEM blocks */
        CONTENT_EXPLAINED, /* text between them is fine (RFC 7468, 2) */
} ContentForm;

/* As generation_new_content(). */
Generation *generation_new_content_as(GBytes *pem, ContentForm form, GError **error);

/* A file of at most `max` bytes; *ret_content stays NULL, without an error, when there is none. `shown` is the
 * folder's path for messages. */
bool generation_read_file(int folder, const char *name, const char *shown, size_t max, GBytes **ret_content,
                          GError **error);
