/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* The agent as a whole: org.certagent1.Manager's properties that the client shows. */

/* The problems of a manifest that was refused (another is in force), NULL-terminated, empty when there are
 * none. Caller owns (g_strfreev); NULL on failure. */
char **manager_manifest_problems(sd_bus *bus, GError **error);

/* Prints them to standard error, a line each. */
void manager_print_problems(const Client *client, char *const *problems);
