/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handing over to another program. What needs GnuTLS or json-glib is a program of its own, so that the verbs
 * which need neither do not wait until these are loaded. */

#include "client/handover.h"

#include "common/path.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PROGRAM_DIR "/usr/lib/certctl"

struct Handover {
        char *path; /* as messages name it */
        GPtrArray *argv;
};

Handover *handover_new(const Client *client, const char *program)
{
        Handover *h = g_new(Handover, 1);
        JsonFormat json = client->options.json;

        h->path = g_strconcat(PROGRAM_DIR "/", program, NULL);
        h->argv = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(h->argv, host_path(h->path));
        if (json != JSON_OFF)
                handover_option(h, "--json", json == JSON_SHORT ? "short" : "pretty");
        handover_flag(h, "--quiet", client->options.quiet);
        return h;
}

Handover *handover_free(Handover *h)
{
        if (!h)
                return NULL;
        g_free(h->path);
        g_ptr_array_unref(h->argv);
        g_free(h);
        return NULL;
}

void handover_option(Handover *h, const char *name, const char *value)
{
        if (value)
                g_ptr_array_add(h->argv, g_strdup_printf("%s=%s", name, value));
}

void handover_flag(Handover *h, const char *name, bool given)
{
        if (given)
                g_ptr_array_add(h->argv, g_strdup(name));
}

ExitStatus handover_run(Handover *h, char *const *arguments)
{
        g_ptr_array_add(h->argv, g_strdup("--"));
        for (; *arguments; arguments++)
                g_ptr_array_add(h->argv, g_strdup(*arguments));
        g_ptr_array_add(h->argv, NULL);
        execv(h->argv->pdata[0], (char **) h->argv->pdata);
        fprintf(stderr, "certctl: cannot run %s: %s\nInstall the package of certctl again.\n", h->path,
                g_strerror(errno));
        return EXIT_STATUS_FAILED;
}
