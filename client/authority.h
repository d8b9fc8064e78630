/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"

/* A local authority as the agent tells of it. */

/* One of its certificates. */
typedef struct TrustedCertificate {
        char *role; /* "current" "next" "old" */
        char *fingerprint, *serial, *subject, *pem;
        uint64_t not_before, not_after;
} TrustedCertificate;

/* Strings are never NULL. */
typedef struct Authority {
        char *name, *issuer; /* "authority:site", "site" */
        char *state, *phase, *subject, *fingerprint, *serial_number, *key_type;
        char *error, *message, *hint; /* "KeyStorage" and what it says, or "" */
        char **reasons;
        uint64_t not_before, not_after, next_rotation, retry_at;
        uint64_t retirement;            /* of the old one; 0: there is none, or it is in use */
        uint32_t certificates, revoked; /* how many the manifest wants of it; how many are listed */
        GArray *trusted;                /* TrustedCertificate, by age; only of authority_ask() */
} Authority;

extern const FieldTable authority_table;

Authority *authority_free(Authority *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Authority, authority_free)

/* Authority*, as the agent lists them. NOT_SUPPORTED: the agent is older than authorities. */
GPtrArray *authority_list_get(sd_bus *bus, GError **error);

/* One of them; NO_SUCH_ISSUER. */
Authority *authority_get(sd_bus *bus, const char *issuer, GError **error);

/* Has the agent ask its process, and takes what that says into `a`. */
bool authority_ask(sd_bus *bus, Authority *a, GError **error);

/* "site" for "site" and for "authority:site"; borrowed. */
const char *authority_issuer_of(const char *name);

/* As a row beside the certificates; borrows. */
CertRow authority_row(const Authority *a);

/* The certificate in this role, borrowed; NULL: there is none, or it was not asked. */
const TrustedCertificate *authority_in_role(const Authority *a, const char *role);
