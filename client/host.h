/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/authority.h"
#include "client/bundle.h"

/* All that the agent keeps on this host: certificates, authorities, bundles. */

typedef struct Host {
        CertRows certificates;
        GPtrArray *authorities; /* Authority* */
        GPtrArray *bundles;     /* Bundle*, revocation lists among them */
} Host;

/* An agent that is older than authorities and bundles has none. */
bool host_get(sd_bus *bus, Host *ret_host, GError **error);
void host_clear(Host *host);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Host, host_clear)

/* One row for each: authorities, then certificates, then bundles, the order in which one may be the other's
 * cause. Borrowed. */
guint host_rows(const Host *host);
CertRow host_row(const Host *host, guint index);

guint host_count_troubles(const Host *host, uint64_t now);
