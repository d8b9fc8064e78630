/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl revoke`: the authority lists the certificate that is in place, and another one takes its place. */

#include "client/certificate.h"
#include "client/connect.h"
#include "client/jobrun.h"
#include "common/names.h"
#include "common/suggest.h"

#include <stdio.h>

/* RFC 5280, 5.3.1, without those that revoke nothing for good (certificateHold, removeFromCRL) and those that
 * mean an authority (cACompromise, aACompromise). */
static const char *const reasons[] = {
        "unspecified", "keyCompromise",        "affiliationChanged",
        "superseded",  "cessationOfOperation", "privilegeWithdrawn",
};

/* The reason as the standard writes it; NULL, and said why. */
static const char *check_reason(const char *text)
{
        g_autofree char *all = NULL;
        const char *meant;

        if (!text)
                return reasons[0];
        for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
                if (g_ascii_strcasecmp(reasons[i], text) == 0)
                        return reasons[i];
        meant = suggest_word(text, reasons, G_N_ELEMENTS(reasons));
        if (meant) {
                client_usage("there is no reason \"%s\"; did you mean \"%s\"?", text, meant);
                return NULL;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
                char *longer = g_strconcat(all ?: "", all ? ", " : "", reasons[i], NULL);

                g_free(all);
                all = longer;
        }
        client_usage("there is no reason \"%s\"; the reasons are: %s", text, all);
        return NULL;
}

static bool revoke_certificate(sd_bus *bus, const char *name, const char *reason, GError **error)
{
        g_autofree char *what = g_strdup_printf("revoking \"%s\"", name);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Revoke", what, CALL_AUTHORISE };

        return client_call(bus, &call, NULL, error, "ss", name, reason);
}

/* The agent has started a job for it already: this joins that. */
static ExitStatus follow(const Client *client, sd_bus *bus, const char *name, const char *serial,
                         const char *reason)
{
        const char *const facts[] = { "revoked", serial, "reason", reason, NULL };
        const JobRun run = { { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Renew", "renewing", CALL_AUTHORISE },
                             facts };
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GError) error = NULL;
        int r;

        if (!client_new_call(bus, &run.call, &m, &error))
                return client_report(client, error);
        r = sd_bus_message_append(m, "asa{sv}", 1, name, 0);
        if (r < 0) {
                client_bad_reply(r, run.call.what, &error);
                return client_report(client, error);
        }
        return job_run(client, bus, &run, m);
}

static void print_new(const Client *client, sd_bus *bus, const char *name, const char *old_serial)
{
        g_autoptr(CertDetail) d = cert_detail_get(bus, name, NULL);
        g_autofree char *serial = d ? terminal_clean(&client->terminal, d->serial_number, false) : NULL;

        if (serial && *serial && !g_str_equal(d->serial_number, old_serial))
                printf("%s has the serial number %s now.\n", name, serial);
}

ExitStatus verb_revoke(const Client *client, char **arguments)
{
        const char *name = arguments[0], *reason = check_reason(client->options.reason);
        bool talk = !client->options.quiet && client->options.json == JSON_OFF;
        g_autoptr(CertDetail) d = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status;

        if (!reason)
                return EXIT_STATUS_USAGE;
        if (!client_connect(client, &bus, &error) || !(d = cert_detail_get(bus, name, &error)) ||
            !revoke_certificate(bus, name, reason, &error))
                return client_report(client, error);
        if (talk) {
                g_autofree char *serial = terminal_clean(&client->terminal, d->serial_number, false);

                printf("Revoked the certificate of %s, serial number %s (%s).\n", name, serial, reason);
                fflush(stdout);
        }
        status = follow(client, bus, name, d->serial_number, reason);
        if (status == EXIT_STATUS_DONE && talk && !client->options.no_wait)
                print_new(client, bus, name, d->serial_number);
        else if (status != EXIT_STATUS_DONE && status != EXIT_STATUS_INTERRUPTED)
                fprintf(stderr, "It is revoked all the same; see: certctl status %s\n", name);
        return status;
}
