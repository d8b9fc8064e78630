/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a server may say before TLS begins. The first byte picks the protocol, the rest is what it says, all
 * of it before it is asked anything, as a hostile one could. */

#include "issuers/probe/deadline.h"
#include "issuers/probe/starttls.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAID_MAX (128 * 1024) /* more than is ever read, less than a socket holds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const protocols[] = { "smtp", "imap", "postgresql", "none" };
        g_autoptr(GError) error = NULL;
        int pair[2];
        bool ok;

        if (size < 1 || size > SAID_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
                return 0;
        if (send(pair[0], data + 1, size - 1, MSG_NOSIGNAL) >= 0 && shutdown(pair[0], SHUT_WR) == 0) {
                ok = probe_starttls(pair[1], protocols[data[0] % G_N_ELEMENTS(protocols)],
                                    deadline_in(G_USEC_PER_SEC), &error);
                if (ok == (error != NULL))
                        abort();
        }
        close(pair[0]);
        close(pair[1]);
        return 0;
}
