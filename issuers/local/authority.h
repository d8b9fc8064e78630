/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"
#include "issuers/local/part.h"
#include "issuers/local/store.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* A local certificate authority, looked at: its folder, locked, and its parts. What was cut off has been gone
 * through with. Where there is no folder, `store` is NULL and `parts` are empty and missing. */
typedef struct AuthorityLook {
        Store *store;
        Parts *parts;
        StoreMark *mark; /* taken before the parts were read; NULL where there is no folder */
} AuthorityLook;

/* Locked for reading, or exclusively. Makes nothing, and asks no token but to destroy keys there that a
 * cut-off change was to destroy. What is damaged, or not as safe as it must be, is an error that says what to
 * do: KEY_STORAGE. */
AuthorityLook *authority_look(const AuthorityOptions *o, bool exclusive, GError **error);
/* An authority that is missing is an error, too. */
AuthorityLook *authority_look_at_present(const AuthorityOptions *o, bool exclusive, GError **error);
AuthorityLook *authority_look_free(AuthorityLook *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuthorityLook, authority_look_free)

/* GBytes* of DER: all that is trusted; caller owns. KEY_STORAGE also where the authority is missing. */
GPtrArray *authority_trusted(const AuthorityOptions *o, GError **error);

/* An authority opened for signing; several processes may have it open. */
typedef struct Authority Authority;

Authority *authority_open(const AuthorityOptions *o, GError **error);
Authority *authority_free(Authority *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Authority, authority_free)

/* Whether the files are still those it was read from. */
bool authority_is_current(const Authority *a);

gnutls_x509_crt_t authority_certificate(const Authority *a); /* that which signs; borrowed */
gnutls_privkey_t authority_key(const Authority *a);          /* borrowed */
gnutls_digest_algorithm_t authority_digest(const Authority *a);
GBytes *authority_der(const Authority *a);      /* the certificate that signs, borrowed */
GPtrArray *authority_roots(const Authority *a); /* GBytes* of DER: all that is trusted; borrowed */
