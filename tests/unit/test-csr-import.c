/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Imports: every form in which a CA's answer comes back, and every way in which it can be the wrong file. The
 * CAs are made here, by GnuTLS; where others make files, by openssl(1). */

#include "common/error.h"
#include "tests/unit/corp.h"
#include "tests/unit/fixture.h"

#include <gnutls/pkcs12.h>
#include <string.h>

/* ---- Forms ---- */

static void test_pem_in_any_order_with_text_around(Corp *c, const void *data)
{
        assert_imports(c, pki_pem(c->leaf, c->middle, NULL));
        assert_imports(c, pki_pem(c->middle, c->leaf, NULL));
        assert_imports(c, pki_pem(c->root, c->middle, c->leaf, NULL));
        assert_imports(c, pki_pem(c->leaf, c->leaf, c->middle, c->middle, c->leaf, NULL));
        assert_imports(c, bytes_joined(bytes_of("Sehr geehrter Herr M\xfcller,\r\n\r\n-- anbei\r\n"),
                                       pki_pem(c->middle, c->leaf, NULL)));
        assert_imports(
                c, bytes_joined(pki_pem(c->leaf, c->middle, NULL), bytes_of("-----BEGIN nothing\n\0after")));
}

static void test_der_and_pkcs7(Corp *c, const void *data)
{
        assert_imports(c, bytes_joined(g_bytes_ref(c->leaf->der), g_bytes_ref(c->middle->der)));
        assert_imports(c, pki_pkcs7(GNUTLS_X509_FMT_DER, c->leaf, c->middle, NULL));
        assert_imports(c, pki_pkcs7(GNUTLS_X509_FMT_PEM, c->root, c->middle, c->leaf, NULL));
        assert_imports(c, bytes_joined(pki_pem(c->leaf, NULL),
                                       pki_pkcs7(GNUTLS_X509_FMT_PEM, c->middle, c->root, NULL)));
}

static void test_a_leaf_alone_where_its_issuer_is_trusted(Corp *c, const void *data)
{
        g_autoptr(ImportedChain) chain = NULL;
        const PkiEntity *root[] = { c->middle };

        corp_write_roots(c, c->middle->pem, 0644);
        chain = corp_import(c, g_bytes_ref(c->leaf->der));
        assert_chain(chain, c->leaf);
        corp_assert_list(chain->roots, root, 1);
}

static void test_utf16_and_windows_line_ends(Corp *c, const void *data)
{
        g_autoptr(GBytes) pem = pki_pem(c->leaf, c->middle, NULL);
        g_autofree char *all = g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));
        g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
        g_autofree char *dos = g_strjoinv("\r\n", lines);
        gsize size;
        char *wide = g_convert(dos, -1, "UTF-16LE", "UTF-8", NULL, &size, NULL);

        assert_imports(c, bytes_of(dos));
        assert_imports(c, bytes_joined(bytes_of("\xef\xbb\xbf"), bytes_of(dos)));
        assert_imports(c, bytes_joined(g_bytes_new("\xff\xfe", 2), g_bytes_new_take(wide, size)));
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
        g_autoptr(ImportedChain) chain = corp_import(c, pki_pem(c->leaf, longer, c->middle, NULL)),
                                 trusted = NULL;

        assert_chain(chain, longer, c->middle);
        trusted = corp_import(c, pki_pem(longest, c->leaf, longer, c->middle, NULL));
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
        g_autoptr(GBytes) key = corp_key_pem(c);
        g_autofree char *secret = g_strndup((const char *) g_bytes_get_data(key, NULL) + 40, 30);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) mixed = bytes_joined(pki_pem(c->leaf, c->middle, NULL), g_bytes_ref(key));

        assert_bad(c, bytes_of(""), "an empty file", "Get the file again");
        assert_bad(c, bytes_of("\r\n\r\n"), "an empty file", NULL);
        assert_bad(c, bytes_of("<!DOCTYPE html><title>Sign in</title>"), "a web page",
                   "Save the certificate itself");
        assert_bad(c, bytes_of("please find attached\n"), "a text", "-----BEGIN CERTIFICATE-----");
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
        assert_bad(c, bytes_of("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), "number 1",
                   "cannot be read");
        assert_bad(c, bytes_of("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n"), "PKCS#7 cannot be read",
                   NULL);
        assert_bad(
                c,
                bytes_joined(pki_pem(c->leaf, NULL),
                             bytes_of("-----BEGIN CERTIFICATE-----\n\xff\xff\n-----END CERTIFICATE-----\n")),
                "no base64", NULL);
}

static void test_certificates_of_other_keys_are_named(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) other = pki_new("mail", &(PkiWish){ .issuer = c->middle });
        g_autoptr(PkiEntity) own = pki_new("router", &(PkiWish){ 0 });
        g_autoptr(PkiEntity) bare = pki_new("bare", &(PkiWish){ .issuer = c->middle, .subject = "" });
        g_autoptr(PkiEntity) odd =
                pki_new("odd", &(PkiWish){ .issuer = c->middle, .subject = "CN=a\xe2\x80\xae\x1b[31m" });

        assert_bad(c, pki_pem(other, c->middle, NULL), "only for other keys: \"CN=mail\" (key ",
                   "certctl csr");
        assert_bad(c, pki_pem(c->middle, c->root, NULL), "\"CN=Corp Issuing CA\"", NULL);
        assert_bad(c, pki_pem(own, NULL), "\"CN=router\" (signed by itself, key ", NULL);
        assert_bad(c, pki_pem(odd, NULL), "only for other keys: \"CN=a??[31m\" (key ", NULL);
        assert_bad(c, pki_pem(bare, NULL), "only for other keys: \"bare.example\" (key ", NULL);
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

        assert_bad(c, bytes_joined(pki_pem(c->leaf, c->middle, NULL), bytes_of(junk)), "larger than 1 MiB",
                   NULL);
        assert_bad(c, bytes_of(large), "a certificate of more than 64 KiB", NULL);
        for (unsigned i = 0; i < IMPORT_CERTIFICATES_MAX + 1; i++) {
                g_autoptr(PkiEntity) other = pki_new("x", &(PkiWish){ .issuer = c->middle, .key = c->key });

                g_byte_array_append(all, g_bytes_get_data(other->pem, NULL),
                                    (unsigned) g_bytes_get_size(other->pem));
        }
        assert_bad(c, g_bytes_new(all->data, all->len), "more than 256", NULL);
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
        assert_imports(c, bytes_joined(openssl(c, "x509 -in leaf.pem -text"),
                                       openssl(c, "x509 -in middle.pem -text")));
        assert_imports(
                c,
                bytes_joined(openssl(c, "x509 -in leaf.pem -trustout"),
                             openssl(c, "x509 -in middle.pem -addtrust serverAuth -setalias x -trustout")));
        assert_imports(c, bytes_joined(openssl(c, "x509 -in leaf.pem -outform DER"),
                                       openssl(c, "x509 -in middle.pem")));
        assert_imports(c,
                       openssl(c, "crl2pkcs7 -nocrl -certfile chain.pem | openssl pkcs7 -print_certs -text"));
}

/* CMS that was signed and streamed is BER: its lengths are said by their ends. */
static void test_signed_cms_in_ber_is_read(Corp *c, const void *data)
{
        g_autoptr(GBytes) words = bytes_of("hello\n"), key = corp_key_pem(c);

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
        CORP_ADD("PEM", test_pem_in_any_order_with_text_around);
        CORP_ADD("DER and PKCS#7", test_der_and_pkcs7);
        CORP_ADD("a leaf alone", test_a_leaf_alone_where_its_issuer_is_trusted);
        CORP_ADD("UTF-16 and Windows", test_utf16_and_windows_line_ends);
        CORP_ADD("the current key", test_the_current_key_is_told_apart);
        CORP_ADD("several for one key", test_of_several_for_one_key_the_last_to_end_is_taken);
        CORP_ADD("other kinds", test_a_file_of_another_kind_is_named);
        CORP_ADD("damaged", test_damaged_files_are_refused);
        CORP_ADD("other keys", test_certificates_of_other_keys_are_named);
        CORP_ADD("many other keys", test_of_many_other_keys_three_are_named);
        CORP_ADD("signed by itself", test_one_that_signed_itself_is_none);
        CORP_ADD("too much", test_too_much_is_refused);
        CORP_ADD("openssl", test_what_openssl_writes_is_read);
        CORP_ADD("CMS", test_signed_cms_in_ber_is_read);
        return g_test_run();
}
