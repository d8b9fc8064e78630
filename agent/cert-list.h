/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* Certificates parsed from PEM or DER, owned as long as nobody says otherwise, and whether some of them lead to others. */

#define CHAIN_MAX 16 /* certificates of one path: GnuTLS's own limit */

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

/* GBytes*; caller owns. */
GPtrArray *cert_list_to_der(const CertList *l);

/* Microseconds since 1970; 0 for what is before that. */
void cert_validity(gnutls_x509_crt_t crt, uint64_t *ret_from, uint64_t *ret_to);

/* The path in a list of at most CHAIN_MAX, in whatever order it is: the place of the leaf, then that of each one's issuer,
 * as far as there is one. Roots are not in it (clients have their own: RFC 8446, 4.4.2), nor what belongs to nothing.
 * Returns how many. */
unsigned cert_list_path(const CertList *l, unsigned leaf, unsigned ret_path[static CHAIN_MAX]);

/* Whether the chain (leaf first, each one's issuer next) leads to one of the roots by RFC 5280, 6.1, but for the dates:
 * these are judged by the caller, against its own clock. False with *ret_why, caller owns. */
bool cert_list_leads_to(const CertList *chain, const CertList *roots, char **ret_why);
