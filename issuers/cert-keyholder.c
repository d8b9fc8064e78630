/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-keyholder: opens the keys of accounts at CAs and signs by them. A worker of the agent: it serves
 * org.certagent1.KeyHolder on fd 3, reads passwords and keys from where it is told, and has no network.
 * Nothing secret is in its arguments, its environment, its messages or its log; and nobody but the kernel
 * looks into its memory. */

#include "common/log.h"
#include "common/names.h"
#include "common/peer.h"
#include "issuers/keyholder/holder.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
        g_autoptr(Holder) holder = NULL;

        /* No core dump and no debugger, also where it is not systemd that starts it (prctl(2)). It cannot
         * fail. */
        (void) prctl(PR_SET_DUMPABLE, 0);
        g_set_prgname("cert-keyholder");
        log_open("cert-keyholder");
        if (argc > 1 && g_str_equal(argv[1], "--version")) {
                puts("cert-keyholder " PROJECT_VERSION);
                return EXIT_SUCCESS;
        }
        holder = holder_new();
        if (!holder) {
                log_error("no randomness");
                return EXIT_FAILURE;
        }
        return peer_worker_run(CERT_BUS_KEYHOLDER_PATH, CERT_INTERFACE_KEYHOLDER, holder_vtable, holder);
}
