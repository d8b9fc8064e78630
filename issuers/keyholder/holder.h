/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/keyholder/account.h"
#include "issuers/keyholder/source.h"

#include <glib.h>
#include <systemd/sd-bus.h>

/* The keys that one connection of the agent's has opened. */

#define HOLDER_ACCOUNTS_MAX 16

typedef struct Holder Holder;

Holder *holder_new(void);
Holder *holder_free(Holder *h); /* NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Holder, holder_free)

/* The source is read in any case, so that what changed is noticed; the key is opened once, as long as nothing
 * did. What could not be opened is not tried again either: the same password will not open it, and trying
 * costs as much. Borrowed, until the next call. Errors as org.certagent1.KeyHolder has them, with file and
 * hint. */
const Account *holder_open(Holder *h, const Source *s, GError **error);

extern const sd_bus_vtable holder_vtable[]; /* issuers/keyholder/holder-methods.c; userdata: Holder* */
