/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/x509.h>
#include <stdbool.h>

/* The names that an authority may sign: what is permitted and what is excluded, from the manifest or from a
 * CA certificate (RFC 5280, 4.2.1.10). Names of a type that no constraint is of are free. */

typedef struct Constraints {
        GPtrArray *permitted, *excluded; /* Subtree*; never NULL */
} Constraints;

/* From the text forms of common/subtree.h; either may be NULL. MANIFEST_INVALID, which names the key
 * "issuers.ISSUER.names.permitted[0]". */
Constraints *constraints_new(const char *issuer, char *const *permitted, char *const *excluded,
                             GError **error);
/* Those in a CA certificate; none where it has no such extension. KEY_STORAGE when they cannot be read. */
Constraints *constraints_of_certificate(gnutls_x509_crt_t ca, GError **error);
Constraints *constraints_free(Constraints *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Constraints, constraints_free)

/* Puts them into a CA certificate, critical, where there are any; a code of GnuTLS. */
int constraints_set(const Constraints *c, gnutls_x509_crt_t ca);

/* Whether all names of a certificate are allowed: its SANs, its subject's email addresses, and the common
 * name where it takes a SAN's place. ISSUER_REFUSED names the name and the constraint. NULL allows all. */
bool constraints_check(const Constraints *c, const char *issuer, gnutls_x509_crt_t crt, GError **error);
