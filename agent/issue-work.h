/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/generation.h"
#include "agent/key.h"
#include "agent/manifest.h"

/* The work of one issue that is done on threads: the key and the request before the issuer is asked, the check of its
 * answer after. It holds copies of all that it needs, so that a thread that comes back late finds nothing gone. */

typedef struct IssueWork {
        int references;              /* atomic */
        struct Issue *issue;         /* the loop's; not for threads */
        ManifestCertificate *wish;   /* a copy of what concerns the request */
        char *issuer;
        GBytes *current_key_pem;     /* the installed generation's; NULL: none */
        GBytes *current_chain_pem;   /* its certificate and chain */
        bool reuse;                  /* the current key is to be used again, if its type is right */
        bool waited;                 /* this request has been made before: with the key of it, and no other */
        GBytes *waiting_key_pem;     /* NULL when a token has it */
        GBytes *answer;              /* what a person brought; NULL: nothing */
        /* made by issue_work_prepare() */
        Key *key;
        GBytes *csr;                 /* DER; of one that waited, the one that did */
        GPtrArray *current_chain;    /* GBytes* of DER */
        /* set before issue_work_check() */
        GPtrArray *chain, *roots;    /* GBytes* of DER */
        bool for_current;            /* the answer is for the installed key */
        /* made by issue_work_check() */
        Generation *generation;
        GError *error;               /* of either */
} IssueWork;

/* `current` may be NULL. */
IssueWork *issue_work_new(const ManifestCertificate *c, const char *issuer, const Generation *current);
/* It goes on with a request that waits (NULL: it is lost), or with the key of an installed generation. */
void issue_work_set_waiting(IssueWork *w, const Generation *waiting);
IssueWork *issue_work_ref(IssueWork *w);
void issue_work_unref(void *w);

/* For threads; take an IssueWork*. They set `error` when they fail. */
void issue_work_prepare(void *w);
void issue_work_check(void *w);
