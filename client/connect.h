/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* The way to the agent, and a call on it. */

/* Connects to the host's system bus, to another machine's (-H, -M), or, as root where there is no system bus,
 * to the agent's private socket. */
bool client_connect(const Client *client, sd_bus **ret_bus, GError **error);

/* One call on the agent's object `path`; `what` says what was tried ("renewing"), for the message. With
 * CALL_AUTHORISE polkit may ask the caller, so the call may take minutes. NOT_SUPPORTED: the agent is older
 * and does not have the method. Of `ret_reply` the caller owns a reference; it may be NULL. `types` and what
 * follows are sd_bus_message_append()'s. */
typedef enum CallKind {
        CALL_PLAIN,
        CALL_AUTHORISE,
} CallKind;

typedef struct Call {
        const char *path;
        const char *interface;
        const char *member;
        const char *what;
        CallKind kind;
} Call;

bool client_call(sd_bus *bus, const Call *call, sd_bus_message **ret_reply, GError **error, const char *types,
                 ...);
bool client_call_message(sd_bus *bus, const Call *call, sd_bus_message *m, sd_bus_message **ret_reply,
                         GError **error);
bool client_new_call(sd_bus *bus, const Call *call, sd_bus_message **ret_message, GError **error);

/* The one string that the reply to `call` is; caller owns. */
char *client_read_string(sd_bus_message *reply, const Call *call, GError **error);

/* org.freedesktop.DBus.Properties.GetAll; the reply stands before its a{sv}. */
bool client_get_all(sd_bus *bus, const char *path, const char *interface, const char *what,
                    sd_bus_message **ret_reply, GError **error);

/* A match for a signal of the agent's. The slot floats: it lives as long as the bus. */
bool client_match(sd_bus *bus, const char *path, const char *interface, const char *member,
                  sd_bus_message_handler_t handler, void *userdata, GError **error);

/* The reply did not have the form of the interface. */
bool client_bad_reply(int r, const char *what, GError **error);

/* Says an error and what to do on standard error; returns the status to exit with. */
ExitStatus client_report(const Client *client, const GError *error);
ExitStatus client_usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
