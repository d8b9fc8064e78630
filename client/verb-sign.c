/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl sign`: a request from elsewhere is shown, and, if that is wanted, signed by a local authority.
 * What is talked about goes to standard error, so that standard output is the certificate. */

#include "client/connect.h"
#include "client/handover.h"
#include "client/input.h"
#include "client/newfile.h"
#include "client/question.h"
#include "common/error.h"
#include "common/message.h"
#include "common/names.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is wanted, in the terms of the bus. */
typedef struct SignWish {
        const char *usage[3];
        uint64_t lifetime; /* microseconds; 0: not said */
} SignWish;

static bool parse_wish(const Options *o, SignWish *ret_wish)
{
        static const struct {
                const char *as;
                SignWish wish;
        } usages[] = {
                { "server", { .usage = { "server" } } },
                { "client", { .usage = { "client" } } },
                { "both", { .usage = { "server", "client" } } },
        };
        SignWish wish = {};
        size_t i;

        for (i = 0; o->as && i < G_N_ELEMENTS(usages); i++)
                if (g_str_equal(o->as, usages[i].as)) {
                        wish = usages[i].wish;
                        break;
                }
        if (i == G_N_ELEMENTS(usages))
                client_usage("--as= takes client, server or both");
        else if (!o->issuer)
                client_usage("say which authority is to sign: --issuer=NAME; see: certctl authority");
        else if (o->lifetime && (!timespan_parse(o->lifetime, &wish.lifetime, NULL) || wish.lifetime == 0))
                client_usage("\"%s\" is no span of time; write it as 90d or 12h", o->lifetime);
        else {
                *ret_wish = wish;
                return true;
        }
        return false;
}

/* ---- Before: what it is, and whether it is wanted ---- */

static Handover *describe(const Client *client, const char *what)
{
        Handover *h = handover_new(client, "cert-request");

        handover_option(h, "--issuer", client->options.issuer);
        handover_flag(h, what, what != NULL);
        return h;
}

/* A script that has said --yes wants no talk; why something is not signed is told in any case
 * (EXIT_STATUS_TROUBLE). */
static ExitStatus show(const Client *client, const SignWish *wish, const char *pem)
{
        const Options *o = &client->options;
        Client talk = { .options = { .quiet = o->quiet || (o->json != JSON_OFF && o->yes),
                                     .issuer = o->issuer } };
        g_autoptr(Handover) h = describe(&talk, NULL);
        ExitStatus status;

        handover_option(h, "--lifetime", o->lifetime);
        for (const char *const *usage = wish->usage; *usage; usage++)
                handover_option(h, "--usage", *usage);
        for (guint i = 0; o->names && i < o->names->len; i++)
                handover_option(h, "--name", o->names->pdata[i]);
        status = handover_feed(h, pem, STDERR_FILENO);
        return status == EXIT_STATUS_TROUBLE ? EXIT_STATUS_FAILED : status;
}

static ExitStatus confirm(const Client *client)
{
        if (client->options.yes)
                return EXIT_STATUS_DONE;
        if (!question_can_be_asked())
                return client_usage("nobody can be asked here whether that is to be signed; to have it "
                                    "signed, add --yes");
        if (question_ask("Sign it? [y/N] "))
                return EXIT_STATUS_DONE;
        fputs("certctl: nothing was signed\n", stderr);
        return EXIT_STATUS_FAILED;
}

/* ---- Files ---- */

/* A signature is recorded for good: that it has no place to go is found before. */
static ExitStatus check_file(const Client *client, const char *path)
{
        g_autofree char *folder = path ? g_path_get_dirname(path) : NULL;
        struct stat st;

        if (!path)
                return EXIT_STATUS_DONE;
        if (lstat(path, &st) == 0 && (!client->options.force || !S_ISREG(st.st_mode)))
                fprintf(stderr, "certctl: %s is there already, and stays as it is; nothing was signed%s\n",
                        path, S_ISREG(st.st_mode) ? "; --force replaces it" : "");
        else if (access(folder, W_OK) < 0)
                fprintf(stderr, "certctl: cannot write to %s: %s; nothing was signed\n", folder,
                        g_strerror(errno));
        else
                return EXIT_STATUS_DONE;
        return EXIT_STATUS_FAILED;
}

/* What cannot be written is printed: it is signed, and not to be lost. */
static ExitStatus put(const Client *client, const char *path, const char *pem)
{
        int r = path ? newfile_write(path, pem, client->options.force) : 0;

        if (path && r == 0)
                return EXIT_STATUS_DONE;
        if (path)
                fprintf(stderr, "certctl: it is signed, but %s cannot be written: %s; here it is:\n", path,
                        g_strerror(-r));
        if (client->options.json == JSON_OFF) /* else it is in the object */
                fputs(pem, stdout);
        fflush(stdout);
        return path ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
}

/* The authority's own certificate is the last one; it goes to a file of its own where one is named. */
static ExitStatus put_all(const Client *client, const char *pem)
{
        const char *ca_path = client->options.ca_output;
        const char *ca = g_strrstr(pem, "-----BEGIN CERTIFICATE-----");
        bool apart = ca_path && ca && ca > pem;
        g_autofree char *rest = g_strndup(pem, apart ? (size_t) (ca - pem) : strlen(pem));
        ExitStatus status = put(client, client->options.output, rest),
                   other = apart ? put(client, ca_path, ca) : status;

        return status != EXIT_STATUS_DONE ? status : other;
}

/* ---- Signing ---- */

static int append_wish(sd_bus_message *m, const Options *o, const SignWish *wish)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0 && wish->lifetime > 0)
                r = sd_bus_message_append(m, "{sv}", "lifetime", "t", wish->lifetime);
        if (r >= 0 && wish->usage[0])
                r = message_append_entry_strv(m, "usage", (char **) wish->usage);
        if (r >= 0 && o->names) {
                g_autoptr(GPtrArray) names = g_ptr_array_new();

                g_ptr_array_extend(names, o->names, NULL, NULL);
                g_ptr_array_add(names, NULL);
                r = message_append_entry_strv(m, "names", (char **) names->pdata);
        }
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

/* Caller owns. */
static char *sign(const Client *client, sd_bus *bus, const SignWish *wish, const char *pem, GError **error)
{
        const Options *o = &client->options;
        g_autofree char *what = g_strdup_printf("signing by \"%s\"", o->issuer);
        const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "SignRequest", what, CALL_AUTHORISE };
        g_autoptr(sd_bus_message) m = NULL, reply = NULL;
        int r;

        if (!client_new_call(bus, &call, &m, error))
                return NULL;
        r = sd_bus_message_append(m, "ss", o->issuer, pem);
        if (r >= 0)
                r = append_wish(m, o, wish);
        if (r < 0) {
                client_bad_reply(r, what, error);
                return NULL;
        }
        return client_call_message(bus, &call, m, &reply, error) ? client_read_string(reply, &call, error)
                                                                 : NULL;
}

/* Serial number and end; with --json all of it. */
static void tell(const Client *client, const char *pem)
{
        bool json = client->options.json != JSON_OFF;
        g_autoptr(Handover) h = describe(client, "--certificate");

        if (client->options.quiet && !json)
                return;
        (void) handover_feed(h, pem, json ? STDOUT_FILENO : STDERR_FILENO);
        if (!json)
                fprintf(stderr, "Send it back; where the request was made: certctl import NAME %s\n",
                        client->options.output ?: "FILE");
}

ExitStatus verb_sign(const Client *client, char **arguments)
{
        g_autofree char *request = NULL, *pem = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;
        ExitStatus status;
        SignWish wish;

        if (!parse_wish(&client->options, &wish))
                return EXIT_STATUS_USAGE;
        request = input_read_request(arguments[0], &error);
        if (!request)
                return client_report(client, error);
        status = check_file(client, client->options.output);
        if (status == EXIT_STATUS_DONE)
                status = check_file(client, client->options.ca_output);
        if (status == EXIT_STATUS_DONE)
                status = show(client, &wish, request);
        if (status == EXIT_STATUS_DONE)
                status = confirm(client);
        if (status != EXIT_STATUS_DONE)
                return status;
        if (!client_connect(client, &bus, &error) || !(pem = sign(client, bus, &wish, request, &error)))
                return client_report(client, error);
        status = put_all(client, pem);
        tell(client, pem);
        return status;
}
