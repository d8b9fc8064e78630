/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The credentials socket
 *
 * Owns its connections. What systemd reads until the end of a connection is the credential, so an early end
 * is no refusal: the unit would start with an empty or a cut one. The one thing that makes it fail is more
 * than the 1 MiB that a credential may have. For the same reason nobody is turned away while many are open:
 * they wait to be accepted.
 */

#include "agent/credential-socket.h"

#include "agent/credential.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OPEN_MAX_CONNECTIONS 64
#define TIMEOUT_USEC         (5 * USEC_PER_SEC)
#define DRAIN_MSEC           1000 /* without any progress, when the agent ends */

/* Also above what LoadCredentialEncrypted= takes, which is somewhat more. */
#define REFUSAL_SIZE (2 * CREDENTIAL_SIZE_MAX)

struct CredentialSocket {
        sd_event *event;
        CredentialManifest manifest;
        void *userdata;
        GPtrArray *listeners;   /* sd_event_source* */
        GPtrArray *connections; /* Connection* */
};

typedef struct Connection {
        CredentialSocket *socket;
        int fd;
        char *unit;      /* NULL: it is not known who asks */
        GBytes *content; /* NULL: refused */
        size_t sent;
        sd_event_source *io, *timer;
} Connection;

/* ---- Sending ---- */

static void connection_free(gpointer p)
{
        Connection *c = p;

        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->timer);
        g_clear_pointer(&c->content, g_bytes_unref);
        g_free(c->unit);
        close(c->fd);
        g_free(c);
}

/* What comes next; *ret_size 0: nothing does. */
static const uint8_t *connection_next(const Connection *c, size_t *ret_size)
{
        static const uint8_t refusal[16384];
        const uint8_t *data;
        size_t size;

        if (!c->content) {
                *ret_size = MIN(REFUSAL_SIZE - c->sent, sizeof(refusal));
                return refusal;
        }
        data = g_bytes_get_data(c->content, &size);
        *ret_size = size - c->sent;
        return data + c->sent;
}

/* True when there is no more to do: all is sent, or the other side has left (a refused one does). */
static bool connection_send(Connection *c)
{
        const uint8_t *data;
        size_t size;

        while (data = connection_next(c, &size), size > 0) {
                ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n >= 0)
                        c->sent += (size_t) n;
                else if (errno == EAGAIN)
                        return false;
                else if (errno != EINTR)
                        return true;
        }
        return true;
}

static void set_listening(CredentialSocket *s)
{
        int on = s->connections->len < OPEN_MAX_CONNECTIONS ? SD_EVENT_ON : SD_EVENT_OFF;

        for (guint i = 0; i < s->listeners->len; i++)
                (void) sd_event_source_set_enabled(g_ptr_array_index(s->listeners, i), on);
}

static void connection_end(Connection *c)
{
        CredentialSocket *s = c->socket;

        g_ptr_array_remove_fast(s->connections, c);
        set_listening(s);
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        if (connection_send(userdata))
                connection_end(userdata);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Connection *c = userdata;

        log_full(LOG_WARNING, &(LogContext){ .unit = c->unit },
                 "The credential for %s was not read within %d s, the connection is closed.\n"
                 "Restart the unit if it started with a part of it.",
                 c->unit ?: "an unknown unit", (int) (TIMEOUT_USEC / USEC_PER_SEC));
        connection_end(c);
        return 0;
}

/* ---- Answering ---- */

static void log_refusal(const char *unit, const char *id, const char *name, const GError *refused)
{
        g_autofree char *summary = cert_error_summary(refused);

        log_full(LOG_ERR,
                 &(LogContext){ .message_id = CERT_MESSAGE_CREDENTIAL_REFUSED, .name = name, .unit = unit },
                 "Refused the credential \"%s\" to %s: %s\n%s", id ?: "?", unit ?: "an unknown unit", summary,
                 cert_error_hint(refused));
}

static bool check_is_root(int fd, GError **error)
{
        struct ucred caller;
        socklen_t size = sizeof(caller);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &size) == 0 && caller.uid == 0)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_AUTHORIZED,
                    "Who connected is not root\nOnly LoadCredential= of a system unit can ask here; see "
                    "cert-agent(8).");
        return false;
}

/* Who may it be, who is it, what does it want, is that there: the first that fails is the reason to refuse.
 */
static void connection_decide(Connection *c)
{
        struct sockaddr_un address = { 0 };
        socklen_t size = sizeof(address);
        const ManifestCertificate *certificate = NULL;
        g_autoptr(GError) refused = NULL;
        g_autofree char *id = NULL;

        if (getpeername(c->fd, (struct sockaddr *) &address, &size) < 0)
                size = 0;
        if (check_is_root(c->fd, &refused) &&
            credential_read_address((struct sockaddr *) &address, size, &c->unit, &id, &refused) &&
            credential_find(c->socket->manifest(c->socket->userdata), c->unit, id, &certificate, &refused) &&
            credential_content(certificate, &c->content, &refused))
                log_full(LOG_INFO, &(LogContext){ .name = certificate->name, .unit = c->unit },
                         "Given to %s as its credential \"%s\".", c->unit, id);
        else
                log_refusal(c->unit, id, certificate ? certificate->name : NULL, refused);
}

static int connection_wait(Connection *c)
{
        sd_event *event = c->socket->event;
        int r = sd_event_add_io(event, &c->io, c->fd, EPOLLOUT, on_writable, c);

        return r < 0 ? r
                     : sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC, TIMEOUT_USEC, 0,
                                                  on_timer, c);
}

static int on_connection(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata)
{
        CredentialSocket *s = userdata;
        int r, fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Connection *c;

        if (fd < 0)
                return 0;
        c = g_new0(Connection, 1);
        c->socket = s;
        c->fd = fd;
        g_ptr_array_add(s->connections, c);
        connection_decide(c);
        r = connection_send(c) ? 1 : connection_wait(c);
        if (r < 0)
                log_error("Cannot wait until a credential is read: %s", g_strerror(-r));
        if (r != 0)
                connection_end(c);
        else
                set_listening(s);
        return 0;
}

/* ---- The socket ---- */

static void source_unref(gpointer data)
{
        sd_event_source_disable_unref(data);
}

CredentialSocket *credential_socket_new(sd_event *event, CredentialManifest manifest, void *userdata)
{
        CredentialSocket *s = g_new0(CredentialSocket, 1);

        s->event = event;
        s->manifest = manifest;
        s->userdata = userdata;
        s->listeners = g_ptr_array_new_with_free_func(source_unref);
        s->connections = g_ptr_array_new_with_free_func(connection_free);
        return s;
}

CredentialSocket *credential_socket_free(CredentialSocket *s)
{
        if (!s)
                return NULL;
        for (guint i = 0; i < s->connections->len; i++) {
                Connection *c = g_ptr_array_index(s->connections, i);

                while (!connection_send(c) &&
                       poll(&(struct pollfd){ .fd = c->fd, .events = POLLOUT }, 1, DRAIN_MSEC) > 0)
                        ;
        }
        g_ptr_array_unref(s->listeners);
        g_ptr_array_unref(s->connections);
        g_free(s);
        return NULL;
}

bool credential_socket_listen(CredentialSocket *s, int fd, GError **error)
{
        sd_event_source *source = NULL;
        int r = sd_event_add_io(s->event, &source, fd, EPOLLIN, on_connection, s);

        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "Cannot listen on %s: %s",
                            CERT_SOCKET_CREDENTIAL, g_strerror(-r));
                return false;
        }
        g_ptr_array_add(s->listeners, source);
        return true;
}

void credential_socket_stop_listening(CredentialSocket *s)
{
        g_ptr_array_set_size(s->listeners, 0);
}

unsigned credential_socket_open(const CredentialSocket *s)
{
        return s->connections->len;
}
