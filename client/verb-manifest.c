/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl reload`, `validate` and `init`: the manifest is put in force, checked, and begun. */

#include "client/connect.h"
#include "client/handover.h"
#include "client/manager.h"
#include "client/newfile.h"
#include "common/error.h"
#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- reload ---- */

ExitStatus verb_reload(const Client *client, char **arguments)
{
        static const Call call = { CERT_BUS_PATH, CERT_INTERFACE_MANAGER, "Reload", "reloading the manifest",
                                   CALL_AUTHORISE };
        g_auto(GStrv) problems = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(sd_bus) bus = NULL;

        if (!client_connect(client, &bus, &error))
                return client_report(client, error);
        if (client_call(bus, &call, NULL, &error, ""))
                return EXIT_STATUS_DONE;
        if (cert_error_code(error) == CERT_ERROR_MANIFEST_INVALID)
                problems = manager_manifest_problems(bus, NULL);
        if (!problems || !*problems)
                return client_report(client, error);
        manager_print_problems(client, problems);
        fputs("certctl: the manifest is refused, and nothing of it is in force\n", stderr);
        return EXIT_STATUS_FAILED;
}

/* ---- validate ---- */

ExitStatus verb_validate(const Client *client, char **arguments)
{
        g_autoptr(Handover) h = handover_new(client, "cert-validate");

        return handover_run(h, arguments);
}

/* ---- init ---- */

static const char first_manifest[] = "{\n"
                                     "        \"version\": 1,\n"
                                     "        \"issuers\": {\n"
                                     "                \"site\": { \"type\": \"local\" }\n"
                                     "        },\n"
                                     "        \"certificates\": {\n"
                                     "        }\n"
                                     "}\n";

static const char next_steps[] =
        "Wrote " CERT_MANIFEST_FILE ".\n"
        "\n"
        "Next:\n"
        "  1. Add a certificate to \"certificates\" in it, for example:\n"
        "         \"web\": {\n"
        "                 \"issuer\": \"site\",\n"
        "                 \"sans\": [ \"www.example.org\" ],\n"
        "                 \"cert_path\": \"/etc/nginx/tls/web.pem\",\n"
        "                 \"key_path\": \"/etc/nginx/tls/web.key\",\n"
        "                 \"units\": [ \"nginx.service\" ]\n"
        "         }\n"
        "     or put a manifest of its own for each service into " CERT_MANIFEST_DROPIN_DIR "/.\n"
        "     All that can be said there: man 5 cert-agent.manifest\n"
        "  2. Check it:               certctl validate\n"
        "  3. Renew from now on:      systemctl enable --now cert-renew.timer\n"
        "  4. Get it now, and look:   certctl renew --due; certctl status\n";

static bool fail(GError **error, const char *what, const char *path, int number)
{
        g_set_error(error, CERT_ERROR,
                    number == EACCES || number == EPERM ? CERT_ERROR_NOT_AUTHORIZED
                                                        : CERT_ERROR_INSTALL_FAILED,
                    "cannot %s %s: %s\n%s", what, path, g_strerror(number),
                    number == EACCES || number == EPERM ? "Run it as root: sudo certctl init"
                    : number == EROFS                   ? "Make the file system writable first."
                                      : "Check the folder: it must be writable and have space.");
        return false;
}

/* A folder of the configuration: readable by all, as /etc is, whatever the umask. */
static bool make_folder(const char *path, GError **error)
{
        g_autofree char *opened = host_path(path);

        if (mkdir(opened, 0755) == 0)
                return chmod(opened, 0755) == 0 || fail(error, "make", path, errno);
        return errno == EEXIST || fail(error, "make", path, errno);
}

static bool write_new(const char *path, const char *text, GError **error)
{
        g_autofree char *opened = host_path(path);
        int r = newfile_write(opened, text, false);

        if (r == -EEXIST)
                g_set_error(
                        error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                        "%s is there already, and stays as it is\nEdit it, check it with: certctl validate",
                        path);
        else if (r < 0)
                fail(error, "write", path, -r);
        return r == 0;
}

ExitStatus verb_init(const Client *client, char **arguments)
{
        g_autoptr(GError) error = NULL;

        if (!make_folder(CERT_CONFIG_DIR, &error) || !make_folder(CERT_MANIFEST_DROPIN_DIR, &error) ||
            !write_new(CERT_MANIFEST_FILE, first_manifest, &error))
                return client_report(client, error);
        if (!client->options.quiet)
                fputs(next_steps, stdout);
        return EXIT_STATUS_DONE;
}
