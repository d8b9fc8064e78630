/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/generation.h"
#include "agent/manifest.h"

#include <systemd/sd-event.h>

/* Issuing: a key (agent/key.c, on a thread: RSA takes seconds), a request (agent/csr.c), an issuer process
 * (agent/issuer.c: pool of connections, deadlines), its answer checked (agent/chain.c). What comes out is a
 * generation that may be installed, or a clear error; a wrong answer never comes out. */

typedef struct IssuePool IssuePool;
typedef struct Issue Issue;

typedef enum IssueOutcome {
        ISSUE_DONE,    /* generation */
        ISSUE_WAITING, /* token, poll_after, key_pem, request */
        ISSUE_FAILED,  /* error, retry_after */
} IssueOutcome;

typedef struct IssueResult {
        IssueOutcome outcome;
        Generation *generation; /* borrowed: take a reference */
        const char *token;
        GBytes *key_pem;        /* with WAITING: the key that the request was for, to be kept; NULL when a token has it */
        GBytes *request;        /* and the request, DER */
        uint64_t poll_after;    /* span, microseconds; UINT64_MAX: a person brings the answer */
        bool for_current;       /* with DONE of an import: it is for the installed key */
        uint64_t retry_after;   /* span, 0: the issuer said nothing */
        const GError *error;
} IssueResult;

/* Called exactly once, from the event loop, never from within issue_start(); the Issue is gone afterwards. */
typedef void (*IssueDone)(const ManifestCertificate *c, const IssueResult *result, void *userdata);

/* One pool for the agent, of agent/issuer.h: one connection per CPU for a local issuer, the manifest's "connections" (4) for
 * any other; 60 s for a request (local 30 s), then CERT_ERROR_ISSUER_TIMEOUT. */
IssuePool *issue_pool_new(sd_event *event);
IssuePool *issue_pool_free(IssuePool *p); /* ends all that is under way without calling back */
unsigned issue_pool_active(const IssuePool *p);
struct Offload *issue_pool_offload(IssuePool *p);    /* for what takes long elsewhere */
struct IssuerPool *issue_pool_issuers(IssuePool *p); /* the processes, for what is asked of them besides issuing */

/* Starts one. `current` is the generation installed now (may be NULL): its key with rotation "reuse", its
 * chain for the issuer. Both stay valid until done. `c` and `issuer` must outlive it. */
Issue *issue_start(IssuePool *p, const ManifestCertificate *c, const ManifestIssuer *issuer, Generation *current,
                   IssueDone done, void *userdata);

/* Asks again for a waiting request; `waiting` is a generation_new_request() of what ISSUE_WAITING gave. Without it
 * KEY_STORAGE, unless a token has the key. */
Issue *issue_poll(IssuePool *p, const ManifestCertificate *c, const ManifestIssuer *issuer, const char *token,
                  Generation *waiting, IssueDone done, void *userdata);

/* The same with the answer that a person brought. With `waiting` NULL nothing waits: it can be for the key of `current` alone,
 * which may else be NULL. */
Issue *issue_import(IssuePool *p, const ManifestCertificate *c, const ManifestIssuer *issuer, const char *token,
                    Generation *waiting, Generation *current, GBytes *answer, IssueDone done, void *userdata);

/* Ends one without calling back; NULL is fine. Returns NULL. */
Issue *issue_discard(Issue *i);

/* Asks an issuer for its roots; `pem` is NULL with an error. Called back exactly once, never from within. `issuer`
 * must outlive it. */
typedef struct IssueRoots IssueRoots;
typedef void (*IssueRootsDone)(GBytes *pem, const GError *error, void *userdata);
IssueRoots *issue_roots(IssuePool *p, const ManifestIssuer *issuer, IssueRootsDone done, void *userdata);
IssueRoots *issue_roots_discard(IssueRoots *r);
