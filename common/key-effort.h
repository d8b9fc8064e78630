/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/x509.h>
#include <stdbool.h>

/* A hostile key makes whoever verifies one signature of it work for hours: RSA with a modulus and an exponent of a quarter
 * of a million bits fits into a certificate. False for what nobody honest has: more than 16384 bits, or an exponent of more
 * than 64. Asked before anything is verified by, or encrypted to, a stranger's key. */
bool cert_key_is_quick(gnutls_x509_crt_t crt);
