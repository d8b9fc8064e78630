/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl doctor`: hands over to the program that does it. */

#include "client/handover.h"

ExitStatus verb_doctor(const Client *client, char **arguments)
{
        g_autoptr(Handover) h = handover_new(client, "cert-doctor");
        const Options *o = &client->options;

        handover_option(h, "--cert", o->cert);
        handover_option(h, "--ca", o->ca);
        handover_option(h, "--server-name", o->server_name);
        handover_option(h, "--starttls", o->starttls);
        return handover_run(h, arguments);
}
