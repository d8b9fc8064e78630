/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/request/names.h"
#include "common/usage.h"

#include <stdint.h>

/* What a request (PKCS#10, RFC 2986) says and asks for, whoever wrote it: read so that a person can be shown
 * it. */

typedef struct RequestFacts {
        GBytes *der;   /* all of it */
        char *subject; /* RFC 4514, printable; "": none */
        RequestNames names;
        char *key_type; /* as a manifest writes it, or in words: "RSA"; never NULL */
        unsigned key_bits;
        char *strength;      /* of the key: "low", "medium", "high", "ultra"; "unknown" */
        Usage usage;         /* what it asks for; 0: it does not say */
        bool is_proven;      /* its signature is by its key */
        GPtrArray *left_out; /* char*: what of it does not come into the certificate */
} RequestFacts;

/* `content` is PEM, with text around it, or DER. BAD_CERTIFICATE: it cannot be read as a request. */
RequestFacts *request_facts_new(GBytes *content, GError **error);
RequestFacts *request_facts_free(RequestFacts *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RequestFacts, request_facts_free)
