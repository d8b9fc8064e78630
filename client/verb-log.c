/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl log`: the journal's entries of one certificate. journalctl(1) prints them: it knows best how. */

#include "client/connect.h"
#include "common/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

ExitStatus verb_log(const Client *client, char **arguments)
{
        const Options *o = &client->options;
        g_autofree char *match = g_strconcat(CERT_LOG_NAME, arguments[0], NULL);
        g_autofree char *lines = o->lines >= 0 ? g_strdup_printf("--lines=%d", o->lines) : NULL;
        g_autofree char *machine = o->machine ? g_strconcat("--machine=", o->machine, NULL) : NULL;
        const char *argv[12] = { "journalctl", NULL };
        size_t n = 1;

        if (lines)
                argv[n++] = lines;
        if (machine)
                argv[n++] = machine;
        if (o->follow)
                argv[n++] = "--follow";
        if (o->no_pager)
                argv[n++] = "--no-pager";
        if (o->full)
                argv[n++] = "--full";
        if (o->quiet)
                argv[n++] = "--quiet";
        if (o->json != JSON_OFF)
                argv[n++] = o->json == JSON_SHORT ? "--output=json" : "--output=json-pretty";
        argv[n++] = "--";
        argv[n] = match;
        execvp(argv[0], (char **) argv);
        fprintf(stderr, "certctl: cannot run journalctl: %s\n", g_strerror(errno));
        return EXIT_STATUS_FAILED;
}
