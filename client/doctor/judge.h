/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/doctor/anchors.h"
#include "client/doctor/diagnosis.h"
#include "client/doctor/session.h"

/* From the facts of a session, what is trusted and the clock to diagnoses. Pure. */

/* What the wire is held against; all is borrowed. */
typedef struct Case {
        const Session *session;
        const char *name;          /* that the client means: a host's name or an address; NULL: none is known */
        const Anchors *trust;
        bool trust_is_chosen;      /* for this server, by a person or a manifest */
        const GPtrArray *others;   /* Anchors*: what else this host has; NULL: not looked. Without `use` it is no set that
                                      a client begins with, but may hold what a server should send. */
        const gnutls_x509_crl_t *crls;
        unsigned n_crls;
        const Identity *identity;  /* that was shown; or NULL */
        uint64_t now;              /* this host's clock, microseconds since 1970, as all times */
        uint64_t seen;             /* the latest time that something on this host bears, 0: nothing known, */
        const char *seen_where;    /* and what: "the file /etc/cert-agent/manifest.json" */
        bool is_for_servers;       /* it is to be one's for servers */
        /* Of a certificate of the agent's: */
        const char *certificate;   /* its name; NULL: of nobody's */
        const char *fingerprint;   /* what is in its file; "": not known */
        bool is_another;           /* that is served; judge_leaf() sees to it */
        char *const *units;
        uint64_t next_renewal;     /* 0: none is planned */
} Case;

/* All of it: judge_session(), and of what was sent judge_chain() and judge_leaf(). `notes` (char*) gets what is worth a
 * word but is no diagnosis. */
void judge(const Case *c, GPtrArray *diagnoses, GPtrArray *notes);

/* Whether what was sent leads to what is trusted, so that nothing else of the host need be looked at. */
bool judge_is_trusted(const Session *s, const Anchors *trust);

/* Whether the server names the issuer of `crt` among the CAs whose certificates it takes. */
bool judge_is_asked_for(const Session *s, gnutls_x509_crt_t crt);

/* ---- Between the files of the judge ---- */

/* How the handshake went: protocol, refusals, certificates of clients. */
void judge_session(const Case *c, GPtrArray *diagnoses, GPtrArray *notes);

/* `sent` as it was sent, leaf first, at most CHAIN_MAX. */
void judge_chain(const Case *c, const CertList *sent, GPtrArray *diagnoses);

/* `path` is the leaf and those above it, as far as they were sent. */
void judge_leaf(const Case *c, const CertList *path, GPtrArray *diagnoses);

/* What was sent in order, without roots and without what belongs to nothing; borrows from `sent`, `ret_path` is one of
 * CHAIN_MAX places. */
CertList judge_path(const CertList *sent, gnutls_x509_crt_t ret_path[static CHAIN_MAX]);

/* ---- Words (judge-words.c); caller owns ---- */

#define WORDS_MAX 200 /* bytes of what others wrote, in one place of a sentence */

char *words_subject(gnutls_x509_crt_t crt); /* its common name, its whole subject, or its first name, in quotes */
char *words_issuer(gnutls_x509_crt_t crt);
char *words_names(gnutls_x509_crt_t crt);   /* "www.example.org, ip:192.0.2.1 and 3 more"; "no name at all" */
char *words_asked_for(const Session *s);    /* the CAs that a server names, "any CA" */
char *words_fingerprint(gnutls_x509_crt_t crt); /* SHA-256, hex */
char *words_alert(int alert);               /* "unknown CA (48)" */
char *words_protocol(const Session *s);  /* "TLS 1.3" */
bool words_is_self_issued(gnutls_x509_crt_t crt);
bool words_is_for(gnutls_x509_crt_t crt, const char *purpose); /* extended key usage, RFC 5280, 4.2.1.12 */
