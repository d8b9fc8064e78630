/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* One examination, from what was asked for to the report: target, trust, identity, the server, the agent's word. Says what it
 * finds on standard output; returns the status to exit with. */
ExitStatus examine(const Client *client, const char *target);
