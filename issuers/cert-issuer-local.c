/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-issuer-local: the built-in authority as an issuer process. It keeps the authorities that this
 * connection asked for open, and reads one anew when its files were replaced. */

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/peer.h"
#include "common/timespan.h"
#include "issuers/local/authority.h"
#include "issuers/local/sign.h"
#include "issuers/request.h"

typedef struct Local {
        GHashTable *authorities; /* name -> Authority* */
} Local;

static void authority_destroy(void *a)
{
        authority_free(a);
}

/* Borrowed. */
static Authority *local_authority(Local *l, const AuthorityOptions *o, GError **error)
{
        Authority *a = g_hash_table_lookup(l->authorities, o->name);

        if (a && authority_is_current(a))
                return a;
        g_hash_table_remove(l->authorities, o->name);
        a = authority_open(o, error);
        if (a)
                g_hash_table_insert(l->authorities, g_strdup(o->name), a);
        return a;
}

static Authority *open_for(Local *l, const char *config, AuthorityOptions **ret_options, GError **error)
{
        g_autoptr(AuthorityOptions) o = authority_options_new(config, error);
        Authority *a = o ? local_authority(l, o, error) : NULL;

        if (a)
                *ret_options = g_steal_pointer(&o);
        return a;
}

static GPtrArray *one(GBytes *der)
{
        GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);

        g_ptr_array_add(list, g_bytes_ref(der));
        return list;
}

static int method_issue(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) options = NULL;
        g_autoptr(IssuerRequest) request = NULL;
        g_autoptr(GPtrArray) chain = NULL;
        g_autoptr(GBytes) leaf = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        Authority *a;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        request = issuer_request_read(m, &error);
        if (!request || !issuer_request_check(request, &error))
                return cert_error_to_bus(error, ret_error);
        a = open_for(userdata, config, &options, &error);
        leaf = a ? sign_request(a, options, request, now_realtime(), &error) : NULL;
        if (!leaf)
                return cert_error_to_bus(error, ret_error);
        chain = one(leaf);
        return issuer_reply_issued(m, chain, authority_roots(a));
}

static int method_get_roots(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) options = NULL;
        g_autoptr(GError) error = NULL;
        sd_bus_message *reply = NULL;
        const char *config;
        Authority *a;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        a = open_for(userdata, config, &options, &error);
        if (!a)
                return cert_error_to_bus(error, ret_error);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = issuer_append_certificates(reply, authority_roots(a));
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, "a{sv}", 3, "Type", "s", "local", "Version", "s",
                                          PROJECT_VERSION, "Methods", "as", 2, "Issue", "GetRoots");
}

/* It answers at once, so there is nothing to poll for; what it signed lives short, and is not revoked. */
static int method_not_supported(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_SUPPORTED),
                                 "a local authority does not know %s", sd_bus_message_get_member(m));
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", facts), method_describe,
                                0),
        SD_BUS_METHOD_WITH_ARGS("Issue", SD_BUS_ARGS("s", config, "a{sv}", request),
                                SD_BUS_RESULT("s", status, "a{sv}", result), method_issue, 0),
        SD_BUS_METHOD_WITH_ARGS("Poll", SD_BUS_ARGS("s", config, "a{sv}", request, "s", token),
                                SD_BUS_RESULT("s", status, "a{sv}", result), method_not_supported, 0),
        SD_BUS_METHOD_WITH_ARGS("Revoke", SD_BUS_ARGS("s", config, "ay", certificate, "s", reason),
                                SD_BUS_NO_RESULT, method_not_supported, 0),
        SD_BUS_METHOD_WITH_ARGS("GetRoots", SD_BUS_ARGS("s", config), SD_BUS_RESULT("aay", roots),
                                method_get_roots, 0),
        SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
        Local local = { 0 };
        int r;

        g_set_prgname("cert-issuer-local");
        log_open("cert-issuer-local");
        local.authorities = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, authority_destroy);
        r = peer_worker_run(CERT_BUS_ISSUER_PATH, CERT_INTERFACE_ISSUER, vtable, &local);
        g_hash_table_unref(local.authorities);
        return r;
}
