/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl import`: the answer that a CA gave by hand is brought to the agent, which checks it and puts it in
 * place. */

#include "client/certificate.h"
#include "client/connect.h"
#include "client/input.h"
#include "client/jobrun.h"
#include "client/when.h"
#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>

static bool import_answer(sd_bus *bus, const char *name, const char *pem, GError **error)
{
        g_autofree char *what = g_strdup_printf("importing the certificate of \"%s\"", name);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Import", what, CALL_AUTHORISE };

        return client_call(bus, &call, NULL, error, "ss", name, pem);
}

/* What is in place already needs no job; that is told when it is known which one is in place. */
static void nothing_to_install(sd_bus *bus)
{
}

static void print_outcome(const Client *client, const CertDetail *before, const CertDetail *d)
{
        const Terminal *t = &client->terminal;
        g_autofree char *name = terminal_clean(t, d->name, false),
                        *serial = terminal_clean(t, d->serial_number, false);
        g_autofree char *until = when_both(d->not_after, now_realtime());
        g_autofree char *list = g_strjoinv(", ", d->units), *units = terminal_clean(t, list, false);

        if (g_str_equal(before->fingerprint, d->fingerprint)) {
                printf("%s has this certificate in place already: serial number %s, ends %s.\n", name, serial,
                       until);
                return;
        }
        printf("%s is in place: serial number %s, ends %s.\n", name, serial, until);
        if (*units)
                printf("Told: %s.\n", units);
}

ExitStatus verb_import(const Client *client, char **arguments)
{
        const char *name = arguments[0], *const facts[] = { "imported", name, NULL };
        bool talk = !client->options.quiet && client->options.json == JSON_OFF && !client->options.no_wait;
        g_autoptr(CertDetail) before = NULL, after = NULL;
        g_autofree char *pem = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status;

        pem = input_read_answer(arguments + 1, &error);
        if (!pem || !client_connect(client, &bus, &error) || !(before = cert_detail_get(bus, name, &error)) ||
            !import_answer(bus, name, pem, &error))
                return client_report(client, error);
        status = job_join(client, bus, name, "installing", facts, nothing_to_install);
        if (status == EXIT_STATUS_FAILED)
                fprintf(stderr, "The agent has it all the same, and tries again; see: certctl status %s\n",
                        name);
        else if (status == EXIT_STATUS_DONE && talk && (after = cert_detail_get(bus, name, &error)))
                print_outcome(client, before, after);
        return status;
}
