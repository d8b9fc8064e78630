/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl authority show --issued`: what the local authorities signed for requests from elsewhere. */

#include "client/authority.h"
#include "client/connect.h"
#include "client/issued.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/when.h"
#include "common/timespan.h"

#include <stdio.h>

static Style style_of(const char *state)
{
        return g_str_equal(state, "revoked")   ? STYLE_BAD
               : g_str_equal(state, "expired") ? STYLE_DIM
                                               : STYLE_GOOD;
}

/* Whose each is, where there are several that it could be of. */
static void print_table(const Client *client, GPtrArray *all, bool several, uint64_t now)
{
        static const char *const of_one[] = { "SERIAL", "NAMES", "USAGE", "STATE", "ENDS", NULL };
        static const char *const of_several[] = {
                "SERIAL", "ISSUER", "NAMES", "USAGE", "STATE", "ENDS", NULL
        };
        g_autoptr(Table) table = table_new(&client->terminal, several ? of_several : of_one);

        table_keep(table, 0); /* for revoke --serial */
        for (guint i = 0; i < all->len; i++) {
                const Issued *entry = all->pdata[i];
                const char *state = issued_state(entry, now);
                g_autofree char *names = g_strjoinv(" ", entry->sans), *usage = g_strjoinv(" ", entry->usage);
                g_autofree char *ends = when_relative(entry->not_after, now);

                table_add(table, STYLE_NONE, entry->serial_number);
                if (several)
                        table_add(table, STYLE_NONE, entry->issuer);
                table_add(table, STYLE_NONE, *names ? names : entry->subject);
                table_add(table, STYLE_NONE, usage);
                table_add(table, style_of(state), state);
                table_add(table, STYLE_NONE, ends);
        }
        table_print(table, client->options.no_legend, client->options.full);
}

static void print_text(const Client *client, GPtrArray *all, bool several)
{
        g_autoptr(Pager) pager G_GNUC_UNUSED = pager_open(client);

        if (all->len > 0)
                print_table(client, all, several, now_realtime());
        else if (!client->options.no_legend)
                printf("Nothing was signed for requests from elsewhere. It is done by: certctl sign FILE "
                       "--issuer ISSUER\n");
}

static void print_json(const Client *client, GPtrArray *all)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);

        json_out_begin(j, NULL, '[');
        for (guint i = 0; i < all->len; i++)
                field_object_json(&issued_table, all->pdata[i], NULL, j);
        json_out_end(j);
        json_out_print(j);
}

/* All authorities, or those named; NULL-terminated, caller owns. */
static char **issuers_of(sd_bus *bus, char **arguments, GError **error)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        g_autoptr(GPtrArray) list = NULL;

        for (char **name = arguments; *name; name++)
                g_strv_builder_add(names, authority_issuer_of(*name));
        if (*arguments)
                return g_strv_builder_end(names);
        list = authority_list_get(bus, error);
        for (guint i = 0; list && i < list->len; i++)
                g_strv_builder_add(names, ((const Authority *) list->pdata[i])->issuer);
        return list ? g_strv_builder_end(names) : NULL;
}

/* Those of an authority that cannot be asked are missing, which is told; the others are shown. */
ExitStatus verb_authority_issued(const Client *client, sd_bus *bus, char **arguments)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func((GDestroyNotify) g_ptr_array_unref);
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) issuers = issuers_of(bus, arguments, &error);
        ExitStatus status = EXIT_STATUS_DONE;

        if (!issuers)
                return client_report(client, error);
        for (char **issuer = issuers; *issuer; issuer++) {
                g_autoptr(GError) local = NULL;
                GPtrArray *list = issued_list_get(bus, *issuer, &local);

                if (list) {
                        g_ptr_array_add(lists, list);
                        for (guint i = 0; i < list->len; i++)
                                g_ptr_array_add(all, list->pdata[i]);
                } else
                        status = client_report(client, local);
        }
        if (client->options.json != JSON_OFF)
                print_json(client, all);
        else if (!client->options.quiet && (all->len > 0 || status == EXIT_STATUS_DONE))
                print_text(client, all, g_strv_length(issuers) > 1);
        return status;
}
