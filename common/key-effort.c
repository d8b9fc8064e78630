/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The effort that a key asks of others. It owns nothing. */

#include "common/key-effort.h"

#define KEY_BITS_MAX 16384 /* as OpenSSL */
#define EXPONENT_MAX 9     /* octets, of which the first may be zero */

bool cert_key_is_quick(gnutls_x509_crt_t crt)
{
        gnutls_datum_t modulus = { 0 }, exponent = { 0 };
        unsigned bits = 0;
        int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);
        bool is_rsa = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS, good;

        if (bits > KEY_BITS_MAX || !is_rsa)
                return bits <= KEY_BITS_MAX;
        good = gnutls_x509_crt_get_pk_rsa_raw(crt, &modulus, &exponent) >= 0 && exponent.size <= EXPONENT_MAX;
        gnutls_free(modulus.data);
        gnutls_free(exponent.data);
        return good;
}
