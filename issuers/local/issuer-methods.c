/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.certagent1.Issuer: from a call to a signature of the authority, or to an entry on its list of revoked
 * certificates. It owns nothing. */

#include "common/error.h"
#include "common/message.h"
#include "common/timespan.h"
#include "issuers/local/local.h"
#include "issuers/local/sign.h"
#include "issuers/request.h"

static int method_issue(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) options = NULL;
        g_autoptr(IssuerRequest) request = NULL;
        g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_autoptr(GError) error = NULL;
        GBytes *leaf = NULL;
        const char *config;
        Authority *a = NULL;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        request = issuer_request_read(m, &error);
        if (!request || !issuer_request_check(request, &error))
                return cert_error_to_bus(error, ret_error);
        options = authority_options_new(config, &error);
        if (options)
                a = local_authority(userdata, options, &error);
        if (a)
                leaf = sign_request(a, options, request, now_realtime(), &error);
        if (!leaf)
                return cert_error_to_bus(error, ret_error);
        g_ptr_array_add(chain, leaf);
        return issuer_reply_issued(m, chain, authority_roots(a));
}

static int method_revoke(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) options = NULL;
        g_autoptr(GBytes) certificate = NULL;
        g_autoptr(GError) error = NULL;
        const char *config, *reason;
        const void *data;
        size_t size;
        int r = sd_bus_message_read(m, "s", &config);

        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &reason);
        if (r < 0)
                return r;
        certificate = g_bytes_new(data, size);
        options = authority_options_new(config, &error);
        if (!options || !revocation_add(((Local *) userdata)->lists, options, certificate, reason,
                                        now_realtime(), &error))
                return cert_error_to_bus(error, ret_error);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_get_roots(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) options = NULL;
        g_autoptr(GPtrArray) roots = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        options = authority_options_new(config, &error);
        if (options)
                roots = authority_trusted(options, &error);
        if (!roots)
                return cert_error_to_bus(error, ret_error);
        return message_reply_certificates(m, roots);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, "a{sv}", 4, "Type", "s", "local", "Version", "s",
                                          PROJECT_VERSION, "Methods", "as", 3, "Issue", "Revoke", "GetRoots",
                                          "Authority", "b", true);
}

/* It answers at once, so there is nothing to poll for. */
static int method_poll(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_error_set(ret_error, cert_error_to_name(CERT_ERROR_NOT_SUPPORTED),
                                "a local authority does not know Poll");
}

const sd_bus_vtable local_issuer_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", facts), method_describe,
                                0),
        SD_BUS_METHOD_WITH_ARGS("Issue", SD_BUS_ARGS("s", config, "a{sv}", request),
                                SD_BUS_RESULT("s", status, "a{sv}", result), method_issue, 0),
        SD_BUS_METHOD_WITH_ARGS("Poll", SD_BUS_ARGS("s", config, "a{sv}", request, "s", token),
                                SD_BUS_RESULT("s", status, "a{sv}", result), method_poll, 0),
        SD_BUS_METHOD_WITH_ARGS("Revoke", SD_BUS_ARGS("s", config, "ay", certificate, "s", reason),
                                SD_BUS_NO_RESULT, method_revoke, 0),
        SD_BUS_METHOD_WITH_ARGS("GetRoots", SD_BUS_ARGS("s", config), SD_BUS_RESULT("aay", roots),
                                method_get_roots, 0),
        SD_BUS_VTABLE_END,
};
