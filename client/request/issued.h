/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/* What an authority gave for a request: the certificate, and those between it and the authority's own, which
 * comes last. */

typedef struct IssuedFacts {
        char *serial;      /* lower-case hex */
        char *subject;     /* RFC 4514, printable */
        char *fingerprint; /* SHA-256, lower-case hex */
        char **names, **usage;
        uint64_t not_before, not_after; /* microseconds since 1970 */
        GPtrArray *pem;                 /* char*: of each certificate, the leaf first */
} IssuedFacts;

/* `pem` is what SignRequest of org.certagent1.Manager gave. BAD_CERTIFICATE. */
IssuedFacts *issued_facts_new(GBytes *pem, GError **error);
IssuedFacts *issued_facts_free(IssuedFacts *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IssuedFacts, issued_facts_free)
