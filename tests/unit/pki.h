/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <time.h>

/* A public-key infrastructure for a test: CAs below CAs, cross-signed, of environments, expired, and what
 * they sign. All keys are ECDSA P-256. Everything here aborts the test when it fails. */

typedef struct PkiEntity {
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        GBytes *der, *pem;
} PkiEntity;

/* What it is to be; 0 is a sane default for each. */
typedef struct PkiWish {
        const char *subject;       /* RFC 4514; NULL: "CN=NAME" of pki_new()'s `name` */
        const PkiEntity *issuer;   /* NULL: itself */
        gnutls_x509_privkey_t key; /* NULL: a new one; it is copied */
        const char *environment;   /* the mark */
        const char *permitted;     /* a DNS subtree, of name constraints */
        time_t from, to;           /* 0: an hour ago, for 90 days */
        bool is_ca;
        bool without_identifiers;     /* no key identifiers (RFC 5280, 4.2.1.1) */
        gnutls_x509_privkey_t signer; /* signs in the issuer's place: a forgery */
} PkiWish;

/* A leaf has the SAN "NAME.example" and is for servers. */
PkiEntity *pki_new(const char *name, const PkiWish *wish);
PkiEntity *pki_free(PkiEntity *e);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PkiEntity, pki_free)

gnutls_x509_privkey_t pki_key_new(void);
gnutls_pubkey_t pki_public_key(gnutls_x509_privkey_t key); /* the caller's */

/* PKCS#7 without signers; NULL ends; the caller's. */
GBytes *pki_pkcs7(gnutls_x509_crt_fmt_t format, const PkiEntity *first, ...) G_GNUC_NULL_TERMINATED;
/* The PEM of several in one file; NULL ends; the caller's. */
GBytes *pki_pem(const PkiEntity *first, ...) G_GNUC_NULL_TERMINATED;
