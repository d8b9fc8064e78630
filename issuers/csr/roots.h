/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/cert-list.h"
#include "issuers/csr/options.h"

/* The CAs whose answers are taken: those of the issuer's file, read anew with each call, or those that this host trusts. */

#define ROOTS_FILE_MAX 64 /* certificates in "roots": as many as GetRoots may name (org.certagent1.Issuer(5)) */

/* ISSUER_AUTHENTICATION names the file and what to do about it: it is not there, cannot be read, can be written by
 * everybody, holds nothing, or what is no CA's. *ret can be cleared in any case. */
bool csr_roots_read(const CsrOptions *o, CertList *ret, GError **error);

/* Where they are from, for a message: "/etc/ssl/corp.pem", "this host's trust store"; borrowed. */
const char *csr_roots_where(const CsrOptions *o);

/* Whether a CA is of this host's environment; one that names none is of any. */
bool csr_environment_is_ours(const CsrOptions *o, gnutls_x509_crt_t ca);

/* What is handed on to CA files and bundles, GBytes* of DER: those of this host's environment that have not ended at `now`
 * (microseconds since 1970). Caller owns; it may be empty. */
GPtrArray *csr_roots_to_hand_on(const CsrOptions *o, const CertList *roots, uint64_t now);
