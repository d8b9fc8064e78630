/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* A request of certmonger: "key=value" lines; a line that begins with a space goes on with the value before it. */

typedef struct CertmongerRequest CertmongerRequest;

/* CERT_ERROR_MANIFEST_INVALID with the line of what cannot be read. `text` must be UTF-8. */
CertmongerRequest *certmonger_request_new(const char *text, GError **error);
CertmongerRequest *certmonger_request_free(CertmongerRequest *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CertmongerRequest, certmonger_request_free)

/* The value of a key, the first if it stands twice; NULL when it is not there or is empty. Borrowed. */
const char *certmonger_request_get(const CertmongerRequest *r, const char *key);

/* A list: parts separated by commas, in which a backslash takes the next character as it is. Never NULL; caller owns
 * (g_strfreev). */
char **certmonger_request_list(const CertmongerRequest *r, const char *key);
