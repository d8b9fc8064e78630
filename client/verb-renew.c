/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl renew` and `certctl ensure`: which job of the agent's is run, and what must be there after it. */

#include "client/host.h"
#include "client/jobrun.h"
#include "client/waiting.h"
#include "client/when.h"
#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>

/* ---- renew ---- */

static bool build_renew(const Client *client, sd_bus *bus, const Call *call, char **names,
                        sd_bus_message **ret_message, GError **error)
{
        int r;

        if (!client_new_call(bus, call, ret_message, error))
                return false;
        if (client->options.due)
                return true;
        r = sd_bus_message_append_strv(*ret_message, names);
        if (r >= 0)
                r = sd_bus_message_append(*ret_message, "a{sv}", 1, "force", "b",
                                          (int) client->options.force);
        return r >= 0 || client_bad_reply(r, call->what, error);
}

/* For cert-renew.service: the pass may have had nothing to do because the troubled ones wait for their next
 * try; the service must stay failed as long as something is wrong. */
static ExitStatus judge_all(const Client *client, sd_bus *bus)
{
        g_autoptr(GString) names = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        g_auto(Host) host = {};
        uint64_t now = now_realtime();

        if (!host_get(bus, &host, &error))
                return client_report(client, error);
        for (guint i = 0; i < host_rows(&host); i++) {
                CertRow row = host_row(&host, i);

                if (cert_row_is_trouble(&row, now))
                        g_string_append_printf(names, "%s%s (%s)", names->len ? ", " : "", row.name,
                                               cert_row_word(&row, now));
        }
        if (names->len > 0) {
                g_autofree char *text = terminal_clean(&client->terminal, names->str, false);

                fprintf(stderr, "certctl: not as they should be: %s\nSee: certctl status\n", text);
        }
        return names->len > 0 ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
}

/* What failed is not tried before its time, and then it is by itself; what waits for a person is never tried. */
static void tell_waiting(sd_bus *bus)
{
        g_auto(Host) host = {};
        uint64_t now = now_realtime(), first = UINT64_MAX;
        guint waiting = 0, by_hand = 0, rows = host_get(bus, &host, NULL) ? host_rows(&host) : 0;

        for (guint i = 0; i < rows; i++) {
                CertRow row = host_row(&host, i);

                by_hand += waiting_is_by_hand(&row);
                if (!cert_row_is_trouble(&row, now) || row.next_renewal <= now)
                        continue;
                waiting++;
                first = MIN(first, row.next_renewal);
        }
        if (waiting > 0) {
                g_autofree char *when = when_both(first, now);

                printf("Nothing is due now: of what failed %u %s for the next try, %s%s.\n", waiting,
                       waiting == 1 ? "waits" : "wait", waiting == 1 ? "" : "the first ", when);
        } else
                printf("There was nothing to do.\n");
        if (by_hand > 0)
                printf("%u wait%s for an answer by hand: certctl status\n", by_hand, by_hand == 1 ? "s" : "");
}

static ExitStatus check_renew_arguments(const Options *o, char **names)
{
        int ways = (*names != NULL) + o->all + o->due;

        if (ways == 0)
                return client_usage(
                        "say what to renew: certctl renew NAME..., or --due for what is due, or --all");
        if (ways > 1)
                return client_usage("NAME, --all and --due exclude each other");
        if (o->due && o->force)
                return client_usage(
                        "--due renews what is due; to renew the others as well: certctl renew --all --force");
        return EXIT_STATUS_DONE;
}

ExitStatus verb_renew(const Client *client, char **arguments)
{
        const JobRun run = { { CERT_BUS_PATH, CERT_INTERFACE_MANAGER,
                               client->options.due ? "RenewDue" : "Renew", "renewing", CALL_AUTHORISE },
                             .nothing = client->options.due ? tell_waiting : NULL };
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status = check_renew_arguments(&client->options, arguments);

        if (status != EXIT_STATUS_DONE)
                return status;
        if (!client_connect(client, &bus, &error) ||
            !build_renew(client, bus, &run.call, arguments, &m, &error))
                return client_report(client, error);
        status = job_run(client, bus, &run, m);
        if (status == EXIT_STATUS_DONE && client->options.due && !client->options.no_wait)
                status = judge_all(client, bus);
        return status;
}

/* ---- ensure ---- */

/* A job that failed does not yet mean that there is no certificate: a renewal may fail for weeks while the
 * old one serves well, and a machine that boots then must start its services. The facts decide. */
ExitStatus verb_ensure(const Client *client, char **arguments)
{
        const char *name = arguments[0];
        g_autofree char *what = g_strdup_printf("making sure of \"%s\"", name);
        const JobRun run = { { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Ensure", what, CALL_AUTHORISE } };
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(CertDetail) d = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status;

        if (!client_connect(client, &bus, &error) || !client_new_call(bus, &run.call, &m, &error))
                return client_report(client, error);
        if (sd_bus_message_append(m, "s", name) < 0)
                return client_usage("\"%s\" is no name of a certificate", name);
        status = job_run(client, bus, &run, m);
        if ((status != EXIT_STATUS_DONE && status != EXIT_STATUS_FAILED) || client->options.no_wait)
                return status;
        d = cert_detail_get(bus, name, &error);
        if (!d)
                return client_report(client, error);
        if (cert_detail_is_usable(d, now_realtime()))
                return EXIT_STATUS_DONE;
        if (status == EXIT_STATUS_DONE) {
                g_autofree char *state = terminal_clean(&client->terminal, d->state, false);

                fprintf(stderr,
                        "certctl: %s has no usable certificate yet; its state is %s\nSee: certctl status "
                        "%s\n",
                        name, state, name);
        }
        return EXIT_STATUS_FAILED;
}
