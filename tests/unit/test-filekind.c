/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kinds of files: every form in which a certificate, a request or a key is handed over, made by GnuTLS, and
 * what is given in their place. */

#include "common/error.h"
#include "common/filekind.h"

#include <gnutls/crypto.h>
#include <gnutls/pkcs12.h>
#include <gnutls/pkcs7.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#define MIB (1024 * 1024)

/* ---- Samples ---- */

typedef struct Samples {
        gnutls_x509_privkey_t rsa, ec;
        gnutls_x509_crt_t crt;
} Samples;

static void good(int r)
{
        g_assert_cmpstr(r < 0 ? gnutls_strerror(r) : NULL, ==, NULL);
}

static gnutls_x509_privkey_t key_new(gnutls_pk_algorithm_t algorithm, unsigned bits)
{
        gnutls_x509_privkey_t key;

        good(gnutls_x509_privkey_init(&key));
        good(gnutls_x509_privkey_generate(key, algorithm, bits, 0));
        return key;
}

static gnutls_x509_crt_t crt_new(gnutls_x509_privkey_t key, unsigned version)
{
        gnutls_x509_crt_t crt;

        good(gnutls_x509_crt_init(&crt));
        good(gnutls_x509_crt_set_version(crt, version));
        good(gnutls_x509_crt_set_key(crt, key));
        good(gnutls_x509_crt_set_serial(crt, "\x01", 1));
        good(gnutls_x509_crt_set_dn(crt, "CN=sample", NULL));
        good(gnutls_x509_crt_set_activation_time(crt, 1600000000));
        good(gnutls_x509_crt_set_expiration_time(crt, 4000000000));
        if (version == 3)
                good(gnutls_x509_crt_set_basic_constraints(crt, 1, -1));
        good(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
        return crt;
}

static void samples_init(Samples *s, const void *data)
{
        s->rsa = key_new(GNUTLS_PK_RSA, 1024); /* it is made for each test */
        s->ec = key_new(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1));
        s->crt = crt_new(s->ec, 3);
}

static void samples_clear(Samples *s, const void *data)
{
        gnutls_x509_crt_deinit(s->crt);
        gnutls_x509_privkey_deinit(s->rsa);
        gnutls_x509_privkey_deinit(s->ec);
}

static GBytes *taken(gnutls_datum_t d)
{
        return g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data);
}

static GBytes *crt_export(gnutls_x509_crt_t crt, gnutls_x509_crt_fmt_t format)
{
        gnutls_datum_t d;

        good(gnutls_x509_crt_export2(crt, format, &d));
        return taken(d);
}

static GBytes *key_export(gnutls_x509_privkey_t key, gnutls_x509_crt_fmt_t format)
{
        gnutls_datum_t d;

        good(gnutls_x509_privkey_export2(key, format, &d));
        return taken(d);
}

static GBytes *key_export_pkcs8(gnutls_x509_privkey_t key, gnutls_x509_crt_fmt_t format, unsigned flags)
{
        gnutls_datum_t d;

        good(gnutls_x509_privkey_export2_pkcs8(key, format, flags & GNUTLS_PKCS_PLAIN ? NULL : "secret",
                                               flags, &d));
        return taken(d);
}

static GBytes *request_export(const Samples *s, gnutls_x509_crt_fmt_t format)
{
        gnutls_x509_crq_t crq;
        gnutls_datum_t d;

        good(gnutls_x509_crq_init(&crq));
        good(gnutls_x509_crq_set_version(crq, 1));
        good(gnutls_x509_crq_set_dn(crq, "CN=sample", NULL));
        good(gnutls_x509_crq_set_key(crq, s->ec));
        good(gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_DNSNAME, "sample.example", 14, 0));
        good(gnutls_x509_crq_sign2(crq, s->ec, GNUTLS_DIG_SHA256, 0));
        good(gnutls_x509_crq_export2(crq, format, &d));
        gnutls_x509_crq_deinit(crq);
        return taken(d);
}

static GBytes *list_export(const Samples *s, gnutls_x509_crt_fmt_t format, unsigned version)
{
        gnutls_x509_crl_t crl;
        gnutls_datum_t d;

        good(gnutls_x509_crl_init(&crl));
        good(gnutls_x509_crl_set_version(crl, version));
        good(gnutls_x509_crl_set_this_update(crl, 1600000000));
        good(gnutls_x509_crl_set_next_update(crl, 4000000000));
        good(gnutls_x509_crl_sign2(crl, s->crt, s->ec, GNUTLS_DIG_SHA256, 0));
        good(gnutls_x509_crl_export2(crl, format, &d));
        gnutls_x509_crl_deinit(crl);
        return taken(d);
}

/* Without a signer, as crl2pkcs7 makes them. */
static GBytes *pkcs7_export(const Samples *s, gnutls_x509_crt_fmt_t format)
{
        gnutls_pkcs7_t p7;
        gnutls_datum_t d;

        good(gnutls_pkcs7_init(&p7));
        good(gnutls_pkcs7_set_crt(p7, s->crt));
        good(gnutls_pkcs7_export2(p7, format, &d));
        gnutls_pkcs7_deinit(p7);
        return taken(d);
}

static GBytes *pkcs12_export(const Samples *s, gnutls_x509_crt_fmt_t format)
{
        gnutls_pkcs12_t p12;
        gnutls_pkcs12_bag_t bag;
        gnutls_datum_t d;

        good(gnutls_pkcs12_init(&p12));
        good(gnutls_pkcs12_bag_init(&bag));
        good(gnutls_pkcs12_bag_set_crt(bag, s->crt));
        good(gnutls_pkcs12_set_bag(p12, bag));
        good(gnutls_pkcs12_generate_mac(p12, "secret"));
        good(gnutls_pkcs12_export2(p12, format, &d));
        gnutls_pkcs12_bag_deinit(bag);
        gnutls_pkcs12_deinit(p12);
        return taken(d);
}

static GBytes *text(const char *s)
{
        return g_bytes_new(s, strlen(s));
}

/* Several pieces in one; frees them. NULL ends. */
static GBytes *together(GBytes *first, ...)
{
        GByteArray *all = g_byte_array_new();
        va_list pieces;

        va_start(pieces, first);
        for (GBytes *piece = first; piece; piece = va_arg(pieces, GBytes *)) {
                g_byte_array_append(all, g_bytes_get_data(piece, NULL), (unsigned) g_bytes_get_size(piece));
                g_bytes_unref(piece);
        }
        va_end(pieces);
        return g_byte_array_free_to_bytes(all);
}

/* `unit` is what each "\n" becomes; frees `pem`. */
static GBytes *with_line_ends(GBytes *pem, const char *end)
{
        g_autofree char *all = g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));
        g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
        char *joined = g_strjoinv(end, lines);

        g_bytes_unref(pem);
        return g_bytes_new_take(joined, strlen(joined));
}

static GBytes *as_utf16(GBytes *pem, const char *bom, const char *charset)
{
        g_autoptr(GError) error = NULL;
        gsize size;
        char *wide = g_convert(g_bytes_get_data(pem, NULL), (gssize) g_bytes_get_size(pem), charset, "UTF-8",
                               NULL, &size, &error);

        g_assert_no_error(error);
        g_bytes_unref(pem);
        return together(g_bytes_new(bom, 2), g_bytes_new_take(wide, size), NULL);
}

static GBytes *as_base64(GBytes *der)
{
        char *line = g_base64_encode(g_bytes_get_data(der, NULL), g_bytes_get_size(der));

        g_bytes_unref(der);
        return g_bytes_new_take(line, strlen(line));
}

/* Frees `content`. */
#define assert_kind(content, wanted)                                                                         \
        G_STMT_START                                                                                         \
        {                                                                                                    \
                g_autoptr(GBytes) content_ = (content);                                                      \
                                                                                                             \
                g_assert_cmpstr(file_kind_to_string(file_kind(content_)), ==, file_kind_to_string(wanted));  \
        }                                                                                                    \
        G_STMT_END

/* ---- Kinds ---- */

static void test_what_is_handed_over_is_known_in_both_forms(Samples *s, const void *data)
{
        for (int format = GNUTLS_X509_FMT_DER; format <= GNUTLS_X509_FMT_PEM; format++) {
                gnutls_x509_crt_t v1 = crt_new(s->rsa, 1);

                assert_kind(crt_export(s->crt, format), FILE_KIND_CERTIFICATE);
                assert_kind(crt_export(v1, format), FILE_KIND_CERTIFICATE);
                assert_kind(request_export(s, format), FILE_KIND_REQUEST);
                assert_kind(list_export(s, format, 2), FILE_KIND_REVOCATION_LIST);
                assert_kind(list_export(s, format, 1), FILE_KIND_REVOCATION_LIST);
                assert_kind(pkcs7_export(s, format), FILE_KIND_PKCS7);
                assert_kind(pkcs12_export(s, format), FILE_KIND_PKCS12);
                gnutls_x509_crt_deinit(v1);
        }
}

static void test_private_keys_of_every_form_are_known(Samples *s, const void *data)
{
        gnutls_x509_privkey_t ed = key_new(GNUTLS_PK_EDDSA_ED25519, 0), dsa = key_new(GNUTLS_PK_DSA, 1024);
        gnutls_x509_privkey_t keys[] = { s->rsa, s->ec, ed, dsa };

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
                for (int format = GNUTLS_X509_FMT_DER; format <= GNUTLS_X509_FMT_PEM; format++) {
                        if (keys[i] != ed)
                                assert_kind(key_export(keys[i], format), FILE_KIND_PRIVATE_KEY);
                        assert_kind(key_export_pkcs8(keys[i], format, GNUTLS_PKCS_PLAIN),
                                    FILE_KIND_PRIVATE_KEY);
                        assert_kind(key_export_pkcs8(keys[i], format, GNUTLS_PKCS_PBES2_AES_256),
                                    FILE_KIND_PRIVATE_KEY);
                        assert_kind(key_export_pkcs8(keys[i], format, GNUTLS_PKCS_PKCS12_3DES),
                                    FILE_KIND_PRIVATE_KEY);
                }
        gnutls_x509_privkey_deinit(ed);
        gnutls_x509_privkey_deinit(dsa);
}

static void test_a_private_key_is_found_beside_other_things(Samples *s, const void *data)
{
        GBytes *(*pem)(gnutls_x509_privkey_t, gnutls_x509_crt_fmt_t) = key_export;

        assert_kind(together(crt_export(s->crt, 1), pem(s->ec, 1), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(pem(s->ec, 1), crt_export(s->crt, 1), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(crt_export(s->crt, 0), pem(s->ec, 0), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(crt_export(s->crt, 0), pem(s->ec, 1), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(pem(s->ec, 0), text("whatever follows"), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(text("<html><body><pre>\n"), pem(s->ec, 1), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(with_line_ends(pem(s->rsa, 1), "\r\n"), FILE_KIND_PRIVATE_KEY);
        assert_kind(with_line_ends(pem(s->rsa, 1), "\r"), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(text("\xef\xbb\xbf"), pem(s->rsa, 1), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(as_utf16(pem(s->ec, 1), "\xff\xfe", "UTF-16LE"), FILE_KIND_PRIVATE_KEY);
        assert_kind(as_utf16(pem(s->ec, 1), "\xfe\xff", "UTF-16BE"), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(g_bytes_new("\0\0", 2), pem(s->ec, 1), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(as_base64(pem(s->ec, 0)), FILE_KIND_PRIVATE_KEY);
        assert_kind(together(crt_export(s->crt, 1), pem(s->ec, 0), NULL), FILE_KIND_PRIVATE_KEY);
        assert_kind(
                together(crt_export(s->crt, 0), crt_export(s->crt, 1), text("\r\n"), pem(s->rsa, 0), NULL),
                FILE_KIND_PRIVATE_KEY);
}

/* The label says one thing, and the content is another: a key that was pasted into the wrong block. */
static void test_a_private_key_under_a_false_label_is_one(Samples *s, const void *data)
{
        g_autoptr(GBytes) line = as_base64(key_export(s->ec, GNUTLS_X509_FMT_DER)), file = NULL;
        g_autofree char *pem =
                g_strdup_printf("-----BEGIN CERTIFICATE-----\n%.*s\n-----END CERTIFICATE-----\n",
                                (int) g_bytes_get_size(line), (const char *) g_bytes_get_data(line, NULL));
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) blocks = NULL;

        file = text(pem);
        g_assert_cmpint(file_kind(file), ==, FILE_KIND_PRIVATE_KEY);
        g_assert_null(file_to_pem(file));
        blocks = pem_blocks(file, 1, &error);
        g_assert_no_error(error);
        g_assert_cmpint(g_array_index(blocks, PemBlock, 0).kind, ==, FILE_KIND_PRIVATE_KEY);
        g_assert_null(g_array_index(blocks, PemBlock, 0).der);
}

static void test_words_alone_decide(void)
{
        static const struct {
                const char *text;
                FileKind kind;
        } cases[] = {
                { "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n", FILE_KIND_PRIVATE_KEY },
                { "-----BEGIN ANY OTHER PRIVATE KEY-----", FILE_KIND_PRIVATE_KEY },
                { "-----BEGIN PRIVATE KEY", FILE_KIND_PRIVATE_KEY },
                { "> -----BEGIN RSA PRIVATE KEY-----\n> MIIE", FILE_KIND_PRIVATE_KEY },
                { "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n", FILE_KIND_PRIVATE_KEY },
                { "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", FILE_KIND_PRIVATE_KEY },
                { "MIIE\n-----END RSA PRIVATE KEY-----\n", FILE_KIND_PRIVATE_KEY },
                { "PuTTY-User-Key-File-3: ssh-ed25519\n", FILE_KIND_PRIVATE_KEY },
                { "openssh-key-v1\0....", FILE_KIND_PRIVATE_KEY },
                { "a sentence about a PRIVATE KEY\n", FILE_KIND_TEXT },
                { "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", FILE_KIND_TEXT },
                { "-----BEGIN TRUSTED CERTIFICATE-----\nMAA=\n-----END TRUSTED CERTIFICATE-----\n",
                  FILE_KIND_CERTIFICATE },
                { "-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n", FILE_KIND_PKCS7 },
                { "-----BEGIN NEW CERTIFICATE REQUEST-----\n", FILE_KIND_REQUEST },
                { "-----BEGIN CERTIFICATE", FILE_KIND_TEXT },
                { "-----BEGIN CERTIFICATE----", FILE_KIND_TEXT },
                { "", FILE_KIND_EMPTY },
                { " \t\r\n\n", FILE_KIND_EMPTY },
                { "\xef\xbb\xbf\n", FILE_KIND_EMPTY },
                { "<!DOCTYPE html>\n<title>404</title>", FILE_KIND_WEB_PAGE },
                { "\xef\xbb\xbf\r\n<HTML>", FILE_KIND_WEB_PAGE },
                { "<?xml version=\"1.0\"?>\n<html xmlns=\"…\">", FILE_KIND_WEB_PAGE },
                { "5 < 6, said the <house>", FILE_KIND_TEXT },
                { "please find attached\n", FILE_KIND_TEXT },
                { "Gr\xfc\xdf"
                  "e aus K\xf6ln\n",
                  FILE_KIND_TEXT },
                { "\x7f"
                  "ELF\x02\x01\x01",
                  FILE_KIND_BINARY },
                { "05 Nov: the certificate will be sent to you by the end of this week\n", FILE_KIND_TEXT },
                { "0", FILE_KIND_TEXT }, /* the tag of a sequence, and nothing after it */
                { "0\x80", FILE_KIND_TEXT }, /* the same of BER; or a price in a code page */
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                assert_kind(text(cases[i].text), cases[i].kind);
        assert_kind(g_bytes_new("\0\0\0\0", 4), FILE_KIND_BINARY);
        assert_kind(as_utf16(text("please find attached\n"), "\xff\xfe", "UTF-16LE"), FILE_KIND_TEXT);
        assert_kind(as_utf16(text("<html>\n"), "\xff\xfe", "UTF-16LE"), FILE_KIND_WEB_PAGE);
}

static void test_every_beginning_of_a_certificate_is_something(Samples *s, const void *data)
{
        g_autoptr(GBytes) der = crt_export(s->crt, GNUTLS_X509_FMT_DER);

        for (size_t size = 0; size < g_bytes_get_size(der); size++) {
                g_autoptr(GBytes) cut = g_bytes_new_from_bytes(der, 0, size);
                FileKind kind = file_kind(cut);

                g_assert_true(kind == FILE_KIND_EMPTY || kind == FILE_KIND_BINARY || kind == FILE_KIND_TEXT);
                g_assert_null(file_to_pem(cut));
        }
}

/* Lengths of BER that are said only by an end: OpenSSL's "cms -stream", Windows and NSS write them. */
static void test_ber_is_known_by_its_beginning(void)
{
        static const char pkcs7[] = "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80";
        static const char pkcs12[] =
                "\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
        g_autoptr(GBytes) file = g_bytes_new(pkcs7, sizeof(pkcs7) - 1);
        g_autofree char *pem = file_to_pem(file);

        assert_kind(g_bytes_ref(file), FILE_KIND_PKCS7);
        assert_kind(g_bytes_new(pkcs12, sizeof(pkcs12) - 1), FILE_KIND_PKCS12);
        g_assert_true(g_str_has_prefix(pem, "-----BEGIN PKCS7-----\n"));
}

/* A MiB that makes a careless search start again and again takes no longer than another. */
static void test_a_mebibyte_takes_the_time_of_a_mebibyte(void)
{
        static const char *const units[] = {
                "-",
                "-----BEGIN ",
                "-----BEGIN CERTIFICATE-----\n",
                "PRIVATE KEY",
                "BEGIN ",
                "0\x80",
                "0\x01",
                "<",
                "A",
                "-----BEGIN A-----\nMAA=\n-----END B-----\n",
                "\n",
                "=",
                "\x01",
                "---- BEGIN PRIVATE KE",
        };
        const double most = 5; /* seconds of this process alone; some take 0.1 with sanitizers */

        for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
                GString *junk = g_string_new(NULL);
                g_autoptr(GBytes) file = NULL;
                g_autofree char *pem = NULL;
                clock_t begin;

                while (junk->len < MIB)
                        g_string_append(junk, units[i]);
                file = g_string_free_to_bytes(junk);
                begin = clock();
                g_assert_cmpstr(file_kind_to_string(file_kind(file)), !=, NULL);
                pem = file_to_pem(file);
                g_assert_cmpfloat((double) (clock() - begin) / CLOCKS_PER_SEC, <, most);
        }
}

static void test_each_kind_has_its_words(void)
{
        for (int kind = 0; kind < _FILE_KIND_MAX; kind++)
                g_assert_true(g_str_has_prefix(file_kind_to_string((FileKind) kind), "a"));
        g_assert_null(file_kind_to_string(_FILE_KIND_MAX));
        g_assert_null(file_kind_to_string(_FILE_KIND_INVALID));
}

/* ---- Blocks ---- */

static void test_blocks_are_found_in_text(Samples *s, const void *data)
{
        g_autoptr(GBytes) der = crt_export(s->crt, GNUTLS_X509_FMT_DER), file = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) blocks = NULL;
        static const FileKind wanted[] = { FILE_KIND_CERTIFICATE, FILE_KIND_TEXT,    FILE_KIND_PKCS7,
                                           FILE_KIND_PRIVATE_KEY, FILE_KIND_REQUEST, FILE_KIND_CERTIFICATE };

        file = together(
                text("\xef\xbb\xbf"
                     "Dear colleague - here it is:\n\n"),
                crt_export(s->crt, 1), text("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"),
                with_line_ends(pkcs7_export(s, 1), "\r\n"), text("--\nsigned\n"), key_export(s->ec, 1),
                request_export(s, 1), text("-----BEGIN nothing\n-----\n   "), crt_export(s->crt, 1), NULL);
        blocks = pem_blocks(file, 6, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(blocks->len, ==, G_N_ELEMENTS(wanted));
        for (unsigned i = 0; i < blocks->len; i++) {
                g_assert_cmpint(g_array_index(blocks, PemBlock, i).kind, ==, wanted[i]);
                g_assert_cmpint(g_array_index(blocks, PemBlock, i).der == NULL, ==,
                                wanted[i] == FILE_KIND_PRIVATE_KEY);
        }
        g_assert_true(g_bytes_equal(g_array_index(blocks, PemBlock, 0).der, der));
        g_assert_true(g_bytes_equal(g_array_index(blocks, PemBlock, 5).der, der));
        g_assert_null(pem_blocks(file, 5, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_assert_nonnull(strstr(error->message, "more than 5"));
}

/* GnuTLS finds the second one, whose first hyphens are the last ones of the first. */
static void test_blocks_that_share_hyphens_are_both_found(Samples *s, const void *data)
{
        g_autoptr(GBytes) request = request_export(s, 1), file = NULL;
        g_autofree char *pem = g_strndup(g_bytes_get_data(request, NULL), g_bytes_get_size(request));
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) blocks = NULL;

        file = together(text(g_strchomp(pem)), text(strstr(pem, "BEGIN ")), NULL);
        blocks = pem_blocks(file, 9, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(blocks->len, ==, 2);
        g_assert_null(pem_request(file, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
}

static void test_blocks_are_found_whatever_the_line_ends(Samples *s, const void *data)
{
        g_autoptr(GBytes) der = crt_export(s->crt, GNUTLS_X509_FMT_DER);
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);

        g_ptr_array_add(files, with_line_ends(crt_export(s->crt, 1), "\r\n"));
        g_ptr_array_add(files, with_line_ends(crt_export(s->crt, 1), "\r"));
        g_ptr_array_add(files, with_line_ends(crt_export(s->crt, 1), " \t\n  "));
        g_ptr_array_add(files, with_line_ends(crt_export(s->crt, 1), ""));
        g_ptr_array_add(files, as_utf16(crt_export(s->crt, 1), "\xff\xfe", "UTF-16LE"));
        g_ptr_array_add(files, as_utf16(crt_export(s->crt, 1), "\xfe\xff", "UTF-16BE"));
        for (unsigned i = 0; i < files->len; i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(GArray) blocks = pem_blocks(files->pdata[i], 1, &error);

                g_assert_no_error(error);
                g_assert_cmpuint(blocks->len, ==, 1);
                g_assert_true(g_bytes_equal(g_array_index(blocks, PemBlock, 0).der, der));
                g_assert_cmpint(file_kind(files->pdata[i]), ==, FILE_KIND_CERTIFICATE);
        }
}

static void test_damaged_blocks_are_refused_with_their_line(void)
{
        static const struct {
                const char *text, *part;
        } cases[] = {
                { "one\ntwo\n-----BEGIN CERTIFICATE-----\nMAA=\n", "line 3 does not end" },
                { "-----BEGIN CERTIFICATE-----", "does not end" },
                { "-----BEGIN CERTIFICATE-----\nMAA=\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END "
                  "CERTIFICATE-----\n",
                  "line 1 does not end" },
                { "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n", "does not end" },
                { "-----BEGIN CERTIFICATE-----\nMAA\n-----END CERTIFICATE-----\n", "no base64" },
                { "-----BEGIN CERTIFICATE-----\nMA=A\n-----END CERTIFICATE-----\n", "no base64" },
                { "-----BEGIN CERTIFICATE-----\nM===\n-----END CERTIFICATE-----\n", "no base64" },
                { "-----BEGIN CERTIFICATE-----\nM\xc3\xa4==\n-----END CERTIFICATE-----\n", "no base64" },
                { "-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----\n", "no base64" },
                { "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "no base64" },
                { "-----BEGIN CERTIFICATE-----\n> MAA=\n> -----END CERTIFICATE-----\n", "no base64" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GBytes) file = text(cases[i].text);
                g_autoptr(GError) error = NULL;

                g_assert_null(pem_blocks(file, 9, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
                g_assert_nonnull(strstr(error->message, cases[i].part));
                g_assert_nonnull(strchr(error->message, '\n'));
        }
}

static void test_a_text_without_blocks_has_none(void)
{
        g_autoptr(GBytes) file = text("nothing -----BEGIN here");
        g_autoptr(GArray) blocks = pem_blocks(file, 0, NULL);

        g_assert_cmpuint(blocks->len, ==, 0);
}

/* ---- DER as PEM ---- */

static void test_der_becomes_the_pem_that_others_write(Samples *s, const void *data)
{
        g_autoptr(GBytes) crt = crt_export(s->crt, 0), crq = request_export(s, 0), p7 = pkcs7_export(s, 0);
        g_autoptr(GBytes) wanted = crt_export(s->crt, 1);
        g_autofree char *a = file_to_pem(crt), *b = file_to_pem(crq), *c = file_to_pem(p7);

        g_assert_cmpmem(a, strlen(a), g_bytes_get_data(wanted, NULL), g_bytes_get_size(wanted));
        g_assert_true(g_str_has_prefix(b, "-----BEGIN CERTIFICATE REQUEST-----\n"));
        g_assert_true(g_str_has_prefix(c, "-----BEGIN PKCS7-----\n"));
}

static void test_several_of_der_become_several_blocks(Samples *s, const void *data)
{
        g_autoptr(GBytes) file = together(crt_export(s->crt, 0), pkcs7_export(s, 0), text("\n"), NULL),
                          again = NULL;
        g_autofree char *pem = file_to_pem(file);
        g_autoptr(GArray) blocks = NULL;

        g_assert_nonnull(pem);
        again = text(pem);
        blocks = pem_blocks(again, 9, NULL);
        g_assert_cmpuint(blocks->len, ==, 2);
        g_assert_cmpint(g_array_index(blocks, PemBlock, 0).kind, ==, FILE_KIND_CERTIFICATE);
        g_assert_cmpint(g_array_index(blocks, PemBlock, 1).kind, ==, FILE_KIND_PKCS7);
}

/* As "cat chain.pem web.der intermediate.p7b" makes it. */
static void test_der_and_pem_in_one_file_become_blocks(Samples *s, const void *data)
{
        static const FileKind wanted[] = { FILE_KIND_CERTIFICATE, FILE_KIND_CERTIFICATE, FILE_KIND_PKCS7,
                                           FILE_KIND_CERTIFICATE, FILE_KIND_CERTIFICATE };
        g_autoptr(GBytes) file =
                together(crt_export(s->crt, 0), crt_export(s->crt, 1), pkcs7_export(s, 0),
                         crt_export(s->crt, 0), text("\n"), crt_export(s->crt, 1), text("regards\n"), NULL);
        g_autofree char *pem = file_to_pem(file);
        g_autoptr(GBytes) again = text(pem);
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) blocks = pem_blocks(again, 9, &error);

        g_assert_no_error(error);
        g_assert_cmpuint(blocks->len, ==, G_N_ELEMENTS(wanted));
        for (unsigned i = 0; i < blocks->len; i++)
                g_assert_cmpint(g_array_index(blocks, PemBlock, i).kind, ==, wanted[i]);
}

static void test_pem_stays_and_can_travel_on_the_bus(Samples *s, const void *data)
{
        g_autoptr(GBytes) plain = together(text("Subject: x\n"), crt_export(s->crt, 1), NULL), odd = NULL;
        g_autofree char *same = file_to_pem(plain), *ascii = NULL;

        g_assert_cmpmem(same, strlen(same), g_bytes_get_data(plain, NULL), g_bytes_get_size(plain));
        odd = together(g_bytes_new("M\xfcller \x1b[31m\0\n", 14), crt_export(s->crt, 1), NULL);
        ascii = file_to_pem(odd);
        g_assert_true(g_str_is_ascii(ascii));
        g_assert_true(g_str_has_prefix(ascii, "M?ller ?[31m\n-----BEGIN CERTIFICATE-----\n"));
}

static void test_what_is_not_for_a_ca_becomes_nothing(Samples *s, const void *data)
{
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);

        g_ptr_array_add(files, key_export(s->ec, 0));
        g_ptr_array_add(files, key_export(s->ec, 1));
        g_ptr_array_add(files, together(crt_export(s->crt, 1), key_export(s->ec, 1), NULL));
        g_ptr_array_add(files, together(crt_export(s->crt, 0), key_export(s->ec, 0), NULL));
        g_ptr_array_add(files, pkcs12_export(s, 0));
        g_ptr_array_add(files, list_export(s, 0, 2));
        g_ptr_array_add(files, together(crt_export(s->crt, 0), text("junk"), NULL));
        g_ptr_array_add(files, text("<html>"));
        g_ptr_array_add(files, text(""));
        for (unsigned i = 0; i < files->len; i++)
                g_assert_null(file_to_pem(files->pdata[i]));
}

#define ADD(name, test) g_test_add("/filekind/" name, Samples, NULL, samples_init, test, samples_clear)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("both forms", test_what_is_handed_over_is_known_in_both_forms);
        ADD("private keys", test_private_keys_of_every_form_are_known);
        ADD("private key beside others", test_a_private_key_is_found_beside_other_things);
        ADD("private key under a false label", test_a_private_key_under_a_false_label_is_one);
        g_test_add_func("/filekind/words", test_words_alone_decide);
        ADD("cut off", test_every_beginning_of_a_certificate_is_something);
        g_test_add_func("/filekind/BER", test_ber_is_known_by_its_beginning);
        g_test_add_func("/filekind/a mebibyte", test_a_mebibyte_takes_the_time_of_a_mebibyte);
        g_test_add_func("/filekind/strings", test_each_kind_has_its_words);
        ADD("blocks in text", test_blocks_are_found_in_text);
        ADD("shared hyphens", test_blocks_that_share_hyphens_are_both_found);
        ADD("line ends", test_blocks_are_found_whatever_the_line_ends);
        g_test_add_func("/filekind/damaged blocks", test_damaged_blocks_are_refused_with_their_line);
        g_test_add_func("/filekind/no blocks", test_a_text_without_blocks_has_none);
        ADD("DER to PEM", test_der_becomes_the_pem_that_others_write);
        ADD("several of DER", test_several_of_der_become_several_blocks);
        ADD("DER and PEM", test_der_and_pem_in_one_file_become_blocks);
        ADD("PEM stays", test_pem_stays_and_can_travel_on_the_bus);
        ADD("nothing for a CA", test_what_is_not_for_a_ca_becomes_nothing);
        return g_test_run();
}
