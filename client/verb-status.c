/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl status`: how the host's certificates are, as a table, or some of them in full. */

#include "client/certificate.h"
#include "client/connect.h"
#include "client/detail.h"
#include "client/manager.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/when.h"
#include "common/error.h"
#include "common/timespan.h"

#include <stdio.h>

/* So many troubles are told in full below the table (all with --full): each costs a call. */
#define TROUBLES_SHOWN 10

static void print_table(const Client *client, const CertList *list, uint64_t now)
{
        static const char *const headings[] = { "NAME", "STATE", "ISSUER", "EXPIRES", "NEXT RENEWAL", NULL };
        g_autoptr(Table) table = table_new(&client->terminal, headings);

        for (guint i = 0; i < list->rows->len; i++) {
                const CertRow *row = &g_array_index(list->rows, CertRow, i);
                g_autofree char *expires = when_both(row->not_after, now);
                g_autofree char *renewal = when_relative(row->next_renewal, now);

                table_add(table, STYLE_NONE, row->name);
                table_add(table, style_of_state(row->state), row->state);
                table_add(table, STYLE_NONE, row->issuer);
                table_add(table, cert_row_is_expired(row, now) ? STYLE_BAD : STYLE_NONE, expires);
                table_add(table, STYLE_NONE, renewal);
        }
        table_print(table, client->options.no_legend, client->options.full);
}

/* The list was made a moment ago: a certificate that is gone meanwhile is no failure of `status`. */
static void print_trouble(const Client *client, sd_bus *bus, const CertRow *row)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(CertDetail) d = cert_detail_get(bus, row->name, &error);
        const Terminal *t = &client->terminal;
        g_autofree char *name = terminal_clean(t, row->name, false);
        g_autofree char *what = NULL, *hint = NULL;

        if (!d)
                return;
        what = terminal_clean(t, *d->last_error ? d->last_error : row->error, false);
        hint = terminal_clean(t, d->hint, true);
        printf("\n%s%s%s %s%s%s%s\n", style_on(t->colour_out, STYLE_BAD), terminal_dot(t),
               style_off(t->colour_out, STYLE_BAD), style_on(t->colour_out, STYLE_BOLD), name,
               style_off(t->colour_out, STYLE_BOLD), *what ? ":" : " is past its end");
        if (*what)
                detail_print_indented(what);
        if (*hint)
                detail_print_indented(hint);
}

static guint count_troubles(const CertList *list, uint64_t now)
{
        guint n = 0;

        for (guint i = 0; i < list->rows->len; i++)
                n += cert_row_is_trouble(&g_array_index(list->rows, CertRow, i), now);
        return n;
}

static void print_troubles(const Client *client, sd_bus *bus, const CertList *list, guint troubles,
                           uint64_t now)
{
        guint shown = 0;

        for (guint i = 0; i < list->rows->len && (client->options.full || shown < TROUBLES_SHOWN); i++) {
                const CertRow *row = &g_array_index(list->rows, CertRow, i);

                if (cert_row_is_trouble(row, now)) {
                        print_trouble(client, bus, row);
                        shown++;
                }
        }
        if (shown < troubles)
                printf("\n... and %u more; see them all with: certctl status --full\n", troubles - shown);
}

static void print_legend(const Client *client, const CertList *list, guint troubles)
{
        bool colour = client->terminal.colour_out;
        Style style = troubles ? STYLE_BAD : STYLE_NONE;

        if (list->rows->len == 0) {
                printf("No certificates. Add one to \"certificates\" in the manifest, "
                       "/etc/cert-agent/manifest.json, "
                       "then run: certctl reload\n");
                return;
        }
        printf("\n%u certificate%s, %s%u need%s attention%s.\n", list->rows->len,
               list->rows->len == 1 ? "" : "s", style_on(colour, style), troubles, troubles == 1 ? "s" : "",
               style_off(colour, style));
}

static void print_json(const Client *client, const CertList *list)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);

        json_out_begin(j, NULL, '[');
        for (guint i = 0; i < list->rows->len; i++) {
                const CertRow *row = &g_array_index(list->rows, CertRow, i);

                json_out_begin(j, NULL, '{');
                json_out_string(j, "name", row->name);
                json_out_string(j, "state", row->state);
                json_out_string(j, "issuer", row->issuer);
                json_out_number(j, "not_after", row->not_after);
                json_out_number(j, "next_renewal", row->next_renewal);
                json_out_string(j, "error", row->error);
                json_out_end(j);
        }
        json_out_end(j);
        json_out_print(j);
}

/* Before the first manifest there is none in force, and the problem is that there is none. */
static void print_problems(const Client *client, char *const *problems, bool any_certificates)
{
        fflush(stdout);
        fprintf(stderr, "%s\n",
                any_certificates ? "The manifest was refused, the last good one stays in force:"
                                 : "The manifest cannot be used:");
        manager_print_problems(client, problems);
}

static ExitStatus status_of_all(const Client *client, sd_bus *bus)
{
        g_auto(CertList) list = {};
        g_autoptr(GError) error = NULL;
        g_autoptr(Pager) pager G_GNUC_UNUSED = NULL;
        uint64_t now = now_realtime();
        g_auto(GStrv) problems = NULL;
        guint troubles;

        if (!cert_list_get(bus, &list, &error) || !(problems = manager_manifest_problems(bus, &error)))
                return client_report(client, error);
        troubles = count_troubles(&list, now);
        if (client->options.json != JSON_OFF)
                print_json(client, &list);
        else if (!client->options.quiet) {
                pager = pager_open(client);
                if (list.rows->len > 0)
                        print_table(client, &list, now);
                if (!client->options.no_legend) {
                        print_troubles(client, bus, &list, troubles, now);
                        if (list.rows->len > 0 || !*problems)
                                print_legend(client, &list, troubles);
                }
        }
        g_clear_pointer(&pager, pager_close); /* what follows is for the terminal itself */
        if (*problems && !client->options.quiet)
                print_problems(client, problems, list.rows->len > 0);
        return troubles > 0 || *problems ? EXIT_STATUS_TROUBLE : EXIT_STATUS_DONE;
}

static bool detail_is_trouble(const CertDetail *d, uint64_t now)
{
        const CertRow row = { .name = d->name, .state = d->state, .not_after = d->not_after };

        return cert_row_is_trouble(&row, now);
}

/* Every name is answered for, also after one that is not there; the gravest status is the command's. */
static ExitStatus status_of_some(const Client *client, sd_bus *bus, char **names)
{
        g_autoptr(Pager) pager G_GNUC_UNUSED =
                client->options.json == JSON_OFF && !client->options.quiet ? pager_open(client) : NULL;
        g_autoptr(JsonOut) j = client->options.json != JSON_OFF ? json_out_new(client->options.json) : NULL;
        ExitStatus status = EXIT_STATUS_DONE;
        uint64_t now = now_realtime();

        if (j)
                json_out_begin(j, NULL, '[');
        for (char **name = names; *name; name++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(CertDetail) d = cert_detail_get(bus, *name, &error);

                if (!d) {
                        ExitStatus failed = client_report(client, error);

                        if (failed != EXIT_STATUS_NO_SUCH)
                                return failed;
                        status = failed;
                        continue;
                }
                if (status == EXIT_STATUS_DONE && detail_is_trouble(d, now))
                        status = EXIT_STATUS_TROUBLE;
                if (j)
                        detail_json(d, NULL, j);
                else if (!client->options.quiet) {
                        if (name != names)
                                putchar('\n');
                        detail_print(client, d, now);
                }
        }
        if (j) {
                json_out_end(j);
                json_out_print(j);
        }
        return status;
}

ExitStatus verb_status(const Client *client, char **arguments)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;

        if (!client_connect(client, &bus, &error))
                return client_report(client, error);
        return *arguments ? status_of_some(client, bus, arguments) : status_of_all(client, bus);
}

/* For the shells' completions: the names, a line each, and no word when there is no agent. */
ExitStatus verb_names(const Client *client, char **arguments)
{
        g_auto(CertList) list = {};
        g_autoptr(sd_bus) bus = NULL;

        if (!client_connect(client, &bus, NULL) || !cert_list_get(bus, &list, NULL))
                return EXIT_STATUS_FAILED;
        for (guint i = 0; i < list.rows->len; i++) {
                g_autofree char *name =
                        terminal_clean(&client->terminal, g_array_index(list.rows, CertRow, i).name, false);

                printf("%s\n", name);
        }
        return EXIT_STATUS_DONE;
}
