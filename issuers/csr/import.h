/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/csr/options.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* The answer of a CA as a person brought it: one or several files after one another, PEM (with text around) or DER, X.509 or
 * PKCS#7, in any order. What is found in it is the certificate for one of the wanted keys, and the way from there to a root
 * that is trusted here. */

#define IMPORT_CERTIFICATES_MAX 256

typedef struct ImportedChain {
        GPtrArray *chain; /* GBytes* of DER: leaf first, each one's issuer next, no root */
        GPtrArray *roots; /* GBytes* of DER: those of the issuer's file that are handed on (csr/roots.h), or the one of the host's store that it leads to */
        bool is_current;  /* it is for `current_key` */
} ImportedChain;

/* Errors are BAD_CERTIFICATE and say what the file is or lacks: a private key, a request, a web page, nothing, only
 * certificates of other keys (which), one of another environment, a chain that leads to none of the roots (which issuer is
 * missing). `current_key` may be NULL. */
ImportedChain *import_read(const CsrOptions *o, GBytes *answer, gnutls_pubkey_t request_key, gnutls_pubkey_t current_key,
                           GError **error);
ImportedChain *imported_chain_free(ImportedChain *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ImportedChain, imported_chain_free)
