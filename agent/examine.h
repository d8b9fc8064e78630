/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/glance.h"

/* Examining: reading the files of one certificate and finding out what they say and whether they fit together. */

typedef struct Examined {
        LeafFacts *leaf;  /* NULL: no readable certificate; the caller owns it (g_free) */
        uint8_t unusable; /* a bit for each slot whose content is not what it should be */
        bool settled;     /* this stays true while the files' identities do */
        bool token_failed; /* the key's token was asked, and did not answer */
} Examined;

/* What is found to be otherwise than at the glance is put right in `g`. Without `ask_token` a key in a token is taken for
 * another than the leaf's, unless the leaf is the recorded one. */
Examined examine(FolderCache *folders, const ManifestCertificate *c, const Record *r, Glance *g, bool ask_token);
