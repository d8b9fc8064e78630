/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate requests: for each type of key, what is asked for is what the manifest says, and nothing else.
 */

#include "agent/csr.h"
#include "common/error.h"
#include "tests/unit/fixture.h"

#include <string.h>

static gnutls_x509_crq_t request(const ManifestCertificate *c, const Key *key)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) der = csr_new(c, key, &error);
        gnutls_datum_t d;
        gnutls_x509_crq_t crq;

        g_assert_no_error(error);
        d = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(der, NULL), g_bytes_get_size(der) };
        g_assert_cmpint(gnutls_x509_crq_init(&crq), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_import(crq, &d, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_verify(crq, 0), >=, 0);
        return crq;
}

static void set_subject(ManifestCertificate *c, const char *subject)
{
        g_free(c->subject);
        c->subject = g_strdup(subject);
}

static void test_names_and_usages_for_each_type_of_key(void)
{
        static const char *const sans[] = { "*.web.example",
                                            "email:a@b.example",
                                            "ip:192.0.2.1",
                                            "ip:2001:db8::1",
                                            "uri:spiffe://x/y",
                                            "web.example",
                                            NULL };
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");

        fixture_certificate_set_sans(c, sans);
        c->usage = USAGE_SERVER | USAGE_CLIENT;
        for (KeyType type = 0; type < _KEY_TYPE_MAX; type++) {
                g_autoptr(Key) key = type == KEY_TYPE_RSA_4096 ? NULL : key_new(type, NULL);
                g_auto(GStrv) names = NULL;
                gnutls_x509_crq_t crq;
                unsigned usage = 0;
                bool rsa = key_type_algorithm(type) == GNUTLS_PK_RSA;

                if (!key)
                        continue;
                crq = request(c, key);
                names = san_list_of_request(crq, NULL);
                g_assert_true(g_strv_equal((const char *const *) names, (const char *const *) c->san_texts));
                g_assert_cmpint(usage_of_request(crq), ==, USAGE_SERVER | USAGE_CLIENT);
                g_assert_cmpint(gnutls_x509_crq_get_key_usage(crq, &usage, NULL), >=, 0);
                g_assert_cmpuint(usage, ==,
                                 GNUTLS_KEY_DIGITAL_SIGNATURE | (rsa ? GNUTLS_KEY_KEY_ENCIPHERMENT : 0));
                gnutls_x509_crq_deinit(crq);
        }
}

static void test_the_digest_fits_the_key(void)
{
        static const gnutls_sign_algorithm_t wanted[_KEY_TYPE_MAX] = {
                [KEY_TYPE_ECDSA_P256] = GNUTLS_SIGN_ECDSA_SHA256,
                [KEY_TYPE_ECDSA_P384] = GNUTLS_SIGN_ECDSA_SHA384,
                [KEY_TYPE_ECDSA_P521] = GNUTLS_SIGN_ECDSA_SHA512,
                [KEY_TYPE_ED25519] = GNUTLS_SIGN_EDDSA_ED25519,
                [KEY_TYPE_RSA_2048] = GNUTLS_SIGN_RSA_SHA256,
        };
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");

        for (KeyType type = 0; type <= KEY_TYPE_RSA_2048; type++) {
                g_autoptr(Key) key = key_new(type, NULL);
                gnutls_x509_crq_t crq = request(c, key);

                g_assert_cmpint(gnutls_x509_crq_get_signature_algorithm(crq), ==, wanted[type]);
                gnutls_x509_crq_deinit(crq);
        }
}

static void test_the_subject_is_the_manifests(void)
{
        static const char *const subjects[] = { "CN=web.example", "CN=Web,OU=Unit,O=Example\\, Inc.,C=DE",
                                                "CN=\xc3\xa4rger,O=\xe2\x82\xac", "" };
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(Key) key = key_new(KEY_TYPE_ECDSA_P256, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(subjects); i++) {
                gnutls_datum_t dn = { 0 };
                gnutls_x509_crq_t crq;
                int r;

                set_subject(c, subjects[i]);
                crq = request(c, key);
                r = gnutls_x509_crq_get_dn3(crq, &dn, 0);
                if (*subjects[i])
                        g_assert_cmpstr((char *) dn.data, ==, subjects[i]);
                else
                        g_assert_true(r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || dn.size == 0);
                gnutls_free(dn.data);
                gnutls_x509_crq_deinit(crq);
        }
}

static void test_a_subject_that_is_none(void)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(Key) key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_autoptr(GError) error = NULL;

        set_subject(c, "nothing of the kind");
        g_assert_null(csr_new(c, key, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/csr/names and usages for each type of key",
                        test_names_and_usages_for_each_type_of_key);
        g_test_add_func("/csr/the digest fits the key", test_the_digest_fits_the_key);
        g_test_add_func("/csr/the subject is the manifest's", test_the_subject_is_the_manifests);
        g_test_add_func("/csr/a subject that is none", test_a_subject_that_is_none);
        return g_test_run();
}
