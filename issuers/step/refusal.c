/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Refusals: what a status that is no success means, and what to do about it. It owns nothing. */

#include "issuers/step/step-private.h"

#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

#define REASON_MAX    512
#define CLOCK_DIFFERS (60 * USEC_PER_SEC) /* step-ca grants a token as much */

/* What step-ca puts before every reason. */
static const char *const preambles[] = {
        "The request was forbidden by the certificate authority: ",
        "The request could not be completed: ",
        "The request lacked necessary authorization to be completed. ",
};

/* The CA's own words, fit to be shown; NULL when it said none. Caller owns. */
static char *reason_of(const HttpAnswer *a)
{
        g_autoptr(JsonObject) o = step_json_parse(a->body);
        const char *text = o ? step_json_string(o, "message") : NULL;

        if (!text || !*text)
                return NULL;
        for (size_t i = 0; i < G_N_ELEMENTS(preambles); i++)
                if (g_str_has_prefix(text, preambles[i]))
                        text += strlen(preambles[i]);
        return cert_error_printable(text, REASON_MAX, "");
}

/* Where the CA is; before one answered, the first that is asked. */
static const char *server(const StepCall *c)
{
        return c->url ?: c->options->urls[0];
}

/* ---- 401 ---- */

/* By how much this host's clock differs from the server's; NULL when it does not, or that said no time.
 * Caller owns. */
static char *clock_difference(const HttpAnswer *a)
{
        uint64_t now = now_realtime();
        uint64_t span = now > a->date_usec ? now - a->date_usec : a->date_usec - now;
        g_autofree char *text = NULL;

        if (a->date_usec == 0 || span <= CLOCK_DIFFERS)
                return NULL;
        text = timespan_format(span);
        return g_strdup_printf("%s %s", text, now > a->date_usec ? "ahead of" : "behind");
}

static void set_unauthorized(const StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *clock = clock_difference(a);
        const char *first =
                clock ? "set this host's clock or the CA's (timedatectl timesync-status): a token is "
                        "good for a few minutes only; else "
                : a->date_usec == 0 ? "whether this host's clock is right (timedatectl timesync-status); "
                                    : "";

        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                    "%s: %s refused the token (401), and never says why%s%s%s\n"
                    "Look, in this order: %swhether the host in \"url\" is one of the CA's names "
                    "(\"dnsNames\" in its ca.json); "
                    "whether the provisioner \"%s\" got a new key or password, or the password is another "
                    "provisioner's; "
                    "whether the CA was started within the last minutes. The CA's own log says which.",
                    what, server(c), clock ? "; this host's clock is " : "", clock ?: "",
                    clock ? " the CA's" : "", first, c->options->provisioner);
}

/* Nothing of what is asked without a token is closed to anybody by a step-ca. */
static void set_closed(const StepCall *c, const char *what, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                    "%s: %s wants to know who asks (401), and a step-ca does not\n"
                    "Check that \"url\" in the manifest is the CA's: a proxy in between may ask for a login.",
                    what, server(c));
}

/* ---- 400 and 403 ---- */

/* What the administrator can do about a reason, by what is said in it; the first that fits. */
static const struct {
        const char *words, *hint;
} remedies[] = {
        { "maximum certificate duration",
          "Ask for less: \"lifetime\" of the certificate or \"certificate_lifetime\" of the "
          "issuer; or raise maxTLSCertDuration of the provisioner at the CA." },
        { "minimum certificate duration",
          "Ask for more: \"lifetime\" of the certificate or \"certificate_lifetime\" of the "
          "issuer; or lower minTLSCertDuration of the provisioner at the CA." },
        { "RSA key",
          "Name a larger key in \"key.type\" of the certificate: \"rsa-2048\" at least, or \"ecdsa-p256\"." },
        { "key size", "Name another \"key.type\" for the certificate." },
        { "not allowed", "The CA's policy does not allow a name: change \"sans\" or \"common_name\" of the "
                         "certificate, or the "
                         "policy at the CA (step ca policy)." },
        { "valid DNS names",
          "The CA does not grant these names: compare \"sans\" and \"common_name\" of the certificate with "
          "the provisioner's options at the CA." },
        { "valid IP",
          "The CA does not grant these addresses: compare \"sans\" of the certificate with the provisioner's "
          "options at the CA." },
        { "valid email",
          "The CA does not grant these addresses: compare \"sans\" of the certificate with the provisioner's "
          "options at the CA." },
        { "valid URI",
          "The CA does not grant these URIs: compare \"sans\" of the certificate with the provisioner's "
          "options at the CA." },
        { "common name",
          "The CA does not grant this common name: compare \"common_name\" of the certificate with the "
          "provisioner's options at the CA." },
        { "in the past", "Set this host's clock or the CA's, or ask for a longer \"lifetime\"." },
};

static const char *remedy_of(const char *reason)
{
        for (size_t i = 0; reason && i < G_N_ELEMENTS(remedies); i++)
                if (strstr(reason, remedies[i].words))
                        return remedies[i].hint;
        return "Change what is asked for in the manifest, or the provisioner's claims and policy at the CA; "
               "its log says more.";
}

static void set_forbidden(const StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *reason = reason_of(a);

        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED, "%s: %s refuses it (%u): %s\n%s", what,
                    server(c), a->status, reason ?: "it gives no reason", remedy_of(reason));
}

/* ---- Later ---- */

static void set_later(StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *span = a->retry_after_usec > 0 ? timespan_format(a->retry_after_usec) : NULL;
        g_autofree char *reason = reason_of(a);
        bool busy = a->status == 429;

        c->later = true;
        c->retry_after_usec = a->retry_after_usec;
        g_set_error(error, CERT_ERROR, busy ? CERT_ERROR_ISSUER_REFUSED : CERT_ERROR_ISSUER_UNREACHABLE,
                    "%s: %s %s (%u)%s%s%s%s\n"
                    "The agent tries again by itself; %s",
                    what, server(c), busy ? "was asked too often" : "is not available for the moment",
                    a->status, reason ? ": " : "", reason ?: "",
                    span ? "; it wants to be asked again in " : "", span ?: "",
                    busy ? "\"connections\" of the issuer says how many certificates are asked for at once."
                         : "if it lasts, look at the CA's log and at that of a proxy in between.");
}

/* ---- All others ---- */

static void set_redirected(const StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *where = cert_error_printable(a->location ?: "somewhere else", REASON_MAX, "");

        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                    "%s: %s sends us on (%u) to %s, which is not followed\n"
                    "A step-ca does not do that: check \"url\" in the manifest; if the CA moved, write where "
                    "it is now.",
                    what, server(c), a->status, where);
}

static void set_not_found(const StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *reason = reason_of(a);

        g_set_error(
                error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                "%s: %s has no such page (%u)%s%s\n"
                "Check \"url\" in the manifest, its path too: a step-ca answers \"ok\" to curl -k %s/health",
                what, server(c), a->status, reason ? ": " : "", reason ?: "", server(c));
}

static void set_server_failed(const StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *reason = reason_of(a);
        bool itself = a->status == 500;

        g_set_error(
                error, CERT_ERROR, itself ? CERT_ERROR_ISSUER_PROTOCOL : CERT_ERROR_ISSUER_UNREACHABLE,
                "%s: %s failed (%u)%s%s\n%s", what, server(c), a->status, reason ? ": " : "", reason ?: "",
                itself ? "This is the CA's own trouble: its log says more. The agent tries again by itself."
                       : "A proxy in between cannot reach the CA: look at both logs. The agent tries again "
                         "by itself.");
}

static void set_odd(const StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *reason = reason_of(a);

        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                    "%s: %s answered with status %u, which no step-ca does%s%s\nCheck that \"url\" in the "
                    "manifest is the CA's.",
                    what, server(c), a->status, reason ? ": " : "", reason ?: "");
}

void step_refusal(StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        switch (a->status) {
        case 400:
        case 403:
                set_forbidden(c, a, what, error);
                return;
        case 401:
                if (c->token_sent)
                        set_unauthorized(c, a, what, error);
                else
                        set_closed(c, what, error);
                return;
        case 404:
        case 405:
        case 410:
                set_not_found(c, a, what, error);
                return;
        case 429:
        case 503:
                set_later(c, a, what, error);
                return;
        case 300 ... 303:
        case 305 ... 399:
                set_redirected(c, a, what, error);
                return;
        case 500 ... 502:
        case 504 ... 599:
                set_server_failed(c, a, what, error);
                return;
        default:
                set_odd(c, a, what, error);
        }
}
