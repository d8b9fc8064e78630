/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/step/step.h"

typedef struct StepRoots {
        GPtrArray *ders;
        uint64_t heard; /* CLOCK_MONOTONIC, microseconds */
} StepRoots;

StepRoots *step_roots_free(StepRoots *r);

/* What the process keeps between calls. Options may change from one call to the next, and a connection may serve several
 * issuers: so everything is found by what it depends on. */
struct StepProcess {
        Http *http;
        GHashTable *trusted;     /* fingerprints or root file, see trust.c -> GBytes* of PEM */
        GHashTable *roots;       /* servers and trust -> StepRoots*: what /roots said last */
        GHashTable *provisioners; /* servers, trust and name -> StepProvisioner* */
};

/* Servers and who vouches for them, as one text; `more` is added. Caller owns. */
char *step_call_key(const StepCall *c, const char *more);

StepProvisioner *step_provisioner_free(StepProvisioner *p);

/* ---- A walk through the pages of provisioners (provisioner-page.c) ---- */

typedef struct StepSearch {
        const char *wanted; /* borrowed */
        StepProvisioner *found;
        char *other_type;   /* of one that has the name, but is of no use */
        bool key_elsewhere; /* one has the name and the type, but the CA does not hand out its key */
        GString *names;     /* of those there are, to be shown */
        unsigned seen, shown;
} StepSearch;

void step_search_init(StepSearch *s, const char *wanted);
void step_search_clear(StepSearch *s);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StepSearch, step_search_clear)

/* *cursor (owned) becomes the next page's, or NULL. ISSUER_PROTOCOL. */
bool step_search_take_page(StepSearch *s, JsonObject *page, char **cursor, GError **error);

/* ISSUER_PROTOCOL: the list of provisioners `what`. Returns false. */
bool step_search_broken(GError **error, const char *what);

/* ---- Trust ---- */

/* Drops what is kept of the trust in fingerprints, so that the servers are asked again. */
void step_trust_forget(StepCall *c);

/* PEM of the one certificate in a text that has this fingerprint (lower-case hex); NULL for anything else, whoever wrote
 * that. */
GBytes *step_root_accept(const char *pem, size_t size, const char *fingerprint);

/* Adds what an answer to /roots says to be roots and can be; GBytes* of DER, at most STEP_ROOTS_MAX in all. */
bool step_roots_of_answer(GPtrArray *ders, JsonObject *answer, GError **error);

/* The trusted ones alone, which need no question; GBytes* of DER, caller owns. */
GPtrArray *step_roots_trusted(StepCall *c, GError **error);

/* Microseconds that are left of the call. */
uint64_t step_call_left(const StepCall *c);

#define STEP_ANSWER_MAX (1024 * 1024) /* bytes of one answer of the CA's */

#define STEP_ROOTS_MAX  16            /* of one issuer */

/* Whether it may sign certificates (RFC 5280, section 4.2.1.9) and the time for that is not over. ISSUER_AUTHENTICATION;
 * `where` says whence it is. */
bool step_root_check(gnutls_x509_crt_t crt, const char *where, GError **error);

/* ---- Tokens (token.c) ---- */

/* Whether the manifest names a key by which tokens can be made. MANIFEST_INVALID; `what` for the message. */
bool step_account_check(const StepCall *c, const char *what, GError **error);

/* After something that was asked with a token failed: whether it may have been for what has changed meanwhile. Then the call is
 * as it was in the beginning, and the question can be asked once more. */
bool step_begin_again(StepCall *c, const GError *wrong);

/* The request as the CA's JSON has it; caller owns. */
char *step_csr_pem(const IssuerRequest *r, GError **error); /* sign.c */

/* A certificate of the agent's, from DER; the caller deinitialises it. NULL with BAD_CERTIFICATE. */
gnutls_x509_crt_t step_certificate_new(GBytes *der, GError **error); /* chain.c */

/* SubjectPublicKeyInfo (DER) of the one of the two that is given; caller owns. NULL when it cannot be read. */
GBytes *step_public_key(gnutls_x509_crt_t crt, gnutls_x509_crq_t crq); /* chain.c */

/* ---- JSON (answer.c) ---- */

/* The members of an answer; borrowed, NULL when there is none of this name and kind. */
const char *step_json_string(JsonObject *o, const char *name);
JsonArray *step_json_array(JsonObject *o, const char *name);
JsonObject *step_json_object(JsonObject *o, const char *name);

/* The object in a text that somebody else wrote. NULL when it is none, or is nested without end. Caller owns. */
JsonObject *step_json_parse(GBytes *text);

/* Adds the DER of the one certificate that is in `pem` (NULL: none). ISSUER_PROTOCOL; `what` names it. */
bool step_add_certificate(GPtrArray *ders, const char *pem, const char *what, GError **error);
