/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings about the files of certificates, as the agent tells of them. */

#include "client/finding.h"

#include "client/connect.h"
#include "common/error.h"
#include "common/names.h"

static void finding_clear(void *p)
{
        FindingRow *f = p;

        g_free(f->certificate);
        g_free(f->code);
        g_free(f->message);
        g_free(f->hint);
}

static int finding_read(sd_bus_message *m, void *ret_entry)
{
        const char *certificate, *code, *message, *hint;
        int r = sd_bus_message_read(m, "(ssss)", &certificate, &code, &message, &hint);

        if (r > 0)
                *(FindingRow *) ret_entry =
                        (FindingRow) { g_strdup(certificate), g_strdup(code), g_strdup(message), g_strdup(hint) };
        return r;
}

static void finding_text(const void *entry, GString *s)
{
        const FindingRow *f = entry;

        g_string_append_printf(s, "%s: %s", f->code, f->message);
}

static void finding_json(const void *entry, JsonOut *j)
{
        const FindingRow *f = entry;

        json_out_string(j, "Code", f->code);
        json_out_string(j, "Message", f->message);
        json_out_string(j, "Hint", f->hint);
}

const FieldEntries finding_entries = { "(ssss)",     sizeof(FindingRow), finding_clear,
                                       finding_read, finding_text,       finding_json };

static int read_rows(sd_bus_message *reply, GArray *rows)
{
        int r = sd_bus_message_enter_container(reply, 'a', "(ssss)");
        FindingRow row;

        while (r >= 0 && (r = finding_read(reply, &row)) > 0)
                g_array_append_val(rows, row);
        return r;
}

GArray *finding_rows_get(sd_bus *bus, const char *name, GError **error)
{
        static const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Diagnose", "looking at the files", CALL_PLAIN };
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(FindingRow));
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(GError) e = NULL;
        int r;

        g_array_set_clear_func(rows, finding_clear);
        if (!(name ? client_call(bus, &call, &reply, &e, "as", 1, name) : client_call(bus, &call, &reply, &e, "as", 0))) {
                if (g_error_matches(e, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED))
                        return g_steal_pointer(&rows);
                g_propagate_error(error, g_steal_pointer(&e));
                return NULL;
        }
        r = read_rows(reply, rows);
        if (r < 0) {
                client_bad_reply(r, call.what, error);
                return NULL;
        }
        return g_steal_pointer(&rows);
}
