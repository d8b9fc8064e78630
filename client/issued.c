/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The certificates that an authority signed for others, as the agent tells of them. */

#include "client/issued.h"

#include "client/connect.h"
#include "common/names.h"

#define AT(member) G_STRUCT_OFFSET(Issued, member)

static const Field fields[] = {
        { "Issuer", FIELD_STRING, AT(issuer) },
        { "SerialNumber", FIELD_STRING, AT(serial_number) },
        { "Subject", FIELD_STRING, AT(subject) },
        { "SubjectAltNames", FIELD_STRINGS, AT(sans) },
        { "Usage", FIELD_STRINGS, AT(usage) },
        { "KeyType", FIELD_STRING, AT(key_type) },
        { "NotBefore", FIELD_TIME, AT(not_before) },
        { "NotAfter", FIELD_TIME, AT(not_after) },
        { "Fingerprint", FIELD_STRING, AT(fingerprint) },
        { "Revoked", FIELD_FLAG, AT(revoked) },
};

const FieldTable issued_table = { sizeof(Issued), fields, G_N_ELEMENTS(fields) };

Issued *issued_free(Issued *i)
{
        return field_object_free(&issued_table, i);
}

static void issued_destroy(void *p)
{
        issued_free(p);
}

GPtrArray *issued_list_get(sd_bus *bus, const char *issuer, GError **error)
{
        g_autofree char *what = g_strdup_printf("listing what the authority \"%s\" signed", issuer);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "ListIssued", what, CALL_PLAIN };
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(issued_destroy);
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        if (!client_call(bus, &call, &reply, error, "s", issuer))
                return NULL;
        r = field_array_read(&issued_table, reply, list);
        if (r < 0) {
                client_bad_reply(r, what, error);
                return NULL;
        }
        for (guint i = 0; i < list->len; i++) {
                Issued *entry = list->pdata[i];

                g_free(entry->issuer);
                entry->issuer = g_strdup(issuer);
        }
        return g_steal_pointer(&list);
}

const char *issued_state(const Issued *i, uint64_t now)
{
        if (i->revoked)
                return "revoked";
        return i->not_after <= now ? "expired" : "valid";
}
