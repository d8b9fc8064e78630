/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parts of messages
 *
 * The values that agent and issuers both send: lists of certificates, requests, names. It owns nothing.
 */

#include "common/message.h"

/* ---- Values ---- */

static int append_bytes(sd_bus_message *m, GBytes *bytes)
{
        size_t size;
        const void *data = g_bytes_get_data(bytes, &size);

        return sd_bus_message_append_array(m, 'y', data, size);
}

int message_append_certificates(sd_bus_message *m, GPtrArray *ders)
{
        int r = sd_bus_message_open_container(m, 'a', "ay");

        for (guint i = 0; r >= 0 && ders && i < ders->len; i++)
                r = append_bytes(m, g_ptr_array_index(ders, i));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int message_reply_certificates(sd_bus_message *call, GPtrArray *ders)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = message_append_certificates(reply, ders);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

/* ---- Entries ---- */

static int open_entry(sd_bus_message *m, const char *key, const char *type)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', key);
        return r < 0 ? r : sd_bus_message_open_container(m, 'v', type);
}

/* `r` is what came of the value. */
static int close_entry(sd_bus_message *m, int r)
{
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int message_append_entry_certificates(sd_bus_message *m, const char *key, GPtrArray *ders)
{
        int r = open_entry(m, key, "aay");

        return close_entry(m, r < 0 ? r : message_append_certificates(m, ders));
}

int message_append_entry_bytes(sd_bus_message *m, const char *key, GBytes *bytes)
{
        int r = open_entry(m, key, "ay");

        return close_entry(m, r < 0 ? r : append_bytes(m, bytes));
}

int message_append_entry_strv(sd_bus_message *m, const char *key, char **strv)
{
        int r = open_entry(m, key, "as");

        return close_entry(m, r < 0 ? r : sd_bus_message_append_strv(m, strv));
}
