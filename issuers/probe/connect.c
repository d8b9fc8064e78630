/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connecting to a service, over TCP or a unix socket, without ever waiting beyond the deadline. The one thing
 * that cannot be held to it is the system's resolver; main() tells that to be brief. */

#include "issuers/probe/connect.h"

#include "common/error.h"
#include "common/path.h"
#include "issuers/probe/deadline.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADDRESSES_MAX 8

typedef struct addrinfo AddressList;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AddressList, freeaddrinfo)

/* ---- One address ---- */

/* Returns the socket, or -errno. A unix socket whose backlog is full says EAGAIN where TCP says EINPROGRESS.
 */
static int connect_address(const struct sockaddr *address, socklen_t size, uint64_t deadline)
{
        socklen_t length = sizeof(int);
        int fd, e = 0;

        fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        while (connect(fd, address, size) < 0 && (e = errno) == EAGAIN) {
                if (deadline_left(deadline) == 0)
                        break;
                g_usleep(5000);
                e = 0;
        }
        if (e == EINPROGRESS) {
                if (!deadline_wait(fd, POLLOUT, deadline))
                        e = ETIMEDOUT;
                else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &length) < 0)
                        e = errno;
        }
        if (e == 0)
                return fd;
        close(fd);
        return e == EAGAIN ? -ETIMEDOUT : -e;
}

/* The socket, or -errno. */
static int connect_unix(const char *path, uint64_t deadline)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        g_autofree char *opened = host_path(path);

        if (g_strlcpy(address.sun_path, opened, sizeof(address.sun_path)) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        return connect_address((struct sockaddr *) &address, sizeof(address), deadline);
}

/* ---- Names ---- */

bool probe_split(const char *target, char **ret_host, char **ret_port)
{
        const char *colon = strrchr(target, ':');
        size_t length = colon ? (size_t) (colon - target) : 0;

        if (length == 0 || !colon[1])
                return false;
        if (target[0] == '[') {
                if (length < 3 || target[length - 1] != ']')
                        return false;
                *ret_host = g_strndup(target + 1, length - 2);
        } else if (memchr(target, ':', length))
                return false; /* a bare IPv6 address: which part is the port? */
        else
                *ret_host = g_strndup(target, length);
        *ret_port = g_strdup(colon + 1);
        return true;
}

/* An address as it is needs no resolver. */
static int resolve(const char *host, const char *port, AddressList **ret_list)
{
        struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                  .ai_socktype = SOCK_STREAM,
                                  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
        int r = getaddrinfo(host, port, &hints, ret_list);

        if (r != EAI_NONAME)
                return r;
        hints.ai_flags = AI_NUMERICSERV;
        return getaddrinfo(host, port, &hints, ret_list);
}

static unsigned count_addresses(const AddressList *list)
{
        unsigned n = 0;

        for (; list && n < ADDRESSES_MAX; list = list->ai_next)
                n++;
        return n;
}

/* An address that swallows packets must not use up the time of those after it. */
static int connect_any(const AddressList *list, uint64_t deadline)
{
        unsigned left = count_addresses(list);
        int fd = -ECONNREFUSED, on = 1;

        for (; left > 0 && fd < 0; list = list->ai_next, left--)
                fd = connect_address(list->ai_addr, list->ai_addrlen,
                                     deadline_in(deadline_left(deadline) / left));
        if (fd >= 0)
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
}

/* ---- A target ---- */

static bool fail(ConnectStep step, int number, ConnectFailure *ret_failure)
{
        *ret_failure = (ConnectFailure) { step, number };
        return false;
}

bool probe_connect_to(const char *target, uint64_t deadline, int *ret_fd, ConnectFailure *ret_failure)
{
        g_autofree char *host = NULL, *port = NULL;
        g_autoptr(AddressList) list = NULL;
        int r;

        if (target[0] == '/')
                r = connect_unix(target, deadline);
        else if (!probe_split(target, &host, &port))
                return fail(CONNECT_STEP_TARGET, EINVAL, ret_failure);
        else if ((r = resolve(host, port, &list)) != 0)
                return r == EAI_SYSTEM ? fail(CONNECT_STEP_SOCKET, errno, ret_failure)
                                       : fail(CONNECT_STEP_NAME, r, ret_failure);
        else
                r = connect_any(list, deadline);
        if (r < 0)
                return fail(CONNECT_STEP_SOCKET, -r, ret_failure);
        *ret_fd = r;
        return true;
}

const char *connect_failure_words(const ConnectFailure *f)
{
        if (f->step == CONNECT_STEP_TARGET)
                return "it is neither HOST:PORT, [V6]:PORT nor a path";
        if (f->step == CONNECT_STEP_NAME)
                return gai_strerror(f->number);
        return f->number == ENAMETOOLONG ? "the path is too long for a unix socket (107 bytes)" : g_strerror(f->number);
}

bool probe_connect(const char *target, uint64_t deadline, int *ret_fd, GError **error)
{
        ConnectFailure f;

        if (probe_connect_to(target, deadline, ret_fd, &f))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SERVING,
                    "connecting: %s\n"
                    "Check that the service runs and listens there, and \"connect\" in \"verify\" of the "
                    "manifest.",
                    connect_failure_words(&f));
        return false;
}
