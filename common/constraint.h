/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/san.h"

#include <glib.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* One subtree of names that an authority is bound to or kept out of (RFC 5280, 4.2.1.10). Its text form:
 * "example.org" or "dns:example.org" (it and all below it), "ip:192.0.2.0/24", "ip:2001:db8::/32",
 * "email:a@example.org" (that mailbox), "email:example.org" (all mailboxes of that host),
 * "email:.example.org" (of the hosts below it), "uri:host.example.org" and "uri:.example.org" likewise. */

typedef struct Constraint {
        SanType type; /* _SAN_TYPE_INVALID: of a kind that is not evaluated here, such as a directory name */
        char *value;  /* DNS, email, URI: lower case but for a mailbox's local part; "" is every name */
        uint8_t address[16]; /* IP: with its host bits off */
        uint8_t mask[16];
        unsigned size; /* 4 or 16 */
        bool is_directory_name;
} Constraint;

/* MANIFEST_INVALID with the reason in words, the caller says where. Caller owns. */
Constraint *constraint_parse(const char *text, GError **error);
/* As a certificate holds it; never NULL. Caller owns. */
Constraint *constraint_new(gnutls_x509_subject_alt_name_t type, const gnutls_datum_t *value);
Constraint *constraint_free(Constraint *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Constraint, constraint_free)

char *constraint_to_string(const Constraint *c); /* with its prefix; caller owns */

/* The form that gnutls_x509_name_constraints_add_permitted() takes; `bytes` must live as long as *ret. */
gnutls_x509_subject_alt_name_t constraint_general_name(const Constraint *c, uint8_t bytes[static 32],
                                                       gnutls_datum_t *ret);

/* Names that stand for several (a wildcard) are within a subtree when all of them are, and touch it when one
 * is. A URI without a host is within none. Names of another type are neither. */
bool constraint_holds(const Constraint *c, const San *name);
bool constraint_touches(const Constraint *c, const San *name);
