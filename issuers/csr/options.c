/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of a csr issuer: taken from the configuration of a call, and checked. The manifest was checked
 * before; what a process acts on it checks itself. */

#include "issuers/csr/options.h"

#include "issuers/config.h"

static bool take_all(CsrOptions *o, IssuerConfig *c, GError **error)
{
        if (!issuer_config_take_string(c, "roots", &o->roots, error))
                return false;
        if (o->roots && o->roots[0] != '/')
                return issuer_config_invalid(c, "roots", error, "must be an absolute path");
        return issuer_config_done(c, error);
}

CsrOptions *csr_options_new(const char *config, GError **error)
{
        g_autoptr(IssuerConfig) c = issuer_config_new(config, error);
        g_autoptr(CsrOptions) o = NULL;

        if (!c)
                return NULL;
        o = g_new0(CsrOptions, 1);
        o->name = g_strdup(issuer_config_name(c));
        o->environment = g_strdup(issuer_config_environment(c));
        return take_all(o, c, error) ? g_steal_pointer(&o) : NULL;
}

CsrOptions *csr_options_free(CsrOptions *o)
{
        if (!o)
                return NULL;
        g_free(o->name);
        g_free(o->environment);
        g_free(o->roots);
        g_free(o);
        return NULL;
}
