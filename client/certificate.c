/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A certificate as the agent tells of it. One table says what each property is called, what type it has and
 * where it is kept; reading, `show` and JSON all follow it. */

#include "client/certificate.h"

#include "client/connect.h"
#include "client/property.h"
#include "client/when.h"
#include "common/error.h"
#include "common/names.h"
#include "common/reason.h"
#include "common/state.h"

#include <inttypes.h>
#include <string.h>

/* ---- The list ---- */

bool cert_list_get(sd_bus *bus, CertList *ret_list, GError **error)
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
                                                  &row.not_after, &row.next_renewal, &row.error)) > 0)
                g_array_append_val(rows, row);
        if (r < 0)
                return client_bad_reply(r, call.what, error);
        ret_list->reply = g_steal_pointer(&reply);
        ret_list->rows = g_steal_pointer(&rows);
        return true;
}

void cert_list_clear(CertList *list)
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

typedef enum PropertyType {
        PROPERTY_STRING,
        PROPERTY_STRINGS,
        PROPERTY_TIME,
        PROPERTY_NUMBER,
        PROPERTY_HISTORY,
} PropertyType;

typedef struct Property {
        const char *name;
        PropertyType type;
        size_t offset;
} Property;

#define AT(member) G_STRUCT_OFFSET(CertDetail, member)

static const Property properties[] = {
        { "Name", PROPERTY_STRING, AT(name) },
        { "CommonName", PROPERTY_STRING, AT(common_name) },
        { "SubjectAltNames", PROPERTY_STRINGS, AT(sans) },
        { "Issuer", PROPERTY_STRING, AT(issuer) },
        { "State", PROPERTY_STRING, AT(state) },
        { "Reasons", PROPERTY_STRINGS, AT(reasons) },
        { "SerialNumber", PROPERTY_STRING, AT(serial_number) },
        { "Fingerprint", PROPERTY_STRING, AT(fingerprint) },
        { "NotBefore", PROPERTY_TIME, AT(not_before) },
        { "NotAfter", PROPERTY_TIME, AT(not_after) },
        { "NextRenewal", PROPERTY_TIME, AT(next_renewal) },
        { "LastRenewal", PROPERTY_TIME, AT(last_renewal) },
        { "LastError", PROPERTY_STRING, AT(last_error) },
        { "Hint", PROPERTY_STRING, AT(hint) },
        { "RetryAt", PROPERTY_TIME, AT(retry_at) },
        { "FailureCount", PROPERTY_NUMBER, AT(failure_count) },
        { "Units", PROPERTY_STRINGS, AT(units) },
        { "Served", PROPERTY_STRING, AT(served) },
        { "CertPath", PROPERTY_STRING, AT(cert_path) },
        { "KeyPath", PROPERTY_STRING, AT(key_path) },
        { "KeyType", PROPERTY_STRING, AT(key_type) },
        { "Generation", PROPERTY_NUMBER, AT(generation) },
        { "History", PROPERTY_HISTORY, AT(history) },
};

#define MEMBER(detail, property, type) G_STRUCT_MEMBER(type, detail, (property)->offset)

static const Property *property_find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++)
                if (g_str_equal(properties[i].name, name))
                        return &properties[i];
        return NULL;
}

static void event_clear(void *p)
{
        CertEvent *e = p;

        g_free(e->kind);
        g_free(e->reasons);
        g_free(e->serial);
        g_free(e->detail);
}

static CertDetail *detail_new(void)
{
        CertDetail *d = g_new0(CertDetail, 1);

        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++)
                if (properties[i].type == PROPERTY_STRING)
                        MEMBER(d, &properties[i], char *) = g_strdup("");
                else if (properties[i].type == PROPERTY_STRINGS)
                        MEMBER(d, &properties[i], char **) = g_new0(char *, 1);
        d->history = g_array_new(FALSE, FALSE, sizeof(CertEvent));
        g_array_set_clear_func(d->history, event_clear);
        return d;
}

CertDetail *cert_detail_free(CertDetail *d)
{
        if (!d)
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++)
                if (properties[i].type == PROPERTY_STRING)
                        g_free(MEMBER(d, &properties[i], char *));
                else if (properties[i].type == PROPERTY_STRINGS)
                        g_strfreev(MEMBER(d, &properties[i], char **));
        g_array_unref(d->history);
        g_free(d);
        return NULL;
}

static int read_history(sd_bus_message *m, GArray *history)
{
        const char *kind, *reasons, *serial, *detail;
        uint64_t time;
        int r = property_enter_array(m, "(tssss)");

        while (r >= 0 &&
               (r = sd_bus_message_read(m, "(tssss)", &time, &kind, &reasons, &serial, &detail)) > 0) {
                CertEvent e = { time, g_strdup(kind), g_strdup(reasons), g_strdup(serial), g_strdup(detail) };

                g_array_append_val(history, e);
        }
        return r >= 0 ? property_exit_array(m) : r;
}

static int read_property(sd_bus_message *m, const char *name, void *userdata)
{
        const Property *p = property_find(name);
        CertDetail *d = userdata;

        if (!p)
                return sd_bus_message_skip(m, "v");
        switch (p->type) {
        case PROPERTY_STRING:
                return property_read_string(m, &MEMBER(d, p, char *));
        case PROPERTY_STRINGS:
                return property_read_strings(m, &MEMBER(d, p, char **));
        case PROPERTY_TIME:
                return sd_bus_message_read(m, "v", "t", &MEMBER(d, p, uint64_t));
        case PROPERTY_NUMBER:
                return sd_bus_message_read(m, "v", "u", &MEMBER(d, p, uint32_t));
        default:
                return read_history(m, d->history);
        }
}

CertDetail *cert_detail_get(sd_bus *bus, const char *name, GError **error)
{
        g_autofree char *what = g_strdup_printf("looking at \"%s\"", name);
        const Call find = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "GetCertificate", what, CALL_PLAIN };
        g_autoptr(sd_bus_message) found = NULL, reply = NULL;
        g_autoptr(CertDetail) d = detail_new();
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
        r = property_walk(reply, read_property, d);
        if (r < 0) {
                client_bad_reply(r, what, error);
                return NULL;
        }
        return g_steal_pointer(&d);
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

/* ---- Properties as text and as JSON ---- */

const char *cert_detail_property_name(unsigned index)
{
        return index < G_N_ELEMENTS(properties) ? properties[index].name : NULL;
}

static char *history_text(const GArray *history)
{
        g_autoptr(GString) s = g_string_new(NULL);

        for (guint i = 0; i < history->len; i++) {
                const CertEvent *e = &g_array_index(history, CertEvent, i);
                g_autofree char *time = when_absolute(e->time);

                g_string_append_printf(s, "%s%s %s", i ? "; " : "", time, e->kind);
                for (size_t f = 0; f < 3; f++) {
                        const char *field = f == 0 ? e->reasons : f == 1 ? e->serial : e->detail;

                        if (*field)
                                g_string_append_printf(s, " %s", field);
                }
        }
        return g_string_free(g_steal_pointer(&s), FALSE);
}

char *cert_detail_property_text(const CertDetail *d, unsigned index)
{
        const Property *p = &properties[index];

        switch (p->type) {
        case PROPERTY_STRING:
                return g_strdup(MEMBER(d, p, char *));
        case PROPERTY_STRINGS:
                return g_strjoinv(" ", MEMBER(d, p, char **));
        case PROPERTY_TIME:
                return MEMBER(d, p, uint64_t) ? when_absolute(MEMBER(d, p, uint64_t)) : g_strdup("");
        case PROPERTY_NUMBER:
                return g_strdup_printf("%" PRIu32, MEMBER(d, p, uint32_t));
        default:
                return history_text(d->history);
        }
}

static void history_json(const GArray *history, const char *key, JsonOut *j)
{
        json_out_begin(j, key, '[');
        for (guint i = 0; i < history->len; i++) {
                const CertEvent *e = &g_array_index(history, CertEvent, i);

                json_out_begin(j, NULL, '{');
                json_out_number(j, "Time", e->time);
                json_out_string(j, "Kind", e->kind);
                json_out_string(j, "Reasons", e->reasons);
                json_out_string(j, "SerialNumber", e->serial);
                json_out_string(j, "Detail", e->detail);
                json_out_end(j);
        }
        json_out_end(j);
}

void cert_detail_property_json(const CertDetail *d, unsigned index, JsonOut *j)
{
        const Property *p = &properties[index];

        switch (p->type) {
        case PROPERTY_STRING:
                json_out_string(j, p->name, MEMBER(d, p, char *));
                break;
        case PROPERTY_STRINGS:
                json_out_strv(j, p->name, MEMBER(d, p, char **));
                break;
        case PROPERTY_TIME:
                json_out_number(j, p->name, MEMBER(d, p, uint64_t));
                break;
        case PROPERTY_NUMBER:
                json_out_number(j, p->name, MEMBER(d, p, uint32_t));
                break;
        default:
                history_json(d->history, p->name, j);
        }
}
