/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/request-extensions.h"

#include <glib.h>
#include <stdbool.h>

/* The names that a request of unknown origin asks for, as its extension has them (RFC 5280, 4.2.1.6). Names
 * that no certificate may hold are to be seen too: they are what a person must know of. */

#define REQUEST_NAMES_KEPT                                                                                   \
        REQUEST_NAMES_MAX /* as many as an authority of this project signs: of these each is seen */

typedef struct RequestNames {
        char **texts; /* the first REQUEST_NAMES_KEPT, in their order, printable, as common/san.h writes names
                       */
        guint count;  /* of all */
        guint n_broken; /* of all: with a NUL byte or another one that no name has, or an address that is none
                         */
} RequestNames;

/* `der` is the extension's value. false: it is no list of names; what was read before that is kept. */
bool request_names_read(const guint8 *der, size_t size, RequestNames *ret_names);
void request_names_clear(RequestNames *n);
