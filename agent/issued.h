/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/leaf.h"

/* A certificate that a local authority signed for a request from elsewhere, in words. May be made on any thread. */

typedef struct Issued {
        LeafFacts *leaf;
        char *key_type; /* as in a manifest, or what there is of that form: "rsa-8192" */
} Issued;

/* From DER; NULL when it cannot be read. */
Issued *issued_new(GBytes *der);
void issued_free(void *issued);
