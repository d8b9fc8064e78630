/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever a server says before TLS, the probe ends: with consent, or with a sentence that can be shown. The input:
 * the protocol, and all that the server says, whatever it is asked. */

#include "common/error.h"
#include "issuers/probe/deadline.h"
#include "issuers/probe/starttls.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_SAYS_MAX (96 * 1024) /* the probe reads less; a socket's buffer holds more */
#define LIMIT_USEC      (2 * G_USEC_PER_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const GError *error)
{
        const char *hint = strchr(error->message, '\n');

        g_assert_cmpint(error->code, ==, CERT_ERROR_NOT_SERVING);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_assert_nonnull(hint);
        for (const char *p = error->message; *p; p++)
                g_assert_true(p == hint || ((unsigned char) *p >= ' ' && *p != 0x7f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const protocols[] = { "smtp", "imap", "postgresql", "none", "pop3", "ftp", "ldap" };
        g_autoptr(GError) error = NULL;
        const int space = 4 * SERVER_SAYS_MAX;
        uint64_t deadline = deadline_in(LIMIT_USEC);
        int pair[2];
        bool ok;

        if (size == 0 || size > SERVER_SAYS_MAX)
                return 0;
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        (void) setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &space, sizeof(space));
        if (size > 1 && send(pair[1], data + 1, size - 1, MSG_NOSIGNAL) == (ssize_t) size - 1) {
                g_assert_cmpint(shutdown(pair[1], SHUT_WR), ==, 0);
                ok = probe_starttls(pair[0], protocols[data[0] % G_N_ELEMENTS(protocols)], deadline, &error);
                g_assert_cmpint(ok, ==, error == NULL);
                g_assert_cmpuint(deadline_left(deadline), >, 0);
                if (!ok)
                        check_error(error);
        }
        close(pair[0]);
        close(pair[1]);
        return 0;
}
