/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-issuer-local: the built-in authority as an issuer process. */

#include "common/log.h"
#include "common/names.h"
#include "common/peer.h"
#include "issuers/local/local.h"

int main(int argc, char **argv)
{
        static const PeerInterface interfaces[] = {
                { CERT_INTERFACE_ISSUER, local_issuer_vtable },
                { CERT_INTERFACE_AUTHORITY, local_authority_vtable },
                { NULL, NULL },
        };
        g_autoptr(Local) local = NULL;

        g_set_prgname("cert-issuer-local");
        log_open("cert-issuer-local");
        local = local_new();
        return peer_worker_serve(CERT_BUS_ISSUER_PATH, interfaces, local);
}
