/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-doctor: what `certctl doctor` runs. It is a program of its own because it speaks TLS by GnuTLS, for which certctl's
 * other verbs shall not wait. It runs as the caller, and changes nothing. */

#include "client/client.h"
#include "client/connect.h"
#include "client/doctor/examine.h"
#include "client/handover.h"

#include <locale.h>
#include <stdio.h>
#include <sys/prctl.h>

static void take_option(Options *o, const char *argument)
{
        if (g_str_equal(argument, "--quiet"))
                o->quiet = true;
        else if (g_str_equal(argument, "--json=short"))
                o->json = JSON_SHORT;
        else if (g_str_equal(argument, "--json=pretty"))
                o->json = JSON_PRETTY;
        else
                (void) (handover_take(argument, "--cert", &o->cert) || handover_take(argument, "--ca", &o->ca) ||
                        handover_take(argument, "--server-name", &o->server_name) || handover_take(argument, "--starttls", &o->starttls));
}

/* The arguments are made by certctl alone: [OPTION=VALUE…] [--json=FORMAT] [--quiet] -- TARGET. Output that could not be
 * written is a failure: a script must not take a cut text for the whole. */
int main(int argc, char **argv)
{
        Client client = {};
        ExitStatus status;
        int i;

        setlocale(LC_ALL, "");
        /* resolv.conf(5): a resolver that does not answer must not hold up more than a step may take. */
        g_setenv("RES_OPTIONS", "timeout:3 attempts:1", TRUE);
        for (i = 1; i < argc && !g_str_equal(argv[i], "--"); i++)
                take_option(&client.options, argv[i]);
        if (i + 2 != argc)
                return client_usage("say what to examine; see: certctl doctor --help");
        if (client.options.cert)
                (void) prctl(PR_SET_DUMPABLE, 0); /* its key will be in this process */
        terminal_probe(&client.terminal);
        status = examine(&client, argv[i + 1]);
        options_clear(&client.options);
        if (fflush(stdout) == EOF && status != EXIT_STATUS_FAILED) {
                perror("certctl: writing the output");
                status = EXIT_STATUS_FAILED;
        }
        return status;
}
