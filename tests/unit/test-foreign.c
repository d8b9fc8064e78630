/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests from elsewhere: what is taken from a sane one, what the administrator's word changes, and each of the ways in which
 * one is wrong, with the sentence that says so. All are signed by their own key, but for those whose signature is what is
 * wrong. */

#include "issuers/local/foreign.h"

#include "common/error.h"
#include "common/timespan.h"
#include "common/usage.h"
#include "issuers/local/change.h"
#include "issuers/local/der.h"
#include "tests/unit/authority-bench.h"
#include "tests/unit/request-draft.h"

#include <string.h>

static RequestDraft *draft_new(void)
{
        RequestDraft *d = request_draft_new(KEY_TYPE_ECDSA_P256);

        request_draft_add_common_name(d, "www.example");
        return d;
}

static Foreign *judge(const RequestDraft *d, const ForeignOptions *options, GError **error)
{
        static const ForeignOptions none = { 0 };
        g_autoptr(GBytes) der = request_draft_sign(d);

        return foreign_new(der, options ?: &none, error);
}

static void assert_refused(const char *name, GBytes *der, const ForeignOptions *options, const char *says)
{
        static const ForeignOptions none = { 0 };
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = foreign_new(der, options ?: &none, &error);

        if (f || !error || error->domain != CERT_ERROR || !strstr(error->message, says))
                g_error("%s: \"%s\" does not say \"%s\"", name, error ? error->message : "it was taken", says);
        g_assert_true(error->code == CERT_ERROR_ISSUER_REFUSED || error->code == CERT_ERROR_BAD_CERTIFICATE);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

/* ---- Sane ones ---- */

static void test_what_a_sane_one_says_is_certified(void)
{
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = NULL;
        const SignWish *w;

        request_draft_add_dns_names(d, "WWW.Example", "*.web.example", "xn--bcher-kva.example", NULL);
        f = judge(d, NULL, &error);
        g_assert_no_error(error);
        w = foreign_wish(f);
        g_assert_cmpstr(w->sans[0], ==, "*.web.example");
        g_assert_cmpstr(w->sans[1], ==, "www.example");
        g_assert_cmpstr(w->sans[2], ==, "xn--bcher-kva.example");
        g_assert_null(w->sans[3]);
        g_assert_cmpuint(w->usage, ==, USAGE_SERVER);
        g_assert_cmpuint(w->lifetime, ==, 0);
}

static void test_each_kind_of_key(void)
{
        for (KeyType type = 0; type <= KEY_TYPE_RSA_2048; type++) {
                g_autoptr(RequestDraft) d = request_draft_new(type);
                g_autoptr(GError) error = NULL;
                g_autoptr(Foreign) f = NULL;

                request_draft_add_dns_names(d, "www.example", NULL);
                f = judge(d, NULL, &error);
                g_assert_no_error(error);
        }
}

static void test_every_kind_of_name(void)
{
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = NULL;
        GByteArray *names = g_byte_array_new();
        g_autofree char *all = NULL;

        request_draft_add_name(names, 0x81, "a@b.example", 11);
        request_draft_add_name(names, 0x82, "b.example", 9);
        request_draft_add_name(names, 0x86, "spiffe://b.example/web", 22);
        request_draft_add_name(names, 0x87, "\xc0\x00\x02\x01", 4);
        request_draft_add_names(d, true, names);
        f = judge(d, NULL, &error);
        g_assert_no_error(error);
        all = g_strjoinv(" ", (char **) foreign_wish(f)->sans);
        g_assert_cmpstr(all, ==, "b.example email:a@b.example ip:192.0.2.1 uri:spiffe://b.example/web");
}

static unsigned usage_of(RequestDraft *d, unsigned as)
{
        const ForeignOptions options = { .usage = as };
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = judge(d, &options, &error);

        g_assert_no_error(error);
        return foreign_wish(f)->usage;
}

static void test_usage_is_what_it_asks_for_unless_it_is_said(void)
{
        g_autoptr(RequestDraft) client = draft_new(), both = draft_new(), mail = draft_new();

        request_draft_add_dns_names(client, "www.example", NULL);
        request_draft_add_purposes(client, GNUTLS_KP_TLS_WWW_CLIENT, NULL);
        request_draft_add_dns_names(both, "www.example", NULL);
        request_draft_add_purposes(both, GNUTLS_KP_TLS_WWW_CLIENT, GNUTLS_KP_TLS_WWW_SERVER, NULL);
        request_draft_add_dns_names(mail, "www.example", NULL);
        request_draft_add_purposes(mail, GNUTLS_KP_EMAIL_PROTECTION, NULL);
        g_assert_cmpuint(usage_of(client, 0), ==, USAGE_CLIENT);
        g_assert_cmpuint(usage_of(both, 0), ==, USAGE_CLIENT | USAGE_SERVER);
        g_assert_cmpuint(usage_of(client, USAGE_SERVER), ==, USAGE_SERVER);
        g_assert_cmpuint(usage_of(mail, USAGE_CLIENT), ==, USAGE_CLIENT);
}

static void test_names_that_are_said_take_the_place_of_all(void)
{
        char *names[] = { (char *) "b.example", NULL };
        const ForeignOptions options = { .names = names };
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = NULL;

        request_draft_add_dns_names(d, "under_score.example", NULL); /* it is of no account */
        f = judge(d, &options, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(foreign_wish(f)->sans[0], ==, "b.example");
        g_assert_null(foreign_wish(f)->sans[1]);
}

static void test_a_client_may_be_known_by_its_subject(void)
{
        g_autoptr(RequestDraft) d = request_draft_new(KEY_TYPE_ED25519);
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = NULL;

        request_draft_add_common_name(d, "Älice Müller");
        request_draft_add_purposes(d, GNUTLS_KP_TLS_WWW_CLIENT, NULL);
        f = judge(d, NULL, &error);
        g_assert_no_error(error);
        g_assert_null(*foreign_wish(f)->sans);
}

/* A value is a part of what was read: the bytes behind it, whatever they are, are not its own. */
static void test_a_printable_string_of_each_length(void)
{
        for (unsigned n = 1; n <= 64; n++) {
                g_autoptr(RequestDraft) d = draft_new();
                g_autofree char *value = g_strnfill(n, 'a');
                g_autoptr(GError) error = NULL;
                g_autoptr(Foreign) f = NULL;

                request_draft_add_rdn(d, "2.5.4.10", 19, value, n);
                request_draft_add_rdn(d, "2.5.4.11", 12, "M\xc3\xbcller", 7);
                request_draft_add_dns_names(d, "www.example", NULL);
                f = judge(d, NULL, &error);
                g_assert_no_error(error);
        }
}

static void test_a_hundred_names(void)
{
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = NULL;
        GByteArray *names = g_byte_array_new();

        for (unsigned i = 0; i < 100; i++) {
                g_autofree char *name = g_strdup_printf("h%u.example", i);

                request_draft_add_name(names, 0x82, name, strlen(name));
        }
        request_draft_add_names(d, false, names);
        f = judge(d, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_strv_length((char **) foreign_wish(f)->sans), ==, 100);
}

static void test_what_is_not_known_and_not_critical_is_left_out(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(Authority) a = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(Foreign) f = NULL;
        g_autoptr(GBytes) der = NULL;
        gnutls_datum_t value;
        gnutls_x509_crt_t crt;

        request_draft_add_dns_names(d, "www.example", NULL);
        request_draft_add_extension(d, "1.3.6.1.5.5.7.1.24", false, "\x30\x03\x02\x01\x05", 5); /* must-staple */
        request_draft_add_extension(d, "2.5.29.14", false, "\x04\x02\x01\x02", 4); /* its own idea of a key identifier */
        f = judge(d, NULL, &error);
        g_assert_no_error(error);
        authority_bench_change(b, change_make);
        a = authority_open(&b->options, &error);
        g_assert_no_error(error);
        der = sign_wish(a, &b->options, foreign_wish(f), now_realtime(), &error);
        g_assert_no_error(error);
        value = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &value, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_get_extension_by_oid2(crt, "1.3.6.1.5.5.7.1.24", 0, &value, NULL), ==,
                        GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
        g_assert_cmpint(gnutls_x509_crt_get_extension_by_oid2(crt, "2.5.29.14", 0, &value, NULL), >=, 0);
        g_assert_cmpuint(value.size, >, 4);
        gnutls_free(value.data);
        gnutls_x509_crt_deinit(crt);
}

/* ---- Wrong ones ---- */

static void add_ca(RequestDraft *d)
{
        request_draft_add_extension(d, "2.5.29.19", true, "\x30\x03\x01\x01\xff", 5);
}

static void add_path_length(RequestDraft *d)
{
        request_draft_add_extension(d, "2.5.29.19", false, "\x30\x03\x02\x01\x03", 5);
}

static void add_broken_constraints(RequestDraft *d)
{
        request_draft_add_extension(d, "2.5.29.19", false, "\x30\x7f", 2);
}

static void add_cert_sign(RequestDraft *d)
{
        request_draft_add_extension(d, "2.5.29.15", true, "\x03\x02\x02\x84", 4);
}

static void add_crl_sign(RequestDraft *d)
{
        request_draft_add_extension(d, "2.5.29.15", true, "\x03\x02\x01\x82", 4);
}

static void add_unknown_critical(RequestDraft *d)
{
        request_draft_add_extension(d, "1.2.3.4", true, "\x05\x00", 2);
}

static void add_critical_name_constraints(RequestDraft *d)
{
        request_draft_add_extension(d, "2.5.29.30", true, "\x30\x00", 2);
}

static void add_names_twice(RequestDraft *d)
{
        request_draft_add_dns_names(d, "other.example", NULL);
}

static void add_many_extensions(RequestDraft *d)
{
        for (unsigned i = 0; i < 40; i++) {
                g_autofree char *oid = g_strdup_printf("1.2.3.%u", i + 10);

                request_draft_add_extension(d, oid, false, "\x05\x00", 2);
        }
}

static void add_purpose(RequestDraft *d)
{
        request_draft_add_purposes(d, GNUTLS_KP_TLS_WWW_SERVER, GNUTLS_KP_CODE_SIGNING, NULL);
}

static void add_any_purpose(RequestDraft *d)
{
        request_draft_add_purposes(d, GNUTLS_KP_ANY, NULL);
}

static void set_version(RequestDraft *d, const char *octets, unsigned size)
{
        g_byte_array_set_size(d->version, 0);
        g_byte_array_append(d->version, (const guint8 *) octets, size);
}

static void set_version_negative(RequestDraft *d)
{
        set_version(d, "\xff", 1);
}

static void set_version_negative_and_long(RequestDraft *d)
{
        set_version(d, "\x80\x00\x00\x00", 4);
}

static void set_version_1(RequestDraft *d)
{
        set_version(d, "\x01", 1);
}

/* GnuTLS reads the first octet alone, which is that of version 0. */
static void set_version_128(RequestDraft *d)
{
        set_version(d, "\x00\x80", 2);
}

static void break_signature(RequestDraft *d)
{
        d->broken = true;
}

static void sign_by_sha1(RequestDraft *d)
{
        d->digest = GNUTLS_DIG_SHA1;
}

static void replace_key(RequestDraft *d, gnutls_pk_algorithm_t algorithm, unsigned bits)
{
        gnutls_privkey_deinit(d->key);
        g_assert_cmpint(gnutls_privkey_init(&d->key), >=, 0);
        g_assert_cmpint(gnutls_privkey_generate(d->key, algorithm, bits, 0), >=, 0);
}

static void set_rsa_512(RequestDraft *d)
{
        replace_key(d, GNUTLS_PK_RSA, 512);
}

static void set_rsa_1024(RequestDraft *d)
{
        replace_key(d, GNUTLS_PK_RSA, 1024);
}

static void sign_rsa_by_md5(RequestDraft *d)
{
        replace_key(d, GNUTLS_PK_RSA, 2048);
        d->digest = GNUTLS_DIG_MD5;
}

static void set_curve_192(RequestDraft *d)
{
        replace_key(d, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP192R1));
}

static void set_curve_224(RequestDraft *d)
{
        replace_key(d, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP224R1));
}

static void set_exponent(RequestDraft *d, const char *octets, unsigned size)
{
        replace_key(d, GNUTLS_PK_RSA, 2048);
        d->exponent = g_byte_array_append(g_byte_array_new(), (const guint8 *) octets, size);
}

/* Whoever has no key at all can sign with it. */
static void set_exponent_1(RequestDraft *d)
{
        set_exponent(d, "\x01", 1);
}

static void set_exponent_even(RequestDraft *d)
{
        set_exponent(d, "\x01\x00\x02", 3);
}

static void set_exponent_long(RequestDraft *d)
{
        set_exponent(d, "\x7f\x01\x01\x01\x01\x01\x01\x01\x01", 9);
}

static void add_nul_to_subject(RequestDraft *d)
{
        request_draft_add_rdn(d, "2.5.4.10", 12, "good.example\0.evil.example", 26);
}

static void add_control_to_subject(RequestDraft *d)
{
        request_draft_add_rdn(d, "2.5.4.10", 12, "a\x1b[2Jb", 6);
}

static void add_direction_to_subject(RequestDraft *d)
{
        request_draft_add_rdn(d, "2.5.4.10", 12, "a\xe2\x80\xae" "b", 5);
}

static void add_bad_utf8_to_subject(RequestDraft *d)
{
        request_draft_add_rdn(d, "2.5.4.10", 12, "a\xc0\x80", 3);
}

static void add_latin_as_printable(RequestDraft *d)
{
        request_draft_add_rdn(d, "2.5.4.10", 19, "M\xc3\xbcller", 7);
}

static void add_bmp_to_subject(RequestDraft *d)
{
        request_draft_add_rdn(d, "2.5.4.10", 30, "\0w\0w", 4);
}

static void add_long_to_subject(RequestDraft *d)
{
        char value[300];

        memset(value, 'a', sizeof(value));
        request_draft_add_rdn(d, "2.5.4.10", 12, value, sizeof(value));
}

static void add_long_common_name(RequestDraft *d)
{
        request_draft_add_common_name(d, "a2345678901234567890123456789012345678901234567890123456789012345");
}

static void add_empty_to_subject(RequestDraft *d)
{
        request_draft_add_rdn(d, "2.5.4.10", 12, "", 0);
}

static void add_many_to_subject(RequestDraft *d)
{
        for (unsigned i = 0; i < 20; i++)
                request_draft_add_rdn(d, "2.5.4.11", 12, "unit", 4);
}

/* Each is a request for www.example that is sane but for this. */
static void test_wrong(void)
{
        static const struct {
                const char *name;
                void (*spoil)(RequestDraft *d);
                const char *says;
        } cases[] = {
                { "CA:TRUE", add_ca, "CA certificate (CA:TRUE)" },
                { "a path length without CA:TRUE", add_path_length, "path length of 3" },
                { "basic constraints that cannot be read", add_broken_constraints, "basic constraints" },
                { "keyCertSign", add_cert_sign, "keyCertSign" },
                { "cRLSign", add_crl_sign, "cRLSign" },
                { "an unknown critical extension", add_unknown_critical, "critical extension 1.2.3.4" },
                { "critical name constraints", add_critical_name_constraints, "critical extension 2.5.29.30" },
                { "an extension twice", add_names_twice, "the extension 2.5.29.17 twice" },
                { "forty extensions", add_many_extensions, "more than 32 extensions" },
                { "code signing", add_purpose, "the purpose " GNUTLS_KP_CODE_SIGNING },
                { "any purpose", add_any_purpose, "the purpose " GNUTLS_KP_ANY },
                { "version -1", set_version_negative, "negative version" },
                { "a long negative version", set_version_negative_and_long, "negative version" },
                { "version 1", set_version_1, "not of version 0" },
                { "version 128", set_version_128, "not of version 0" },
                { "a broken signature", break_signature, "not signed by its own key" },
                { "signed by SHA-1", sign_by_sha1, "proves nothing any more" },
                { "signed by MD5", sign_rsa_by_md5, "proves nothing any more" },
                { "RSA of 512 bits", set_rsa_512, "RSA of 512 bits" },
                { "RSA of 1024 bits", set_rsa_1024, "RSA of 1024 bits" },
                { "a public exponent of 1", set_exponent_1, "public exponent" },
                { "a public exponent that is even", set_exponent_even, "public exponent" },
                { "a public exponent of 71 bits", set_exponent_long, "public exponent" },
                { "the curve P-192", set_curve_192, "of 192 bits" },
                { "the curve P-224", set_curve_224, "of 224 bits" },
                { "a NUL byte in the subject", add_nul_to_subject, "NUL byte in its O" },
                { "an escape in the subject", add_control_to_subject, "cannot be printed" },
                { "a turn of direction in the subject", add_direction_to_subject, "cannot be printed" },
                { "UTF-8 that is none", add_bad_utf8_to_subject, "another encoding" },
                { "a PrintableString that is none", add_latin_as_printable, "another encoding" },
                { "a BMPString", add_bmp_to_subject, "no UTF8String" },
                { "a value of 300 bytes", add_long_to_subject, "of 300 bytes" },
                { "a common name of 65 characters", add_long_common_name, "more than 64 characters" },
                { "an empty value", add_empty_to_subject, "empty O" },
                { "twenty parts of the subject", add_many_to_subject, "more than 16 parts" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(RequestDraft) d = draft_new();
                g_autoptr(GBytes) der = NULL;

                request_draft_add_dns_names(d, "www.example", NULL);
                cases[i].spoil(d);
                der = request_draft_sign(d);
                assert_refused(cases[i].name, der, NULL, cases[i].says);
        }
}

static void test_wrong_names(void)
{
        static const struct {
                uint8_t tag;
                const char *value;
                size_t size;
                const char *says;
        } cases[] = {
                { 0x82, "www.example\0.evil.example", 25, "NUL byte" },
                { 0x82, "www example", 11, "cannot be used" },
                { 0x82, "under_score.example", 19, "'_'" },
                { 0x82, "*", 1, "wildcard" },
                { 0x82, "*.example", 9, "wildcard" },
                { 0x82, "a.*.example", 11, "wildcard" },
                { 0x82, "a..example", 10, "empty label" },
                { 0x82, "-a.example", 10, "hyphen" },
                { 0x82, "192.0.2.1", 9, "neither a DNS name nor an IP address" },
                { 0x82, "b\xc3\xbc" "cher.example", 14, "outside ASCII" },
                { 0x82, "", 0, "cannot be used" },
                { 0x81, "nobody", 6, "email" },
                { 0x86, "no-scheme", 9, "URI" },
                { 0x87, "\x7f\0\0", 3, "broken address" },
                { 0x88, "\x2a\x03\x04", 3, "not certified" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(RequestDraft) d = draft_new();
                g_autoptr(GBytes) der = NULL;
                GByteArray *names = g_byte_array_new();

                request_draft_add_name(names, 0x82, "www.example", 11);
                request_draft_add_name(names, cases[i].tag, cases[i].value, cases[i].size);
                request_draft_add_names(d, false, names);
                der = request_draft_sign(d);
                assert_refused(cases[i].value, der, NULL, cases[i].says);
        }
}

/* So short that ten thousand of them are within the bounds of a request. */
static void test_ten_thousand_names_are_refused_at_once(void)
{
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(GBytes) der = NULL;
        GByteArray *names = g_byte_array_new();
        int64_t begun;

        for (unsigned i = 0; i < 10000; i++) {
                g_autofree char *name = g_strdup_printf("%c.%c%c", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26);

                request_draft_add_name(names, 0x82, name, strlen(name));
        }
        request_draft_add_names(d, false, names);
        der = request_draft_sign(d);
        g_assert_cmpuint(g_bytes_get_size(der), <, FOREIGN_REQUEST_MAX);
        begun = g_get_monotonic_time();
        assert_refused("10,000 names", der, NULL, "asks for 10000 names");
        g_assert_cmpint(g_get_monotonic_time() - begun, <, 2 * G_USEC_PER_SEC);
}

static void test_one_that_names_nobody(void)
{
        const ForeignOptions client = { .usage = USAGE_CLIENT };
        g_autoptr(RequestDraft) nobody = request_draft_new(KEY_TYPE_ED25519), host = draft_new();
        g_autoptr(GBytes) der = request_draft_sign(nobody), of_host = request_draft_sign(host);

        assert_refused("a server without a name", der, NULL, "--name NAME");
        assert_refused("a client without a name", der, &client, "names nobody");
        assert_refused("a server with a common name only", of_host, NULL, "--name www.example.");
}

/* Every one that is cut short, and every one with a bit turned, is refused or is still signed by its own key. */
static void test_no_damage_is_taken(void)
{
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(GBytes) der = NULL;
        size_t size;
        const unsigned char *data;

        request_draft_add_dns_names(d, "www.example", NULL);
        der = request_draft_sign(d);
        data = g_bytes_get_data(der, &size);
        for (size_t i = 0; i < size; i++) {
                g_autoptr(GBytes) cut = g_bytes_new(data, i);

                assert_refused("cut short", cut, NULL, "");
        }
        for (size_t i = 0; i < 8 * size; i++) {
                g_autofree unsigned char *copy = g_memdup2(data, size);
                g_autoptr(GBytes) turned = NULL;

                copy[i / 8] ^= (unsigned char) (1U << i % 8);
                turned = g_bytes_new(copy, size);
                assert_refused("a bit turned", turned, NULL, "");
        }
}

static void test_what_is_no_request(void)
{
        static const struct {
                const char *data;
                size_t size;
        } cases[] = {
                { "", 0 },           { "x", 1 },        { "<html>", 6 },           { "\x30\x80\x00\x00", 4 },
                { "\x30\x00", 2 },   { "\x30\x84", 2 }, { "\x30\x02\x30\x00", 4 }, { "\x30\x85\x01\x01\x01\x01\x01", 7 },
                { "\x30\x81\x01\x00", 4 },
        };
        g_autofree char *large = g_malloc0(FOREIGN_REQUEST_MAX + 1);
        g_autoptr(GBytes) too_large = g_bytes_new(large, FOREIGN_REQUEST_MAX + 1), doubled = NULL, der = NULL;
        g_autoptr(RequestDraft) d = draft_new();
        g_autoptr(GByteArray) twice = g_byte_array_new();

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GBytes) bytes = g_bytes_new(cases[i].data, cases[i].size);

                assert_refused("no request", bytes, NULL, "request");
        }
        assert_refused("too large", too_large, NULL, "65537 bytes");
        request_draft_add_dns_names(d, "www.example", NULL);
        der = request_draft_sign(d);
        g_byte_array_append(twice, g_bytes_get_data(der, NULL), (guint) g_bytes_get_size(der));
        g_byte_array_append(twice, g_bytes_get_data(der, NULL), (guint) g_bytes_get_size(der));
        doubled = g_bytes_new(twice->data, twice->len);
        assert_refused("one and another behind it", doubled, NULL, "no certificate request");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/foreign/what a sane one says is certified", test_what_a_sane_one_says_is_certified);
        g_test_add_func("/foreign/each kind of key", test_each_kind_of_key);
        g_test_add_func("/foreign/every kind of name", test_every_kind_of_name);
        g_test_add_func("/foreign/usage is what it asks for unless it is said",
                        test_usage_is_what_it_asks_for_unless_it_is_said);
        g_test_add_func("/foreign/names that are said take the place of all", test_names_that_are_said_take_the_place_of_all);
        g_test_add_func("/foreign/a client may be known by its subject", test_a_client_may_be_known_by_its_subject);
        g_test_add_func("/foreign/a PrintableString of each length", test_a_printable_string_of_each_length);
        g_test_add_func("/foreign/a hundred names", test_a_hundred_names);
        g_test_add_func("/foreign/what is not known and not critical is left out",
                        test_what_is_not_known_and_not_critical_is_left_out);
        g_test_add_func("/foreign/each way to be wrong has its sentence", test_wrong);
        g_test_add_func("/foreign/names that are none", test_wrong_names);
        g_test_add_func("/foreign/ten thousand names are refused at once", test_ten_thousand_names_are_refused_at_once);
        g_test_add_func("/foreign/one that names nobody", test_one_that_names_nobody);
        g_test_add_func("/foreign/no damage is taken", test_no_damage_is_taken);
        g_test_add_func("/foreign/what is no request", test_what_is_no_request);
        return g_test_run();
}
