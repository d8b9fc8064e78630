/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All that the agent keeps on this host, got in one go: for the verbs that judge the whole. */

#include "client/host.h"

#include "common/error.h"

static GPtrArray *get_list(sd_bus *bus, GPtrArray *(*get)(sd_bus *bus, GError **error), GError **error)
{
        g_autoptr(GError) local = NULL;
        GPtrArray *list = get(bus, &local);

        if (list)
                return list;
        if (cert_error_code(local) == CERT_ERROR_NOT_SUPPORTED)
                return g_ptr_array_new();
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
}

bool host_get(sd_bus *bus, Host *ret_host, GError **error)
{
        g_auto(Host) host = {};

        if (!cert_rows_get(bus, &host.certificates, error) ||
            !(host.authorities = get_list(bus, authority_list_get, error)) ||
            !(host.bundles = get_list(bus, bundle_list_get, error)))
                return false;
        *ret_host = host;
        host = (Host){};
        return true;
}

void host_clear(Host *host)
{
        cert_rows_clear(&host->certificates);
        g_clear_pointer(&host->authorities, g_ptr_array_unref);
        g_clear_pointer(&host->bundles, g_ptr_array_unref);
}

guint host_rows(const Host *host)
{
        return host->authorities->len + host->certificates.rows->len + host->bundles->len;
}

CertRow host_row(const Host *host, guint index)
{
        const GArray *certificates = host->certificates.rows;

        if (index < host->authorities->len)
                return authority_row(host->authorities->pdata[index]);
        index -= host->authorities->len;
        if (index < certificates->len)
                return g_array_index(certificates, CertRow, index);
        return bundle_row(host->bundles->pdata[index - certificates->len]);
}

guint host_count_troubles(const Host *host, uint64_t now)
{
        guint n = 0;

        for (guint i = 0; i < host_rows(host); i++) {
                CertRow row = host_row(host, i);

                n += cert_row_is_trouble(&row, now);
        }
        return n;
}
