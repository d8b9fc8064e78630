/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

/* An issuer's object of the manifest as it is handed to its process, and what of it is for the agent. */

/* The object as JSON text with the issuer's name added as "name" and, where the manifest says one, its environment as
 * "environment"; caller owns. NULL with MANIFEST_INVALID when it is no object. */
char *issuer_config_text(const ManifestIssuer *issuer, GError **error);

/* How long a call may take, in microseconds: the object's "timeout", or 30 s for the local issuer, 60 s for any
 * other. */
uint64_t issuer_config_timeout(const ManifestIssuer *issuer);

/* How many calls of one issuer may be under way at once: the manifest's "connections"; or one for each CPU with a local
 * one, 4 with any other. */
unsigned issuer_config_connections(const ManifestIssuer *issuer);

/* Whether the processes of a type speak with a CA elsewhere. */
bool issuer_config_is_network(const char *type);

/* How many connections there may be to the processes of a type, for all its issuers: one for each CPU with "local", else
 * 64, the MaxConnections= of their socket units. */
unsigned issuer_config_processes(const char *type);

/* Whether a type names a program: lower-case letters, digits and dashes. */
bool issuer_config_type_is_valid(const char *type);
