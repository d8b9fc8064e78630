/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority as the agent tells of it: what the agent itself knows (the list), and, asked for, what
 * the authority's process says. */

#include "client/authority.h"

#include "client/connect.h"
#include "client/subject.h"
#include "client/when.h"
#include "common/error.h"
#include "common/names.h"

#include <string.h>

/* ---- Its certificates ---- */

static void trusted_clear(void *p)
{
        TrustedCertificate *c = p;

        g_free(c->role);
        g_free(c->fingerprint);
        g_free(c->serial);
        g_free(c->subject);
        g_free(c->pem);
}

static int trusted_read(sd_bus_message *m, void *ret_entry)
{
        const char *role, *fingerprint, *serial, *subject, *pem;
        uint64_t not_before, not_after;
        int r = sd_bus_message_read(m, "(ssttsss)", &role, &fingerprint, &not_before, &not_after, &serial,
                                    &subject, &pem);

        if (r > 0)
                *(TrustedCertificate *) ret_entry = (TrustedCertificate){
                        .role = g_strdup(role),
                        .fingerprint = g_strdup(fingerprint),
                        .serial = g_strdup(serial),
                        .subject = g_strdup(subject),
                        .pem = g_strdup(pem),
                        .not_before = not_before,
                        .not_after = not_after,
                };
        return r;
}

static void trusted_text(const void *entry, GString *s)
{
        const TrustedCertificate *c = entry;
        g_autofree char *end = when_absolute(c->not_after);

        g_string_append_printf(s, "%s %s %s %s", c->role, c->fingerprint, end, c->subject);
}

static void trusted_json(const void *entry, JsonOut *j)
{
        const TrustedCertificate *c = entry;

        json_out_string(j, "Role", c->role);
        json_out_string(j, "Subject", c->subject);
        json_out_string(j, "SerialNumber", c->serial);
        json_out_string(j, "Fingerprint", c->fingerprint);
        json_out_number(j, "NotBefore", c->not_before);
        json_out_number(j, "NotAfter", c->not_after);
        json_out_string(j, "PEM", c->pem);
}

static const FieldEntries trusted = {
        "(ssttsss)", sizeof(TrustedCertificate), trusted_clear, trusted_read, trusted_text, trusted_json,
};

const TrustedCertificate *authority_in_role(const Authority *a, const char *role)
{
        for (guint i = a->trusted->len; i > 0; i--) { /* by age: of several old ones the youngest */
                const TrustedCertificate *c = &g_array_index(a->trusted, TrustedCertificate, i - 1);

                if (g_str_equal(c->role, role))
                        return c;
        }
        return NULL;
}

/* ---- All that is told of it ---- */

#define AT(member) G_STRUCT_OFFSET(Authority, member)

static const Field fields[] = {
        { "Name", FIELD_STRING, AT(name) },
        { "Issuer", FIELD_STRING, AT(issuer) },
        { "State", FIELD_STRING, AT(state) },
        { "Phase", FIELD_STRING, AT(phase) },
        { "Reasons", FIELD_STRINGS, AT(reasons) },
        { "Subject", FIELD_STRING, AT(subject) },
        { "SerialNumber", FIELD_STRING, AT(serial_number) },
        { "Fingerprint", FIELD_STRING, AT(fingerprint) },
        { "KeyType", FIELD_STRING, AT(key_type) },
        { "NotBefore", FIELD_TIME, AT(not_before) },
        { "NotAfter", FIELD_TIME, AT(not_after) },
        { "NextRotation", FIELD_TIME, AT(next_rotation) },
        { "Retirement", FIELD_TIME, AT(retirement) },
        { "Certificates", FIELD_NUMBER, AT(certificates) },
        { "Revoked", FIELD_NUMBER, AT(revoked) },
        { "Error", FIELD_STRING, AT(error) },
        { "Message", FIELD_STRING, AT(message) },
        { "Hint", FIELD_STRING, AT(hint) },
        { "RetryAt", FIELD_TIME, AT(retry_at) },
        { "Trusted", FIELD_ENTRIES, AT(trusted), &trusted },
};

const FieldTable authority_table = { sizeof(Authority), fields, G_N_ELEMENTS(fields) };

Authority *authority_free(Authority *a)
{
        return field_object_free(&authority_table, a);
}

static void authority_destroy(void *p)
{
        authority_free(p);
}

/* The agent names it by its issuer; here it has the name that it has in jobs, plan and log. */
static void authority_set_names(Authority *a, const char *issuer)
{
        char *name = g_strconcat(SUBJECT_AUTHORITY_PREFIX, issuer, NULL);

        g_free(a->issuer);
        a->issuer = g_strdup(issuer);
        g_free(a->name);
        a->name = name;
}

GPtrArray *authority_list_get(sd_bus *bus, GError **error)
{
        static const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "ListAuthorities",
                                   "listing the authorities", CALL_PLAIN };
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(authority_destroy);
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        if (!client_call(bus, &call, &reply, error, ""))
                return NULL;
        r = field_list_read(&authority_table, reply, list);
        if (r < 0) {
                client_bad_reply(r, call.what, error);
                return NULL;
        }
        for (guint i = 0; i < list->len; i++) {
                Authority *a = list->pdata[i];
                g_autofree char *issuer = g_strdup(a->name);

                authority_set_names(a, issuer);
        }
        return g_steal_pointer(&list);
}

static const char *name_of(const void *object)
{
        return ((const Authority *) object)->issuer;
}

Authority *authority_get(sd_bus *bus, const char *issuer, GError **error)
{
        g_autoptr(GPtrArray) list = authority_list_get(bus, error);
        guint i;

        if (!list)
                return NULL;
        if (subject_find(list, name_of, issuer, &i))
                return g_ptr_array_steal_index(list, i);
        subject_no_such(list, name_of, issuer, CERT_ERROR_NO_SUCH_ISSUER, "local authority",
                        "certctl authority", error);
        return NULL;
}

bool authority_ask(sd_bus *bus, Authority *a, GError **error)
{
        g_autofree char *what = g_strdup_printf("asking the authority \"%s\"", a->issuer);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "GetAuthority", what, CALL_PLAIN };
        g_autofree char *issuer = g_strdup(a->issuer);
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        if (!client_call(bus, &call, &reply, error, "s", issuer))
                return false;
        r = field_object_read(&authority_table, reply, a);
        authority_set_names(a, issuer);
        return r >= 0 || client_bad_reply(r, what, error);
}

const char *authority_issuer_of(const char *name)
{
        return g_str_has_prefix(name, SUBJECT_AUTHORITY_PREFIX) ? name + strlen(SUBJECT_AUTHORITY_PREFIX)
                                                                : name;
}

CertRow authority_row(const Authority *a)
{
        return (CertRow){ a->name, a->state, a->issuer, a->not_after, a->next_rotation, a->error };
}
