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
        int r = issuer_read_revocation(m, &config, &certificate, &reason);

        if (r < 0)
                return r;
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

const sd_bus_vtable local_issuer_vtable[] = {
        ISSUER_VTABLE(method_describe, method_issue, issuer_method_no_poll, method_revoke, method_get_roots),
};
