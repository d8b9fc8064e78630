/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Manager object: org.certagent1.Manager on /org/certagent1. A handler's order never varies: read, validate,
 * authorise, act, reply. */

#include "agent/bus.h"
#include "agent/roots.h"
#include "common/error.h"
#include "common/names.h"
#include "common/reason.h"
#include "common/state.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

/* "NotServing" for a code; "" when there is none. */
static const char *short_error(CertError code)
{
        return code < 0 ? "" : cert_error_to_name(code) + strlen(CERT_ERROR_PREFIX);
}

static int append_certificate(sd_bus_message *reply, const Certificate *c)
{
        const LeafFacts *leaf = c->facts ? c->facts->leaf : NULL;

        return sd_bus_message_append(reply, "(ssstts)", c->wish->name, cert_state_to_string(certificate_state(c)),
                                     c->wish->issuer, leaf ? leaf->not_after : 0, c->item.due,
                                     short_error(c->record->error));
}

static int method_list_certificates(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Agent *a = bus_agent(userdata);
        g_autoptr(sd_bus_message) reply = NULL;
        GPtrArray *list = agent_certificates(a);
        int r = sd_bus_message_new_method_return(m, &reply);

        agent_look_at_all(a);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssstts)");
        for (guint i = 0; r >= 0 && i < list->len; i++)
                r = append_certificate(reply, g_ptr_array_index(list, i));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

Certificate *bus_find_certificate(Bus *b, const char *name, int *ret_r, sd_bus_error *ret_error)
{
        Certificate *c = agent_find(bus_agent(b), name);
        g_autoptr(GError) error = NULL;

        if (c)
                return c;
        error = g_error_new(CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE, "The manifest has no certificate \"%s\"", name);
        *ret_r = cert_error_to_bus(error, ret_error);
        return NULL;
}

static int method_get_certificate(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autofree char *path = NULL;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!bus_find_certificate(userdata, name, &r, ret_error))
                return r;
        if (strchr(name, ':'))
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                         "%s has no object of its own; see ListBundles", name);
        path = bus_certificate_path(name);
        return sd_bus_reply_method_return(m, "o", path);
}

int bus_read_renew_options(sd_bus_message *m, bool *ret_force, sd_bus_error *ret_error)
{
        bool force = false, seen = false;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *key;
                int value;

                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0 && !g_str_equal(key, "force"))
                        return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                                 "The option \"%s\" is not known\nThe only option is \"force\".", key);
                if (r >= 0 && seen)
                        return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                                 "The option \"%s\" is there twice", key);
                if (r >= 0)
                        r = sd_bus_message_read(m, "v", "b", &value);
                if (r >= 0) {
                        force = value;
                        seen = true;
                        r = sd_bus_message_exit_container(m);
                }
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret_force = force;
        return 0;
}

int bus_reply_job(Bus *b, sd_bus_message *m, JobKind kind, const char *const *names, bool force,
                  sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *path = NULL;
        Job *job;

        if (!agent_start(bus_agent(b), kind, names, force, &job, &error))
                return cert_error_to_bus(error, ret_error);
        path = bus_job_path(job->id);
        return sd_bus_reply_method_return(m, "o", path);
}

static bool is_authority(Bus *b, const char *name)
{
        return g_str_has_prefix(name, MANIFEST_AUTHORITY_PREFIX) &&
               agent_find_authority(bus_agent(b), name + strlen(MANIFEST_AUTHORITY_PREFIX));
}

int bus_read_names(Bus *b, sd_bus_message *m, char ***ret_names, sd_bus_error *ret_error)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "s"), found = 0;

        while (r >= 0 && (r = sd_bus_message_read(m, "s", &name)) > 0) {
                if (!is_authority(b, name) && !bus_find_certificate(b, name, &found, ret_error))
                        return found;
                if (g_hash_table_add(seen, (gpointer) name))
                        g_strv_builder_add(names, name);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret_names = g_strv_builder_end(names);
        return 1;
}

static int method_renew(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        g_auto(GStrv) names = NULL;
        g_autofree char *list = NULL;
        bool force = false;
        int r = bus_read_names(b, m, &names, ret_error);

        if (r >= 0)
                r = bus_read_renew_options(m, &force, ret_error);
        if (r < 0)
                return r;
        list = g_strjoinv(" ", names);
        r = polkit_check(bus_polkit(b), m, method_renew, b,
                         (const char *const[]) { "certificates", list, "force", force ? "yes" : "no", NULL },
                         ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return bus_reply_job(b, m, JOB_KIND_RENEW, (const char *const *) names, force, ret_error);
}

static int method_renew_due(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        int r = polkit_check(bus_polkit(b), m, method_renew_due, b, NULL, ret_error);

        if (r <= 0)
                return r < 0 ? r : 1;
        return bus_reply_job(b, m, JOB_KIND_RENEW_DUE, NULL, false, ret_error);
}

static int method_ensure(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!bus_find_certificate(b, name, &r, ret_error))
                return r;
        r = polkit_check(bus_polkit(b), m, method_ensure, b, (const char *const[]) { "certificates", name, NULL },
                         ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return bus_reply_job(b, m, JOB_KIND_ENSURE, (const char *const[]) { name, NULL }, false, ret_error);
}

static int append_plan(sd_bus_message *reply, const char *name, const char *action, ReasonSet set, uint64_t due)
{
        g_auto(GStrv) reasons = reason_set_to_strv(set);
        int r = sd_bus_message_open_container(reply, 'r', "ssast");

        if (r >= 0)
                r = sd_bus_message_append(reply, "ss", name, action);
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, reasons);
        if (r >= 0)
                r = sd_bus_message_append(reply, "t", due);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* `wanted` NULL: all. */
static int append_plan_of_authorities(sd_bus_message *reply, Agent *a, GHashTable *wanted)
{
        GPtrArray *list = agent_authorities(a);
        int r = 0;

        for (guint i = 0; r >= 0 && i < list->len; i++) {
                const Authority *authority = g_ptr_array_index(list, i);

                if (!wanted || g_hash_table_contains(wanted, authority->name))
                        r = append_plan(reply, authority->name, authority_action_to_string(authority->plan.action),
                                        authority->plan.reasons, authority->plan.due);
        }
        return r;
}

static int append_plan_of(sd_bus_message *reply, GPtrArray *list, GHashTable *wanted)
{
        int r = 0;

        for (guint i = 0; r >= 0 && i < list->len; i++) {
                const Certificate *c = g_ptr_array_index(list, i);

                if (!wanted || g_hash_table_contains(wanted, c->wish->name))
                        r = append_plan(reply, c->wish->name, action_to_string(c->item.action), c->item.reasons,
                                        c->item.due);
        }
        return r;
}

static int reply_plan(Bus *b, sd_bus_message *m, char **names)
{
        g_autoptr(GHashTable) wanted = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(sd_bus_message) reply = NULL;
        Agent *a = bus_agent(b);
        int r = sd_bus_message_new_method_return(m, &reply);

        for (char **n = names; *n; n++)
                g_hash_table_add(wanted, *n);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssast)");
        if (r >= 0)
                r = append_plan_of_authorities(reply, a, *names ? wanted : NULL);
        if (r >= 0)
                r = append_plan_of(reply, agent_certificates(a), *names ? wanted : NULL);
        if (r >= 0)
                r = append_plan_of(reply, agent_bundles(a), *names ? wanted : NULL);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int answer_plan(Bus *b, sd_bus_message *m, sd_bus_error *ret_error)
{
        g_auto(GStrv) names = NULL;
        int r = sd_bus_message_rewind(m, true);

        if (r >= 0)
                r = bus_read_names(b, m, &names, ret_error);
        if (r < 0)
                return r;
        agent_look_at_all(bus_agent(b));
        return reply_plan(b, m, names);
}

static int method_plan(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(GStrv) names = NULL;
        int r = bus_read_names(userdata, m, &names, ret_error);

        if (r < 0)
                return r;
        return bus_ask_authorities(userdata, m, agent_authorities(bus_agent(userdata)), answer_plan, ret_error);
}

static int method_revoke(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        const char *name, *reason;
        Certificate *c;
        int r = sd_bus_message_read(m, "ss", &name, &reason);

        if (r < 0)
                return r;
        c = bus_find_certificate(b, name, &r, ret_error);
        if (!c)
                return r;
        r = bus_check_reason(reason, ret_error);
        if (r < 0)
                return r;
        r = polkit_check(bus_polkit(b), m, method_revoke, b,
                         (const char *const[]) { "certificates", name, "reason", reason, NULL }, ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return bus_revoke(b, m, c, reason, ret_error);
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        g_autoptr(GError) error = NULL;
        int r = polkit_check(bus_polkit(b), m, method_reload, b, NULL, ret_error);

        if (r <= 0)
                return r < 0 ? r : 1;
        if (!agent_reload(bus_agent(b), &error))
                return cert_error_to_bus(error, ret_error);
        return sd_bus_reply_method_return(m, NULL);
}

/* Anybody may ask: an issuer is only asked while no roots of it are kept, and not by many at a time. */
#define BUNDLE_CALLS_MAX 16

typedef struct BundleCall {
        Agent *agent;
        sd_bus_message *message;
} BundleCall;

static void on_roots(GBytes *pem, const GError *error, void *userdata)
{
        g_autofree BundleCall *call = userdata;
        sd_bus_error bus_error = SD_BUS_ERROR_NULL;

        if (pem) {
                g_autofree char *text = g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));

                (void) sd_bus_reply_method_return(call->message, "s", text);
        } else {
                (void) cert_error_to_bus(error, &bus_error);
                (void) sd_bus_reply_method_error(call->message, &bus_error);
                sd_bus_error_free(&bus_error);
        }
        sd_bus_message_unref(call->message);
        agent_let_go(call->agent);
}

static int reply_kept_roots(sd_bus_message *m, GPtrArray *roots, sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) pem = roots_to_pem(roots, &error);
        g_autofree char *text = pem ? g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem)) : NULL;

        return text ? sd_bus_reply_method_return(m, "s", text) : cert_error_to_bus(error, ret_error);
}

static int reply_trusted(sd_bus_message *m, const AuthorityFacts *facts)
{
        g_autoptr(GBytes) pem = authority_facts_to_pem(facts);
        g_autofree char *text = g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));

        return sd_bus_reply_method_return(m, "s", text);
}

static int method_get_bundle(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Agent *a = bus_agent(userdata);
        const Manifest *manifest = agent_manifest(a);
        g_autoptr(GPtrArray) kept = NULL;
        g_autoptr(GError) error = NULL;
        const ManifestIssuer *issuer;
        const char *name;
        BundleCall *call;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        issuer = manifest ? manifest_find_issuer(manifest, name) : NULL;
        if (!issuer) {
                error = g_error_new(CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER, "The manifest has no issuer \"%s\"", name);
                return cert_error_to_bus(error, ret_error);
        }
        if (agent_facts_of(a, name))
                return reply_trusted(m, agent_facts_of(a, name));
        kept = roots_load(name);
        if (kept->len > 0)
                return reply_kept_roots(m, kept, ret_error);
        if (agent_holds(a) >= BUNDLE_CALLS_MAX) {
                error = g_error_new(CERT_ERROR, CERT_ERROR_BUSY, "%d callers wait for roots already", BUNDLE_CALLS_MAX);
                return cert_error_to_bus(error, ret_error);
        }
        call = g_new0(BundleCall, 1);
        call->agent = a;
        call->message = sd_bus_message_ref(m);
        agent_hold(a);
        (void) issue_roots(agent_issue_pool(a), issuer, on_roots, call);
        return 1;
}

/* ---- Properties ---- */

static int property_get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
                                sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "s", PROJECT_VERSION);
}

static int property_get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "s", agent_state(bus_agent(userdata)));
}

static int property_get_manifest_digest(sd_bus *bus, const char *path, const char *interface, const char *property,
                                        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        const Manifest *manifest = agent_manifest(bus_agent(userdata));

        return sd_bus_message_append(reply, "s", manifest ? manifest->digest : "");
}

static int property_get_manifest_problems(sd_bus *bus, const char *path, const char *interface, const char *property,
                                          sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append_strv(reply, agent_manifest_problems(bus_agent(userdata)));
}

static int property_get_next_elapse(sd_bus *bus, const char *path, const char *interface, const char *property,
                                    sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "t", agent_next_elapse(bus_agent(userdata)));
}

static int property_get_last_pass(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_message_append(reply, "t", agent_last_pass(bus_agent(userdata)));
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define OPEN SD_BUS_VTABLE_UNPRIVILEGED /* polkit decides, or nobody needs to */

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_NAMES("ListCertificates", "", , "a(ssstts)", SD_BUS_PARAM(certificates),
                                 method_list_certificates, OPEN),
        SD_BUS_METHOD_WITH_NAMES("GetCertificate", "s", SD_BUS_PARAM(name), "o", SD_BUS_PARAM(certificate),
                                 method_get_certificate, OPEN),
        SD_BUS_METHOD_WITH_NAMES("Renew", "asa{sv}", SD_BUS_PARAM(names) SD_BUS_PARAM(options), "o", SD_BUS_PARAM(job),
                                 method_renew, OPEN),
        SD_BUS_METHOD_WITH_NAMES("RenewDue", "", , "o", SD_BUS_PARAM(job), method_renew_due, OPEN),
        SD_BUS_METHOD_WITH_NAMES("Plan", "as", SD_BUS_PARAM(names), "a(ssast)", SD_BUS_PARAM(items), method_plan,
                                 OPEN),
        SD_BUS_METHOD_WITH_NAMES("Ensure", "s", SD_BUS_PARAM(name), "o", SD_BUS_PARAM(job), method_ensure, OPEN),
        SD_BUS_METHOD("Reload", "", "", method_reload, OPEN),
        SD_BUS_METHOD_WITH_NAMES("GetBundle", "s", SD_BUS_PARAM(issuer), "s", SD_BUS_PARAM(pem), method_get_bundle,
                                 OPEN),
        SD_BUS_METHOD_WITH_NAMES("ListAuthorities", "", , "a(sa{sv})", SD_BUS_PARAM(authorities),
                                 bus_method_list_authorities, OPEN),
        SD_BUS_METHOD_WITH_NAMES("GetAuthority", "s", SD_BUS_PARAM(issuer), "a{sv}", SD_BUS_PARAM(facts),
                                 bus_method_get_authority, OPEN),
        SD_BUS_METHOD_WITH_NAMES("ListBundles", "", , "a(sa{sv})", SD_BUS_PARAM(bundles), bus_method_list_bundles,
                                 OPEN),
        SD_BUS_METHOD_WITH_NAMES("RotateAuthority", "s", SD_BUS_PARAM(issuer), "o", SD_BUS_PARAM(job),
                                 bus_method_rotate_authority, OPEN),
        SD_BUS_METHOD_WITH_NAMES("RecreateAuthority", "s", SD_BUS_PARAM(issuer), "o", SD_BUS_PARAM(job),
                                 bus_method_recreate_authority, OPEN),
        SD_BUS_METHOD_WITH_NAMES("Revoke", "ss", SD_BUS_PARAM(name) SD_BUS_PARAM(reason), "", , method_revoke, OPEN),
        SD_BUS_METHOD_WITH_NAMES("GetRequest", "s", SD_BUS_PARAM(name), "s", SD_BUS_PARAM(pem), bus_method_get_request,
                                 OPEN),
        SD_BUS_METHOD_WITH_NAMES("Import", "ss", SD_BUS_PARAM(name) SD_BUS_PARAM(pem), "", , bus_method_import, OPEN),
        SD_BUS_METHOD_WITH_NAMES("SignRequest", "ssa{sv}", SD_BUS_PARAM(issuer) SD_BUS_PARAM(pem) SD_BUS_PARAM(options),
                                 "s", SD_BUS_PARAM(pem), bus_method_sign_request, OPEN),
        SD_BUS_METHOD_WITH_NAMES("ListIssued", "s", SD_BUS_PARAM(issuer), "aa{sv}", SD_BUS_PARAM(certificates),
                                 bus_method_list_issued, OPEN),
        SD_BUS_METHOD_WITH_NAMES("RevokeIssued", "sss", SD_BUS_PARAM(issuer) SD_BUS_PARAM(serial) SD_BUS_PARAM(reason),
                                 "", , bus_method_revoke_issued, OPEN),
        SD_BUS_METHOD_WITH_NAMES("Diagnose", "as", SD_BUS_PARAM(names), "a(ssss)", SD_BUS_PARAM(findings),
                                 bus_method_diagnose, OPEN),
        SD_BUS_SIGNAL_WITH_NAMES("JobNew", "uos", SD_BUS_PARAM(id) SD_BUS_PARAM(job) SD_BUS_PARAM(kind), 0),
        SD_BUS_SIGNAL_WITH_NAMES("JobRemoved", "uos", SD_BUS_PARAM(id) SD_BUS_PARAM(job) SD_BUS_PARAM(result), 0),
        SD_BUS_SIGNAL_WITH_NAMES("ManifestReloaded", "s", SD_BUS_PARAM(digest), 0),
        SD_BUS_PROPERTY("Version", "s", property_get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", property_get_state, 0, EMITS),
        SD_BUS_PROPERTY("ManifestDigest", "s", property_get_manifest_digest, 0, EMITS),
        SD_BUS_PROPERTY("ManifestProblems", "as", property_get_manifest_problems, 0, EMITS),
        SD_BUS_PROPERTY("NextElapse", "t", property_get_next_elapse, 0, EMITS),
        SD_BUS_PROPERTY("LastPass", "t", property_get_last_pass, 0, EMITS),
        SD_BUS_VTABLE_END,
};

int bus_manager_add(Bus *b, sd_bus *connection)
{
        return sd_bus_add_object_vtable(connection, NULL, CERT_BUS_PATH, CERT_INTERFACE_MANAGER, manager_vtable, b);
}
