/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/authority.h"
#include "issuers/request.h"

/* Certificates as a local authority signs them (profile: RFC 5280). */

/* A serial number that nobody can foretell: 20 octets at most, positive (RFC 5280, 4.1.2.2), 128 bits and more of
 * randomness. */
#define SERIAL_SIZE 17
bool sign_random_serial(unsigned char serial[SERIAL_SIZE], GError **error);

/* Signs a request that passed issuer_request_check(). `now` in microseconds since 1970. DER, caller owns.
 * ISSUER_REFUSED when the authority has no time left, KEY_STORAGE when its key fails. */
GBytes *sign_request(const Authority *a, const AuthorityOptions *o, const IssuerRequest *r, uint64_t now,
                     GError **error);
