/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way from a certificate that was brought to a root that is trusted, which may be missing, blocked, a
 * circle, or one among many; and which roots are trusted. */

#include "agent/cert-list.h"
#include "common/error.h"
#include "common/key-effort.h"
#include "issuers/csr/roots.h"
#include "tests/unit/corp.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <gnutls/pkcs7.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* ---- The way to a root ---- */

static void test_a_missing_intermediate_is_named(Corp *c, const void *data)
{
        assert_bad(c, pki_pem(c->leaf, NULL),
                   "the certificate of \"CN=Corp Issuing CA\", which issued \"CN=web\", is missing",
                   "certctl import NAME FILE CHAIN");
        assert_bad(c, pki_pem(c->leaf, c->root, NULL), "among the roots in " CORP_ROOTS, NULL);
}

static void test_a_root_that_is_not_trusted_is_named(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) root = pki_new("Other Root", &(PkiWish){ .is_ca = true });
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish){ .issuer = root, .key = c->key });

        assert_bad(c, pki_pem(leaf, root, NULL), "it leads to the root \"CN=Other Root\" (SHA-256 ",
                   "put its certificate into " CORP_ROOTS);
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

/* Its exponent is as long as its modulus: one of a quarter of a million bits keeps a processor busy for hours. */
static void give_a_long_key(const Corp *c, PkiEntity *e)
{
        unsigned char number[1024];
        gnutls_datum_t n = { number, sizeof(number) };
        gnutls_pubkey_t key;

        memset(number, 0xa5, sizeof(number)); /* odd */
        g_assert_cmpint(gnutls_pubkey_init(&key), >=, 0);
        g_assert_cmpint(gnutls_pubkey_import_rsa_raw(key, &n, &n), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_pubkey(e->crt, key), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_sign2(e->crt, c->root->crt, c->root->key, GNUTLS_DIG_SHA256, 0), >=, 0);
        gnutls_pubkey_deinit(key);
        g_assert_false(cert_key_is_quick(e->crt));
        g_assert_true(cert_key_is_quick(c->root->crt));
}

static void test_a_key_that_takes_hours_is_not_worked_with(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) ca =
                pki_new("Long CA", &(PkiWish){ .issuer = c->root, .is_ca = true, .without_identifiers = true });
        g_autoptr(PkiEntity) leaf =
                pki_new("web", &(PkiWish){ .issuer = ca, .key = c->key, .without_identifiers = true });
        gnutls_x509_crt_t both[] = { leaf->crt, ca->crt };
        g_autofree char *why = NULL;
        g_autoptr(GBytes) all = NULL;
        gnutls_datum_t pem;
        GByteArray *text = g_byte_array_new();

        give_a_long_key(c, ca);
        for (size_t i = 0; i < G_N_ELEMENTS(both); i++) {
                g_assert_cmpint(gnutls_x509_crt_export2(both[i], GNUTLS_X509_FMT_PEM, &pem), >=, 0);
                g_byte_array_append(text, pem.data, pem.size);
                gnutls_free(pem.data);
        }
        all = g_byte_array_free_to_bytes(text);
        assert_bad(c, g_bytes_ref(all), "the key of \"CN=Long CA\" is too long to be worked with", "ask its operator");
        g_assert_false(cert_list_leads_to(&(CertList){ both, 2 }, &(CertList){ &c->root->crt, 1 }, &why));
        g_assert_nonnull(strstr(why, "too long"));
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

        corp_write_roots(c, both, 0644);
        assert_imports(c, pki_pem(c->leaf, c->middle, NULL));
        corp_write_roots(c, old->pem, 0644);
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
        corp_write_roots(c, old->pem, 0644);
        chain = corp_import(c, pki_pem(c->leaf, c->middle, cross, old, NULL));
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
                GBytes *file = bytes_joined(g_bytes_ref(leaf->pem), g_bytes_ref(answer));

                if (depth == CHAIN_MAX - 1) {
                        assert_bad(c, file, "longer than 16", NULL);
                        continue;
                }
                chain = corp_import(c, file);
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

/* While its CA changes from one root to another, peers have certificates of either. */
static void test_all_roots_of_the_file_are_handed_on(Corp *c, const void *data)
{
        g_autoptr(PkiEntity) next = pki_new("Corp Root 2", &(PkiWish){ .is_ca = true });
        g_autoptr(PkiEntity) other =
                pki_new("Test Root", &(PkiWish){ .is_ca = true, .environment = "development" });
        g_autoptr(GBytes) all = pki_pem(next, other, c->root, NULL);
        const PkiEntity *ours[] = { next, c->root };
        g_autoptr(ImportedChain) chain = NULL;

        corp_write_roots(c, all, 0644);
        chain = corp_import(c, pki_pem(c->leaf, c->middle, NULL));
        assert_chain(chain, c->leaf, c->middle);
        corp_assert_list(chain->roots, ours, G_N_ELEMENTS(ours));
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

        corp_write_roots(c, both, 0644);
        assert_bad(
                c, pki_pem(a, plain, NULL),
                "the CA \"CN=Test Root\" is of the environment \"development\", this host of \"production\"",
                NULL);
        assert_bad(c, pki_pem(b, middle, NULL), "the CA \"CN=Test CA\" is of the environment \"development\"",
                   NULL);
        g_clear_pointer(&c->options->environment, g_free);
        assert_bad(c, pki_pem(a, plain, NULL), "the manifest of this host names none", NULL);
        c->options->environment = g_strdup("development");
        imported_chain_free(corp_import(c, pki_pem(a, plain, NULL)));
        imported_chain_free(corp_import(c, pki_pem(b, middle, NULL)));
        imported_chain_free(corp_import(c, pki_pem(c->leaf, c->middle, NULL)));
}

/* ---- The roots file ---- */

static void assert_roots_refused(const Corp *c, const char *part, const char *hint)
{
        g_autoptr(GError) error = NULL;
        g_auto(CertList) roots = { 0 };

        g_assert_false(csr_roots_read(c->options, &roots, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
        if (!strstr(error->message, part) || !strstr(error->message, hint) ||
            !strstr(error->message, CORP_ROOTS))
                g_error("\"%s\" has no \"%s\" and \"%s\"", error->message, part, hint);
        assert_refused(c, pki_pem(c->leaf, c->middle, NULL), part, hint);
}

static void test_a_roots_file_that_cannot_be_used_is_named(Corp *c, const void *data)
{
        g_autofree char *path = fixture_path(c->folder, CORP_ROOTS);
        g_autoptr(GBytes) empty = bytes_of(""), words = bytes_of("here be roots\n"), key = corp_key_pem(c);
        g_autoptr(GBytes) keyed = bytes_joined(g_bytes_ref(c->root->pem), g_bytes_ref(key));

        corp_write_roots(c, c->root->pem, 0666);
        assert_roots_refused(c, "can be written by everybody", "chmod 0644");
        corp_write_roots(c, empty, 0644);
        assert_roots_refused(c, "an empty file", "Put the CA's root certificate there");
        corp_write_roots(c, words, 0644);
        assert_roots_refused(c, "a text", "Put the CA's root certificate there");
        corp_write_roots(c, keyed, 0644);
        assert_roots_refused(c, "a private key", "Put the CA's root certificate there");
        corp_write_roots(c, c->leaf->pem, 0644);
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
        g_autoptr(GBytes) both = bytes_joined(bytes_of("# ours\n"), pki_pem(other, c->root, other, NULL));
        g_auto(CertList) roots = { 0 };
        g_autoptr(GError) error = NULL;

        corp_write_roots(c, both, 0640);
        g_assert_true(csr_roots_read(c->options, &roots, &error));
        g_assert_cmpuint(roots.n, ==, 2);
        imported_chain_free(corp_import(c, pki_pem(c->leaf, c->middle, NULL)));
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

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        CORP_ADD("missing intermediate", test_a_missing_intermediate_is_named);
        CORP_ADD("untrusted root", test_a_root_that_is_not_trusted_is_named);
        CORP_ADD("false root", test_a_false_root_of_the_same_name_is_found_out);
        CORP_ADD("forged signature", test_a_forged_signature_is_found_out);
        CORP_ADD("a leaf as CA", test_a_leaf_signs_nothing);
        CORP_ADD("name constraints", test_name_constraints_are_kept);
        CORP_ADD("expired intermediate", test_what_is_over_is_passed_by);
        CORP_ADD("expired root", test_a_root_that_is_over_vouches_for_nothing);
        CORP_ADD("cross-signed intermediate", test_a_cross_signed_intermediate_is_led_home);
        CORP_ADD("cross-signed root", test_a_root_that_was_cross_signed_is_known);
        CORP_ADD("circle", test_a_circle_ends);
        CORP_ADD("longest path", test_a_path_may_be_as_long_as_gnutls_allows);
        CORP_ADD("200 in PKCS#7", test_200_in_pkcs7_are_no_burden);
        CORP_ADD("made to be slow", test_a_file_that_is_made_to_be_slow_is_not);
        CORP_ADD("a key that takes hours", test_a_key_that_takes_hours_is_not_worked_with);
        CORP_ADD("all roots", test_all_roots_of_the_file_are_handed_on);
        CORP_ADD("environments", test_another_environment_is_refused);
        CORP_ADD("roots file", test_a_roots_file_that_cannot_be_used_is_named);
        CORP_ADD("several roots", test_several_roots_are_read);
        CORP_ADD("trust store", test_without_a_file_the_host_s_store_counts);
        return g_test_run();
}
