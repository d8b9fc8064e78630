/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl show`: all that the agent knows of a certificate, an authority or a bundle, for scripts. */

#include "client/connect.h"
#include "client/pager.h"
#include "client/subject.h"

#include <stdio.h>

static bool is_wanted(const Client *client, const char *property)
{
        GPtrArray *only = client->options.properties;

        return !only || g_ptr_array_find_with_equal_func(only, property, g_str_equal, NULL);
}

static void show_text(const Client *client, const Subject *s)
{
        bool value = client->options.value;

        for (size_t i = 0; i < s->table->n_fields; i++) {
                const Field *f = &s->table->fields[i];
                g_autofree char *text = NULL, *clean = NULL;

                if (!is_wanted(client, f->name))
                        continue;
                text = field_text(f, s->object);
                clean = terminal_clean(&client->terminal, text, false);
                printf("%s%s%s\n", value ? "" : f->name, value ? "" : "=", clean);
        }
}

/* Of any of the kinds that are asked for. */
static bool is_property(const char *wanted, char **names)
{
        for (; *names; names++)
                if (field_find(subject_table(subject_kind_of(*names)), wanted))
                        return true;
        return false;
}

static ExitStatus show_one(const Client *client, sd_bus *bus, const char *name, bool first)
{
        g_autoptr(GError) error = NULL, unasked = NULL;
        g_autoptr(Subject) s = subject_get(bus, name, /* ask= */ true, &unasked, &error);

        if (!s)
                return client_report(client, error);
        if (s->kind == SUBJECT_CERTIFICATE && is_wanted(client, "Findings"))
                (void) cert_detail_get_findings(bus, s->object, &unasked);
        if (client->options.json != JSON_OFF) {
                g_autoptr(JsonOut) j = json_out_new(client->options.json);

                field_object_json(s->table, s->object, client->options.properties, j);
                json_out_print(j);
        } else {
                if (!first)
                        putchar('\n');
                show_text(client, s);
        }
        return unasked ? client_report(client, unasked) : EXIT_STATUS_DONE;
}

ExitStatus verb_show(const Client *client, char **arguments)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        g_autoptr(Pager) pager G_GNUC_UNUSED = NULL;
        GPtrArray *wanted = client->options.properties;
        ExitStatus status = EXIT_STATUS_DONE;

        for (guint i = 0; wanted && i < wanted->len; i++)
                if (!is_property(wanted->pdata[i], arguments))
                        return client_usage(
                                "no property is called \"%s\"; see them all with: certctl show %s",
                                (char *) wanted->pdata[i], arguments[0]);
        if (!client_connect(client, &bus, &error))
                return client_report(client, error);
        pager = client->options.json == JSON_OFF ? pager_open(client) : NULL;
        for (char **name = arguments; *name; name++) {
                ExitStatus one = show_one(client, bus, *name, name == arguments);

                if (one != EXIT_STATUS_DONE)
                        status = one;
        }
        return status;
}
