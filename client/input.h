/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Files that a person names on the command line, to be sent to the agent: looked at before anything of them
 * leaves this process. */

#define INPUT_MAX (UINT32_C(1) << 20) /* bytes, of each and of all together */

/* What the CA answered, of one file or several, "-" for standard input: certificates and PKCS#7 as PEM, one
 * text; caller owns. Errors are BAD_CERTIFICATE and say which file is what: a private key, a request, a web
 * page, a folder, a pipe, empty, too large. Of the content nothing is in a message. `paths` is
 * NULL-terminated and not empty. */
char *input_read_answer(char *const *paths, GError **error);

/* A request, PEM; caller owns. The same errors. */
char *input_read_request(const char *path, GError **error);
