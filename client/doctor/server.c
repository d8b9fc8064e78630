/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server that is looked at. Where no TLS comes about it is found out what is there instead; if that is a protocol in which
 * TLS is started, it is started, so that what is wrong beyond is seen as well. */

#include "client/doctor/server.h"

#include "client/doctor/diagnosis.h"
#include "client/doctor/greeting.h"
#include "common/error.h"
#include "common/timespan.h"
#include "issuers/probe/connect.h"
#include "issuers/probe/deadline.h"
#include "issuers/probe/starttls.h"

#include <errno.h>
#include <netdb.h>
#include <unistd.h>

#define STEP_USEC (10 * USEC_PER_SEC)

typedef struct Look {
        const Target *target;
        const Identity *identity;
        char *const *units;
        GPtrArray *diagnoses;
        char *where; /* the target's, printable */
} Look;

Server *server_free(Server *s)
{
        if (!s)
                return NULL;
        session_free(s->session);
        session_free(s->first);
        g_free(s->starttls);
        g_free(s);
        return NULL;
}

/* ---- Connecting ---- */

/* "systemctl status nginx.service", or how to see who listens. */
static char *where_to_look(const Look *l)
{
        g_autofree char *units = l->units && *l->units ? g_strjoinv(" ", (char **) l->units) : NULL;

        return units ? g_strdup_printf("See why: systemctl status %s", units)
                     : g_strdup("Start the service, or correct the port; what listens on that host is shown by: ss -ltnp");
}

static void say_unreachable(const Look *l, int number)
{
        if (number == ETIMEDOUT)
                diagnosis_add(l->diagnoses, DIAGNOSIS_UNREACHABLE,
                              "%s does not answer: no connection within 10 seconds.\n"
                              "The host is down, or a firewall on the way drops what is sent to that port.",
                              l->where);
        else if (number == EACCES || number == EPERM)
                diagnosis_add(l->diagnoses, DIAGNOSIS_UNREACHABLE,
                              "The connection to %s is not allowed: %s.\n"
                              "Of a unix socket, run this as a user who may use it; else a firewall on this host forbids it.",
                              l->where, g_strerror(number));
        else
                diagnosis_add(l->diagnoses, DIAGNOSIS_UNREACHABLE,
                              "There is no way to %s: %s.\n"
                              "Look at this host's network and routes (ip route get ADDRESS), and whether the host is up.",
                              l->where, g_strerror(number));
}

static void say_no_connection(const Look *l, const ConnectFailure *f)
{
        g_autofree char *todo = where_to_look(l);

        if (f->step == CONNECT_STEP_NAME)
                diagnosis_add(l->diagnoses, DIAGNOSIS_UNKNOWN_HOST,
                              "The host of %s is not known: %s.\n%s", l->where, gai_strerror(f->number),
                              f->number == EAI_AGAIN ? "The name server does not answer; see: resolvectl status, /etc/resolv.conf"
                                                     : "Correct the name, or add it to the DNS or to /etc/hosts.");
        else if (f->step == CONNECT_STEP_SOCKET && (f->number == ECONNREFUSED || f->number == ENOENT))
                diagnosis_add(l->diagnoses, DIAGNOSIS_NOT_LISTENING, "Nothing listens at %s: %s.\n%s", l->where,
                              g_strerror(f->number), todo);
        else
                say_unreachable(l, f->step == CONNECT_STEP_SOCKET ? f->number : EINVAL);
}

/* -1: there is a diagnosis. */
static int open_connection(const Look *l)
{
        ConnectFailure failure;
        int fd;

        if (probe_connect_to(l->target->connect, deadline_in(STEP_USEC), &fd, &failure))
                return fd;
        say_no_connection(l, &failure);
        return -1;
}

/* ---- A session ---- */

typedef enum SessionKind {
        WITH_ALL,
        WITHOUT_NAME,
        WITHOUT_HTTP, /* for a server that knows neither */
} SessionKind;

/* What goes into a field of HTTP. */
static bool is_host(const char *name)
{
        for (; *name; name++)
                if (!g_ascii_isalnum(*name) && !strchr(".-_:", *name))
                        return false;
        return true;
}

static bool start_tls(const Look *l, int fd, const char *starttls)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *summary = NULL, *shown = NULL;

        if (probe_starttls(fd, starttls, deadline_in(STEP_USEC), &error))
                return true;
        summary = cert_error_summary(error);
        shown = cert_error_printable(summary, 512, "");
        diagnosis_add(l->diagnoses, DIAGNOSIS_HANDSHAKE_FAILED,
                      "TLS cannot be started in %s: %s.\n"
                      "See whether the server is configured for STARTTLS, and whether it is that protocol that it speaks; where it "
                      "speaks TLS from the start, leave out --starttls (or \"starttls\" of \"verify\" in the manifest).",
                      starttls, shown);
        return false;
}

/* NULL: there is a diagnosis. */
static Session *shake(const Look *l, const char *starttls, SessionKind kind)
{
        const char *name = l->target->name;
        g_autofree char *host = NULL;
        SessionOptions options = { .server_name = kind == WITHOUT_NAME ? NULL : name, .identity = l->identity };
        g_autoptr(GError) error = NULL;
        Session *s = NULL;
        int fd = open_connection(l);

        if (fd < 0)
                return NULL;
        if (!starttls && kind != WITHOUT_HTTP) {
                host = name && is_host(name) ? g_strdup_printf(strchr(name, ':') ? "[%s]" : "%s", name) : g_strdup("localhost");
                options.http_host = host;
        }
        if (!starttls || start_tls(l, fd, starttls)) {
                s = session_run(fd, &options, deadline_in(STEP_USEC), &error);
                if (!s)
                        diagnosis_add(l->diagnoses, DIAGNOSIS_HANDSHAKE_FAILED, "%s", error->message);
        }
        close(fd);
        return s;
}

/* ---- What is there instead of TLS ---- */

static bool is_no_tls(const Session *s)
{
        return !s->proven && s->chain->len == 0 &&
               (s->end == SESSION_NOT_TLS || s->end == SESSION_CLOSED || s->end == SESSION_TIMED_OUT);
}

static void say_starttls(const Look *l, Greeting g)
{
        const char *name = greeting_starttls(g);

        if (name)
                diagnosis_add(l->diagnoses, DIAGNOSIS_STARTTLS_NEEDED,
                              "%s speaks %s, which begins in the clear: TLS is started by a command (STARTTLS).\n"
                              "Say so: --starttls %s (in the manifest's \"verify\": \"starttls\"), or use the service's port for TLS "
                              "from the start. What follows was seen after it was started.",
                              l->where, greeting_to_string(g), name);
        else
                diagnosis_add(l->diagnoses, DIAGNOSIS_STARTTLS_NEEDED,
                              "%s speaks %s, which begins in the clear: TLS is started by a command, which certctl does not know.\n"
                              "Look at it with a client of that protocol.",
                              l->where, greeting_to_string(g));
}

static void say_closed(const Look *l, const Session *s, Greeting g)
{
        if (s->error == GNUTLS_E_UNSUPPORTED_VERSION_PACKET)
                diagnosis_add(l->diagnoses, DIAGNOSIS_PROTOCOL_TOO_OLD,
                              "%s answers with a version of SSL that is older than TLS 1.0.\n"
                              "Allow TLS 1.2 and 1.3 in the server's configuration, or replace a server that cannot.",
                              l->where);
        else if (g == GREETING_CLOSED)
                diagnosis_add(l->diagnoses, DIAGNOSIS_HANDSHAKE_FAILED,
                              "%s takes the connection and closes it, whatever one says.\n"
                              "The reason is in the server's log; perhaps it takes connections from certain addresses alone.",
                              l->where);
        else if (s->end == SESSION_CLOSED)
                diagnosis_add(l->diagnoses, DIAGNOSIS_HANDSHAKE_FAILED,
                              "%s takes the connection and closes it when the TLS handshake begins.\n"
                              "The reason is in the server's log: often it has no usable certificate or key; perhaps it is no TLS "
                              "server.",
                              l->where);
        else if (s->end == SESSION_NOT_TLS)
                diagnosis_add(l->diagnoses, DIAGNOSIS_NOT_TLS,
                              "What %s answers to a TLS handshake is no TLS.\nSee what listens there, and whether the port is right.",
                              l->where);
        else
                diagnosis_add(l->diagnoses, DIAGNOSIS_UNREACHABLE,
                              "%s takes the connection, but answers neither to TLS nor to anything else.\n"
                              "See whether the service hangs, and whether the port is right.",
                              l->where);
}

static Greeting say_instead(const Look *l, const Session *s)
{
        g_autofree char *said = NULL;
        Greeting g = greeting_find(l->target->connect, deadline_in(STEP_USEC), &said);

        switch (g) {
        case GREETING_CLOSED:
        case GREETING_SILENT:
                say_closed(l, s, g);
                break;
        case GREETING_HTTP:
                diagnosis_add(l->diagnoses, DIAGNOSIS_NOT_TLS,
                              "%s speaks HTTP without TLS.\n"
                              "Use the server's port for HTTPS, or switch TLS on for this one (nginx: listen … ssl).",
                              l->where);
                break;
        case GREETING_SSH:
        case GREETING_UNKNOWN:
                diagnosis_add(l->diagnoses, DIAGNOSIS_NOT_TLS, "%s speaks no TLS; it %s%s%s.\nSee whether the port is right.", l->where,
                              g == GREETING_SSH ? "is an SSH server, and says \"" : *said ? "says \"" : "says something else",
                              said, *said ? "\"" : "");
                break;
        default:
                say_starttls(l, g);
        }
        return g;
}

/* ---- Looking ---- */

static void look_without_name(const Look *l, Server *v)
{
        Session *second = shake(l, v->starttls, WITHOUT_NAME);

        if (second && second->chain->len > 0) {
                v->first = v->session;
                v->session = second;
        } else
                session_free(second);
}

static void look(const Look *l, Server *v)
{
        v->session = shake(l, v->starttls, WITH_ALL);
        if (v->session && v->session->alert == GNUTLS_A_NO_APPLICATION_PROTOCOL && v->session->end == SESSION_ALERT) {
                session_free(v->session);
                v->session = shake(l, v->starttls, WITHOUT_HTTP);
        }
        if (v->session && v->session->alert == GNUTLS_A_UNRECOGNIZED_NAME && v->session->end == SESSION_ALERT)
                look_without_name(l, v);
}

Server *server_look(const Target *target, const Identity *identity, char *const *units, GPtrArray *diagnoses)
{
        g_autofree char *where = cert_error_printable(target->connect, 256, "");
        const Look l = { target, identity, units, diagnoses, where };
        Server *v = g_new0(Server, 1);
        Greeting g;

        v->starttls = g_strdup(target->starttls);
        look(&l, v);
        if (!v->session || !is_no_tls(v->session))
                return v;
        if (v->starttls) {
                say_closed(&l, v->session, GREETING_UNKNOWN);
                v->session = session_free(v->session);
                return v;
        }
        g = say_instead(&l, v->session);
        v->session = session_free(v->session);
        v->starttls = g_strdup(greeting_starttls(g));
        if (v->starttls)
                look(&l, v);
        return v;
}
