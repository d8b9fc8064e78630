/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"

/* A bundle, or an authority's revocation list, as the agent tells of it. */

/* Strings are never NULL. */
typedef struct Bundle {
        char *name; /* "bundle:site-ca", "crl:site" */
        char *state, *path, *fingerprint;
        char *error, *message, *hint; /* "UnitFailed" and what it says, or "" */
        char **issuers, **units, **reasons;
        char *from;           /* the issuers in one string */
        uint64_t next_update; /* of a revocation list: from then on nobody takes it */
        uint64_t last_change, retry_at;
        uint32_t certificates; /* that it holds */
} Bundle;

extern const FieldTable bundle_table;

Bundle *bundle_free(Bundle *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bundle, bundle_free)

/* Bundle*, as the agent lists them. NOT_SUPPORTED: the agent is older than bundles. */
GPtrArray *bundle_list_get(sd_bus *bus, GError **error);

/* One of them, by its name with the prefix; NO_SUCH_CERTIFICATE. */
Bundle *bundle_get(sd_bus *bus, const char *name, GError **error);

/* As a row beside the certificates; borrows. A revocation list ends with its time, and is renewed when two
 * thirds of that are over. */
CertRow bundle_row(const Bundle *b);
