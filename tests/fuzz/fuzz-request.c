/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever a call asks of the local authority, the request is refused or what is signed is a leaf that says no more
 * than was asked. The requests' own signatures are not demanded here: a fuzzer cannot make them, and the signing has
 * to be safe all the same. The input is as tests/fuzz/message.h says. */

#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"
#include "issuers/local/sign.h"
#include "tests/fuzz/authority.h"
#include "tests/fuzz/message.h"

#include <stdlib.h>
#include <string.h>

#define NOW (UINT64_C(1800000000) * USEC_PER_SEC) /* 2027 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const GError *error)
{
        g_assert_nonnull(error);
        g_assert_true(error->domain == CERT_ERROR);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void check_names(const IssuerRequest *r, gnutls_x509_crt_t crt)
{
        g_auto(GStrv) names = san_list_of_certificate(crt, NULL);

        g_assert_nonnull(names);
        g_assert_true(g_strv_equal((const char *const *) names, (const char *const *) r->sans));
}

static void check_certificate(GBytes *der, const IssuerRequest *checked)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        gnutls_x509_crt_t crt;
        unsigned critical;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_get_ca_status(crt, &critical), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_get_version(crt), ==, 3);
        g_assert_cmpint(gnutls_x509_crt_get_expiration_time(crt), <=,
                        gnutls_x509_crt_get_expiration_time(authority_certificate(fuzz_authority())));
        if (checked)
                check_names(checked, crt);
        gnutls_x509_crt_deinit(crt);
}

static void check_request(const IssuerRequest *r)
{
        g_autoptr(GError) refused = NULL, error = NULL;
        g_autoptr(GBytes) der = NULL;

        if (!issuer_request_check(r, &refused))
                check_error(refused);
        der = sign_request(fuzz_authority(), &fuzz_authority_options, r, NOW, &error);
        if (der)
                check_certificate(der, refused ? NULL : r);
        else
                check_error(error);
        /* What passes is signed, if it names anything at all. */
        g_assert_true(der || refused || error->code == CERT_ERROR_ISSUER_REFUSED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const keys[] = { "Certificate", "Subject",            "SubjectAltNames", "Usage",
                                            "Lifetime",    "CertificateRequest", "Current",         "Answer", NULL };
        sd_bus_message *m = fuzz_message_new(data, size, keys, /* with_status= */ false);
        g_autoptr(IssuerRequest) r = NULL;
        g_autoptr(GError) error = NULL;

        if (!m)
                return 0;
        r = issuer_request_read(m, &error);
        if (r)
                check_request(r);
        else
                check_error(error);
        sd_bus_message_unref(m);
        return 0;
}
