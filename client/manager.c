/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent as a whole. */

#include "client/manager.h"

#include "client/connect.h"
#include "client/property.h"
#include "common/names.h"

#include <stdio.h>

char **manager_manifest_problems(sd_bus *bus, GError **error)
{
        static const Call call = { CERT_BUS_PATH, "org.freedesktop.DBus.Properties", "Get",
                                   "asking for the manifest's problems", CALL_PLAIN };
        g_autoptr(sd_bus_message) reply = NULL;
        char **problems = NULL;
        int r;

        if (!client_call(bus, &call, &reply, error, "ss", CERT_INTERFACE_MANAGER, "ManifestProblems"))
                return NULL;
        r = property_read_strings(reply, &problems);
        if (r < 0) {
                client_bad_reply(r, call.what, error);
                return NULL;
        }
        return problems;
}

void manager_print_problems(const Client *client, char *const *problems)
{
        for (; *problems; problems++) {
                g_autofree char *text = terminal_clean(&client->terminal, *problems, false);

                fprintf(stderr, "%s\n", text);
        }
}
