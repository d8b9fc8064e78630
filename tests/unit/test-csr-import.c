/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Imports: every form in which a CA's answer comes back, every way in which it can be the wrong file, and the
 * way to a root. The CAs are made here, by GnuTLS; where others make files, by openssl(1). */

#include "common/error.h"
#include "common/names.h"
#include "issuers/csr/import.h"
#include "issuers/csr/roots.h"
#include "tests/unit/fixture.h"
#include "tests/unit/pki.h"

#include <gnutls/pkcs12.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ROOTS_PATH "/etc/ssl/corp.pem"
#define DAY        (24 * 60 * 60)

/* A root, an intermediate below it, and a leaf for the key of a request. */
typedef struct Corp {
        char *folder;
        CsrOptions *options;
        gnutls_x509_privkey_t key;
        gnutls_pubkey_t public_key;
        PkiEntity *root, *middle, *leaf;
} Corp;

static void write_roots(const Corp *c, GBytes *content, mode_t mode)
{
        g_autofree char *path = fixture_path(c->folder, ROOTS_PATH);
        g_autoptr(GError) error = NULL;

        g_file_set_contents(path, g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content),
                            &error);
        g_assert_no_error(error);
        g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

static void corp_init(Corp *c, const void *data)
{
        g_autoptr(GError) error = NULL;

        c->folder = fixture_root_new();
        fixture_make_folder(c->folder, "/etc/ssl", 0755);
        c->options = csr_options_new("{\"name\":\"corp\",\"type\":\"csr\",\"roots\":\"" ROOTS_PATH
                                     "\",\"environment\":\"production\"}",
                                     &error);
        g_assert_no_error(error);
        c->key = pki_key_new();
        c->public_key = pki_public_key(c->key);
        c->root = pki_new("Corp Root", &(PkiWish){ .is_ca = true });
        c->middle = pki_new("Corp Issuing CA", &(PkiWish){ .is_ca = true, .issuer = c->root });
        c->leaf = pki_new("web", &(PkiWish){ .issuer = c->middle, .key = c->key });
        write_roots(c, c->root->pem, 0644);
}

static void corp_clear(Corp *c, const void *data)
{
        pki_free(c->root);
        pki_free(c->middle);
        pki_free(c->leaf);
        gnutls_pubkey_deinit(c->public_key);
        gnutls_x509_privkey_deinit(c->key);
        csr_options_free(c->options);
        fixture_root_free(c->folder);
}

/* ---- Judging ---- */

/* Frees `answer`. */
static ImportedChain *imported(const Corp *c, GBytes *answer)
{
        g_autoptr(GError) error = NULL;
        ImportedChain *chain = import_read(c->options, answer, c->public_key, NULL, &error);

        g_assert_no_error(error);
        g_bytes_unref(answer);
        return chain;
}

static void assert_list(GPtrArray *ders, const PkiEntity *const *wanted, unsigned n)
{
        g_assert_cmpuint(ders->len, ==, n);
        for (unsigned i = 0; i < n; i++)
                g_assert_true(g_bytes_equal(ders->pdata[i], wanted[i]->der));
}

#define assert_chain(got, ...)                                                                               \
        G_STMT_START                                                                                         \
        {                                                                                                    \
                const PkiEntity *wanted_[] = { __VA_ARGS__ };                                                \
                                                                                                             \
                assert_list((got)->chain, wanted_, G_N_ELEMENTS(wanted_));                                   \
        }                                                                                                    \
        G_STMT_END

/* Leaf, intermediate, and the root beside them. Frees `answer`. */
static void assert_imports(const Corp *c, GBytes *answer)
{
        g_autoptr(ImportedChain) chain = imported(c, answer);
        const PkiEntity *root[] = { c->root };

        assert_chain(chain, c->leaf, c->middle);
        assert_list(chain->roots, root, 1);
        g_assert_false(chain->is_current);
}

/* The message has both parts, and a hint. Frees `answer`. */
static void assert_refused(const Corp *c, GBytes *answer, const char *part, const char *other)
{
        g_autoptr(GError) error = NULL;
        const char *line;

        g_assert_null(import_read(c->options, answer, c->public_key, NULL, &error));
        g_assert_nonnull(error);
        line = strchr(error->message, '\n');
        if (!strstr(error->message, part) || (other && !strstr(error->message, other)) || !line || !line[1])
                g_error("\"%s\" has no \"%s\" and \"%s\", or no hint", error->message, part, other ?: "");
        g_assert_cmpint(error->domain, ==, CERT_ERROR);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_bytes_unref(answer);
}

static void assert_bad(const Corp *c, GBytes *answer, const char *part, const char *other)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(import_read(c->options, answer, c->public_key, NULL, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        assert_refused(c, answer, part, other);
}

static GBytes *text(const char *s)
{
        return g_bytes_new(s, strlen(s));
}

/* Frees both. */
static GBytes *joined(GBytes *a, GBytes *b)
{
        GByteArray *all = g_byte_array_new();

        g_byte_array_append(all, g_bytes_get_data(a, NULL), (unsigned) g_bytes_get_size(a));
        g_byte_array_append(all, g_bytes_get_data(b, NULL), (unsigned) g_bytes_get_size(b));
        g_bytes_unref(a);
        g_bytes_unref(b);
        return g_byte_array_free_to_bytes(all);
}

/* ---- Forms ---- */

static void test_pem_in_any_order_with_text_around(Corp *c, const void *data)
{
        assert_imports(c, pki_pem(c->leaf, c->middle, NULL));
        assert_imports(c, pki_pem(c->middle, c->leaf, NULL));
        assert_imports(c, pki_pem(c->root, c->middle, c->leaf, NULL));
        assert_imports(c, pki_pem(c->leaf, c->leaf, c->middle, c->middle, c->leaf, NULL));
        assert_imports(c, joined(text("Sehr geehrter Herr M\xfcller,\r\n\r\n-- anbei\r\n"),
                                 pki_pem(c->middle, c->leaf, NULL)));
        assert_imports(c, joined(pki_pem(c->leaf, c->middle, NULL), text("-----BEGIN nothing\n\0after")));
}

static void test_der_and_pkcs7(Corp *c, const void *data)
{
        assert_imports(c, joined(g_bytes_ref(c->leaf->der), g_bytes_ref(c->middle->der)));
        assert_imports(c, pki_pkcs7(GNUTLS_X509_FMT_DER, c->leaf, c->middle, NULL));
        assert_imports(c, pki_pkcs7(GNUTLS_X509_FMT_PEM, c->root, c->middle, c->leaf, NULL));
        assert_imports(
                c, joined(pki_pem(c->leaf, NULL), pki_pkcs7(GNUTLS_X509_FMT_PEM, c->middle, c->root, NULL)));
}

static void test_a_leaf_alone_where_its_issuer_is_trusted(Corp *c, const void *data)
{
        g_autoptr(ImportedChain) chain = NULL;
        const PkiEntity *root[] = { c->middle };

        write_roots(c, c->middle->pem, 0644);
        chain = imported(c, g_bytes_ref(c->leaf->der));
        assert_chain(chain, c->leaf);
        assert_list(chain->roots, root, 1);
}

static void test_utf16_and_windows_line_ends(Corp *c, const void *data)
{
        g_autoptr(GBytes) pem = pki_pem(c->leaf, c->middle, NULL);
        g_autofree char *all = g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));
        g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
        g_autofree char *dos = g_strjoinv("\r\n", lines);
        gsize size;
        char *wide = g_convert(dos, -1, "UTF-16LE", "UTF-8", NULL, &size, NULL);

        assert_imports(c, text(dos));
        assert_imports(c, joined(text("\xef\xbb\xbf"), text(dos)));
        assert_imports(c, joined(g_bytes_new("\xff\xfe", 2), g_bytes_new_take(wide, size)));
}

static void test_the_current_key_is_told_apart(Corp *c, const void *data)
{
        gnutls_x509_privkey_t newer = pki_key_new();
        gnutls_pubkey_t public_key = pki_public_key(newer);
        g_autoptr(PkiEntity) renewed = pki_new("web", &(PkiWish){ .issuer = c->middle, .key = newer });
        g_autoptr(GBytes) old = pki_pem(c->leaf, c->middle, NULL),
                          both = pki_pem(c->leaf, renewed, c->middle, NULL);
        g_autoptr(ImportedChain) a = NULL, b = NULL;
        g_autoptr(GError) error = NULL;

        a = import_read(c->options, old, public_key, c->public_key, &error);
        g_assert_no_error(error);
        g_assert_true(a->is_current);
        assert_chain(a, c->leaf, c->middle);
        b = import_read(c->options, both, public_key, c->public_key, &error);
        g_assert_no_error(error);
        g_assert_false(b->is_current);
        assert_chain(b, renewed, c->middle);
        gnutls_pubkey_deinit(public_key);
        gnutls_x509_privkey_deinit(newer);
}

static void test_of_several_for_one_key_the_last_to_end_is_taken(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) longer = pki_new(
                "web", &(PkiWish){ .issuer = c->middle, .key = c->key, .to = time(NULL) + 300 * DAY });
        g_autoptr(PkiEntity) foreign_root = pki_new("Other Root", &(PkiWish){ .is_ca = true });
        g_autoptr(PkiEntity) longest = pki_new(
                "web", &(PkiWish){ .issuer = foreign_root, .key = c->key, .to = time(NULL) + 900 * DAY });
        g_autoptr(ImportedChain) chain = imported(c, pki_pem(c->leaf, longer, c->middle, NULL)),
                                 trusted = NULL;

        assert_chain(chain, longer, c->middle);
        trusted = imported(c, pki_pem(longest, c->leaf, longer, c->middle, NULL));
        assert_chain(trusted, longer, c->middle);
}

/* ---- The wrong file ---- */

static GBytes *request_pem(const Corp *c)
{
        gnutls_x509_crq_t crq;
        gnutls_datum_t d;

        g_assert_cmpint(gnutls_x509_crq_init(&crq), ==, 0);
        g_assert_cmpint(gnutls_x509_crq_set_key(crq, c->key), ==, 0);
        g_assert_cmpint(gnutls_x509_crq_set_dn(crq, "CN=web", NULL), ==, 0);
        g_assert_cmpint(gnutls_x509_crq_sign2(crq, c->key, GNUTLS_DIG_SHA256, 0), ==, 0);
        g_assert_cmpint(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &d), ==, 0);
        gnutls_x509_crq_deinit(crq);
        return g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data);
}

static GBytes *key_pem(const Corp *c)
{
        gnutls_datum_t d;

        g_assert_cmpint(gnutls_x509_privkey_export2(c->key, GNUTLS_X509_FMT_PEM, &d), ==, 0);
        return g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data);
}

static GBytes *pkcs12_der(const Corp *c)
{
        gnutls_pkcs12_t p12;
        gnutls_pkcs12_bag_t bag;
        gnutls_datum_t d;

        g_assert_cmpint(gnutls_pkcs12_init(&p12), ==, 0);
        g_assert_cmpint(gnutls_pkcs12_bag_init(&bag), ==, 0);
        g_assert_cmpint(gnutls_pkcs12_bag_set_crt(bag, c->leaf->crt), >=, 0);
        g_assert_cmpint(gnutls_pkcs12_set_bag(p12, bag), ==, 0);
        g_assert_cmpint(gnutls_pkcs12_generate_mac(p12, "secret"), ==, 0);
        g_assert_cmpint(gnutls_pkcs12_export2(p12, GNUTLS_X509_FMT_DER, &d), ==, 0);
        gnutls_pkcs12_bag_deinit(bag);
        gnutls_pkcs12_deinit(p12);
        return g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data);
}

static void test_a_file_of_another_kind_is_named(Corp *c, const void *data)
{
        g_autoptr(GBytes) key = key_pem(c);
        g_autofree char *secret = g_strndup((const char *) g_bytes_get_data(key, NULL) + 40, 30);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) mixed = joined(pki_pem(c->leaf, c->middle, NULL), g_bytes_ref(key));

        assert_bad(c, text(""), "an empty file", "Get the file again");
        assert_bad(c, text("\r\n\r\n"), "an empty file", NULL);
        assert_bad(c, text("<!DOCTYPE html><title>Sign in</title>"), "a web page",
                   "Save the certificate itself");
        assert_bad(c, text("please find attached\n"), "a text", "-----BEGIN CERTIFICATE-----");
        assert_bad(c, g_bytes_new("\x89PNG\r\n\x1a\n\0\0", 10), "a binary file", NULL);
        assert_bad(c, request_pem(c), "a certificate signing request", "Send it to the CA");
        assert_bad(c, pkcs12_der(c), "a PKCS#12 file", NULL);
        assert_bad(c, g_bytes_ref(key), "a private key in it: never give it to anybody", "Nobody needs it");
        g_assert_null(import_read(c->options, mixed, c->public_key, NULL, &error));
        g_assert_nonnull(strstr(error->message, "private key"));
        g_assert_null(strstr(error->message, secret));
}

static void test_damaged_files_are_refused(Corp *c, const void *data)
{
        g_autoptr(GBytes) p7 = pki_pkcs7(GNUTLS_X509_FMT_DER, c->leaf, c->middle, NULL);
        size_t size = g_bytes_get_size(c->leaf->pem);

        assert_bad(c, g_bytes_new_from_bytes(c->leaf->pem, 0, size - 10), "does not end", "cut off");
        assert_bad(c, g_bytes_new_from_bytes(p7, 0, g_bytes_get_size(p7) - 1), "a binary file", "cut off");
        assert_bad(c, g_bytes_new_from_bytes(c->leaf->der, 0, g_bytes_get_size(c->leaf->der) - 1),
                   "a binary file", NULL);
        assert_bad(c, text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), "number 1",
                   "cannot be read");
        assert_bad(c, text("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n"), "PKCS#7 cannot be read",
                   NULL);
        assert_bad(c,
                   joined(pki_pem(c->leaf, NULL),
                          text("-----BEGIN CERTIFICATE-----\n\xff\xff\n-----END CERTIFICATE-----\n")),
                   "no base64", NULL);
}

static void test_certificates_of_other_keys_are_named(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) other = pki_new("mail", &(PkiWish){ .issuer = c->middle });
        g_autoptr(PkiEntity) own = pki_new("router", &(PkiWish){ 0 });
        g_autoptr(PkiEntity) odd =
                pki_new("odd", &(PkiWish){ .issuer = c->middle, .subject = "CN=a\xe2\x80\xae\x1b[31m" });

        assert_bad(c, pki_pem(other, c->middle, NULL), "only for other keys: \"CN=mail\" (key ", "certctl csr");
        assert_bad(c, pki_pem(c->middle, c->root, NULL), "\"CN=Corp Issuing CA\"", NULL);
        assert_bad(c, pki_pem(own, NULL), "\"CN=router\" (signed by itself, key ", NULL);
        assert_bad(c, pki_pem(odd, NULL), "only for other keys: \"CN=a??[31m\" (key ", NULL);
}

static void test_of_many_other_keys_three_are_named(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) a = pki_new("a", &(PkiWish){ .issuer = c->middle });
        g_autoptr(PkiEntity) b = pki_new("b", &(PkiWish){ .issuer = c->middle });
        g_autoptr(PkiEntity) d = pki_new("d", &(PkiWish){ .issuer = c->middle });
        g_autoptr(PkiEntity) e = pki_new("e", &(PkiWish){ .issuer = c->middle });
        g_autoptr(PkiEntity) f = pki_new("f", &(PkiWish){ .issuer = c->middle });

        assert_bad(c, pki_pem(a, b, d, e, f, c->middle, NULL), " and 2 more\n", NULL);
}

static void test_one_that_signed_itself_is_none(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) own = pki_new("web", &(PkiWish){ .key = c->key });

        assert_bad(c, pki_pem(own, NULL), "\"CN=web\" is signed by itself",
                   "Have the request signed by a CA");
}

static void test_too_much_is_refused(Corp *c, const void *data)
{
        g_autofree char *junk = g_strnfill(1024 * 1024, ' '), *line = g_strnfill(88 * 1024, 'A');
        g_autofree char *large =
                g_strdup_printf("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", line);
        g_autoptr(GByteArray) all = g_byte_array_new();

        assert_bad(c, joined(pki_pem(c->leaf, c->middle, NULL), text(junk)), "larger than 1 MiB", NULL);
        assert_bad(c, text(large), "a certificate of more than 64 KiB", NULL);
        for (unsigned i = 0; i < IMPORT_CERTIFICATES_MAX + 1; i++) {
                g_autoptr(PkiEntity) other = pki_new("x", &(PkiWish){ .issuer = c->middle, .key = c->key });

                g_byte_array_append(all, g_bytes_get_data(other->pem, NULL),
                                    (unsigned) g_bytes_get_size(other->pem));
        }
        assert_bad(c, g_bytes_new(all->data, all->len), "more than 256", NULL);
}

/* ---- The way to a root ---- */

static void test_a_missing_intermediate_is_named(Corp *c, const void *data)
{
        assert_bad(c, pki_pem(c->leaf, NULL),
                   "the certificate of \"CN=Corp Issuing CA\", which issued \"CN=web\", is missing",
                   "certctl import NAME FILE CHAIN");
        assert_bad(c, pki_pem(c->leaf, c->root, NULL), "among the roots in " ROOTS_PATH, NULL);
}

static void test_a_root_that_is_not_trusted_is_named(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) root = pki_new("Other Root", &(PkiWish){ .is_ca = true });
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish){ .issuer = root, .key = c->key });

        assert_bad(c, pki_pem(leaf, root, NULL), "it leads to the root \"CN=Other Root\" (SHA-256 ",
                   "put its certificate into " ROOTS_PATH);
        assert_bad(c, pki_pem(leaf, NULL), "the certificate of \"CN=Other Root\"", "is missing");
}

/* Of the same name as a root that is trusted. */
static void test_a_false_root_of_the_same_name_is_found_out(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) root =
                pki_new("Corp Root", &(PkiWish){ .is_ca = true, .without_identifiers = true });
        g_autoptr(PkiEntity) leaf =
                pki_new("web", &(PkiWish){ .issuer = root, .key = c->key, .without_identifiers = true });

        assert_bad(c, pki_pem(leaf, root, NULL),
                   "the signature of \"CN=web\" is not that of \"CN=Corp Root\"", NULL);
}

static void test_a_forged_signature_is_found_out(Corp *c, const void *data)
{
        gnutls_x509_privkey_t stranger = pki_key_new();
        g_autoptr(PkiEntity) leaf =
                pki_new("web", &(PkiWish){ .issuer = c->middle, .key = c->key, .signer = stranger });
        g_autoptr(PkiEntity) middle = pki_new(
                "Corp Issuing CA",
                &(PkiWish){ .issuer = c->root, .is_ca = true, .key = c->middle->key, .signer = stranger });

        assert_bad(c, pki_pem(leaf, c->middle, NULL),
                   "the signature of \"CN=web\" is not that of \"CN=Corp Issuing CA\"", "damaged");
        assert_bad(c, pki_pem(c->leaf, middle, NULL),
                   "the signature of \"CN=Corp Issuing CA\" is not that of \"CN=Corp Root\"", "damaged");
        gnutls_x509_privkey_deinit(stranger);
}

/* A certificate that may sign nothing, in the place of a CA's. */
static void test_a_leaf_signs_nothing(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish){ .issuer = c->middle });
        g_autoptr(PkiEntity) below = pki_new("web2", &(PkiWish){ .issuer = leaf, .key = c->key });

        assert_bad(c, pki_pem(below, leaf, c->middle, NULL), "its chain is not valid", NULL);
}

static void test_name_constraints_are_kept(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) bound = pki_new(
                "Bound CA", &(PkiWish){ .issuer = c->root, .is_ca = true, .permitted = "example.org" });
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish){ .issuer = bound, .key = c->key });

        assert_bad(c, pki_pem(leaf, bound, NULL), "its chain is not valid", "constraints");
}

static void test_what_is_over_is_passed_by(Corp *c, const void *data)
{
        time_t now = time(NULL);
        g_autoptr(PkiEntity) old = pki_new("Corp Issuing CA", &(PkiWish){ .issuer = c->root,
                                                                          .is_ca = true,
                                                                          .key = c->middle->key,
                                                                          .from = now - 9 * DAY,
                                                                          .to = now - DAY });
        g_autoptr(PkiEntity) young = pki_new("Corp Issuing CA", &(PkiWish){ .issuer = c->root,
                                                                            .is_ca = true,
                                                                            .key = c->middle->key,
                                                                            .from = now + DAY,
                                                                            .to = now + 999 * DAY });

        assert_imports(c, pki_pem(old, young, c->leaf, c->middle, NULL));
        assert_bad(c, pki_pem(old, c->leaf, NULL),
                   "the certificate of \"CN=Corp Issuing CA\", of its chain, ended at", NULL);
        assert_bad(c, pki_pem(young, c->leaf, NULL), "is not valid before", "clock");
}

static void test_a_root_that_is_over_vouches_for_nothing(Corp *c, const void *data)
{
        time_t now = time(NULL);
        g_autoptr(PkiEntity) old = pki_new(
                "Corp Root",
                &(PkiWish){ .is_ca = true, .key = c->root->key, .from = now - 9 * DAY, .to = now - DAY });
        g_autoptr(GBytes) both = pki_pem(old, c->root, NULL);

        write_roots(c, both, 0644);
        assert_imports(c, pki_pem(c->leaf, c->middle, NULL));
        write_roots(c, old->pem, 0644);
        assert_bad(c, pki_pem(c->leaf, c->middle, NULL), "\"CN=Corp Root\"", "ended at");
}

/* The issuing CA has two certificates, of two roots; only one of these is trusted. */
static void test_a_cross_signed_intermediate_is_led_home(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) foreign =
                pki_new("Foreign Root", &(PkiWish){ .is_ca = true, .to = time(NULL) + 9999 * DAY });
        g_autoptr(PkiEntity) cross = pki_new("Corp Issuing CA", &(PkiWish){ .issuer = foreign,
                                                                            .is_ca = true,
                                                                            .key = c->middle->key,
                                                                            .to = time(NULL) + 999 * DAY });

        assert_imports(c, pki_pem(c->leaf, cross, foreign, c->middle, NULL));
        assert_imports(c, pki_pem(foreign, cross, c->root, c->middle, c->leaf, NULL));
}

/* The new root stands in the file; what the CA sends has it signed by the old one. */
static void test_a_root_that_was_cross_signed_is_known(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) old = pki_new("Old Root", &(PkiWish){ .is_ca = true });
        g_autoptr(PkiEntity) cross =
                pki_new("Corp Root", &(PkiWish){ .issuer = old, .is_ca = true, .key = c->root->key });
        g_autoptr(ImportedChain) chain = NULL;

        assert_imports(c, pki_pem(c->leaf, c->middle, cross, old, NULL));
        write_roots(c, old->pem, 0644);
        chain = imported(c, pki_pem(c->leaf, c->middle, cross, old, NULL));
        assert_chain(chain, c->leaf, c->middle, cross);
}

/* CAs that signed one another, which lead nowhere. */
static void test_a_circle_ends(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) seed = pki_new("A", &(PkiWish){ .is_ca = true });
        g_autoptr(PkiEntity) b = pki_new("B", &(PkiWish){ .is_ca = true, .issuer = seed });
        g_autoptr(PkiEntity) a = pki_new("A", &(PkiWish){ .is_ca = true, .issuer = b, .key = seed->key });
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish){ .issuer = a, .key = c->key });

        assert_bad(c, pki_pem(leaf, a, b, NULL), "does not lead to a root", NULL);
}

static void destroy_entity(gpointer p)
{
        pki_free(p);
}

static void test_a_path_may_be_as_long_as_gnutls_allows(Corp *c, const void *data)
{
        g_autoptr(GPtrArray) cas = g_ptr_array_new_with_free_func(destroy_entity);
        const PkiEntity *above = c->root;
        GByteArray *all = g_byte_array_new();
        g_autoptr(GBytes) answer = NULL;
        g_autoptr(ImportedChain) chain = NULL;

        for (unsigned i = 0; i < CHAIN_MAX; i++) {
                g_autofree char *name = g_strdup_printf("CA %u", i);

                above = pki_new(name, &(PkiWish){ .is_ca = true, .issuer = above });
                g_ptr_array_add(cas, (void *) above);
                g_byte_array_append(all, g_bytes_get_data(above->pem, NULL),
                                    (unsigned) g_bytes_get_size(above->pem));
        }
        answer = g_byte_array_free_to_bytes(all);
        for (unsigned depth = CHAIN_MAX - 2; depth <= CHAIN_MAX - 1; depth++) {
                g_autoptr(PkiEntity) leaf =
                        pki_new("web", &(PkiWish){ .issuer = cas->pdata[depth], .key = c->key });
                GBytes *file = joined(g_bytes_ref(leaf->pem), g_bytes_ref(answer));

                if (depth == CHAIN_MAX - 1) {
                        assert_bad(c, file, "longer than 16", NULL);
                        continue;
                }
                chain = imported(c, file);
                g_assert_cmpuint(chain->chain->len, ==, CHAIN_MAX);
        }
}

/* Of this process alone, whatever else the machine does. */
static double seconds_since(clock_t begin)
{
        return (double) (clock() - begin) / CLOCKS_PER_SEC;
}

static void test_200_in_pkcs7_are_no_burden(Corp *c, const void *data)
{
        gnutls_pkcs7_t p7;
        gnutls_datum_t d;
        clock_t begin;

        g_assert_cmpint(gnutls_pkcs7_init(&p7), ==, 0);
        for (unsigned i = 0; i < 198; i++) {
                g_autoptr(PkiEntity) other =
                        pki_new("Corp Issuing CA", &(PkiWish){ .issuer = c->root, .is_ca = true });

                g_assert_cmpint(gnutls_pkcs7_set_crt(p7, other->crt), ==, 0);
        }
        g_assert_cmpint(gnutls_pkcs7_set_crt(p7, c->leaf->crt), ==, 0);
        g_assert_cmpint(gnutls_pkcs7_set_crt(p7, c->middle->crt), ==, 0);
        g_assert_cmpint(gnutls_pkcs7_export2(p7, GNUTLS_X509_FMT_DER, &d), ==, 0);
        gnutls_pkcs7_deinit(p7);
        begin = clock();
        assert_imports(c, g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data));
        g_test_message("%.3f s", seconds_since(begin));
        g_assert_cmpfloat(seconds_since(begin), <, 10); /* 0.1 with sanitizers */
}

/* All of one name, without key identifiers: each could have signed each. */
static void test_a_file_that_is_made_to_be_slow_is_not(Corp *c, const void *data)
{
        GByteArray *all = g_byte_array_new();
        clock_t begin;
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish){ .subject = "CN=Corp Root",
                                                               .issuer = c->root,
                                                               .key = c->key,
                                                               .signer = c->middle->key,
                                                               .without_identifiers = true });

        g_byte_array_append(all, g_bytes_get_data(leaf->pem, NULL), (unsigned) g_bytes_get_size(leaf->pem));
        for (unsigned i = 0; i < IMPORT_CERTIFICATES_MAX - 1; i++) {
                g_autoptr(PkiEntity) other = pki_new("Corp Root", &(PkiWish){ .issuer = c->root,
                                                                              .is_ca = true,
                                                                              .key = c->middle->key,
                                                                              .signer = c->middle->key,
                                                                              .without_identifiers = true });

                g_byte_array_append(all, g_bytes_get_data(other->pem, NULL),
                                    (unsigned) g_bytes_get_size(other->pem));
        }
        begin = clock();
        assert_bad(c, g_byte_array_free_to_bytes(all), "", NULL);
        g_test_message("%.3f s", seconds_since(begin));
        g_assert_cmpfloat(seconds_since(begin), <, 30);
}

/* ---- Environments ---- */

static void test_another_environment_is_refused(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) root =
                pki_new("Test Root", &(PkiWish){ .is_ca = true, .environment = "development" });
        g_autoptr(PkiEntity) plain = pki_new("Issuing CA", &(PkiWish){ .is_ca = true, .issuer = root });
        g_autoptr(PkiEntity) middle = pki_new(
                "Test CA", &(PkiWish){ .is_ca = true, .issuer = c->root, .environment = "development" });
        g_autoptr(PkiEntity) a = pki_new("web", &(PkiWish){ .issuer = plain, .key = c->key });
        g_autoptr(PkiEntity) b = pki_new("web", &(PkiWish){ .issuer = middle, .key = c->key });
        g_autoptr(GBytes) both = pki_pem(c->root, root, NULL);

        write_roots(c, both, 0644);
        assert_bad(
                c, pki_pem(a, plain, NULL),
                "the CA \"CN=Test Root\" is of the environment \"development\", this host of \"production\"",
                NULL);
        assert_bad(c, pki_pem(b, middle, NULL), "the CA \"CN=Test CA\" is of the environment \"development\"",
                   NULL);
        g_clear_pointer(&c->options->environment, g_free);
        assert_bad(c, pki_pem(a, plain, NULL), "the manifest of this host names none", NULL);
        c->options->environment = g_strdup("development");
        imported_chain_free(imported(c, pki_pem(a, plain, NULL)));
        imported_chain_free(imported(c, pki_pem(b, middle, NULL)));
        assert_imports(c, pki_pem(c->leaf, c->middle, NULL));
}

/* ---- The roots file ---- */

static void assert_roots_refused(const Corp *c, const char *part, const char *hint)
{
        g_autoptr(GError) error = NULL;
        g_auto(CertList) roots = { 0 };

        g_assert_false(csr_roots_read(c->options, &roots, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
        if (!strstr(error->message, part) || !strstr(error->message, hint) ||
            !strstr(error->message, ROOTS_PATH))
                g_error("\"%s\" has no \"%s\" and \"%s\"", error->message, part, hint);
        assert_refused(c, pki_pem(c->leaf, c->middle, NULL), part, hint);
}

static void test_a_roots_file_that_cannot_be_used_is_named(Corp *c, const void *data)
{
        g_autofree char *path = fixture_path(c->folder, ROOTS_PATH);
        g_autoptr(GBytes) empty = text(""), words = text("here be roots\n"), key = key_pem(c);
        g_autoptr(GBytes) keyed = joined(g_bytes_ref(c->root->pem), g_bytes_ref(key));

        write_roots(c, c->root->pem, 0666);
        assert_roots_refused(c, "can be written by everybody", "chmod 0644");
        write_roots(c, empty, 0644);
        assert_roots_refused(c, "an empty file", "Put the CA's root certificate there");
        write_roots(c, words, 0644);
        assert_roots_refused(c, "a text", "Put the CA's root certificate there");
        write_roots(c, keyed, 0644);
        assert_roots_refused(c, "a private key", "Put the CA's root certificate there");
        write_roots(c, c->leaf->pem, 0644);
        assert_roots_refused(c, "\"CN=web\" is no CA's certificate", "The root of the CA belongs there");
        g_assert_cmpint(g_unlink(path), ==, 0);
        assert_roots_refused(c, "is not there", "Put the CA's root certificate there");
        g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
        assert_roots_refused(c, "no regular file", "Put the CA's root certificate there");
        g_assert_cmpint(g_rmdir(path), ==, 0);
        g_assert_cmpint(mkfifo(path, 0644), ==, 0);
        assert_roots_refused(c, "no regular file", "Put the CA's root certificate there");
}

static void test_several_roots_are_read(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) other = pki_new("Other Root", &(PkiWish){ .is_ca = true });
        g_autoptr(GBytes) both = joined(text("# ours\n"), pki_pem(other, c->root, other, NULL));
        g_auto(CertList) roots = { 0 };
        g_autoptr(GError) error = NULL;

        write_roots(c, both, 0640);
        g_assert_true(csr_roots_read(c->options, &roots, &error));
        g_assert_cmpuint(roots.n, ==, 2);
        assert_imports(c, pki_pem(c->leaf, c->middle, NULL));
}

static void test_without_a_file_the_host_s_store_counts(Corp *c, const void *data)
{
        g_autofree char *path = fixture_path(c->folder, "/etc/ssl/certs/ca-certificates.crt");
        g_autoptr(GError) error = NULL;
        g_auto(CertList) roots = { 0 };

        g_clear_pointer(&c->options->roots, g_free);
        g_assert_false(csr_roots_read(c->options, &roots, &error));
        g_assert_nonnull(strstr(error->message, "no trust store"));
        fixture_make_folder(c->folder, "/etc/ssl/certs", 0755);
        g_assert_true(g_file_set_contents(path, "", 0, NULL));
        assert_refused(c, pki_pem(c->leaf, c->middle, NULL), "is empty", "update-ca-certificates");
        g_assert_true(g_file_set_contents(path, g_bytes_get_data(c->root->pem, NULL),
                                          (gssize) g_bytes_get_size(c->root->pem), NULL));
        assert_imports(c, pki_pem(c->leaf, c->middle, NULL));
}

/* ---- Files of openssl ---- */

static bool has_openssl(void)
{
        g_autofree char *path = g_find_program_in_path("openssl");

        if (path)
                return true;
        if (g_getenv("CI"))
                g_test_fail_printf("openssl is missing: this was NOT tested");
        else
                g_test_skip("openssl is missing: this was NOT tested");
        return false;
}

static void write_in(const Corp *c, const char *name, GBytes *content)
{
        g_autofree char *path = fixture_path(c->folder, name);

        g_assert_true(g_file_set_contents(path, g_bytes_get_data(content, NULL),
                                          (gssize) g_bytes_get_size(content), NULL));
}

/* What openssl(1) writes to its standard output; the caller's. */
static GBytes *openssl(const Corp *c, const char *arguments)
{
        g_autofree char *line = g_strconcat("sh -c 'exec openssl ", arguments, " >out'", NULL), *path = NULL;
        g_auto(GStrv) argv = NULL;
        g_autoptr(GError) error = NULL;
        char *out;
        gsize size;
        int status;

        g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
        g_assert_true(g_spawn_sync(c->folder, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                                   &status, &error));
        g_assert_true(g_spawn_check_wait_status(status, &error));
        path = fixture_path(c->folder, "/out");
        g_assert_true(g_file_get_contents(path, &out, &size, NULL));
        return g_bytes_new_take(out, size);
}

static void test_what_openssl_writes_is_read(Corp *c, const void *data)
{
        g_autoptr(GBytes) chain = pki_pem(c->leaf, c->middle, c->root, NULL);

        if (!has_openssl())
                return;
        write_in(c, "/leaf.pem", c->leaf->pem);
        write_in(c, "/middle.pem", c->middle->pem);
        write_in(c, "/chain.pem", chain);
        assert_imports(c, openssl(c, "crl2pkcs7 -nocrl -certfile chain.pem"));
        assert_imports(c, openssl(c, "crl2pkcs7 -nocrl -certfile chain.pem -outform DER"));
        assert_imports(
                c, joined(openssl(c, "x509 -in leaf.pem -text"), openssl(c, "x509 -in middle.pem -text")));
        assert_imports(c,
                       joined(openssl(c, "x509 -in leaf.pem -trustout"),
                              openssl(c, "x509 -in middle.pem -addtrust serverAuth -setalias x -trustout")));
        assert_imports(
                c, joined(openssl(c, "x509 -in leaf.pem -outform DER"), openssl(c, "x509 -in middle.pem")));
        assert_imports(c,
                       openssl(c, "crl2pkcs7 -nocrl -certfile chain.pem | openssl pkcs7 -print_certs -text"));
}

/* CMS that was signed and streamed is BER: its lengths are said by their ends. */
static void test_signed_cms_in_ber_is_read(Corp *c, const void *data)
{
        g_autoptr(GBytes) words = text("hello\n"), key = key_pem(c);

        if (!has_openssl())
                return;
        write_in(c, "/leaf.pem", c->leaf->pem);
        write_in(c, "/middle.pem", c->middle->pem);
        write_in(c, "/leaf.key", key);
        write_in(c, "/hello", words);
        assert_imports(c, openssl(c, "cms -sign -in hello -binary -nodetach -signer leaf.pem -inkey leaf.key "
                                     "-certfile middle.pem "
                                     "-outform PEM"));
        assert_imports(c, openssl(c, "cms -sign -stream -in hello -binary -nodetach -signer leaf.pem -inkey "
                                     "leaf.key -certfile "
                                     "middle.pem -outform DER"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/csr-import/" name, Corp, NULL, corp_init, test, corp_clear)
        ADD("PEM", test_pem_in_any_order_with_text_around);
        ADD("DER and PKCS#7", test_der_and_pkcs7);
        ADD("a leaf alone", test_a_leaf_alone_where_its_issuer_is_trusted);
        ADD("UTF-16 and Windows", test_utf16_and_windows_line_ends);
        ADD("the current key", test_the_current_key_is_told_apart);
        ADD("several for one key", test_of_several_for_one_key_the_last_to_end_is_taken);
        ADD("other kinds", test_a_file_of_another_kind_is_named);
        ADD("damaged", test_damaged_files_are_refused);
        ADD("other keys", test_certificates_of_other_keys_are_named);
        ADD("many other keys", test_of_many_other_keys_three_are_named);
        ADD("signed by itself", test_one_that_signed_itself_is_none);
        ADD("too much", test_too_much_is_refused);
        ADD("missing intermediate", test_a_missing_intermediate_is_named);
        ADD("untrusted root", test_a_root_that_is_not_trusted_is_named);
        ADD("false root", test_a_false_root_of_the_same_name_is_found_out);
        ADD("forged signature", test_a_forged_signature_is_found_out);
        ADD("a leaf as CA", test_a_leaf_signs_nothing);
        ADD("name constraints", test_name_constraints_are_kept);
        ADD("expired intermediate", test_what_is_over_is_passed_by);
        ADD("expired root", test_a_root_that_is_over_vouches_for_nothing);
        ADD("cross-signed intermediate", test_a_cross_signed_intermediate_is_led_home);
        ADD("cross-signed root", test_a_root_that_was_cross_signed_is_known);
        ADD("circle", test_a_circle_ends);
        ADD("longest path", test_a_path_may_be_as_long_as_gnutls_allows);
        ADD("200 in PKCS#7", test_200_in_pkcs7_are_no_burden);
        ADD("made to be slow", test_a_file_that_is_made_to_be_slow_is_not);
        ADD("environments", test_another_environment_is_refused);
        ADD("roots file", test_a_roots_file_that_cannot_be_used_is_named);
        ADD("several roots", test_several_roots_are_read);
        ADD("trust store", test_without_a_file_the_host_s_store_counts);
        ADD("openssl", test_what_openssl_writes_is_read);
        ADD("CMS", test_signed_cms_in_ber_is_read);
        return g_test_run();
}
