/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl authority`: the local authorities are shown, rotated, and what clients must trust is given out. */

#include "client/authority.h"
#include "client/connect.h"
#include "client/detail-trust.h"
#include "client/issued.h"
#include "client/jobrun.h"
#include "client/pager.h"
#include "client/question.h"
#include "client/when.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- show ---- */

/* What the agent knows is shown also when the authority's process cannot say more; that is told, unless the
 * agent's own words for it stand there already. */
static ExitStatus show_one(const Client *client, sd_bus *bus, Authority *a, JsonOut *j)
{
        g_autoptr(GError) error = NULL;
        bool asked = authority_ask(bus, a, &error);

        if (j)
                field_object_json(&authority_table, a, NULL, j);
        else if (!client->options.quiet)
                detail_authority(client, a, now_realtime());
        if (asked)
                return EXIT_STATUS_DONE;
        return *a->message ? EXIT_STATUS_FAILED : client_report(client, error);
}

static ExitStatus show_list(const Client *client, sd_bus *bus, GPtrArray *list)
{
        g_autoptr(JsonOut) j = client->options.json != JSON_OFF ? json_out_new(client->options.json) : NULL;
        g_autoptr(Pager) pager G_GNUC_UNUSED = j || client->options.quiet ? NULL : pager_open(client);
        ExitStatus status = EXIT_STATUS_DONE;

        if (j)
                json_out_begin(j, NULL, '[');
        else if (list->len == 0 && !client->options.quiet)
                printf("No local authorities. One is an entry of \"issuers\" in the manifest: \"site\": { "
                       "\"type\": "
                       "\"local\" }\n");
        for (guint i = 0; i < list->len; i++) {
                ExitStatus one;

                if (i > 0 && !j && !client->options.quiet)
                        putchar('\n');
                one = show_one(client, bus, list->pdata[i], j);
                if (one != EXIT_STATUS_DONE)
                        status = one;
        }
        if (j) {
                json_out_end(j);
                json_out_print(j);
        }
        return status;
}

static void authority_destroy(void *p)
{
        authority_free(p);
}

ExitStatus verb_authority(const Client *client, char **arguments)
{
        g_autoptr(GPtrArray) list = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status = EXIT_STATUS_DONE, shown;

        if (!client_connect(client, &bus, &error))
                return client_report(client, error);
        if (client->options.issued)
                return verb_authority_issued(client, bus, arguments);
        if (!*arguments) {
                list = authority_list_get(bus, &error);
                return list ? show_list(client, bus, list) : client_report(client, error);
        }
        list = g_ptr_array_new_with_free_func(authority_destroy);
        for (char **name = arguments; *name; name++) {
                g_autoptr(GError) local = NULL;
                Authority *a = authority_get(bus, authority_issuer_of(*name), &local);

                if (a)
                        g_ptr_array_add(list, a);
                else
                        status = client_report(client, local);
        }
        shown = list->len > 0 ? show_list(client, bus, list) : EXIT_STATUS_DONE;
        return status != EXIT_STATUS_DONE ? status : shown;
}

/* ---- rotate ---- */

/* What comes after the job, in the words of the phase in which it left the authority. */
static void print_next(const Client *client, const Authority *before, const Authority *a, uint64_t now)
{
        g_autofree char *when = when_both(a->retirement, now);
        g_autofree char *issuer = terminal_clean(&client->terminal, a->issuer, false);

        if (g_str_equal(a->phase, "introducing"))
                printf("The next authority is trusted beside the current one, and signs as soon as all on "
                       "this host "
                       "trust it. What it waits for: certctl plan --all\n");
        else if (g_str_equal(a->phase, "retiring") && a->retirement > 0)
                printf("The new authority signs. The old one stays trusted until it goes, %s.\n", when);
        else if (g_str_equal(a->phase, "retiring"))
                printf("The new authority signs. The old one stays trusted as long as a certificate of it is "
                       "in "
                       "use, and its grace time after that.\n");
        else if (g_str_equal(a->phase, "steady") && !g_str_equal(a->fingerprint, before->fingerprint))
                printf("The new authority signs, and the old one is trusted no more.\n");
        else
                return;
        printf("Clients that read no bundle of this host need the new trust: certctl authority export %s\n",
               issuer);
}

/* A person is asked; a script has said it by --now. */
static bool confirm_now(const Client *client, const Authority *a)
{
        g_autofree char *issuer = terminal_clean(&client->terminal, a->issuer, false);

        if (client->options.yes || !question_can_be_asked())
                return true;
        fflush(stdout);
        fprintf(stderr,
                "This replaces the authority \"%s\" at once: a new one is made, %" PRIu32
                " certificate%s signed by it\n"
                "and the bundles are written. The present one is gone and trusted no more: every client that "
                "does not\n"
                "read its bundle anew refuses the certificates from that moment on.\n"
                "(Without --now the new one is trusted by all before it signs.)\n",
                issuer, a->certificates, a->certificates == 1 ? " is" : "s are");
        if (question_ask("Go on? [y/N] "))
                return true;
        fprintf(stderr, "certctl: nothing was done\n");
        return false;
}

ExitStatus verb_authority_rotate(const Client *client, char **arguments)
{
        const char *issuer = authority_issuer_of(arguments[0]);
        g_autofree char *what = g_strdup_printf("rotating the authority \"%s\"", issuer);
        const JobRun run = { { CERT_BUS_PATH, CERT_INTERFACE_MANAGER,
                               client->options.now ? "RecreateAuthority" : "RotateAuthority", what,
                               CALL_AUTHORISE } };
        g_autoptr(Authority) a = NULL, after = NULL;
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status;

        if (!client_connect(client, &bus, &error) || !(a = authority_get(bus, issuer, &error)))
                return client_report(client, error);
        if (client->options.now && !confirm_now(client, a))
                return EXIT_STATUS_FAILED;
        if (!client_new_call(bus, &run.call, &m, &error))
                return client_report(client, error);
        if (sd_bus_message_append(m, "s", issuer) < 0)
                return client_usage("\"%s\" is no name of an issuer", issuer);
        status = job_run(client, bus, &run, m);
        if (client->options.no_wait || client->options.json != JSON_OFF ||
            !(after = authority_get(bus, issuer, NULL)))
                return status;
        if (status == EXIT_STATUS_DONE && !client->options.quiet)
                print_next(client, a, after, now_realtime());
        else if (status == EXIT_STATUS_FAILED && g_str_equal(after->phase, "introducing"))
                fprintf(stderr,
                        "The current authority goes on signing, and the rotation goes on by itself when this "
                        "is mended.\n");
        return status;
}

/* ---- export ---- */

static ExitStatus print_pem(const Client *client, const char *issuer, const char *pem)
{
        g_autoptr(GError) error = NULL;

        if (*pem) {
                fputs(pem, stdout);
                return EXIT_STATUS_DONE;
        }
        g_set_error(&error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "the authority \"%s\" has no certificate yet\nIt is made by the next pass: certctl renew "
                    "--due",
                    issuer);
        return client_report(client, error);
}

static ExitStatus export_trust(const Client *client, sd_bus *bus, const char *issuer)
{
        g_autofree char *what = g_strdup_printf("asking for the roots of \"%s\"", issuer);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "GetBundle", what, CALL_PLAIN };
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *pem = NULL;

        if (!client_call(bus, &call, &reply, &error, "s", issuer) || !(pem = client_read_string(reply, &call, &error)))
                return client_report(client, error);
        return print_pem(client, issuer, pem);
}

static ExitStatus export_current(const Client *client, const Authority *a)
{
        const TrustedCertificate *c = authority_in_role(a, "current");

        return print_pem(client, a->issuer, c ? c->pem : "");
}

static void export_json(const Client *client, const Authority *a)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);
        const FieldEntries *entries = field_find(&authority_table, "Trusted")->entries;

        json_out_begin(j, NULL, '[');
        for (guint i = 0; i < a->trusted->len; i++) {
                const TrustedCertificate *c = &g_array_index(a->trusted, TrustedCertificate, i);

                if (client->options.current && !g_str_equal(c->role, "current"))
                        continue;
                json_out_begin(j, NULL, '{');
                entries->json(c, j);
                json_out_end(j);
        }
        json_out_end(j);
        json_out_print(j);
}

/* What clients must trust is all that the authority trusts: in a rotation two certificates. */
ExitStatus verb_authority_export(const Client *client, char **arguments)
{
        const char *issuer = authority_issuer_of(arguments[0]);
        g_autoptr(Authority) a = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;

        if (!client_connect(client, &bus, &error))
                return client_report(client, error);
        if (!client->options.current && client->options.json == JSON_OFF)
                return export_trust(client, bus, issuer);
        a = authority_get(bus, issuer, &error);
        if (!a || !authority_ask(bus, a, &error))
                return client_report(client, error);
        if (client->options.json == JSON_OFF)
                return export_current(client, a);
        export_json(client, a);
        return EXIT_STATUS_DONE;
}
