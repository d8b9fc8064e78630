/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/http.h"
#include "issuers/request.h"
#include "issuers/signer-client.h"
#include "issuers/step/options.h"

#include <json-glib/json-glib.h>
#include <systemd/sd-bus.h>

/* cert-issuer-step: one server as one call of the agent's sees it, and what is asked of it. */

typedef struct StepProcess StepProcess; /* what is kept between calls: connections, roots, provisioners */

StepProcess *step_process_new(void);
StepProcess *step_process_free(StepProcess *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StepProcess, step_process_free)

extern const sd_bus_vtable step_issuer_vtable[]; /* issuers/step/issuer-methods.c; userdata: StepProcess* */

/* One call of the agent's: the options, the deadline, the connection to the Signer. */
typedef struct StepCall {
        StepProcess *process;
        sd_bus *bus;
        StepOptions *options;
        uint64_t deadline; /* CLOCK_MONOTONIC, microseconds */
        const char *url;   /* of the server that answered first; borrowed from options; NULL: none yet */
        bool token_sent;   /* with the last question */
        bool fresh;        /* the provisioner was asked for in this call, not in one before */
        bool later;        /* the CA wants to be asked again later (429, 503) ... */
        uint64_t retry_after_usec; /* ... after this span; 0: not said */
} StepCall;

/* ---- Asking (ask.c) ---- */

/* The first server of options->urls that answers, at `path` ("/1.0/sign"). `body` JSON text or NULL; `headers` may be
 * NULL; `client` may be NULL. Once a server answered, the others are not asked in this call any more. Trust is
 * trust.c's. The answer is any HTTP status; errors are http_send()'s, of the last server, with the number of others that
 * were tried. */
HttpAnswer *step_ask(StepCall *c, const char *method, const char *path, const char *body,
                     const char *const *headers, const HttpClient *client, GError **error);

/* The JSON object of an answer with one of the statuses 200 and 201; any other is step_refusal()'s, anything but an object
 * ISSUER_PROTOCOL. Caller owns. `what` for messages: "asking for a certificate". */
JsonObject *step_answer_object(StepCall *c, const HttpAnswer *a, const char *what, GError **error);

/* ---- Refusals (refusal.c) ---- */

/* From an answer that is none of those to an error with a hint: 400, 401 (which never says why: the likely causes, our
 * clock against its Date among them), 403 with its reason, 404, 429 and 503 (noted in the call), 5xx, redirects. */
void step_refusal(StepCall *c, const HttpAnswer *a, const char *what, GError **error);

/* ---- Trust (trust.c) ---- */

/* PEM of the roots that may vouch for the server: of root_file, or fetched from /root/FINGERPRINT, compared, and kept
 * (CERT_STEP_CACHE_DIR). Borrowed from c->process. */
GBytes *step_trust(StepCall *c, const char *url, GError **error);

/* What the CA says its roots are (/roots), over a connection that those vouch for; GBytes* of DER, the trusted ones first.
 * Caller owns. */
GPtrArray *step_roots(StepCall *c, GError **error);

/* The same, as this process heard it in the last minutes, if it did. Caller owns. */
GPtrArray *step_roots_known(StepCall *c, GError **error);

/* ---- Provisioners (provisioner.c) ---- */

typedef enum StepProvisionerType {
        STEP_PROVISIONER_JWK,
        STEP_PROVISIONER_X5C,
        _STEP_PROVISIONER_MAX,
        _STEP_PROVISIONER_INVALID = -EINVAL,
} StepProvisionerType;

typedef struct StepProvisioner {
        StepProvisionerType type;
        char *name;
        char *encrypted_key; /* of a JWK one: JWE */
        char *key_id;        /* of a JWK one */
} StepProvisioner;

/* options->provisioner in /provisioners, page by page. ISSUER_REFUSED: unknown (with the names there are), or of a type
 * that has no such tokens. Borrowed from c->process, which keeps it for as long as it works: step_forget_provisioner(). */
const StepProvisioner *step_provisioner(StepCall *c, GError **error);
void step_forget_provisioner(StepCall *c); /* after a 401, or a key that the password does not open: it may be another now */

/* ---- Tokens (token.c) ---- */

/* A one-time token for `path` ("/1.0/sign", "/1.0/revoke") by the provisioner's key; `sans` in text form, NULL: none are
 * in it. Caller owns. */
char *step_token(StepCall *c, const char *path, const char *subject, const char *const *sans, GError **error);

/* Whom a request is for, as a token's subject: its common name, else the first of its SANs without its kind
 * ("192.0.2.1"). Caller owns. */
char *step_subject(const IssuerRequest *r);

/* A one-time token for a renewal, by the installed certificate's key. Caller owns. */
char *step_renewal_token(StepCall *c, const IssuerRequest *r, const char *path, GError **error);

/* ---- What is asked for ---- */

/* Each gives the chain, leaf first, as GBytes* of DER; caller owns. */
GPtrArray *step_sign(StepCall *c, const IssuerRequest *r, GError **error);  /* sign.c: POST /1.0/sign */
GPtrArray *step_renew(StepCall *c, const IssuerRequest *r, GError **error); /* renew.c: POST /1.0/renew */
GPtrArray *step_rekey(StepCall *c, const IssuerRequest *r, GError **error); /* renew.c: POST /1.0/rekey */

/* The chain of an answer of these three: {"crt", "ca", "certChain"}. Caller owns. */
GPtrArray *step_chain_of_answer(const StepCall *c, JsonObject *answer, GError **error); /* chain.c */

/* Whether the chain's first certificate is what was asked for: the request's key and names, and valid now. BAD_CERTIFICATE says
 * which not. The agent looks again, and at more. */
bool step_chain_check(const StepCall *c, GPtrArray *chain, const IssuerRequest *r, GError **error); /* chain.c */

/* Whether the installed certificate can be the base of a renewal: it is there, has the same names, and (renew) its key is the
 * request's. */
bool step_can_renew(const StepCall *c, const IssuerRequest *r);

/* `certificate` DER; `reason` of RFC 5280, section 5.3.1 ("keyCompromise"). Revoked already is a success. */
bool step_revoke(StepCall *c, GBytes *certificate, const char *reason, GError **error); /* revoke.c */
