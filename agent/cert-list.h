/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* Certificates parsed from PEM or DER, owned as long as nobody says otherwise, and whether some of them lead to others. */

typedef struct CertList {
        gnutls_x509_crt_t *crt;
        unsigned n;
} CertList;

void cert_list_clear(CertList *l);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CertList, cert_list_clear)

/* NULL or empty is an empty list. False when it is no PEM of certificates, or there are more than `max`; *ret can be
 * cleared in any case. */
bool cert_list_of_pem(GBytes *pem, unsigned max, CertList *ret);

/* `ders` is GBytes*. On failure a GnuTLS error; *ret then holds those before the one that is no certificate. */
int cert_list_of_der(GPtrArray *ders, CertList *ret);

/* Microseconds since 1970; 0 for what is before that. */
void cert_validity(gnutls_x509_crt_t crt, uint64_t *ret_from, uint64_t *ret_to);

/* Whether the chain (leaf first, each one's issuer next) leads to one of the roots by RFC 5280, 6.1, but for the dates:
 * these are judged by the caller, against its own clock. False with *ret_why, caller owns. */
bool cert_list_leads_to(const CertList *chain, const CertList *roots, char **ret_why);
