/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* Messages: what sd_bus_message_append() cannot say in one format, because the value is made of GBytes. Each returns as
 * sd-bus does: a negative errno, and then the message is of no use. */

/* An array of byte arrays (aay). `ders` is GBytes*; NULL: an empty one. */
int message_append_certificates(sd_bus_message *m, GPtrArray *ders);

/* Replies to a call with such an array alone; as a handler returns. */
int message_reply_certificates(sd_bus_message *call, GPtrArray *ders);

/* One entry of an a{sv} whose container is open; the value is of type aay, ay, as. */
int message_append_entry_certificates(sd_bus_message *m, const char *key, GPtrArray *ders);
int message_append_entry_bytes(sd_bus_message *m, const char *key, GBytes *bytes);
int message_append_entry_strv(sd_bus_message *m, const char *key, char **strv);
