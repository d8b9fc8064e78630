/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever stands in a certificate or key file, the key's digest and the leaf's facts can be told, or it is said why
 * not; and the facts survive the cache. */

#include "agent/key.h"
#include "agent/leaf.h"
#include "common/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const void *result, const GError *error, CertError code)
{
        g_assert_cmpint(result != NULL, ==, error == NULL);
        if (result)
                return;
        g_assert_true(error->domain == CERT_ERROR);
        g_assert_cmpint(error->code, ==, code);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void check_key(const uint8_t *data, size_t size)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *digest = key_digest_of_pem(data, size, &error);

        check_error(digest, error, CERT_ERROR_KEY_STORAGE);
        g_assert_true(!digest || strlen(digest) == 64);
}

static void check_leaf(gnutls_x509_crt_t crt)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GByteArray) packed = leaf_pack_certificate(crt, &error), again = g_byte_array_new();
        g_autofree LeafFacts *leaf = NULL;
        Unpack u;

        check_error(packed, error, CERT_ERROR_BAD_CERTIFICATE);
        if (!packed)
                return;
        u = unpack_new(packed->data, packed->len);
        leaf = leaf_unpack(&u);
        g_assert_nonnull(leaf);
        g_assert_true(unpack_is_whole(&u));
        g_assert_cmpuint(strlen(leaf->fingerprint), ==, 64);
        leaf_pack(again, leaf);
        g_assert_cmpmem(packed->data, packed->len, again->data, again->len);
}

static void check_certificate(const uint8_t *data, size_t size)
{
        gnutls_datum_t text = { (unsigned char *) data, size };
        g_autofree char *digest = NULL;
        g_autoptr(GError) error = NULL;
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        if (gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM) >= 0) {
                check_leaf(crt);
                digest = key_digest_of_certificate(crt, &error);
                g_assert_cmpint(digest != NULL, ==, error == NULL);
        }
        gnutls_x509_crt_deinit(crt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree uint8_t *exact = g_memdup2(data, size);

        check_key(exact, size);
        check_certificate(exact, size);
        return 0;
}
