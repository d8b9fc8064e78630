/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent as a whole. */

#include "client/manager.h"

#include "client/connect.h"
#include "common/names.h"

#include <stdio.h>

char **manager_manifest_problems(sd_bus *bus, GError **error)
{
        static const Call call = { CERT_BUS_PATH, "org.freedesktop.DBus.Properties", "Get",
                                   "asking for the manifest's problems", CALL_PLAIN };
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_autoptr(sd_bus_message) reply = NULL;
        const char *problem;
        int r;

        if (!client_call(bus, &call, &reply, error, "ss", CERT_INTERFACE_MANAGER, "ManifestProblems"))
                return NULL;
        r = sd_bus_message_enter_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(reply, "s", &problem)) > 0)
                g_strv_builder_add(builder, problem);
        if (r < 0) {
                client_bad_reply(r, call.what, error);
                return NULL;
        }
        return g_strv_builder_end(builder);
}

void manager_print_problems(const Client *client, char *const *problems)
{
        for (; *problems; problems++) {
                g_autofree char *text = terminal_clean(&client->terminal, *problems, false);

                fprintf(stderr, "%s\n", text);
        }
}
