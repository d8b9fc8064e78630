/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/generation.h"
#include "agent/inventory.h"
#include "agent/manifest.h"
#include "agent/plan.h"
#include "agent/record.h"

/* A certificate as the agent knows it: what is wanted, what is present, what happened, what is to be done. Borrowed
 * from manifest, inventory and record store, in one place. */

typedef struct PassItem PassItem;

/* What stands in the plan's place when a record cannot be read. */
#define UNRECORDED_HINT "The state folder cannot be read; see: journalctl -u cert-agent"

typedef struct Certificate {
        const ManifestCertificate *wish;
        const CertificateFacts *facts;
        Record *record;
        PlanItem item;
        PassItem *work; /* what a pass is doing about it now, or NULL */
        Record *substitute; /* owned: in the record's place when it cannot be read */
        bool drifted;            /* its watched files changed while a pass was at work on it */
        int64_t watch_since;     /* CLOCK_MONOTONIC, microseconds: since when the next is counted */
        unsigned watch_repairs;  /* what its watch has begun since then */
        uint64_t wake_at;        /* when it is due, as the last pass saw it; microseconds since 1970; 0: at no time, or a pass
                                  * has been begun for it */
} Certificate;

Certificate *certificate_new(const ManifestCertificate *wish);
Certificate *certificate_free(Certificate *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Certificate, certificate_free)

/* The state to show: the plan's, or RENEWING while a pass is at work. */
CertState certificate_state(const Certificate *c);

/* The generation that is on disk now: the recorded one, or one made of the files (and then saved, so that one can
 * go back to it). NULL when there is none; not an error. The caller owns it. */
Generation *certificate_current(Certificate *c);

/* What was issued for the present wish and not yet taken, if it is still good; else NULL. The caller owns it. */
Generation *certificate_pending(const Certificate *c, uint64_t now);
/* What was installed for the present wish and is usable, when the files are not that any more: a key or certificate is gone, or
 * somebody has put something else in its place. Caller owns; NULL: the files are what was installed, or it is not kept. */
Generation *certificate_damaged(const Certificate *c, uint64_t now);

/* The record cannot be read: an empty one stands in, nothing is done about the certificate, and it is said once. */
void certificate_set_unrecorded(Certificate *c, const GError *error);

/* ---- Requests that wait (certificate-waiting.c) ---- */

/* A new request waits for its answer under `token`: the state folder keeps the request (DER) and its key (NULL when a token
 * has it), the record all else. One that waited until now is replaced; its generation is left to the caller, until the
 * record is on disk: *ret_replaced is its number, 0: none. */
bool certificate_set_waiting(Certificate *c, const char *token, uint64_t poll_at, GBytes *key_pem, GBytes *request,
                             uint64_t now, unsigned *ret_replaced, GError **error);
void certificate_end_waiting(Certificate *c);
/* What was kept of it; caller owns; NULL when nothing waits, or it is lost. */
Generation *certificate_waiting(const Certificate *c);
/* Its issuer is of the one type whose answers are taken when no request of it waits. */
bool certificate_is_by_hand(const Certificate *c);
/* A person is to bring the answer. */
bool certificate_waits_for_person(const Certificate *c);
/* The request that waits asks for what is wanted now. */
bool certificate_waiting_is_wanted(const Certificate *c);

/* What the history says of a request: words, with the digest of its key (key_digest()); caller owns. NULL for what is no
 * request. */
char *certificate_request_text(GBytes *request);
/* When a request was made (microseconds since 1970) with a key that `text` names by its digest, and that neither waits nor is
 * installed; 0: none that the history remembers. */
uint64_t certificate_find_former_request(const Certificate *c, const char *text);

/* Whether a change that its watch saw may be mended at once; counted. Who can write in its folder could otherwise have
 * the CA asked, and the units reloaded, without end. */
bool certificate_may_mend(Certificate *c);

/* Who of an authority signed it: the fingerprint of its certificate; NULL: none of those that are known. Caller owns. */
char *generation_signer(const Generation *g, const AuthorityFacts *facts);
/* The authority's current certificate signed it, and it is not revoked. */
bool generation_is_current(const Generation *g, const AuthorityFacts *facts);

/* Good to go back to: complete and not yet expired at `now`. */
bool generation_is_usable(const Generation *g, uint64_t now);
