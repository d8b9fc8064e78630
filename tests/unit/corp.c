/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A company's CA in a test, and whether answers are taken. It owns a test root, the keys and the
 * certificates. */

#include "tests/unit/corp.h"

#include "common/error.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

void corp_write_roots(const Corp *c, GBytes *content, mode_t mode)
{
        g_autofree char *path = fixture_path(c->folder, CORP_ROOTS);
        g_autoptr(GError) error = NULL;

        g_file_set_contents(path, g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content),
                            &error);
        g_assert_no_error(error);
        g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

void corp_init(Corp *c, const void *data)
{
        g_autoptr(GError) error = NULL;

        c->folder = fixture_root_new();
        fixture_make_folder(c->folder, "/etc/ssl", 0755);
        c->options = csr_options_new("{\"name\":\"corp\",\"type\":\"csr\",\"roots\":\"" CORP_ROOTS
                                     "\",\"environment\":\"production\"}",
                                     &error);
        g_assert_no_error(error);
        c->key = pki_key_new();
        c->public_key = pki_public_key(c->key);
        c->root = pki_new("Corp Root", &(PkiWish){ .is_ca = true });
        c->middle = pki_new("Corp Issuing CA", &(PkiWish){ .is_ca = true, .issuer = c->root });
        c->leaf = pki_new("web", &(PkiWish){ .issuer = c->middle, .key = c->key });
        corp_write_roots(c, c->root->pem, 0644);
}

void corp_clear(Corp *c, const void *data)
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
ImportedChain *corp_import(const Corp *c, GBytes *answer)
{
        g_autoptr(GError) error = NULL;
        ImportedChain *chain = import_read(c->options, answer, c->public_key, NULL, &error);

        g_assert_no_error(error);
        g_bytes_unref(answer);
        return chain;
}

void corp_assert_list(GPtrArray *ders, const PkiEntity *const *wanted, unsigned n)
{
        g_assert_cmpuint(ders->len, ==, n);
        for (unsigned i = 0; i < n; i++)
                g_assert_true(g_bytes_equal(ders->pdata[i], wanted[i]->der));
}

/* Leaf, intermediate, and the root beside them. Frees `answer`. */
void assert_imports(const Corp *c, GBytes *answer)
{
        g_autoptr(ImportedChain) chain = corp_import(c, answer);
        const PkiEntity *root[] = { c->root };

        assert_chain(chain, c->leaf, c->middle);
        corp_assert_list(chain->roots, root, 1);
        g_assert_false(chain->is_current);
}

/* The message has both parts, and a hint. Frees `answer`. */
void assert_refused(const Corp *c, GBytes *answer, const char *part, const char *other)
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

void assert_bad(const Corp *c, GBytes *answer, const char *part, const char *other)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(import_read(c->options, answer, c->public_key, NULL, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        assert_refused(c, answer, part, other);
}

GBytes *bytes_of(const char *s)
{
        return g_bytes_new(s, strlen(s));
}

/* Frees both. */
GBytes *bytes_joined(GBytes *a, GBytes *b)
{
        GByteArray *all = g_byte_array_new();

        g_byte_array_append(all, g_bytes_get_data(a, NULL), (unsigned) g_bytes_get_size(a));
        g_byte_array_append(all, g_bytes_get_data(b, NULL), (unsigned) g_bytes_get_size(b));
        g_bytes_unref(a);
        g_bytes_unref(b);
        return g_byte_array_free_to_bytes(all);
}

GBytes *corp_key_pem(const Corp *c)
{
        gnutls_datum_t d;

        g_assert_cmpint(gnutls_x509_privkey_export2(c->key, GNUTLS_X509_FMT_PEM, &d), ==, 0);
        return g_bytes_new_with_free_func(d.data, d.size, gnutls_free, d.data);
}
