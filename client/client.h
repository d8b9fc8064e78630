/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/options.h"
#include "client/terminal.h"

#include <glib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

/* What every verb is given, and what it gives back. */

typedef struct Client {
        Options options;
        Terminal terminal;
} Client;

/* The contract with scripts: certctl(1), EXIT STATUS. */
typedef enum ExitStatus {
        EXIT_STATUS_DONE = 0,
        EXIT_STATUS_FAILED = 1,
        EXIT_STATUS_USAGE = 2,
        EXIT_STATUS_TROUBLE = 3, /* nothing to do was asked for, but something is wrong */
        EXIT_STATUS_NO_SUCH = 4,
        EXIT_STATUS_NOT_PERMITTED = 77,
        EXIT_STATUS_INTERRUPTED = 130, /* as a shell says it for SIGINT */
} ExitStatus;

/* `arguments` is what follows the verb, NULL-terminated, its number already checked. */
typedef ExitStatus (*VerbFunction)(const Client *client, char **arguments);

ExitStatus verb_status(const Client *client, char **arguments);
ExitStatus verb_show(const Client *client, char **arguments);
ExitStatus verb_plan(const Client *client, char **arguments);
ExitStatus verb_renew(const Client *client, char **arguments);
ExitStatus verb_ensure(const Client *client, char **arguments);
ExitStatus verb_check(const Client *client, char **arguments);
ExitStatus verb_reload(const Client *client, char **arguments);
ExitStatus verb_validate(const Client *client, char **arguments);
ExitStatus verb_init(const Client *client, char **arguments);
ExitStatus verb_log(const Client *client, char **arguments);
ExitStatus verb_watch(const Client *client, char **arguments);
ExitStatus verb_authority(const Client *client, char **arguments);
ExitStatus verb_authority_rotate(const Client *client, char **arguments);
ExitStatus verb_authority_export(const Client *client, char **arguments);
ExitStatus verb_revoke(const Client *client, char **arguments);
ExitStatus verb_convert(const Client *client, char **arguments);
ExitStatus verb_csr(const Client *client, char **arguments);
ExitStatus verb_import(const Client *client, char **arguments);
ExitStatus verb_sign(const Client *client, char **arguments);
ExitStatus verb_export(const Client *client, char **arguments);
ExitStatus verb_doctor(const Client *client, char **arguments);
ExitStatus verb_names(const Client *client, char **arguments);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_flush_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event, sd_event_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(sd_bus_error, sd_bus_error_free)
