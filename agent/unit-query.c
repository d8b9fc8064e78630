/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A question about a unit: owns one call to systemd, and its time limit. */

#include "agent/unit-query.h"

#include "common/timespan.h"

#include <glib.h>
#include <stdlib.h>

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_UNITS "/org/freedesktop/systemd1/unit"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

#define ANSWER_USEC (10 * USEC_PER_SEC)

struct UnitQuery {
        sd_bus_slot *call;
        UnitAnswered answered;
        void *userdata;
};

UnitQuery *unit_query_discard(UnitQuery *q)
{
        if (!q)
                return NULL;
        sd_bus_slot_unref(q->call);
        g_free(q);
        return NULL;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        UnitQuery *q = userdata;
        UnitAnswered answered = q->answered;
        void *whose = q->userdata;

        unit_query_discard(q);
        answered(reply, whose);
        return 0;
}

/* A unit's object is there as soon as it is asked for: its name is in its path. */
static int call(UnitQuery *q, sd_bus *bus, const char *unit, const char *interface, const char *property)
{
        g_autofree char *name = g_strconcat(SYSTEMD_NAME, ".", interface, NULL);
        sd_bus_message *m = NULL;
        char *path = NULL;
        int r = sd_bus_path_encode(SYSTEMD_UNITS, unit, &path);

        if (r >= 0)
                r = sd_bus_message_new_method_call(bus, &m, SYSTEMD_NAME, path, PROPERTIES_INTERFACE,
                                                   property ? "Get" : "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", name);
        if (r >= 0 && property)
                r = sd_bus_message_append(m, "s", property);
        if (r >= 0)
                r = sd_bus_call_async(bus, &q->call, m, on_reply, q, ANSWER_USEC);
        sd_bus_message_unref(m);
        free(path);
        return r;
}

UnitQuery *unit_query_start(sd_bus *bus, const char *unit, const char *interface, const char *property,
                            UnitAnswered answered, void *userdata)
{
        UnitQuery *q;

        if (!bus)
                return NULL;
        q = g_new0(UnitQuery, 1);
        q->answered = answered;
        q->userdata = userdata;
        return call(q, bus, unit, interface, property) < 0 ? unit_query_discard(q) : q;
}
