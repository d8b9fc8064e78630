/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/glance.h"

/* Examining: reading the files of one certificate and finding out what they say and whether they fit together. */

typedef struct Examined {
        LeafFacts *leaf;  /* NULL: no readable certificate; the caller owns it (g_free) */
        const AuthorityCertificate *signer; /* of the leaf, borrowed from the authority; NULL: none of its */
        uint8_t unusable; /* a bit for each slot whose content is not what it should be */
        bool settled;     /* this stays true while the files' identities do */
        bool token_failed; /* the key's token was asked, and did not answer */
} Examined;

/* What is found to be otherwise than at the glance is put right in `g`. Without `ask_token` a key in a token is taken for
 * another than the leaf's, unless the leaf is the recorded one. `authority` may be NULL. */
Examined examine(FolderCache *folders, const ManifestCertificate *c, const Record *r, const AuthorityFacts *authority,
                 Glance *g, bool ask_token);

/* Who of the authority signed the leaf in place, reading no more than that. False: the file is no more what was glanced at,
 * and nothing is known. */
bool examine_signer(FolderCache *folders, const ManifestCertificate *c, const AuthorityFacts *authority, Glance *g,
                    const AuthorityCertificate **ret_signer);

/* A bundle or revocation list. */
typedef struct ExaminedContent {
        char *digest;   /* SHA-256 of the file, lower-case hex; NULL: it cannot be read; the caller owns it */
        uint64_t until; /* the earliest nextUpdate of revocation lists, microseconds since 1970; 0: none */
        bool settled;   /* as above */
} ExaminedContent;

ExaminedContent examine_content(FolderCache *folders, const ManifestCertificate *c, Glance *g);

/* Reads one file that was seen to be present. False: it is no more what was glanced at, and `f` says what it is now; what
 * was read may all the same be used, once. */
bool examine_read(int folder, const char *name, size_t max, FileFacts *f, GBytes **ret_content);
