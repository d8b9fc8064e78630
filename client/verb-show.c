/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl show` and `certctl plan`: what the agent knows of a certificate, and what it would do. */

#include "client/certificate.h"
#include "client/connect.h"
#include "client/detail.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/when.h"
#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>

/* ---- show ---- */

static void show_text(const Client *client, const CertDetail *d)
{
        GPtrArray *only = client->options.properties;
        const char *name;

        for (unsigned i = 0; (name = cert_detail_property_name(i)); i++) {
                g_autofree char *text = NULL, *clean = NULL;

                if (only && !g_ptr_array_find_with_equal_func(only, name, g_str_equal, NULL))
                        continue;
                text = cert_detail_property_text(d, i);
                clean = terminal_clean(&client->terminal, text, false);
                printf("%s%s%s\n", client->options.value ? "" : name, client->options.value ? "" : "=",
                       clean);
        }
}

static bool is_property(const char *wanted)
{
        const char *name;

        for (unsigned i = 0; (name = cert_detail_property_name(i)); i++)
                if (g_str_equal(name, wanted))
                        return true;
        return false;
}

static ExitStatus show_all(const Client *client, sd_bus *bus, char **names)
{
        g_autoptr(JsonOut) j = client->options.json != JSON_OFF ? json_out_new(client->options.json) : NULL;
        g_autoptr(Pager) pager G_GNUC_UNUSED = j ? NULL : pager_open(client);
        ExitStatus status = EXIT_STATUS_DONE;

        for (char **name = names; *name; name++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(CertDetail) d = cert_detail_get(bus, *name, &error);

                if (!d) {
                        status = client_report(client, error);
                        continue;
                }
                if (j) {
                        detail_json(d, client->options.properties, j);
                        json_out_print(j);
                        continue;
                }
                if (name != names)
                        putchar('\n');
                show_text(client, d);
        }
        return status;
}

ExitStatus verb_show(const Client *client, char **arguments)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        GPtrArray *wanted = client->options.properties;

        for (guint i = 0; wanted && i < wanted->len; i++)
                if (!is_property(wanted->pdata[i]))
                        return client_usage(
                                "no property is called \"%s\"; see them all with: certctl show %s",
                                (char *) wanted->pdata[i], arguments[0]);
        if (!client_connect(client, &bus, &error))
                return client_report(client, error);
        return show_all(client, bus, arguments);
}

/* ---- plan ---- */

typedef struct PlanItem {
        const char *name, *action;
        char **reasons;
        uint64_t due;
} PlanItem;

static void item_clear(void *p)
{
        g_strfreev(((PlanItem *) p)->reasons);
}

static int read_item(sd_bus_message *m, PlanItem *item)
{
        g_autoptr(GStrvBuilder) reasons = g_strv_builder_new();
        const char *reason;
        int r = sd_bus_message_enter_container(m, 'r', "ssast");

        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "ss", &item->name, &item->action);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &reason)) > 0)
                g_strv_builder_add(reasons, reason);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &item->due);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                item->reasons = g_strv_builder_end(reasons);
        return r < 0 ? r : 1;
}

/* The items' strings are borrowed from *ret_reply. */
static bool get_plan(sd_bus *bus, char **names, GArray *items, sd_bus_message **ret_reply, GError **error)
{
        static const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Plan", "planning", CALL_PLAIN };
        g_autoptr(sd_bus_message) m = NULL;
        PlanItem item = {};
        int r;

        if (!client_new_call(bus, &call, &m, error))
                return false;
        r = sd_bus_message_append_strv(m, names);
        if (r < 0)
                return client_bad_reply(r, call.what, error);
        if (!client_call_message(bus, &call, m, ret_reply, error))
                return false;
        r = sd_bus_message_enter_container(*ret_reply, 'a', "(ssast)");
        while (r >= 0 && (r = read_item(*ret_reply, &item)) > 0)
                g_array_append_val(items, item);
        return r >= 0 || client_bad_reply(r, call.what, error);
}

static bool is_to_be_done(const PlanItem *item)
{
        return !g_str_equal(item->action, "none");
}

static void plan_json(const Client *client, const GArray *items)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);

        json_out_begin(j, NULL, '[');
        for (guint i = 0; i < items->len; i++) {
                const PlanItem *item = &g_array_index(items, PlanItem, i);

                json_out_begin(j, NULL, '{');
                json_out_string(j, "name", item->name);
                json_out_string(j, "action", item->action);
                json_out_strv(j, "reasons", item->reasons);
                json_out_number(j, "due", item->due);
                json_out_end(j);
        }
        json_out_end(j);
        json_out_print(j);
}

/* When nothing is to be done: what comes next, and when. */
static void print_idle(const Client *client, const GArray *items, uint64_t now)
{
        const PlanItem *first = NULL;
        g_autofree char *when = NULL, *name = NULL;

        for (guint i = 0; i < items->len; i++) {
                const PlanItem *item = &g_array_index(items, PlanItem, i);

                if (item->due > now && (!first || item->due < first->due))
                        first = item;
        }
        if (!first) {
                printf("Nothing to do.\n");
                return;
        }
        when = when_both(first->due, now);
        name = terminal_clean(&client->terminal, first->name, false);
        printf("Nothing to do. The next one is %s, %s.\n", name, when);
}

static void plan_text(const Client *client, const GArray *items, bool all)
{
        static const char *const headings[] = { "NAME", "ACTION", "REASONS", "DUE", NULL };
        g_autoptr(Table) table = table_new(&client->terminal, headings);
        g_autoptr(Pager) pager G_GNUC_UNUSED = pager_open(client);
        uint64_t now = now_realtime();
        guint to_do = 0, rows = 0;

        for (guint i = 0; i < items->len; i++) {
                const PlanItem *item = &g_array_index(items, PlanItem, i);
                g_autofree char *reasons = g_strjoinv(" ", item->reasons), *due = when_both(item->due, now);

                to_do += is_to_be_done(item);
                if (!all && !is_to_be_done(item))
                        continue;
                table_add(table, STYLE_NONE, item->name);
                table_add(table, is_to_be_done(item) ? STYLE_WARNING : STYLE_GOOD, item->action);
                table_add(table, STYLE_NONE, *reasons ? reasons : "-");
                table_add(table, STYLE_NONE, item->due <= now ? "now" : due);
                rows++;
        }
        if (rows > 0)
                table_print(table, client->options.no_legend, client->options.full);
        if (to_do == 0 && !client->options.no_legend)
                print_idle(client, items, now);
}

ExitStatus verb_plan(const Client *client, char **arguments)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(sd_bus) bus = NULL;
        g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(PlanItem));

        g_array_set_clear_func(items, item_clear);
        if (!client_connect(client, &bus, &error) || !get_plan(bus, arguments, items, &reply, &error))
                return client_report(client, error);
        if (client->options.json != JSON_OFF)
                plan_json(client, items);
        else if (!client->options.quiet)
                plan_text(client, items, client->options.all || *arguments);
        return EXIT_STATUS_DONE;
}
