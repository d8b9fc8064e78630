/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/field.h"

/* What a local authority signed for requests from elsewhere. */

typedef struct Issued {
        char *issuer; /* the authority's name in the manifest */
        char *serial_number, *subject, *fingerprint, *key_type;
        char **sans, **usage;
        uint64_t not_before, not_after;
        bool revoked;
} Issued;

extern const FieldTable issued_table;

Issued *issued_free(Issued *i);

/* Issued*, the latest first; NO_SUCH_ISSUER. */
GPtrArray *issued_list_get(sd_bus *bus, const char *issuer, GError **error);

/* `certctl authority show --issued [ISSUER...]`. */
ExitStatus verb_authority_issued(const Client *client, sd_bus *bus, char **arguments);

/* "valid", "expired" or "revoked". */
const char *issued_state(const Issued *i, uint64_t now);
