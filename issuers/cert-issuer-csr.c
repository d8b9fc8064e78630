/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-issuer-csr: a CA to which a person carries the requests, as an issuer process. */

#include "common/log.h"
#include "common/names.h"
#include "common/peer.h"
#include "issuers/csr/csr.h"

int main(int argc, char **argv)
{
        g_set_prgname("cert-issuer-csr");
        log_open("cert-issuer-csr");
        return peer_worker_run(CERT_BUS_ISSUER_PATH, CERT_INTERFACE_ISSUER, csr_issuer_vtable, NULL);
}
