/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A certificate as the agent tells of it: a row of the list, or all its properties. */

#include "client/certificate.h"

#include "client/connect.h"
#include "client/finding.h"
#include "client/when.h"
#include "common/error.h"
#include "common/names.h"
#include "common/reason.h"
#include "common/state.h"

/* ---- The list ---- */

bool cert_rows_get(sd_bus *bus, CertRows *ret_list, GError **error)
{
        static const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "ListCertificates",
                                   "listing the certificates", CALL_PLAIN };
        g_autoptr(sd_bus_message) reply = NULL;
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(CertRow));
        CertRow row;
        int r;

        if (!client_call(bus, &call, &reply, error, ""))
                return false;
        r = sd_bus_message_enter_container(reply, 'a', "(ssstts)");
        while (r >= 0 && (r = sd_bus_message_read(reply, "(ssstts)", &row.name, &row.state, &row.issuer,
                                                  &row.not_after, &row.next_renewal, &row.error)) > 0) {
                row.next_renewal = when_or_never(row.next_renewal);
                g_array_append_val(rows, row);
        }
        if (r < 0)
                return client_bad_reply(r, call.what, error);
        ret_list->reply = g_steal_pointer(&reply);
        ret_list->rows = g_steal_pointer(&rows);
        return true;
}

void cert_rows_clear(CertRows *list)
{
        g_clear_pointer(&list->rows, g_array_unref);
        list->reply = sd_bus_message_unref(list->reply);
}

bool cert_row_is_expired(const CertRow *row, uint64_t now)
{
        return row->not_after > 0 && row->not_after <= now;
}

const char *cert_row_word(const CertRow *row, uint64_t now)
{
        return cert_row_is_expired(row, now) ? "expired" : row->state;
}

bool cert_row_is_trouble(const CertRow *row, uint64_t now)
{
        CertState state = cert_state_from_string(row->state);

        return (state >= 0 && cert_state_is_trouble(state)) || cert_row_is_expired(row, now);
}

/* ---- All properties ---- */

static void event_clear(void *p)
{
        CertEvent *e = p;

        g_free(e->kind);
        g_free(e->reasons);
        g_free(e->serial);
        g_free(e->detail);
}

static int event_read(sd_bus_message *m, void *ret_entry)
{
        const char *kind, *reasons, *serial, *detail;
        uint64_t time;
        int r = sd_bus_message_read(m, "(tssss)", &time, &kind, &reasons, &serial, &detail);

        if (r > 0)
                *(CertEvent *) ret_entry = (CertEvent){ time, g_strdup(kind), g_strdup(reasons),
                                                        g_strdup(serial), g_strdup(detail) };
        return r;
}

static void event_text(const void *entry, GString *s)
{
        const CertEvent *e = entry;
        const char *const further[] = { e->reasons, e->serial, e->detail };
        g_autofree char *time = when_absolute(e->time);

        g_string_append_printf(s, "%s %s", time, e->kind);
        for (size_t i = 0; i < G_N_ELEMENTS(further); i++)
                if (*further[i])
                        g_string_append_printf(s, " %s", further[i]);
}

static void event_json(const void *entry, JsonOut *j)
{
        const CertEvent *e = entry;

        json_out_number(j, "Time", e->time);
        json_out_string(j, "Kind", e->kind);
        json_out_string(j, "Reasons", e->reasons);
        json_out_string(j, "SerialNumber", e->serial);
        json_out_string(j, "Detail", e->detail);
}

static const FieldEntries history = { "(tssss)",  sizeof(CertEvent), event_clear,
                                      event_read, event_text,        event_json };

#define AT(member) G_STRUCT_OFFSET(CertDetail, member)

static const Field fields[] = {
        { "Name", FIELD_STRING, AT(name) },
        { "CommonName", FIELD_STRING, AT(common_name) },
        { "SubjectAltNames", FIELD_STRINGS, AT(sans) },
        { "Issuer", FIELD_STRING, AT(issuer) },
        { "State", FIELD_STRING, AT(state) },
        { "Reasons", FIELD_STRINGS, AT(reasons) },
        { "SerialNumber", FIELD_STRING, AT(serial_number) },
        { "Fingerprint", FIELD_STRING, AT(fingerprint) },
        { "NotBefore", FIELD_TIME, AT(not_before) },
        { "NotAfter", FIELD_TIME, AT(not_after) },
        { "NextRenewal", FIELD_TIME, AT(next_renewal) },
        { "LastRenewal", FIELD_TIME, AT(last_renewal) },
        { "LastError", FIELD_STRING, AT(last_error) },
        { "Hint", FIELD_STRING, AT(hint) },
        { "RetryAt", FIELD_TIME, AT(retry_at) },
        { "RequestedAt", FIELD_TIME, AT(requested_at) },
        { "FailureCount", FIELD_NUMBER, AT(failure_count) },
        { "Units", FIELD_STRINGS, AT(units) },
        { "Served", FIELD_STRING, AT(served) },
        { "CertPath", FIELD_STRING, AT(cert_path) },
        { "KeyPath", FIELD_STRING, AT(key_path) },
        { "ChainPath", FIELD_STRING, AT(chain_path) },
        { "CaPath", FIELD_STRING, AT(ca_path) },
        { "CombinedPath", FIELD_STRING, AT(combined_path) },
        { "KeyType", FIELD_STRING, AT(key_type) },
        { "Usage", FIELD_STRINGS, AT(usage) },
        { "VerifyConnect", FIELD_STRING, AT(verify_connect) },
        { "VerifyName", FIELD_STRING, AT(verify_name) },
        { "VerifyStarttls", FIELD_STRING, AT(verify_starttls) },
        { "Generation", FIELD_NUMBER, AT(generation) },
        { "History", FIELD_ENTRIES, AT(history), &history },
        { "Findings", FIELD_ENTRIES, AT(findings), &finding_entries }, /* no property: cert_detail_get_findings() */
};

const FieldTable cert_detail_table = { sizeof(CertDetail), fields, G_N_ELEMENTS(fields) };

CertDetail *cert_detail_free(CertDetail *d)
{
        return field_object_free(&cert_detail_table, d);
}

CertDetail *cert_detail_get(sd_bus *bus, const char *name, GError **error)
{
        g_autofree char *what = g_strdup_printf("looking at \"%s\"", name);
        const Call find = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "GetCertificate", what, CALL_PLAIN };
        g_autoptr(sd_bus_message) found = NULL, reply = NULL;
        g_autoptr(CertDetail) d = field_object_new(&cert_detail_table);
        const char *path;
        int r;

        if (!client_call(bus, &find, &found, error, "s", name))
                return NULL;
        r = sd_bus_message_read(found, "o", &path);
        if (r < 0) {
                client_bad_reply(r, what, error);
                return NULL;
        }
        if (!client_get_all(bus, path, CERT_INTERFACE_CERTIFICATE, what, &reply, error))
                return NULL;
        r = field_object_read(&cert_detail_table, reply, d);
        if (r < 0) {
                client_bad_reply(r, what, error);
                return NULL;
        }
        return g_steal_pointer(&d);
}

bool cert_detail_get_findings(sd_bus *bus, CertDetail *d, GError **error)
{
        GArray *findings = finding_rows_get(bus, d->name, error);

        if (!findings)
                return false;
        g_array_unref(d->findings);
        d->findings = findings;
        return true;
}

bool cert_detail_is_usable(const CertDetail *d, uint64_t now)
{
        static const Reason spoiling[] = {
                REASON_MISSING_CERT, REASON_MISSING_KEY, REASON_UNREADABLE,
                REASON_EXPIRED,      REASON_REVOKED,     REASON_KEY_MISMATCH,
        };

        if (d->not_after <= now)
                return false;
        for (size_t i = 0; i < G_N_ELEMENTS(spoiling); i++)
                if (g_strv_contains((const char *const *) d->reasons, reason_to_string(spoiling[i])))
                        return false;
        return true;
}
