/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/cert-list.h"

/* The certificates in a file: PEM or DER, X.509 or PKCS#7 (RFC 5652, 5.1), each once, the one that ends last first, at most
 * `max`. BAD_CERTIFICATE: what the file is, where there is none in it or also a private key; or what of it cannot be read.
 * *ret can be cleared in any case. */
bool collect_certificates(GBytes *file, unsigned max, CertList *ret, GError **error);

/* Whose it is, for a message; caller owns. */
char *certificate_subject(gnutls_x509_crt_t crt);
char *certificate_issuer(gnutls_x509_crt_t crt);

/* It says that it signed itself. */
bool certificate_is_self_issued(gnutls_x509_crt_t crt);
