/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/san.h"

#include <stdint.h>

/* A subtree of names, as an authority's name constraints have it (RFC 5280, 4.2.1.10), and its text form, used in the
 * manifest and by the local issuer: "example.org" or "dns:example.org" (this name and all below it), "ip:192.0.2.0/24",
 * "ip:2001:db8::/32", "email:example.org" (all mailboxes of this host), "email:.example.org" (of all hosts below it),
 * "email:a@b.example" (one mailbox), "uri:example.org" (URIs of this host), "uri:.example.org" (of all below it). */

typedef struct Subtree {
        SanType type;
        char *base;          /* in normal form, as san.h has it; of a network as it is written: "192.0.2.0/24" */
        uint8_t network[32]; /* of a network: address, then mask, as the extension carries them */
        unsigned network_size; /* 8 or 32 bytes; 0 for the other types */
} Subtree;

/* MANIFEST_INVALID with the reason in words, and after it what to write. The caller owns the result. */
Subtree *subtree_parse(const char *text, GError **error);
Subtree *subtree_free(Subtree *t); /* NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Subtree, subtree_free)

char *subtree_to_string(const Subtree *t); /* the text form; caller owns */

/* Whether a name of the subtree's type lies in it; false for names of other types. */
bool subtree_covers(const Subtree *t, const San *name);

/* Whether an authority with these constraints (Subtree*; NULL: none) may sign a name: it lies in no excluded subtree, and
 * in a permitted one if there is any of its type. */
bool subtree_permits(const GPtrArray *permitted, const GPtrArray *excluded, const San *name);
