/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/san.h"

#include <gnutls/x509.h>
#include <stdint.h>

/* A subtree of names, as an authority's name constraints have it (RFC 5280, 4.2.1.10), and its text form,
 * used in the manifest and by the local issuer: "example.org" or "dns:example.org" (this name and all below
 * it), "ip:192.0.2.0/24", "ip:2001:db8::/32", "email:example.org" (all mailboxes of this host),
 * "email:.example.org" (of all hosts below it), "email:a@b.example" (one mailbox), "uri:example.org" (URIs of
 * this host), "uri:.example.org" (of all below it). */

typedef struct Subtree {
        SanType type; /* _SAN_TYPE_INVALID, from a certificate only: of a kind that is not evaluated here */
        char *base;   /* in normal form, as san.h has it; of a network as it is written: "192.0.2.0/24" */
        uint8_t network[32];    /* of a network: address, then mask, as the extension carries them */
        unsigned network_size;  /* 8 or 32 bytes; 0 for the other types */
        bool is_directory_name; /* of no type: it binds the subject */
} Subtree;

/* MANIFEST_INVALID with the reason in words, and after it what to write. The caller owns the result. */
Subtree *subtree_parse(const char *text, GError **error);
Subtree *subtree_free(Subtree *t); /* NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Subtree, subtree_free)

char *subtree_to_string(const Subtree *t); /* the text form; caller owns */

/* From and to the form in a certificate. The first also takes what no manifest can say: a base that is empty
 * (every name), starts with a dot (what is below it alone) or is of another type; never NULL, caller owns.
 * The value that the second gives is borrowed. */
Subtree *subtree_new(gnutls_x509_subject_alt_name_t type, const gnutls_datum_t *value);
gnutls_x509_subject_alt_name_t subtree_general_name(const Subtree *t, gnutls_datum_t *ret_value);

/* Whether a name of the subtree's type lies in it: a wildcard with all that it stands for. False for names of
 * other types. */
bool subtree_covers(const Subtree *t, const San *name);

/* Whether a name of the subtree's type is kept out when the subtree is excluded: it lies in it, or is a
 * wildcard that stands for a name in it, or a URI that does not say its host. */
bool subtree_touches(const Subtree *t, const San *name);

/* Whether an authority with these constraints (Subtree*; NULL: none) may sign a name: it lies in no excluded
 * subtree, and in a permitted one if there is any of its type. */
bool subtree_permits(const GPtrArray *permitted, const GPtrArray *excluded, const San *name);
