/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kinds of key that a manifest may name, and GnuTLS's words for them. */

#include "common/keytype.h"

#include "common/enum-table.h"

typedef struct KeyTypeEntry {
        gnutls_pk_algorithm_t algorithm;
        unsigned bits;
        gnutls_digest_algorithm_t digest;
} KeyTypeEntry;

static const char *const names[_KEY_TYPE_MAX] = {
        [KEY_TYPE_ECDSA_P256] = "ecdsa-p256", [KEY_TYPE_ECDSA_P384] = "ecdsa-p384",
        [KEY_TYPE_ECDSA_P521] = "ecdsa-p521", [KEY_TYPE_ED25519] = "ed25519",
        [KEY_TYPE_RSA_2048] = "rsa-2048",     [KEY_TYPE_RSA_3072] = "rsa-3072",
        [KEY_TYPE_RSA_4096] = "rsa-4096",
};

static const KeyTypeEntry entries[_KEY_TYPE_MAX] = {
        [KEY_TYPE_ECDSA_P256] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                  GNUTLS_DIG_SHA256 },
        [KEY_TYPE_ECDSA_P384] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1),
                                  GNUTLS_DIG_SHA384 },
        [KEY_TYPE_ECDSA_P521] = { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1),
                                  GNUTLS_DIG_SHA512 },
        [KEY_TYPE_ED25519] = { GNUTLS_PK_EDDSA_ED25519, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519),
                               GNUTLS_DIG_SHA512 },
        [KEY_TYPE_RSA_2048] = { GNUTLS_PK_RSA, 2048, GNUTLS_DIG_SHA256 },
        [KEY_TYPE_RSA_3072] = { GNUTLS_PK_RSA, 3072, GNUTLS_DIG_SHA256 },
        [KEY_TYPE_RSA_4096] = { GNUTLS_PK_RSA, 4096, GNUTLS_DIG_SHA256 },
};

ENUM_TABLE(key_type, KeyType, names, _KEY_TYPE_MAX, _KEY_TYPE_INVALID)

gnutls_pk_algorithm_t key_type_algorithm(KeyType type)
{
        g_return_val_if_fail((int) type >= 0 && type < _KEY_TYPE_MAX, GNUTLS_PK_UNKNOWN);
        return entries[type].algorithm;
}

unsigned key_type_bits(KeyType type)
{
        g_return_val_if_fail((int) type >= 0 && type < _KEY_TYPE_MAX, 0);
        return entries[type].bits;
}

gnutls_digest_algorithm_t key_type_digest(KeyType type)
{
        g_return_val_if_fail((int) type >= 0 && type < _KEY_TYPE_MAX, GNUTLS_DIG_UNKNOWN);
        return entries[type].digest;
}

static KeyType key_type_of_curve(gnutls_pubkey_t key)
{
        gnutls_ecc_curve_t curve;

        if (gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, GNUTLS_EXPORT_FLAG_NO_LZ) < 0)
                return _KEY_TYPE_INVALID;
        switch (curve) {
        case GNUTLS_ECC_CURVE_SECP256R1:
                return KEY_TYPE_ECDSA_P256;
        case GNUTLS_ECC_CURVE_SECP384R1:
                return KEY_TYPE_ECDSA_P384;
        case GNUTLS_ECC_CURVE_SECP521R1:
                return KEY_TYPE_ECDSA_P521;
        default:
                return _KEY_TYPE_INVALID;
        }
}

KeyType key_type_of(gnutls_pubkey_t key)
{
        unsigned bits = 0;
        int algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);

        switch (algorithm) {
        case GNUTLS_PK_ECDSA:
                return key_type_of_curve(key);
        case GNUTLS_PK_EDDSA_ED25519:
                return KEY_TYPE_ED25519;
        case GNUTLS_PK_RSA:
                return bits == 2048   ? KEY_TYPE_RSA_2048
                       : bits == 3072 ? KEY_TYPE_RSA_3072
                       : bits == 4096 ? KEY_TYPE_RSA_4096
                                      : _KEY_TYPE_INVALID;
        default:
                return _KEY_TYPE_INVALID;
        }
}
