/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Certificate objects: org.certagent1.Certificate on /org/certagent1/certificate/NAME. Facts are looked at anew
 * whenever an object is asked for: what is told is what is on disk now. */

#include "agent/bus.h"
#include "agent/layout.h"
#include "common/names.h"
#include "common/reason.h"
#include "common/state.h"

#include <stdlib.h>

/* ---- Text properties: a table from name to value ---- */

static const LeafFacts *leaf_of(const Certificate *c)
{
        return c->facts ? c->facts->leaf : NULL;
}

static const char *text_name(const Certificate *c)
{
        return c->wish->name;
}

static const char *text_common_name(const Certificate *c)
{
        return c->wish->common_name;
}

static const char *text_issuer(const Certificate *c)
{
        return c->wish->issuer;
}

static const char *text_state(const Certificate *c)
{
        return cert_state_to_string(certificate_state(c));
}

static const char *text_serial(const Certificate *c)
{
        return leaf_of(c) ? leaf_of(c)->serial : NULL;
}

static const char *text_fingerprint(const Certificate *c)
{
        return leaf_of(c) ? leaf_of(c)->fingerprint : NULL;
}

static const char *text_last_error(const Certificate *c)
{
        return c->record->message;
}

static const char *text_hint(const Certificate *c)
{
        return c->item.hint ?: c->record->hint;
}

static const char *text_served(const Certificate *c)
{
        return c->facts ? c->facts->served : NULL;
}

static const char *text_key_type(const Certificate *c)
{
        return key_type_to_string(c->wish->key_type);
}

static const char *text_verify_connect(const Certificate *c)
{
        return c->wish->verify ? c->wish->verify->connect : NULL;
}

static const char *text_verify_name(const Certificate *c)
{
        return c->wish->verify ? c->wish->verify->server_name : NULL;
}

static const char *text_verify_starttls(const Certificate *c)
{
        const Verify *verify = c->wish->verify;

        return verify && verify->starttls != STARTTLS_NONE ? starttls_to_string(verify->starttls) : NULL;
}

typedef struct TextProperty {
        const char *name;
        const char *(*get)(const Certificate *c);
} TextProperty;

static const TextProperty text_properties[] = {
        { "Name", text_name },
        { "CommonName", text_common_name },
        { "Issuer", text_issuer },
        { "State", text_state },
        { "SerialNumber", text_serial },
        { "Fingerprint", text_fingerprint },
        { "LastError", text_last_error },
        { "Hint", text_hint },
        { "Served", text_served },
        { "KeyType", text_key_type },
        { "VerifyConnect", text_verify_connect },
        { "VerifyName", text_verify_name },
        { "VerifyStarttls", text_verify_starttls },
};

static int property_get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(text_properties); i++)
                if (g_str_equal(text_properties[i].name, property))
                        return sd_bus_message_append(reply, "s", text_properties[i].get(userdata) ?: "");
        return -ENOENT;
}

/* ---- Paths ---- */

/* Certificate and key may be in the combined file alone, and a key in a token. Caller owns. */
static char *path_of(const Certificate *c, const char *property)
{
        const ManifestCertificate *wish = c->wish;

        if (g_str_equal(property, "CertPath"))
                return layout_file_path(wish, MANAGED_FILE_CERT) ?: layout_file_path(wish, MANAGED_FILE_COMBINED);
        if (g_str_equal(property, "KeyPath"))
                return g_strdup(wish->key_uri) ?: layout_file_path(wish, MANAGED_FILE_KEY)
                                               ?: layout_file_path(wish, MANAGED_FILE_COMBINED);
        if (g_str_equal(property, "CaPath"))
                return layout_file_path(wish, MANAGED_FILE_CA);
        if (g_str_equal(property, "ChainPath"))
                return layout_file_path(wish, MANAGED_FILE_CHAIN);
        return layout_file_path(wish, MANAGED_FILE_COMBINED);
}

static int property_get_path(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        g_autofree char *file = path_of(userdata, property);

        return sd_bus_message_append(reply, "s", file ?: "");
}

/* ---- Times ---- */

/* Of a request that asks for something else than what is wanted nobody waits for the answer. */
static uint64_t requested_at(const Certificate *c)
{
        return c->record->token && certificate_waiting_is_wanted(c) ? c->record->requested_at : 0;
}

static uint64_t time_of(const Certificate *c, const char *property)
{
        if (g_str_equal(property, "NotBefore"))
                return leaf_of(c) ? leaf_of(c)->not_before : 0;
        if (g_str_equal(property, "NotAfter"))
                return leaf_of(c) ? leaf_of(c)->not_after : 0;
        if (g_str_equal(property, "NextRenewal"))
                return c->item.due;
        if (g_str_equal(property, "RequestedAt"))
                return requested_at(c);
        if (g_str_equal(property, "LastRenewal"))
                return c->record->last_renewal;
        return c->record->retry_at;
}

static int property_get_time(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "t", time_of(userdata, property));
}

/* ---- The others ---- */

static int property_get_sans(sd_bus *bus, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const Certificate *c = userdata;

        return sd_bus_message_append_strv(reply, c->wish->san_texts);
}

static int property_get_reasons(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const Certificate *c = userdata;
        g_auto(GStrv) reasons = reason_set_to_strv(c->item.reasons);

        return sd_bus_message_append_strv(reply, reasons);
}

static int property_get_units(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const Certificate *c = userdata;
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (guint i = 0; r >= 0 && i < c->wish->units->len; i++)
                r = sd_bus_message_append(reply, "s", ((UnitRef *) g_ptr_array_index(c->wish->units, i))->unit);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_get_usage(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        g_auto(GStrv) usage = usage_to_strv(((Certificate *) userdata)->wish->usage);

        return sd_bus_message_append_strv(reply, usage);
}

static int property_get_failure_count(sd_bus *bus, const char *path, const char *interface, const char *property,
                                      sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "u", ((Certificate *) userdata)->record->failures);
}

static int property_get_generation(sd_bus *bus, const char *path, const char *interface, const char *property,
                                   sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "u", ((Certificate *) userdata)->record->generation);
}

static int property_get_history(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Record *record = ((Certificate *) userdata)->record;
        bool kept = record->history != NULL;
        int r = sd_bus_message_open_container(reply, 'a', "(tssss)");

        record_load_history(record);
        for (guint i = 0; r >= 0 && i < record->history->len; i++) {
                const RecordEvent *e = g_ptr_array_index(record->history, i);

                r = sd_bus_message_append(reply, "(tssss)", e->at, e->kind, e->reasons ?: "", e->serial ?: "",
                                          e->detail ?: "");
        }
        if (!kept) /* anybody may ask for the history of all */
                g_clear_pointer(&record->history, g_ptr_array_unref);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- Methods ---- */

static Certificate *find_by_path(Bus *b, const char *path)
{
        Certificate *c = NULL;
        char *name = NULL;

        if (sd_bus_path_decode(path, CERT_BUS_CERTIFICATE_PATH, &name) > 0)
                c = agent_find(bus_agent(b), name);
        free(name);
        return c && c->wish->kind == MANIFEST_KIND_CERTIFICATE ? c : NULL;
}

/* The certificate is named by the message's path: it may be gone before polkit has answered. */
static int renew(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        const Certificate *c = find_by_path(b, sd_bus_message_get_path(m));
        bool force = false;
        int r = bus_read_renew_options(m, &force, ret_error);

        if (r < 0)
                return r;
        if (!c)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                         "The certificate has left the manifest");
        r = polkit_check(bus_polkit(b), m, renew, b,
                         (const char *const[]) { "certificates", c->wish->name, "force", force ? "yes" : "no", NULL },
                         ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return bus_reply_job(b, m, JOB_KIND_RENEW, (const char *const[]) { c->wish->name, NULL }, force, ret_error);
}

static int method_renew(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return renew(m, sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(m))), ret_error);
}

static int revoke_certificate(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        Certificate *c = find_by_path(b, sd_bus_message_get_path(m));
        const char *reason;
        int r = sd_bus_message_read(m, "s", &reason);

        if (r < 0)
                return r;
        if (!c)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                         "The certificate has left the manifest");
        r = bus_check_reason(reason, ret_error);
        if (r < 0)
                return r;
        r = polkit_check(bus_polkit(b), m, revoke_certificate, b,
                         (const char *const[]) { "certificates", c->wish->name, "reason", reason, NULL }, ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return bus_revoke(b, m, c, reason, ret_error);
}

static int method_revoke(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return revoke_certificate(m, sd_bus_slot_get_userdata(sd_bus_get_current_slot(sd_bus_message_get_bus(m))), ret_error);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define TEXT(name, flags) SD_BUS_PROPERTY(name, "s", property_get_text, 0, flags)
#define PATH(name) SD_BUS_PROPERTY(name, "s", property_get_path, 0, EMITS)
#define TIME(name) SD_BUS_PROPERTY(name, "t", property_get_time, 0, EMITS)

static const sd_bus_vtable certificate_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_NAMES("Renew", "a{sv}", SD_BUS_PARAM(options), "o", SD_BUS_PARAM(job),
                                 method_renew, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_NAMES("Revoke", "s", SD_BUS_PARAM(reason), "", , method_revoke,
                                 SD_BUS_VTABLE_UNPRIVILEGED),
        TEXT("Name", SD_BUS_VTABLE_PROPERTY_CONST),
        TEXT("CommonName", EMITS),
        SD_BUS_PROPERTY("SubjectAltNames", "as", property_get_sans, 0, EMITS),
        TEXT("Issuer", EMITS),
        TEXT("State", EMITS),
        SD_BUS_PROPERTY("Reasons", "as", property_get_reasons, 0, EMITS),
        TEXT("SerialNumber", EMITS),
        TEXT("Fingerprint", EMITS),
        TIME("NotBefore"),
        TIME("NotAfter"),
        TIME("NextRenewal"),
        TIME("LastRenewal"),
        TEXT("LastError", EMITS),
        TEXT("Hint", EMITS),
        TIME("RetryAt"),
        SD_BUS_PROPERTY("FailureCount", "u", property_get_failure_count, 0, EMITS),
        SD_BUS_PROPERTY("Units", "as", property_get_units, 0, EMITS),
        TEXT("Served", EMITS),
        PATH("CertPath"),
        PATH("KeyPath"),
        TEXT("KeyType", EMITS),
        SD_BUS_PROPERTY("Generation", "u", property_get_generation, 0, EMITS),
        PATH("CaPath"),
        PATH("ChainPath"),
        PATH("CombinedPath"),
        TIME("RequestedAt"),
        SD_BUS_PROPERTY("Usage", "as", property_get_usage, 0, EMITS),
        TEXT("VerifyConnect", EMITS),
        TEXT("VerifyName", EMITS),
        TEXT("VerifyStarttls", EMITS),
        SD_BUS_PROPERTY("History", "a(tssss)", property_get_history, 0, 0),
        SD_BUS_VTABLE_END,
};

static int find_certificate(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                            sd_bus_error *ret_error)
{
        Certificate *c = find_by_path(userdata, path);

        if (!c)
                return 0;
        agent_look(bus_agent(userdata), c);
        *ret_found = c;
        return 1;
}

static int enumerate_certificates(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                                  sd_bus_error *ret_error)
{
        GPtrArray *list = agent_certificates(bus_agent(userdata));
        char **nodes = calloc(list->len + 1, sizeof(char *));

        for (guint i = 0; nodes && i < list->len; i++) {
                const Certificate *c = g_ptr_array_index(list, i);
                int r = sd_bus_path_encode(CERT_BUS_CERTIFICATE_PATH, c->wish->name, &nodes[i]);

                if (r < 0) {
                        g_strfreev(nodes);
                        return r;
                }
        }
        if (!nodes)
                return -ENOMEM;
        *ret_nodes = nodes;
        return 1;
}

int bus_certificate_add(Bus *b, sd_bus *connection)
{
        int r = sd_bus_add_fallback_vtable(connection, NULL, CERT_BUS_CERTIFICATE_PATH, CERT_INTERFACE_CERTIFICATE,
                                           certificate_vtable, find_certificate, b);

        if (r >= 0)
                r = sd_bus_add_node_enumerator(connection, NULL, CERT_BUS_CERTIFICATE_PATH, enumerate_certificates, b);
        if (r >= 0)
                r = sd_bus_add_object_manager(connection, NULL, CERT_BUS_CERTIFICATE_PATH);
        return r;
}
