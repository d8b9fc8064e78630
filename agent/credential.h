/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

/* A credential: what a unit that says LoadCredential=ID:/run/cert-agent/credential is given. systemd connects
 * from an abstract address that names unit and credential; which certificate that is, and what is given for
 * it, is said here. The connections are agent/credential-socket.c's. Every error says what the administrator
 * is to do. */

/* systemd takes no more (CREDENTIAL_SIZE_MAX, systemd.exec(5)). */
#define CREDENTIAL_SIZE_MAX (UINT32_C(1) << 20)

/* The name of a credential that is the one certificate whose "units" name the unit that asks. */
#define CREDENTIAL_OF_UNIT "tls"

/* Reads "\0RANDOM/unit/UNIT/ID", the address that systemd binds to; `size` is what getpeername(2) said.
 * Caller owns both. Anything else is NOT_AUTHORIZED. */
bool credential_read_address(const struct sockaddr *address, socklen_t size, char **ret_unit, char **ret_id,
                             GError **error);

/* The certificate: the one named `id`, or, for CREDENTIAL_OF_UNIT, the only one that names `unit`. Borrowed
 * from the manifest, which may be NULL (none is in force). NO_SUCH_CERTIFICATE. */
bool credential_find(const Manifest *m, const char *unit, const char *id,
                     const ManifestCertificate **ret_certificate, GError **error);

/* Leaf, intermediates and key as they are on disk now, in one PEM, whose memory is wiped when it is freed;
 * caller owns. Fails when there is no pair, and with NOT_SUPPORTED for a token's key. */
bool credential_content(const ManifestCertificate *c, GBytes **ret_content, GError **error);
