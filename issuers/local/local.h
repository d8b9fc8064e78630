/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"
#include "issuers/local/folder-watch.h"
#include "issuers/local/revocation.h"

#include <systemd/sd-bus.h>

/* The process cert-issuer-local: the authorities that its connection asked for, kept open, and its two
 * interfaces. */

typedef struct Local {
        GHashTable *authorities; /* name and environment -> Authority* */
        RevocationLists *lists;
        FolderWatch *watch; /* NULL until it is asked for */
} Local;

Local *local_new(void);
Local *local_free(Local *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Local, local_free)

/* The authority of these options, opened anew when its files are no longer those that it was read from;
 * borrowed. */
Authority *local_authority(Local *l, const AuthorityOptions *o, GError **error);

/* org.certagent1.Issuer and org.certagent1.Authority; userdata is Local*. */
extern const sd_bus_vtable local_issuer_vtable[], local_authority_vtable[];

/* Handlers of org.certagent1.Authority about requests from elsewhere (issued-methods.c). */
int local_method_sign_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int local_method_list_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
int local_method_get_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error);
