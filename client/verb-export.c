/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl export`: hands over to the program that does it. */

#include "client/handover.h"

ExitStatus verb_export(const Client *client, char **arguments)
{
        g_autoptr(Handover) h = handover_new(client, "cert-export");
        const Options *o = &client->options;

        handover_flag(h, "--pkcs12", o->pkcs12);
        handover_option(h, "--password-file", o->password_file);
        handover_option(h, "--output", o->output);
        handover_flag(h, "--force", o->force);
        return handover_run(h, arguments);
}
