/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>

/* JSON Web Encryption (RFC 7516), compact serialization, by a password: PBES2-HS256+A128KW, -HS384+A192KW and
 * -HS512+A256KW (RFC 7518, section 4.8), with any of the six content encryptions of RFC 7518, section 5. That
 * is what CAs hand their accounts' keys out in. */

#define JWE_SIZE_MAX (64 * 1024)

/* How often the password is hashed is said by the one who made the JWE, that is, by the other side. RFC 7518,
 * section 4.8.1.2, recommends at least 1,000, and less is a password that is as good as written down. step-ca
 * writes 100,000, newer ones 600,000; 2,000,000 take 0.2 s (SHA-256) to 0.9 s (SHA-512) of a CPU of these
 * days, so that one that is five times slower is done within the 5 s that the agent waits. More is an attack
 * (section 8.6; CVE-2023-50658), not prudence. */
#define JWE_ITERATIONS_MIN 1000
#define JWE_ITERATIONS_MAX 2000000

/* The plaintext, in memory that is wiped; caller owns. ISSUER_AUTHENTICATION: not by this password.
 * ISSUER_PROTOCOL: it is no such thing, was changed, or asks for too little or too much work. NOT_SUPPORTED:
 * by other algorithms, compressed
 * ("zip"), or with extensions that must be understood ("crit"). */
GBytes *jwe_open(const char *text, const void *password, size_t password_size, GError **error);
