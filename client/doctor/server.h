/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/doctor/session.h"
#include "client/doctor/target.h"

/* A server that is looked at: connected to, asked to start TLS, and shaken hands with, as often as it takes to see. */

typedef struct Server {
        Session *session; /* that shows most; NULL: no TLS came about */
        Session *first;   /* that the server refused because of the name, or NULL */
        char *starttls;   /* what TLS began by; NULL: at once */
} Server;

/* Adds diagnoses of what stands before a session: no host, no listener, no TLS. `identity` and `units` may be NULL. */
Server *server_look(const Target *target, const Identity *identity, char *const *units, GPtrArray *diagnoses);

Server *server_free(Server *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)
