/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A peer: the other end of a stream socket on which D-Bus is spoken without a bus daemon between. This file
 * makes such connections on either side, and runs the main loop of a worker that has just one of them. It
 * owns no connection: whoever asked for one closes it. */

#include "common/peer.h"

#include "common/error.h"
#include "common/log.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define DBUS_PATH            "/org/freedesktop/DBus"
#define DBUS_INTERFACE       "org.freedesktop.DBus"
#define DBUS_LOCAL_PATH      "/org/freedesktop/DBus/Local"
#define DBUS_LOCAL_INTERFACE "org.freedesktop.DBus.Local"
#define WORKER_SENDER        "org.certagent1.worker"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, sd_bus_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_event, sd_event_unref)

/* ---- The few methods of a bus daemon that clients call before anything else ---- */

static int method_hello(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, "s", ":1.1");
}

static int method_accept(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable daemon_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Hello", "", "s", method_hello, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_HIDDEN),
        SD_BUS_METHOD("AddMatch", "s", "", method_accept, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_HIDDEN),
        SD_BUS_METHOD("RemoveMatch", "s", "", method_accept,
                      SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_HIDDEN),
        SD_BUS_VTABLE_END,
};

/* ---- Connections ---- */

/* A bus over descriptors (which may be one), not started. Owns them from here on, whatever happens:
 * sd_bus_set_fd() takes them only when it succeeds. File descriptors are never accepted from the other side.
 */
static int bus_over_fds(int in, int out, sd_bus **ret_bus)
{
        g_autoptr(sd_bus) bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_fd(bus, in, out);
        if (r < 0) {
                close(in);
                if (out != in)
                        close(out);
                return r;
        }
        r = sd_bus_negotiate_fds(bus, false);
        if (r < 0)
                return r;
        *ret_bus = g_steal_pointer(&bus);
        return 0;
}

static int start_server(sd_event *event, sd_bus *bus, const char *sender, bool trusted)
{
        sd_id128_t id;
        int r = sd_id128_randomize(&id);

        if (r >= 0)
                r = sd_bus_set_server(bus, true, id);
        if (r >= 0)
                r = sd_bus_set_trusted(bus, trusted);
        if (r >= 0)
                r = sd_bus_negotiate_creds(bus, true,
                                           SD_BUS_CREDS_PID | SD_BUS_CREDS_UID | SD_BUS_CREDS_EUID);
        if (r >= 0 && sender)
                r = sd_bus_set_sender(bus, sender);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, DBUS_PATH, DBUS_INTERFACE, daemon_vtable, NULL);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static bool serve(sd_event *event, int fd, const char *sender, bool trusted, sd_bus **ret_bus, GError **error)
{
        g_autoptr(sd_bus) bus = NULL;
        int r = bus_over_fds(fd, fd, &bus);

        if (r >= 0)
                r = start_server(event, bus, sender, trusted);
        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "serving a peer: %s",
                            g_strerror(-r));
                return false;
        }
        *ret_bus = g_steal_pointer(&bus);
        return true;
}

bool peer_serve(sd_event *event, int fd, const char *sender, sd_bus **ret_bus, GError **error)
{
        return serve(event, fd, sender, false, ret_bus, error);
}

bool peer_connect_fds(sd_event *event, int in, int out, sd_bus **ret_bus, GError **error)
{
        g_autoptr(sd_bus) bus = NULL;
        int r = bus_over_fds(in, out, &bus);

        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "connecting to a peer: %s",
                            g_strerror(-r));
                return false;
        }
        *ret_bus = g_steal_pointer(&bus);
        return true;
}

bool peer_connect_fd(sd_event *event, int fd, sd_bus **ret_bus, GError **error)
{
        return peer_connect_fds(event, fd, fd, ret_bus, error);
}

/* A unix(7) address holds 107 bytes: a longer path is reached through a descriptor of its folder, which the
 * caller closes (*ret_folder, -1 when there is none). */
static bool unix_address(const char *path, struct sockaddr_un *ret_address, int *ret_folder)
{
        g_autofree char *folder = NULL, *base = NULL;

        *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        *ret_folder = -1;
        if (strlen(path) < sizeof(ret_address->sun_path)) {
                strcpy(ret_address->sun_path, path);
                return true;
        }
        folder = g_path_get_dirname(path);
        base = g_path_get_basename(path);
        *ret_folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_folder < 0)
                return false;
        if ((size_t) g_snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/%s",
                                *ret_folder, base) < sizeof(ret_address->sun_path))
                return true;
        close(*ret_folder);
        errno = ENAMETOOLONG;
        return false;
}

/* connect(2) on a unix socket waits only while the listener's backlog is full, and SO_SNDTIMEO bounds that.
 */
static int connect_unix(const char *path, uint64_t timeout_usec)
{
        struct timeval tv = { .tv_sec = timeout_usec / G_USEC_PER_SEC,
                              .tv_usec = timeout_usec % G_USEC_PER_SEC };
        struct sockaddr_un address;
        int folder, fd, saved = 0;

        if (!unix_address(path, &address, &folder))
                return -errno;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
            connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                saved = errno;
        if (folder >= 0)
                close(folder);
        if (saved == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return saved == EAGAIN ? -ETIMEDOUT : -saved;
}

bool peer_open(const char *path, uint64_t timeout_usec, int *ret_fd, GError **error)
{
        g_autofree char *opened = host_path(path);
        int fd = connect_unix(opened, MAX(timeout_usec, 1));

        if (fd < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "connecting to %s: %s", path,
                            g_strerror(-fd));
                return false;
        }
        *ret_fd = fd;
        return true;
}

bool peer_connect(sd_event *event, const char *path, uint64_t timeout_usec, sd_bus **ret_bus, GError **error)
{
        int fd;

        return peer_open(path, timeout_usec, &fd, error) && peer_connect_fd(event, fd, ret_bus, error);
}

/* ---- Workers ---- */

bool peer_worker_fd(int *ret_fd, GError **error)
{
        int n = sd_listen_fds(/* unset_environment= */ true);

        /* PID 1 sets LISTEN_FDS; the agent just leaves the socket at that number. */
        if (n > 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_STREAM, /* listening= */ 0) <= 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "%s is started by cert-agent or by systemd, with its connection as file "
                            "descriptor 3\n"
                            "To ask for a certificate run: certctl renew NAME",
                            g_get_prgname() ?: "this program");
                return false;
        }
        if (fcntl(SD_LISTEN_FDS_START, F_SETFD, FD_CLOEXEC) < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "file descriptor 3: %s",
                            g_strerror(errno));
                return false;
        }
        *ret_fd = SD_LISTEN_FDS_START;
        return true;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_event_exit(userdata, EXIT_SUCCESS);
}

static int worker_attach(sd_event *event, sd_bus *bus, const char *path, const PeerInterface *interfaces,
                         void *userdata)
{
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL); /* the default handler ends the loop */
        for (; r >= 0 && interfaces->name; interfaces++)
                r = sd_bus_add_object_vtable(bus, NULL, path, interfaces->name, interfaces->vtable, userdata);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, DBUS_LOCAL_PATH, DBUS_LOCAL_INTERFACE,
                                        "Disconnected", on_disconnected, event);
        return r;
}

int peer_worker_run(const char *path, const char *interface, const sd_bus_vtable *vtable, void *userdata)
{
        const PeerInterface interfaces[] = { { interface, vtable }, { NULL, NULL } };

        return peer_worker_serve(path, interfaces, userdata);
}

int peer_worker_serve(const char *path, const PeerInterface *interfaces, void *userdata)
{
        g_autoptr(sd_event) event = NULL;
        g_autoptr(sd_bus) bus = NULL;
        g_autoptr(GError) error = NULL;
        int fd, r;

        r = sd_event_new(&event);
        if (r < 0) {
                log_error("event loop: %s", g_strerror(-r));
                return EXIT_FAILURE;
        }
        /* Whoever holds the other end of fd 3 was let in by the socket's mode or made the pair: trusted. */
        if (!peer_worker_fd(&fd, &error) || !serve(event, fd, WORKER_SENDER, true, &bus, &error)) {
                log_error("%s", error->message);
                return EXIT_FAILURE;
        }
        r = worker_attach(event, bus, path, interfaces, userdata);
        if (r >= 0)
                r = sd_event_loop(event);
        if (r < 0)
                log_error("serving %s: %s", path, g_strerror(-r));
        return r < 0 ? EXIT_FAILURE : r;
}
