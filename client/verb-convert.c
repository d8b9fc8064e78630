/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `certctl convert`: hands over to the program that does it. */

#include "client/handover.h"

ExitStatus verb_convert(const Client *client, char **arguments)
{
        g_autoptr(Handover) h = handover_new(client, "cert-convert");
        const Options *o = &client->options;

        handover_option(h, "--issuer", o->issuer);
        handover_option(h, "--url", o->url);
        handover_option(h, "--root-fingerprint", o->root_fingerprint);
        handover_option(h, "--root", o->root);
        handover_option(h, "--provisioner", o->provisioner);
        handover_option(h, "--password-file", o->password_file);
        handover_option(h, "--emit-units", o->emit_units);
        handover_option(h, "--output", o->output);
        handover_flag(h, "--force", o->force);
        return handover_run(h, arguments);
}
