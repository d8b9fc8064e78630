/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-issuer-step: Smallstep's step-ca as an issuer process. */

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/peer.h"
#include "issuers/step/step.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
        g_autoptr(StepProcess) process = NULL;
        g_autoptr(GError) error = NULL;

        g_set_prgname("cert-issuer-step");
        log_open("cert-issuer-step");
        if (!http_check_library(&error)) {
                log_error("%s", error->message);
                return EXIT_FAILURE;
        }
        /* resolv.conf(5): a resolver that does not answer must leave time for the servers that it is not
         * needed for. */
        g_setenv("RES_OPTIONS", "timeout:2 attempts:2", FALSE);
        process = step_process_new();
        return peer_worker_run(CERT_BUS_ISSUER_PATH, CERT_INTERFACE_ISSUER, step_issuer_vtable, process);
}
