/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What it means that there was no answer: from what curl and the kernel say to whom that concerns and what to
 * do. It owns nothing. */

#include "issuers/http-private.h"

#include "common/error.h"
#include "common/timespan.h"

#include <errno.h>

#define TEXT_MAX 256

#define HINT_FIREWALL                                                                                        \
        "A firewall that drops packets looks like this, and so does a host that is down. Check it from "     \
        "this host: "                                                                                        \
        "curl -vk https://%s/"

/* One message with a hint, both of which may name the place that was asked. */
G_GNUC_PRINTF(4, 5)
static void fail(GError **error, CertError code, const char *hint, const char *format, ...)
{
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, code, "%s\n%s", what, hint);
}

/* ---- Connecting ---- */

static void set_unresolved(const HttpTarget *t, GError **error)
{
        g_autofree char *hint =
                g_strdup_printf("Check the name in \"url\" of the manifest, and whether this host's name "
                                "service knows it: getent ahosts %s",
                                t->host);

        fail(error, CERT_ERROR_ISSUER_UNREACHABLE, hint, "the host name %s cannot be resolved", t->host);
}

static void set_refused(const HttpTarget *t, GError **error)
{
        fail(error, CERT_ERROR_ISSUER_UNREACHABLE,
             "Check that the server runs there and listens on this port, and that no firewall rejects it.",
             "%s refuses the connection: no server listens there, or a firewall rejects it", t->where);
}

static void set_no_connection(const HttpTarget *t, const HttpFailure *f, GError **error)
{
        switch (f->number) {
        case ECONNREFUSED:
                set_refused(t, error);
                return;
        case EPERM:
        case EACCES:
                fail(error, CERT_ERROR_ISSUER_UNREACHABLE,
                     "Look for a rule of this host's firewall, or IPAddressDeny= in a drop-in of the "
                     "issuer's unit.",
                     "this host does not allow a connection to %s: %s", t->where, g_strerror(f->number));
                return;
        case ETIMEDOUT: {
                g_autofree char *hint = g_strdup_printf(HINT_FIREWALL, t->where);

                fail(error, CERT_ERROR_ISSUER_TIMEOUT, hint, "%s does not answer", t->where);
                return;
        }
        case 0:
                fail(error, CERT_ERROR_ISSUER_UNREACHABLE,
                     "Check that the server runs and can be reached from this host.", "%s cannot be reached",
                     t->where);
                return;
        default:
                fail(error, CERT_ERROR_ISSUER_UNREACHABLE,
                     "Check this host's network, its routes (ip route get) and the firewalls on the way.",
                     "%s cannot be reached: %s", t->where, g_strerror(f->number));
        }
}

/* Where the time went says who is to be asked. */
static void set_timeout(const HttpTarget *t, const HttpFailure *f, GError **error)
{
        uint64_t rest = f->spent_usec > USEC_PER_SEC ? f->spent_usec % USEC_PER_SEC : 0;
        g_autofree char *span = timespan_format(f->spent_usec - rest);
        g_autofree char *hint = g_strdup_printf(HINT_FIREWALL, t->where);

        if (!f->connected && !f->resolved)
                fail(error, CERT_ERROR_ISSUER_TIMEOUT,
                     "Check this host's name service: resolvectl status, /etc/resolv.conf",
                     "the host name %s was not resolved within %s", t->host, span);
        else if (!f->connected)
                fail(error, CERT_ERROR_ISSUER_TIMEOUT, hint, "%s does not answer: no connection within %s",
                     t->where, span);
        else if (!f->shaken)
                fail(error, CERT_ERROR_ISSUER_TIMEOUT,
                     "The server hangs, or what listens there does not speak TLS; look at its log.",
                     "%s took the connection, but no TLS handshake came about within %s", t->where, span);
        else if (f->received == 0)
                fail(error, CERT_ERROR_ISSUER_TIMEOUT, "The server hangs or is overloaded; look at its log.",
                     "%s took the request, but did not answer it within %s", t->where, span);
        else
                fail(error, CERT_ERROR_ISSUER_TIMEOUT,
                     "The server or the network is too slow; look at the server's log.",
                     "%s was not done with its answer within %s: %" G_GUINT64_FORMAT " bytes came", t->where,
                     span, f->received);
}

/* ---- Talking ---- */

static void set_not_http(const HttpTarget *t, GError **error)
{
        fail(error, CERT_ERROR_ISSUER_PROTOCOL,
             "Check host and port in \"url\" of the manifest: another service is there.",
             "%s does not speak HTTP", t->where);
}

static void set_too_large(const HttpTarget *t, const HttpRequest *request, const HttpFailure *f,
                          GError **error)
{
        if (f->too_many_headers)
                fail(error, CERT_ERROR_ISSUER_PROTOCOL, "Check that \"url\" in the manifest is the CA's.",
                     "the headers of %s's answer have no end", t->where);
        else
                fail(error, CERT_ERROR_ISSUER_PROTOCOL, "Check that \"url\" in the manifest is the CA's.",
                     "the answer of %s is larger than %zu bytes, and no such answer is that large", t->where,
                     request->answer_max);
}

static void set_broken_off(const HttpTarget *t, const HttpFailure *f, GError **error)
{
        static const char hint[] =
                "The server, or a proxy in between, ended the connection: look at its log. "
                "The agent tries again by itself.";

        if (f->received > 0 || f->code == CURLE_PARTIAL_FILE)
                fail(error, CERT_ERROR_ISSUER_UNREACHABLE, hint,
                     "%s broke off in the middle of its answer, after %" G_GUINT64_FORMAT " bytes", t->where,
                     f->received);
        else
                fail(error, CERT_ERROR_ISSUER_UNREACHABLE, hint, "%s closed the connection without an answer",
                     t->where);
}

/* The server ends TLS because of the certificate that it was shown. With TLS 1.3 (RFC 8446, section 4.4.2.4) it closes on what
 * we have begun to send, so that its alert often goes unread, and which call of curl's notices is a matter of chance. A server
 * that died just then is taken for one that refuses, which is seen at the next question. */
static bool refuses_client(const HttpFailure *f)
{
        return f->shown && !f->begun &&
               (f->code == CURLE_SSL_CONNECT_ERROR || f->code == CURLE_SEND_ERROR || f->code == CURLE_RECV_ERROR ||
                f->code == CURLE_GOT_NOTHING);
}

static void set_refuses_client(const HttpTarget *t, GError **error)
{
        fail(error, CERT_ERROR_ISSUER_REFUSED,
             "It may have expired, or the CA may have another root or intermediate by now. The server's log "
             "says which.",
             "%s does not take the certificate that it was shown for this host", t->where);
}

static void set_other(const HttpTarget *t, const HttpFailure *f, GError **error)
{
        g_autofree char *text =
                cert_error_printable(*f->text ? f->text : curl_easy_strerror(f->code), TEXT_MAX, "");

        fail(error, CERT_ERROR_ISSUER_UNREACHABLE,
             "Check that the server runs and can be reached from this host.", "asking %s: %s", t->where,
             text);
}

void http_failure_set(const HttpTarget *t, const HttpRequest *request, const HttpFailure *f, GError **error)
{
        if (refuses_client(f)) {
                set_refuses_client(t, error);
                return;
        }
        switch (f->code) {
        case CURLE_COULDNT_RESOLVE_HOST:
                set_unresolved(t, error);
                return;
        case CURLE_COULDNT_CONNECT:
                set_no_connection(t, f, error);
                return;
        case CURLE_OPERATION_TIMEDOUT:
                set_timeout(t, f, error);
                return;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CONNECT_ERROR:
                http_tls_failure_set(t, request, f, error);
                return;
        case CURLE_WRITE_ERROR:
        case CURLE_FILESIZE_EXCEEDED: /* announced */
                set_too_large(t, request, f, error);
                return;
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: a body without a status */
        case CURLE_BAD_CONTENT_ENCODING:
                set_not_http(t, error);
                return;
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
                set_broken_off(t, f, error);
                return;
        default:
                set_other(t, f, error);
        }
}
