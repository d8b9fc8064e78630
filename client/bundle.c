/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bundle, or an authority's revocation list, as the agent tells of it. */

#include "client/bundle.h"

#include "client/connect.h"
#include "client/subject.h"
#include "common/error.h"
#include "common/names.h"

#define AT(member) G_STRUCT_OFFSET(Bundle, member)

static const Field fields[] = {
        { "Name", FIELD_STRING, AT(name) },
        { "State", FIELD_STRING, AT(state) },
        { "Reasons", FIELD_STRINGS, AT(reasons) },
        { "Path", FIELD_STRING, AT(path) },
        { "Issuers", FIELD_STRINGS, AT(issuers) },
        { "Fingerprint", FIELD_STRING, AT(fingerprint) },
        { "Certificates", FIELD_NUMBER, AT(certificates) },
        { "Units", FIELD_STRINGS, AT(units) },
        { "LastChange", FIELD_TIME, AT(last_change) },
        { "NextUpdate", FIELD_TIME, AT(next_update) },
        { "Error", FIELD_STRING, AT(error) },
        { "Message", FIELD_STRING, AT(message) },
        { "Hint", FIELD_STRING, AT(hint) },
        { "RetryAt", FIELD_TIME, AT(retry_at) },
};

const FieldTable bundle_table = { sizeof(Bundle), fields, G_N_ELEMENTS(fields) };

Bundle *bundle_free(Bundle *b)
{
        if (b)
                g_free(b->from);
        return field_object_free(&bundle_table, b);
}

static void bundle_destroy(void *p)
{
        bundle_free(p);
}

GPtrArray *bundle_list_get(sd_bus *bus, GError **error)
{
        static const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "ListBundles",
                                   "listing the bundles", CALL_PLAIN };
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(bundle_destroy);
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        if (!client_call(bus, &call, &reply, error, ""))
                return NULL;
        r = field_list_read(&bundle_table, reply, list);
        if (r < 0) {
                client_bad_reply(r, call.what, error);
                return NULL;
        }
        for (guint i = 0; i < list->len; i++) {
                Bundle *b = list->pdata[i];

                b->from = g_strjoinv(" ", b->issuers);
        }
        return g_steal_pointer(&list);
}

static const char *name_of(const void *object)
{
        return ((const Bundle *) object)->name;
}

Bundle *bundle_get(sd_bus *bus, const char *name, GError **error)
{
        bool is_list = subject_kind_of(name) == SUBJECT_CRL;
        g_autoptr(GPtrArray) list = bundle_list_get(bus, error);
        guint i;

        if (!list)
                return NULL;
        if (subject_find(list, name_of, name, &i))
                return g_ptr_array_steal_index(list, i);
        subject_no_such(list, name_of, name, CERT_ERROR_NO_SUCH_CERTIFICATE,
                        is_list ? "revocation list" : "bundle", "certctl status", error);
        return NULL;
}

CertRow bundle_row(const Bundle *b)
{
        uint64_t life =
                b->next_update > b->last_change && b->last_change > 0 ? b->next_update - b->last_change : 0;

        return (CertRow){
                b->name, b->state, b->from, b->next_update, life > 0 ? b->next_update - life / 3 : 0, b->error
        };
}
