/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <systemd/sd-bus.h>

/* One question to systemd about a unit's properties; nothing is done to the unit. For jobs see agent/unit.h. */

typedef struct UnitQuery UnitQuery;

/* `reply` is the answer to Properties.Get (v) or GetAll (a{sv}), or an error (sd_bus_message_get_error()). Called once
 * from the loop, unless the query is discarded; it is gone afterwards. */
typedef void (*UnitAnswered)(sd_bus_message *reply, void *userdata);

/* Asks for one property of the interface ("Unit", "Service"), or with NULL for all of them. systemd loads the unit if
 * need be. NULL: it cannot be asked (`bus` NULL or closed); then nobody is called. */
UnitQuery *unit_query_start(sd_bus *bus, const char *unit, const char *interface, const char *property,
                            UnitAnswered answered, void *userdata);
UnitQuery *unit_query_discard(UnitQuery *q);
