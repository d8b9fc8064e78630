/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Imports: every form in which a CA's answer comes back, every way in which it can be the wrong file, and the way to a
 * root. The CAs are made here, by GnuTLS; where others make files, by openssl(1). */

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

        g_file_set_contents(path, g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content), &error);
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

#define assert_chain(chain, ...)                                                                                      \
        G_STMT_START {                                                                                                \
                const PkiEntity *wanted_[] = { __VA_ARGS__ };                                                         \
                                                                                                                      \
                assert_list((chain)->chain, wanted_, G_N_ELEMENTS(wanted_));                                          \
        }                                                                                                             \
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
        assert_imports(c, joined(pki_pem(c->leaf, NULL), pki_pkcs7(GNUTLS_X509_FMT_PEM, c->middle, c->root, NULL)));
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

/* ---- The wrong file ---- */

static void test_a_file_of_another_kind_is_named(Corp *c, const void *data)
{
        assert_bad(c, text("<!DOCTYPE html><title>Sign in</title>"), "a web page", "Save the certificate itself");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/csr-import/" name, Corp, NULL, corp_init, test, corp_clear)
        ADD("PEM", test_pem_in_any_order_with_text_around);
        ADD("DER and PKCS#7", test_der_and_pkcs7);
        ADD("a leaf alone", test_a_leaf_alone_where_its_issuer_is_trusted);
        ADD("other kinds", test_a_file_of_another_kind_is_named);
        return g_test_run();
}
