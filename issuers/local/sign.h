/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"
#include "issuers/request.h"

/* Certificates as a local authority signs them (profile: RFC 5280). */

/* A serial number that nobody can foretell: 20 octets at most, positive (RFC 5280, 4.1.2.2), 128 bits and more of
 * randomness. */
#define SERIAL_SIZE 17
bool sign_random_serial(unsigned char serial[SERIAL_SIZE], GError **error);

/* What is to be certified; all of it is borrowed, and was judged. */
typedef struct SignWish {
        gnutls_x509_crq_t crq; /* subject and key; its signature was verified */
        char *const *sans;     /* text forms */
        unsigned usage;        /* Usage bits */
        uint64_t lifetime;     /* microseconds; 0: the authority's default */
} SignWish;

/* Signs. `now` in microseconds since 1970. DER, caller owns. ISSUER_REFUSED when the authority has no time left or may not
 * sign a name, KEY_STORAGE when its key fails. */
GBytes *sign_wish(const Authority *a, const AuthorityOptions *o, const SignWish *w, uint64_t now, GError **error);

/* The same of a request that passed issuer_request_check(). */
GBytes *sign_request(const Authority *a, const AuthorityOptions *o, const IssuerRequest *r, uint64_t now,
                     GError **error);
