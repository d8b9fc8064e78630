/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Signatures: every algorithm with a key for it, none with another, and which goes with a key by itself. */

#include "common/error.h"
#include "common/keytype.h"
#include "common/signature.h"

typedef struct Pair {
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
} Pair;

static void pair_make(Pair *p, KeyType type)
{
        g_assert_cmpint(gnutls_privkey_init(&p->private_key), >=, 0);
        g_assert_cmpint(gnutls_privkey_generate(p->private_key, key_type_algorithm(type), key_type_bits(type), 0), >=,
                        0);
        g_assert_cmpint(gnutls_pubkey_init(&p->public_key), >=, 0);
        g_assert_cmpint(gnutls_pubkey_import_privkey(p->public_key, p->private_key, 0, 0), >=, 0);
}

static void pair_clear(Pair *p)
{
        gnutls_privkey_deinit(p->private_key);
        gnutls_pubkey_deinit(p->public_key);
}

static void test_a_key_signs_by_its_algorithms_only(void)
{
        static const struct {
                KeyType type;
                const char *algorithms[5];
        } cases[] = {
                { KEY_TYPE_ECDSA_P256, { "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512" } },
                { KEY_TYPE_ECDSA_P384, { "ecdsa-sha384", "ecdsa-sha256", "ecdsa-sha512" } },
                { KEY_TYPE_ECDSA_P521, { "ecdsa-sha512", "ecdsa-sha256", "ecdsa-sha384" } },
                { KEY_TYPE_ED25519, { "ed25519" } },
                { KEY_TYPE_RSA_2048, { "rsa-sha256", "rsa-sha384", "rsa-sha512", "rsa-pss-sha256" } },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                Pair p;

                pair_make(&p, cases[i].type);
                g_assert_cmpstr(signature_default(p.public_key), ==, cases[i].algorithms[0]);
                for (const char *const *a = cases[i].algorithms; *a; a++) {
                        g_autoptr(GBytes) signature =
                                signature_make(p.private_key, p.public_key, *a, "data", 4, NULL);

                        g_assert_nonnull(signature);
                        g_assert_true(signature_verify(p.public_key, *a, "data", 4, signature));
                        g_assert_false(signature_verify(p.public_key, *a, "date", 4, signature));
                }
                for (size_t j = 0; j < G_N_ELEMENTS(cases); j++) {
                        g_autoptr(GError) error = NULL;
                        const char *other = cases[j].algorithms[0];

                        if (g_strv_contains(cases[i].algorithms, other))
                                continue;
                        g_assert_null(signature_make(p.private_key, p.public_key, other, "data", 4, &error));
                        g_assert_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
                }
                pair_clear(&p);
        }
}

static void test_an_unknown_algorithm_is_refused(void)
{
        g_autoptr(GError) error = NULL;
        Pair p;

        pair_make(&p, KEY_TYPE_ECDSA_P256);
        g_assert_null(signature_make(p.private_key, p.public_key, "none", "", 0, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
        pair_clear(&p);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/signature/algorithms", test_a_key_signs_by_its_algorithms_only);
        g_test_add_func("/signature/unknown", test_an_unknown_algorithm_is_refused);
        return g_test_run();
}
