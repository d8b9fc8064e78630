/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of a step issuer: taken from the configuration of a call, with defaults, and checked. The
 * manifest was checked before; what a process acts on it checks itself. */

#include "issuers/step/options.h"

#include "common/timespan.h"
#include "issuers/config.h"
#include "issuers/http-private.h"

#include <string.h>

#define TIMEOUT_DEFAULT_USEC (60 * USEC_PER_SEC) /* these three as the agent's: agent/issuer-config.c */
#define TIMEOUT_MIN_USEC     (USEC_PER_SEC / 10)
#define TIMEOUT_MAX_USEC     USEC_PER_HOUR
#define FINGERPRINT_LENGTH   64
#define PROVISIONER_MAX      256

/* ---- Servers ---- */

/* Without the slash at its end, to which paths are added. */
static bool check_url(const IssuerConfig *c, char *url, GError **error)
{
        g_auto(HttpTarget) target = { 0 };
        g_autoptr(GError) wrong = NULL;
        size_t length = strlen(url);

        if (!http_target_read(url, &target, &wrong))
                return issuer_config_invalid(c, "url", error, "%s", wrong->message);
        if (!target.tls)
                return issuer_config_invalid(c, "url", error, "\"%s\" must begin with https://", url);
        if (strpbrk(url, "?#"))
                return issuer_config_invalid(c, "url", error,
                                             "\"%s\" must end with the host, the port or a path", url);
        while (length > 0 && url[length - 1] == '/')
                url[--length] = '\0';
        return true;
}

static bool take_urls(StepOptions *o, IssuerConfig *c, GError **error)
{
        if (!issuer_config_take_strings(c, "url", STEP_URLS_MAX, &o->urls, error))
                return false;
        if (!o->urls || !*o->urls)
                return issuer_config_invalid(c, "url", error, "is missing: where is the CA?");
        for (char **url = o->urls; *url; url++)
                if (!check_url(c, *url, error))
                        return false;
        return true;
}

/* ---- Roots ---- */

/* Without colons, in lower case. */
static bool check_fingerprint(const IssuerConfig *c, char *text, GError **error)
{
        char *end = text;

        for (const char *p = text; *p; p++)
                if (*p != ':')
                        *end++ = g_ascii_tolower(*p);
        *end = '\0';
        return (strlen(text) == FINGERPRINT_LENGTH &&
                strspn(text, "0123456789abcdef") == FINGERPRINT_LENGTH) ||
               issuer_config_invalid(c, "root_fingerprint", error,
                                     "must be the SHA-256 of the root certificate: 64 hexadecimal digits");
}

static bool take_roots(StepOptions *o, IssuerConfig *c, GError **error)
{
        if (!issuer_config_take_strings(c, "root_fingerprint", STEP_FINGERPRINTS_MAX, &o->fingerprints,
                                        error) ||
            !issuer_config_take_string(c, "root", &o->root_file, error))
                return false;
        if (o->fingerprints && !*o->fingerprints)
                g_clear_pointer(&o->fingerprints, g_strfreev);
        if (!o->fingerprints == !o->root_file)
                return issuer_config_invalid(c, o->root_file ? "root" : "root_fingerprint", error,
                                             "exactly one of root_fingerprint and root must be there");
        if (o->root_file && o->root_file[0] != '/')
                return issuer_config_invalid(c, "root", error, "must be an absolute path");
        for (char **f = o->fingerprints; f && *f; f++)
                if (!check_fingerprint(c, *f, error))
                        return false;
        return true;
}

/* ---- The account ---- */

/* Where its key is concerns the agent; here only whether there is one. */
static bool take_account(StepOptions *o, IssuerConfig *c, GError **error)
{
        g_autofree char *password_file = NULL, *credential = NULL, *key_file = NULL;

        if (!issuer_config_take_string(c, "password_file", &password_file, error) ||
            !issuer_config_take_string(c, "password_credential", &credential, error) ||
            !issuer_config_take_string(c, "x5c_key_file", &key_file, error) ||
            !issuer_config_take_string(c, "provisioner", &o->provisioner, error))
                return false;
        issuer_config_pass_over(c, "x5c_cert_file");
        o->has_key_file = key_file != NULL;
        o->has_account = password_file || credential || key_file;
        if (!o->provisioner || !*o->provisioner)
                return issuer_config_invalid(c, "provisioner", error, "is missing: by which of the CA's?");
        return strlen(o->provisioner) <= PROVISIONER_MAX ||
               issuer_config_invalid(c, "provisioner", error, "is longer than %d bytes", PROVISIONER_MAX);
}

static bool take_renewal(StepOptions *o, IssuerConfig *c, GError **error)
{
        g_autofree char *text = NULL;

        if (!issuer_config_take_string(c, "renewal", &text, error))
                return false;
        o->renewal = text ? renewal_from_string(text) : RENEWAL_SIGN;
        return o->renewal >= 0 ||
               issuer_config_invalid(c, "renewal", error,
                                     "\"%s\" is neither \"sign\", \"renew\" nor \"rekey\"", text);
}

static bool take_all(StepOptions *o, IssuerConfig *c, GError **error)
{
        issuer_config_pass_over(c, "connections");
        return take_urls(o, c, error) && take_roots(o, c, error) && take_account(o, c, error) &&
               take_renewal(o, c, error) &&
               issuer_config_take_span(c, "certificate_lifetime", &o->lifetime_usec, error) &&
               issuer_config_done(c, error);
}

StepOptions *step_options_new(const char *config, GError **error)
{
        g_autoptr(IssuerConfig) c = issuer_config_new(config, error);
        g_autoptr(StepOptions) o = NULL;

        if (!c)
                return NULL;
        o = g_new0(StepOptions, 1);
        o->name = g_strdup(issuer_config_name(c));
        o->timeout_usec = issuer_config_timeout_usec(c) ?: TIMEOUT_DEFAULT_USEC;
        o->timeout_usec = CLAMP(o->timeout_usec, TIMEOUT_MIN_USEC, TIMEOUT_MAX_USEC) / 10 * 9;
        return take_all(o, c, error) ? g_steal_pointer(&o) : NULL;
}

StepOptions *step_options_free(StepOptions *o)
{
        if (!o)
                return NULL;
        g_free(o->name);
        g_strfreev(o->urls);
        g_strfreev(o->fingerprints);
        g_free(o->root_file);
        g_free(o->provisioner);
        g_free(o);
        return NULL;
}
