/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl csr`: the request that waits for an answer by hand is given out. */

#include "client/connect.h"
#include "client/output-json.h"
#include "common/names.h"

#include <stdio.h>

/* Caller owns. */
static char *get_request(sd_bus *bus, const char *name, GError **error)
{
        g_autofree char *what = g_strdup_printf("asking for the request of \"%s\"", name);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "GetRequest", what, CALL_PLAIN };
        g_autoptr(sd_bus_message) reply = NULL;
        const char *pem;
        int r;

        if (!client_call(bus, &call, &reply, error, "s", name))
                return NULL;
        r = sd_bus_message_read(reply, "s", &pem);
        if (r >= 0)
                return g_strdup(pem);
        client_bad_reply(r, what, error);
        return NULL;
}

static void print_json(const Client *client, const char *name, const char *pem)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);

        json_out_begin(j, NULL, '{');
        json_out_string(j, "name", name);
        json_out_string(j, "pem", pem);
        json_out_end(j);
        json_out_print(j);
}

ExitStatus verb_csr(const Client *client, char **arguments)
{
        const char *name = arguments[0];
        g_autofree char *pem = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;

        if (!client_connect(client, &bus, &error) || !(pem = get_request(bus, name, &error)))
                return client_report(client, error);
        if (client->options.json != JSON_OFF)
                print_json(client, name, pem);
        else
                fputs(pem, stdout);
        return EXIT_STATUS_DONE;
}
