/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* A local certificate authority: a self-signed certificate and its key, in CERT_AUTHORITY_DIR/NAME/{ca.pem,ca.key}
 * (folder 0700, key 0600). Made on first use; several processes agree on one by a lock on the folder. */

/* What the manifest says about it. */
typedef struct AuthorityOptions {
        char *name;                    /* the issuer's name */
        char *subject;                 /* RFC 4514; NULL: "CN=NAME local authority HOST" */
        KeyType key_type;              /* default ecdsa-p256 */
        uint64_t lifetime;             /* microseconds; default 10 years */
        uint64_t certificate_lifetime; /* of what it signs, where the request does not say; default 90 days */
} AuthorityOptions;

/* From the `config` of a call. MANIFEST_INVALID. */
AuthorityOptions *authority_options_new(const char *config, GError **error);
AuthorityOptions *authority_options_free(AuthorityOptions *o);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuthorityOptions, authority_options_free)

typedef struct Authority Authority;

/* Opens it, or makes it where there is none. What is damaged, or not as safe as it must be, is an error that says
 * what to do, and is never overwritten: KEY_STORAGE. */
Authority *authority_open(const AuthorityOptions *o, GError **error);
Authority *authority_free(Authority *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Authority, authority_free)

/* Whether the files are still those it was read from. */
bool authority_is_current(const Authority *a);

gnutls_x509_crt_t authority_certificate(const Authority *a); /* borrowed */
gnutls_privkey_t authority_key(const Authority *a);          /* borrowed */
gnutls_digest_algorithm_t authority_digest(const Authority *a);
GBytes *authority_der(const Authority *a); /* the certificate, borrowed */
