/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl revoke`: the authority lists the certificate that is in place, and another one takes its place; or
 * it lists one that it signed for a request from elsewhere. */

#include "client/authority.h"
#include "client/certificate.h"
#include "client/connect.h"
#include "client/jobrun.h"
#include "common/names.h"
#include "common/suggest.h"

#include <stdio.h>

/* RFC 5280, 5.3.1, without those that revoke nothing for good (certificateHold, removeFromCRL) and those that
 * mean an authority (cACompromise, aACompromise). */
static const char *const reasons[] = {
        "unspecified", "keyCompromise",        "affiliationChanged",
        "superseded",  "cessationOfOperation", "privilegeWithdrawn",
};

/* The reason as the standard writes it; NULL, and said why. */
static const char *check_reason(const char *text)
{
        g_autofree char *all = NULL;
        const char *meant;

        if (!text)
                return reasons[0];
        for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
                if (g_ascii_strcasecmp(reasons[i], text) == 0)
                        return reasons[i];
        meant = suggest_word(text, reasons, G_N_ELEMENTS(reasons));
        if (meant) {
                client_usage("there is no reason \"%s\"; did you mean \"%s\"?", text, meant);
                return NULL;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
                char *longer = g_strconcat(all ?: "", all ? ", " : "", reasons[i], NULL);

                g_free(all);
                all = longer;
        }
        client_usage("there is no reason \"%s\"; the reasons are: %s", text, all);
        return NULL;
}

static bool revoke_certificate(sd_bus *bus, const char *name, const char *reason, GError **error)
{
        g_autofree char *what = g_strdup_printf("revoking \"%s\"", name);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Revoke", what, CALL_AUTHORISE };

        return client_call(bus, &call, NULL, error, "ss", name, reason);
}

static void print_new(const Client *client, sd_bus *bus, const char *name, const char *old_serial)
{
        g_autoptr(CertDetail) d = cert_detail_get(bus, name, NULL);
        g_autofree char *serial = d ? terminal_clean(&client->terminal, d->serial_number, false) : NULL;

        if (serial && *serial && !g_str_equal(d->serial_number, old_serial))
                printf("%s has the serial number %s now.\n", name, serial);
}

static ExitStatus revoke_named(const Client *client, const char *name, const char *reason)
{
        const char *facts[] = { "revoked", NULL, "reason", reason, NULL };
        bool talk = !client->options.quiet && client->options.json == JSON_OFF;
        g_autoptr(CertDetail) d = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status;

        if (!client_connect(client, &bus, &error) || !(d = cert_detail_get(bus, name, &error)) ||
            !revoke_certificate(bus, name, reason, &error))
                return client_report(client, error);
        if (talk) {
                g_autofree char *serial = terminal_clean(&client->terminal, d->serial_number, false);

                printf("Revoked the certificate of %s, serial number %s (%s).\n", name, serial, reason);
                fflush(stdout);
        }
        facts[1] = d->serial_number;
        status = job_join(client, bus, name, "renewing", facts, NULL);
        if (status == EXIT_STATUS_DONE && talk && !client->options.no_wait)
                print_new(client, bus, name, d->serial_number);
        else if (status != EXIT_STATUS_DONE && status != EXIT_STATUS_INTERRUPTED)
                fprintf(stderr, "It is revoked all the same; see: certctl status %s\n", name);
        return status;
}

/* ---- What was signed for others ---- */

/* As people copy it: "0x1A:2B" is "1a2b". Caller owns; NULL when it is no number. */
static char *serial_normal(const char *text)
{
        GString *s = g_string_new(NULL);

        for (const char *p = g_ascii_strncasecmp(text, "0x", 2) == 0 ? text + 2 : text; *p; p++)
                if (g_ascii_isxdigit(*p))
                        g_string_append_c(s, g_ascii_tolower(*p));
                else if (*p != ':' && *p != ' ')
                        return g_string_free(s, TRUE);
        return s->len > 0 ? g_string_free(s, FALSE) : g_string_free(s, TRUE);
}

static void print_revoked(const Client *client, const char *issuer, const char *serial, const char *reason)
{
        g_autoptr(JsonOut) j = json_out_new(client->options.json);

        if (client->options.json == JSON_OFF) {
                if (!client->options.quiet)
                        printf("Revoked the certificate with the serial number %s that \"%s\" signed (%s).\n",
                               serial, issuer, reason);
                return;
        }
        json_out_begin(j, NULL, '{');
        json_out_string(j, "revoked", serial);
        json_out_string(j, "issuer", issuer);
        json_out_string(j, "reason", reason);
        json_out_end(j);
        json_out_print(j);
}

static ExitStatus revoke_issued(const Client *client, const char *issuer, const char *reason)
{
        g_autofree char *serial = serial_normal(client->options.serial);
        g_autofree char *what = g_strdup_printf("revoking what \"%s\" signed", issuer);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "RevokeIssued", what, CALL_AUTHORISE };
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;

        if (!serial)
                return client_usage("\"%s\" is no serial number; see: certctl authority show --issued",
                                    client->options.serial);
        if (!client_connect(client, &bus, &error) ||
            !client_call(bus, &call, NULL, &error, "sss", issuer, serial, reason))
                return client_report(client, error);
        print_revoked(client, issuer, serial, reason);
        return EXIT_STATUS_DONE;
}

ExitStatus verb_revoke(const Client *client, char **arguments)
{
        const Options *o = &client->options;
        const char *reason = check_reason(o->reason);

        if (!reason)
                return EXIT_STATUS_USAGE;
        if (!o->serial && !o->issuer)
                return *arguments ? revoke_named(client, arguments[0], reason)
                                  : client_usage("say what to revoke: NAME, or --issuer=ISSUER --serial=HEX");
        if (*arguments)
                return client_usage(
                        "NAME and --serial exclude each other: NAME is a certificate of this host");
        if (!o->serial || !o->issuer)
                return client_usage("--issuer=ISSUER and --serial=HEX belong together; see: certctl "
                                    "authority show --issued");
        return revoke_issued(client, authority_issuer_of(o->issuer), reason);
}
