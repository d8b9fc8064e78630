/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/cert-list.h"
#include "issuers/csr/options.h"

#include <stdint.h>

/* The way from one of the certificates that were found to a root (RFC 4158): several may lead there, and some that seem to
 * do not. */

typedef struct CertPath {
        unsigned index[CHAIN_MAX]; /* in the list that was searched: the leaf first, each one's issuer next */
        unsigned n;
        unsigned root; /* in the list of roots */
} CertPath;

/* Finds one that is valid `now` (microseconds since 1970), and of no other environment. `found` is at best in the order in
 * which they are to be tried. BAD_CERTIFICATE says what is missing, or what is wrong with what came nearest. */
bool cert_path_find(const CsrOptions *o, const CertList *found, unsigned leaf, const CertList *roots, uint64_t now,
                    CertPath *ret, GError **error);
