/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl convert`: hands over to the program that does it. */

#include "client/client.h"
#include "common/path.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define CONVERT_PROGRAM "/usr/lib/certctl/cert-convert"

static void add_option(GPtrArray *argv, const char *name, const char *value)
{
        if (value)
                g_ptr_array_add(argv, g_strdup_printf("%s=%s", name, value));
}

ExitStatus verb_convert(const Client *client, char **arguments)
{
        g_autofree char *program = host_path(CONVERT_PROGRAM);
        g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
        const Options *o = &client->options;

        g_ptr_array_add(argv, g_strdup(program));
        add_option(argv, "--issuer", o->issuer);
        add_option(argv, "--url", o->url);
        add_option(argv, "--root-fingerprint", o->root_fingerprint);
        add_option(argv, "--root", o->root);
        add_option(argv, "--provisioner", o->provisioner);
        add_option(argv, "--password-file", o->password_file);
        add_option(argv, "--emit-units", o->emit_units);
        add_option(argv, "--output", o->output);
        if (o->force)
                g_ptr_array_add(argv, g_strdup("--force"));
        if (o->quiet)
                g_ptr_array_add(argv, g_strdup("--quiet"));
        g_ptr_array_add(argv, g_strdup("--"));
        for (; *arguments; arguments++)
                g_ptr_array_add(argv, g_strdup(*arguments));
        g_ptr_array_add(argv, NULL);
        execv(program, (char **) argv->pdata);
        fprintf(stderr, "certctl: cannot run " CONVERT_PROGRAM ": %s\nInstall the package of certctl again.\n",
                g_strerror(errno));
        return EXIT_STATUS_FAILED;
}
