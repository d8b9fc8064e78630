/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way to the agent: which bus, how a call is made on it, and how its failure is told to a person and to a
 * script. */

#include "client/connect.h"

#include "client/polkit-agent.h"
#include "common/error.h"
#include "common/names.h"
#include "common/peer.h"
#include "common/timespan.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT   (5 * USEC_PER_SEC)
#define CALL_TIMEOUT      (60 * USEC_PER_SEC) /* the agent may have to start and look at 100,000 certificates */
#define AUTHORISE_TIMEOUT (300 * USEC_PER_SEC) /* a person types a password */

/* ---- Connecting ---- */

static bool connect_private(int system_bus_error, sd_bus **ret_bus, GError **error)
{
        g_autoptr(GError) local = NULL;
        g_autoptr(sd_event) event = NULL;
        int r = sd_event_new(&event);

        if (r >= 0 && peer_connect(event, CERT_SOCKET_BUS, CONNECT_TIMEOUT, ret_bus, &local))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                    "cannot reach the agent: no system bus (%s), and %s\n"
                    "Start its socket with: systemctl start cert-agent.socket",
                    g_strerror(-system_bus_error), local ? local->message : g_strerror(-r));
        return false;
}

static bool connect_host_bus(sd_bus **ret_bus, GError **error)
{
        int r = sd_bus_open_system(ret_bus);

        if (r >= 0)
                return true;
        if (geteuid() == 0)
                return connect_private(r, ret_bus, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                    "cannot reach the system bus: %s\nStart it with: systemctl start dbus.socket (or run "
                    "certctl as "
                    "root, which does without it)",
                    g_strerror(-r));
        return false;
}

bool client_connect(const Client *client, sd_bus **ret_bus, GError **error)
{
        const Options *o = &client->options;
        const char *where = o->host ?: o->machine;
        int r;

        if (!where)
                return connect_host_bus(ret_bus, error);
        r = o->host ? sd_bus_open_system_remote(ret_bus, where) : sd_bus_open_system_machine(ret_bus, where);
        if (r >= 0)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                    "cannot reach the system bus of %s: %s\n%s", where, g_strerror(-r),
                    o->host ? "Check that \"ssh HOST systemd-stdio-bridge\" can be run."
                            : "See the containers that run with: machinectl list");
        return false;
}

/* ---- Calling ---- */

/* The bus's own names for "the agent is not there" and "you may not". */
static bool is_one_of(const char *name, const char *const *names)
{
        return name && g_strv_contains(names, name);
}

static bool call_failed(const sd_bus_error *e, int r, const char *what, GError **error)
{
        static const char *const absent[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_TIMEOUT,
                SD_BUS_ERROR_DISCONNECTED,
                "org.freedesktop.systemd1.NoSuchUnit",
                "org.freedesktop.systemd1.UnitMasked",
                "org.freedesktop.DBus.Error.TimedOut",
                NULL,
        };
        static const char *const denied[] = {
                SD_BUS_ERROR_ACCESS_DENIED,
                SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                NULL,
        };
        static const char *const unknown[] = { SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_INTERFACE,
                                               NULL };
        bool is_absent = is_one_of(e->name, absent) ||
                         (e->name && g_str_has_prefix(e->name, "org.freedesktop.DBus.Error.Spawn."));

        if (is_absent || (!e->name && (r == -ECONNRESET || r == -ENOTCONN || r == -ETIMEDOUT))) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                            "%s: the agent does not answer: %s\nSee: systemctl status cert-agent.service",
                            what, e->message ?: g_strerror(-r));
                return false;
        }
        if (is_one_of(e->name, unknown)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "%s: the agent that runs does not know how\n"
                            "It is older than this certctl. Start it anew with: systemctl restart "
                            "cert-agent.service",
                            what);
                return false;
        }
        cert_error_set_from_bus(error, e, r,
                                is_one_of(e->name, denied) ? CERT_ERROR_NOT_AUTHORIZED : _CERT_ERROR_INVALID,
                                what);
        return false;
}

bool client_bad_reply(int r, const char *what, GError **error)
{
        g_set_error(
                error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                "%s: the agent's answer cannot be read: %s\nIs it of another version? See: certctl --version",
                what, g_strerror(-r));
        return false;
}

bool client_new_call(sd_bus *bus, const Call *call, sd_bus_message **ret_message, GError **error)
{
        int r = sd_bus_message_new_method_call(bus, ret_message, CERT_BUS_NAME, call->path, call->interface,
                                               call->member);

        if (r >= 0 && call->kind == CALL_AUTHORISE)
                r = sd_bus_message_set_allow_interactive_authorization(*ret_message, true);
        return r >= 0 || client_bad_reply(r, call->what, error);
}

bool client_call_message(sd_bus *bus, const Call *call, sd_bus_message *m, sd_bus_message **ret_reply,
                         GError **error)
{
        g_auto(sd_bus_error) e = SD_BUS_ERROR_NULL;
        bool authorise = call->kind == CALL_AUTHORISE;
        PolkitAgent *agent = authorise ? polkit_agent_start() : NULL;
        int r = sd_bus_call(bus, m, authorise ? AUTHORISE_TIMEOUT : CALL_TIMEOUT, &e, ret_reply);

        polkit_agent_stop(agent);
        return r >= 0 || call_failed(&e, r, call->what, error);
}

bool client_call(sd_bus *bus, const Call *call, sd_bus_message **ret_reply, GError **error, const char *types,
                 ...)
{
        g_autoptr(sd_bus_message) m = NULL;
        va_list ap;
        int r;

        if (!client_new_call(bus, call, &m, error))
                return false;
        va_start(ap, types);
        r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r < 0)
                return client_bad_reply(r, call->what, error);
        return client_call_message(bus, call, m, ret_reply, error);
}

char *client_read_string(sd_bus_message *reply, const Call *call, GError **error)
{
        const char *text;
        int r = sd_bus_message_read(reply, "s", &text);

        if (r >= 0)
                return g_strdup(text);
        client_bad_reply(r, call->what, error);
        return NULL;
}

bool client_get_all(sd_bus *bus, const char *path, const char *interface, const char *what,
                    sd_bus_message **ret_reply, GError **error)
{
        const Call call = { path, "org.freedesktop.DBus.Properties", "GetAll", what, CALL_PLAIN };

        return client_call(bus, &call, ret_reply, error, "s", interface);
}

bool client_match(sd_bus *bus, const char *path, const char *interface, const char *member,
                  sd_bus_message_handler_t handler, void *userdata, GError **error)
{
        int r = sd_bus_match_signal(bus, NULL, CERT_BUS_NAME, path, interface, member, handler, userdata);

        return r >= 0 || client_bad_reply(r, "listening to the agent", error);
}

/* ---- Reporting ---- */

static ExitStatus status_of(const GError *error)
{
        switch (cert_error_code(error)) {
        case CERT_ERROR_NO_SUCH_CERTIFICATE:
        case CERT_ERROR_NO_SUCH_ISSUER:
                return EXIT_STATUS_NO_SUCH;
        case CERT_ERROR_NOT_AUTHORIZED:
                return EXIT_STATUS_NOT_PERMITTED;
        default:
                return EXIT_STATUS_FAILED;
        }
}

ExitStatus client_report(const Client *client, const GError *error)
{
        g_autofree char *summary = cert_error_summary(error);
        g_autofree char *said = terminal_clean(&client->terminal, summary, false);
        g_autofree char *hint = terminal_clean(&client->terminal, cert_error_hint(error), true);
        bool colour = client->terminal.colour_err;

        fflush(stdout);
        fprintf(stderr, "%scertctl: %s%s\n", style_on(colour, STYLE_BAD), said, style_off(colour, STYLE_BAD));
        if (*hint)
                fprintf(stderr, "%s\n", hint);
        return status_of(error);
}

ExitStatus client_usage(const char *format, ...)
{
        va_list ap;

        fputs("certctl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return EXIT_STATUS_USAGE;
}
