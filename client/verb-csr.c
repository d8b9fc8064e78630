/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl csr`: the request that waits for an answer by hand is given out. */

#include "client/certificate.h"
#include "client/connect.h"
#include "client/handover.h"
#include "common/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* Caller owns. */
static char *get_request(sd_bus *bus, const char *name, GError **error)
{
        g_autofree char *what = g_strdup_printf("asking for the request of \"%s\"", name);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "GetRequest", what, CALL_PLAIN };
        g_autoptr(sd_bus_message) reply = NULL;

        return client_call(bus, &call, &reply, error, "s", name) ? client_read_string(reply, &call, error)
                                                                 : NULL;
}

/* In words, or as JSON, by the program that can read it. */
static ExitStatus describe(const Client *client, sd_bus *bus, const char *name, const char *pem)
{
        g_autoptr(CertDetail) d = cert_detail_get(bus, name, NULL);
        g_autofree char *made = g_strdup_printf("%" PRIu64, d ? d->requested_at : 0);
        g_autoptr(Handover) h = handover_new(client, "cert-request");

        handover_option(h, "--of", name);
        handover_option(h, "--made", made);
        return handover_feed(h, pem, STDOUT_FILENO);
}

/* The words come before the PEM: what is copied from the terminal as a whole is a file that others read (RFC
 * 7468, 2: text before the first line of a block is passed over). */
static void print_with_words(const Client *client, sd_bus *bus, const char *name, const char *pem)
{
        g_autofree char *clean = terminal_clean(&client->terminal, name, false);

        (void) describe(client, bus, name, pem);
        printf("\n%s", pem);
        fflush(stdout);
        fprintf(stderr,
                "\nHave it signed: certctl csr %s > %s.csr. What comes back: certctl import %s FILE\n", clean,
                clean, clean);
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
                return describe(client, bus, name, pem);
        if (client->terminal.out_is_tty && !client->options.quiet)
                print_with_words(client, bus, name, pem);
        else
                fputs(pem, stdout);
        return EXIT_STATUS_DONE;
}
