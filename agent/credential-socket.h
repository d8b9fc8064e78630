/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

/* The credentials socket: a connection asks for one credential (agent/credential.h) and is given it, or
 * refused in the one way that systemd understands. Nothing here waits: the agent may be in the middle of a
 * pass that restarts the very unit that asks. */

typedef struct CredentialSocket CredentialSocket;

/* The manifest in force at the moment of a question; borrowed, may be NULL. */
typedef const Manifest *(*CredentialManifest)(void *userdata);

CredentialSocket *credential_socket_new(sd_event *event, CredentialManifest manifest, void *userdata);

/* Ends, within a second or two, what was begun: a credential cut short would be taken for a whole one. */
CredentialSocket *credential_socket_free(CredentialSocket *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CredentialSocket, credential_socket_free)

/* Accepts connections on a listening socket (not owned, not blocking); at most 64 are open at a time, others
 * wait. */
bool credential_socket_listen(CredentialSocket *s, int fd, GError **error);
/* Accepts no more: who comes now waits for the next agent. */
void credential_socket_stop_listening(CredentialSocket *s);

/* How many connections are open. */
unsigned credential_socket_open(const CredentialSocket *s);
