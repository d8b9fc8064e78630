/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/cert-list.h"
#include "agent/generation.h"

/* Who is told what is wrong. */
typedef enum ChainOrigin {
        CHAIN_OF_ISSUER, /* it gave it by itself */
        CHAIN_OF_PERSON, /* it came in a file */
} ChainOrigin;

/* The check that stands between an issuer's answer and the managed files (RFC 5280, 6.1, by GnuTLS): the
 * leaf's public key is the one asked for, its names are exactly those asked for, it is valid now (five minutes
 * of slack) and for a sane time, its usages cover those asked for, it is no CA, and the chain leads to one of
 * the issuer's roots (the given order is mended where it can be). CERT_ERROR_BAD_CERTIFICATE says which. */
bool chain_check(const ManifestCertificate *c, const Generation *g, gnutls_pubkey_t wanted, ChainOrigin origin, uint64_t now,
                 GError **error);

/* An issuer's answer put in order: the certificate of the `wanted` key first, then each one's issuer; repeated,
 * self-signed and unrelated certificates are left out. Where the wanted key is not found, the order stays as it
 * is (chain_check() says why). `chain` and the result are GBytes* of DER; the caller owns the result.
 * BAD_CERTIFICATE when one of several is no certificate, or there are none or more than CHAIN_MAX. */
GPtrArray *chain_mend(GPtrArray *chain, gnutls_pubkey_t wanted, GError **error);
