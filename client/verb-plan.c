/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl plan`: what the agent would do now, and why. */

#include "client/connect.h"
#include "client/output-json.h"
#include "client/pager.h"
#include "client/subject.h"
#include "client/table.h"
#include "client/waiting.h"
#include "client/when.h"
#include "common/error.h"
#include "common/names.h"
#include "common/timespan.h"

#include <stdio.h>

typedef struct PlanItem {
        const char *name, *action;
        char **reasons;
        uint64_t due; /* 0: never, or it is not known */
        bool waits;   /* there is reason to act, and nothing but a person can do it */
        guint place;  /* in the agent's answer */
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
        if (r < 0)
                return r;
        item->reasons = g_strv_builder_end(reasons);
        item->waits = false;
        item->due = when_or_never(item->due);
        return 1;
}

static int compare_items(const void *a, const void *b)
{
        static const int ranks[_SUBJECT_KIND_MAX] = {
                [SUBJECT_AUTHORITY] = 0,
                [SUBJECT_CERTIFICATE] = 1,
                [SUBJECT_BUNDLE] = 2,
                [SUBJECT_CRL] = 3,
        };
        const PlanItem *x = a, *y = b;
        int difference = ranks[subject_kind_of(x->name)] - ranks[subject_kind_of(y->name)];

        return difference != 0 ? difference : (x->place > y->place) - (x->place < y->place);
}

static bool is_to_be_done(const PlanItem *item)
{
        return !g_str_equal(item->action, "none");
}

/* Names are borrowed from *ret_list; NULL: they cannot be had. */
static GHashTable *waiting_names(sd_bus *bus, CertRows *ret_list)
{
        GHashTable *names;

        if (!cert_rows_get(bus, ret_list, NULL))
                return NULL;
        names = g_hash_table_new(g_str_hash, g_str_equal);
        for (guint i = 0; i < ret_list->rows->len; i++) {
                const CertRow *row = &g_array_index(ret_list->rows, CertRow, i);

                if (waiting_is_by_hand(row))
                        g_hash_table_add(names, (gpointer) row->name);
        }
        return names;
}

/* What has no time waits for a person (also without a reason, when it was forced), or is blocked: the plan does not say
 * which. */
static void find_waiting(sd_bus *bus, GArray *items)
{
        g_autoptr(GHashTable) waiting = NULL;
        g_auto(CertRows) list = {};

        for (guint i = 0; i < items->len; i++) {
                PlanItem *item = &g_array_index(items, PlanItem, i);

                if (item->due != 0 || subject_kind_of(item->name) != SUBJECT_CERTIFICATE || is_to_be_done(item))
                        continue;
                if (!waiting && !(waiting = waiting_names(bus, &list)))
                        return;
                item->waits = g_hash_table_contains(waiting, item->name);
        }
}

/* In the order in which it is done: authorities, certificates, bundles, lists; else as the agent has it. The
 * items' strings are borrowed from *ret_reply. */
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
        while (r >= 0 && (r = read_item(*ret_reply, &item)) > 0) {
                item.place = items->len;
                g_array_append_val(items, item);
        }
        g_array_sort(items, compare_items);
        if (r >= 0)
                find_waiting(bus, items);
        return r >= 0 || client_bad_reply(r, call.what, error);
}

/* The agent plans named certificates alone; of authorities and bundles it tells with all the rest. */
static bool must_ask_for_all(char **names)
{
        for (; *names; names++)
                if (subject_kind_of(*names) != SUBJECT_CERTIFICATE)
                        return true;
        return false;
}

static bool keep_named(GArray *items, char **names, GError **error)
{
        for (char **name = names; *name; name++) {
                bool found = false;

                for (guint i = 0; i < items->len && !found; i++)
                        found = g_str_equal(g_array_index(items, PlanItem, i).name, *name);
                if (!found) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                                    "there is no \"%s\" in the plan\nSee the names that there are with: "
                                    "certctl status",
                                    *name);
                        return false;
                }
        }
        for (guint i = items->len; i > 0; i--)
                if (!g_strv_contains((const char *const *) names, g_array_index(items, PlanItem, i - 1).name))
                        g_array_remove_index(items, i - 1);
        return true;
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
        guint waiting = 0;

        for (guint i = 0; i < items->len; i++) {
                const PlanItem *item = &g_array_index(items, PlanItem, i);

                waiting += item->waits;
                if (item->due > now && (!first || item->due < first->due))
                        first = item;
        }
        printf("Nothing to do.");
        if (waiting > 0)
                printf(" %u wait%s for an answer by hand: certctl status.", waiting, waiting == 1 ? "s" : "");
        if (first) {
                when = when_both(first->due, now);
                name = terminal_clean(&client->terminal, first->name, false);
                printf(" The next one is %s, %s.", name, when);
        }
        putchar('\n');
}

static const char *due_words(const PlanItem *item, const char *due, uint64_t now)
{
        if (item->waits)
                return "when its answer comes";
        return item->due > 0 && item->due <= now ? "now" : due;
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
                table_add(table, STYLE_NONE, due_words(item, due, now));
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
        bool all = must_ask_for_all(arguments);

        g_array_set_clear_func(items, item_clear);
        if (!client_connect(client, &bus, &error) ||
            !get_plan(bus, all ? NULL : arguments, items, &reply, &error) ||
            (all && !keep_named(items, arguments, &error)))
                return client_report(client, error);
        if (client->options.json != JSON_OFF)
                plan_json(client, items);
        else if (!client->options.quiet)
                plan_text(client, items, client->options.all || *arguments);
        return EXIT_STATUS_DONE;
}
