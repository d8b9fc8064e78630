/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever comes from elsewhere to be signed, it is refused with a reason, or what is signed is a leaf that holds nothing but
 * what this project writes into one. A fuzzer cannot sign: the requests' own signatures are not demanded, and what passes is
 * given another key and signed with it. The first byte of the input are the options, what follows is the request, DER. */

#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"
#include "common/usage.h"
#include "issuers/local/foreign.h"
#include "tests/fuzz/authority.h"

#include <string.h>

#define NOW       (UINT64_C(1800000000) * USEC_PER_SEC) /* 2027 */
#define AS_SERVER 1
#define AS_CLIENT 2
#define WITH_NAME 4
#define FOR_A_DAY 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const GError *error)
{
        g_assert_nonnull(error);
        g_assert_true(error->domain == CERT_ERROR);
        if (error->code != CERT_ERROR_ISSUER_REFUSED && error->code != CERT_ERROR_BAD_CERTIFICATE)
                g_error("%s: %s", cert_error_to_name((CertError) error->code), error->message);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

/* Its subject and extensions as they are. False: GnuTLS cannot write what it has read. */
static bool sign_anew(gnutls_x509_crq_t crq)
{
        static gnutls_x509_privkey_t key = NULL;

        if (!key) {
                g_assert_cmpint(gnutls_x509_privkey_init(&key), >=, 0);
                g_assert_cmpint(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                                             GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                                >=, 0);
        }
        return gnutls_x509_crq_set_key(crq, key) >= 0 && gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0) >= 0;
}

/* Nothing of the request's but the names and the usage. */
static void check_extensions(gnutls_x509_crt_t crt)
{
        static const char *const known[] = { "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19",
                                             "2.5.29.35", "2.5.29.37", NULL };
        unsigned critical, n;

        for (n = 0;; n++) {
                char oid[128];
                size_t size = sizeof(oid);

                if (gnutls_x509_crt_get_extension_info(crt, n, oid, &size, &critical) < 0)
                        break;
                g_assert_true(g_strv_contains(known, oid));
        }
        g_assert_cmpuint(n, >=, 5);
        g_assert_cmpint(gnutls_x509_crt_get_ca_status(crt, &critical), ==, 0);
}

static void check_certificate(GBytes *der, const SignWish *w)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        g_auto(GStrv) names = NULL;
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER), ==, 0);
        check_extensions(crt);
        names = san_list_of_certificate(crt, NULL);
        g_assert_nonnull(names);
        g_assert_true(g_strv_equal((const char *const *) names, (const char *const *) w->sans));
        g_assert_cmpuint(g_strv_length(names), <=, REQUEST_NAMES_MAX);
        g_assert_cmpint(usage_of_certificate(crt), ==, (Usage) w->usage);
        g_assert_cmpint(gnutls_x509_crt_get_expiration_time(crt), <=,
                        gnutls_x509_crt_get_expiration_time(authority_certificate(fuzz_authority())));
        gnutls_x509_crt_deinit(crt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *names[] = { (char *) "www.example", NULL };
        ForeignOptions options = { 0 };
        g_autoptr(Foreign) f = NULL;
        g_autoptr(GBytes) request = NULL, der = NULL;
        g_autoptr(GError) error = NULL;

        if (size < 1)
                return 0;
        options.usage = (data[0] & AS_SERVER ? USAGE_SERVER : 0) | (data[0] & AS_CLIENT ? USAGE_CLIENT : 0);
        options.names = data[0] & WITH_NAME ? names : NULL;
        options.lifetime = data[0] & FOR_A_DAY ? USEC_PER_DAY : 0;
        request = g_bytes_new(data + 1, size - 1);
        f = foreign_new_unproven(request, &options, &error);
        if (f && !sign_anew(foreign_wish(f)->crq))
                return 0;
        if (f)
                der = sign_wish(fuzz_authority(), &fuzz_authority_options, foreign_wish(f), NOW, &error);
        if (der)
                check_certificate(der, foreign_wish(f));
        else
                check_error(error);
        return 0;
}
