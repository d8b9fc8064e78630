/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The PKCS#12 file, read back bag by bag; passwords from files; what is written without a key. */

#include "client/doctor/anchors.h"
#include "client/export/material.h"
#include "client/export/password.h"
#include "client/export/pkcs12.h"
#include "tests/unit/fixture.h"
#include "tests/unit/pki.h"

#include <fcntl.h>
#include <gnutls/pkcs12.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD "p\303\244ss word"

/* ---- Material ---- */

static Material *material_new(const FixtureAuthority *a, const char *name)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new(name);
        g_autoptr(Generation) g = fixture_generation_new(a, c);
        g_autoptr(GBytes) pem = generation_file(g, MANAGED_FILE_CERT), ca = generation_file(g, MANAGED_FILE_CA);
        Material *m = g_new0(Material, 1);
        CertList roots = {};

        g_assert_true(cert_list_of_pem(pem, CHAIN_MAX, &m->chain));
        g_assert_true(cert_list_of_pem(ca, CHAIN_MAX, &roots));
        m->ca = g_steal_pointer(&roots.crt[0]);
        roots.n = 0;
        cert_list_clear(&roots);
        m->key = g_bytes_ref(g->key_pem);
        return m;
}

static Secret *secret_of(const char *text)
{
        Secret *s = secret_new(strlen(text) + 1);

        memcpy(s->data, text, s->size);
        return s;
}

static void test_pem_has_no_key(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Material) m = material_new(a, "web");
        g_autoptr(GBytes) pem = material_to_pem(m, NULL);
        g_auto(CertList) list = {};

        g_assert_nonnull(pem);
        g_assert_null(g_strstr_len(g_bytes_get_data(pem, NULL), (gssize) g_bytes_get_size(pem), "KEY"));
        g_assert_true(cert_list_of_pem(pem, CHAIN_MAX, &list));
        g_assert_cmpuint(list.n, ==, 2);
        g_assert_true(gnutls_x509_crt_equals(list.crt[0], m->chain.crt[0]));
        g_assert_true(gnutls_x509_crt_equals(list.crt[1], m->ca));
}

/* What is exported is imported as a CA elsewhere: one of the same name that has signed nothing here must not get there, whether
 * it is an older one or somebody put it into the file. */
static void test_the_ca_is_the_one_that_signed(void)
{
        g_autoptr(PkiEntity) namesake = pki_new("Corp", &(PkiWish) { .is_ca = true, .without_identifiers = true });
        g_autoptr(PkiEntity) root = pki_new("Corp", &(PkiWish) { .is_ca = true, .without_identifiers = true });
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish) { .issuer = root, .without_identifiers = true });
        g_autoptr(GBytes) both = pki_pem(namesake, root, NULL), one = pki_pem(namesake, NULL);
        g_auto(CertList) read = {}; /* GnuTLS compares names as they were read */
        g_autoptr(Anchors) file = anchors_of_pem(both, NULL, NULL, NULL), false_file = anchors_of_pem(one, NULL, NULL, NULL);

        g_assert_true(cert_list_of_pem(leaf->pem, 1, &read));
        g_assert_true(gnutls_x509_crt_equals(anchors_issuer(file, read.crt[0]), root->crt));
        g_assert_null(anchors_issuer(false_file, read.crt[0]));
}

/* ---- PKCS#12 ---- */

static gnutls_pkcs12_t read_pkcs12(const Material *m, const char *password)
{
        g_autoptr(Secret) secret = secret_of(password);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) der = pkcs12_make(m, "web", secret, &error);
        gnutls_datum_t datum;
        gnutls_pkcs12_t p12;

        g_assert_no_error(error);
        datum = (gnutls_datum_t) { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        g_assert_cmpint(gnutls_pkcs12_init(&p12), ==, 0);
        g_assert_cmpint(gnutls_pkcs12_import(p12, &datum, GNUTLS_X509_FMT_DER, 0), ==, 0);
        return p12;
}

static void test_pkcs12(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Material) m = material_new(a, "web");
        gnutls_pkcs12_t p12 = read_pkcs12(m, PASSWORD);
        gnutls_x509_privkey_t key, given;
        gnutls_x509_crt_t *chain, *extra;
        unsigned n_chain, n_extra;
        size_t size;
        gnutls_datum_t pem = { (unsigned char *) g_bytes_get_data(m->key, &size), 0 };
        unsigned char id[64], other[64];
        size_t id_size = sizeof id, other_size = sizeof other;

        g_assert_cmpint(gnutls_pkcs12_verify_mac(p12, PASSWORD), ==, 0);
        g_assert_cmpint(gnutls_pkcs12_verify_mac(p12, "wrong"), ==, GNUTLS_E_MAC_VERIFY_FAILED);
        g_assert_cmpint(gnutls_pkcs12_simple_parse(p12, PASSWORD, &key, &chain, &n_chain, &extra, &n_extra, NULL, 0), ==, 0);
        g_assert_cmpuint(n_chain, ==, 1);
        g_assert_true(gnutls_x509_crt_equals(chain[0], m->chain.crt[0]));
        g_assert_cmpuint(n_extra, ==, 1);
        g_assert_true(gnutls_x509_crt_equals(extra[0], m->ca));
        pem.size = (unsigned) size;
        g_assert_cmpint(gnutls_x509_privkey_init(&given), ==, 0);
        g_assert_cmpint(gnutls_x509_privkey_import(given, &pem, GNUTLS_X509_FMT_PEM), ==, 0);
        g_assert_cmpint(gnutls_x509_privkey_get_key_id(key, 0, id, &id_size), ==, 0);
        g_assert_cmpint(gnutls_x509_privkey_get_key_id(given, 0, other, &other_size), ==, 0);
        g_assert_cmpmem(id, id_size, other, other_size);

        gnutls_x509_privkey_deinit(given);
        gnutls_x509_privkey_deinit(key);
        gnutls_x509_crt_deinit(chain[0]);
        gnutls_free(chain);
        gnutls_x509_crt_deinit(extra[0]);
        gnutls_free(extra);
        gnutls_pkcs12_deinit(p12);
}

static void test_pkcs12_without_a_ca(void)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Material) m = material_new(a, "web");
        gnutls_pkcs12_t p12;

        g_clear_pointer(&m->ca, gnutls_x509_crt_deinit);
        p12 = read_pkcs12(m, PASSWORD);
        g_assert_cmpint(gnutls_pkcs12_verify_mac(p12, PASSWORD), ==, 0);
        gnutls_pkcs12_deinit(p12);
}

/* ---- Passwords ---- */

typedef struct PasswordRow {
        const char *name, *text;
        int size;          /* -1: the text's */
        const char *found; /* NULL: refused */
} PasswordRow;

static const PasswordRow password_rows[] = {
        { "a line", "secret\n", -1, "secret" },
        { "without a newline", "secret", -1, "secret" },
        { "spaces are part of it", " a b ", -1, " a b " },
        { "not ASCII", PASSWORD "\n", -1, PASSWORD },
        { "empty", "", -1, NULL },
        { "a newline alone", "\n", -1, NULL },
        { "two lines", "a\nb", -1, NULL },
        { "a line of Windows", "secret\r\n", -1, NULL },
        { "with NUL", "a\0b", 3, NULL },
        { "Latin-1", "p\344ss", -1, NULL },
};

static void test_password(gconstpointer data)
{
        const PasswordRow *row = data;
        g_autofree char *root = fixture_root_new(), *path = g_strconcat(root, "/secret", NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(Secret) s = NULL;
        bool exposed = true;

        g_assert_true(g_file_set_contents_full(path, row->text, row->size, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        s = password_read(path, &exposed, &error);
        if (row->found) {
                g_assert_no_error(error);
                g_assert_cmpstr((char *) s->data, ==, row->found);
                g_assert_cmpuint(s->size, ==, strlen(row->found) + 1);
                g_assert_false(exposed);
        } else {
                g_assert_null(s);
                g_assert_nonnull(error);
        }
        fixture_root_free(g_steal_pointer(&root));
}

static void test_password_length(void)
{
        g_autofree char *root = fixture_root_new(), *path = g_strconcat(root, "/secret", NULL);

        for (unsigned more = 0; more < 2; more++) {
                g_autofree char *text = g_strnfill(PASSWORD_SIZE_MAX + more, 'x');
                g_autoptr(Secret) s = NULL;
                bool exposed;

                g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0604, NULL));
                s = password_read(path, &exposed, NULL);
                g_assert_cmpint(s != NULL, ==, more == 0);
                if (s)
                        g_assert_true(exposed);
        }
        fixture_root_free(g_steal_pointer(&root));
}

static void test_password_of_a_descriptor(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Secret) s = NULL;
        g_autofree char *path = NULL;
        bool exposed = true;
        int fds[2];

        g_assert_cmpint(pipe(fds), ==, 0);
        g_assert_cmpint(write(fds[1], "secret\n", 7), ==, 7);
        close(fds[1]);
        path = g_strdup_printf("/dev/fd/%d", fds[0]);
        s = password_read(path, &exposed, &error);
        g_assert_no_error(error);
        g_assert_cmpstr((char *) s->data, ==, "secret");
        g_assert_false(exposed);
        close(fds[0]);
}

static void test_password_of_a_fifo(void)
{
        g_autofree char *root = fixture_root_new(), *path = g_strconcat(root, "/fifo", NULL);
        g_autoptr(GError) error = NULL;
        bool exposed;

        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        g_assert_null(password_read(path, &exposed, &error)); /* and does not wait for a writer */
        g_assert_nonnull(strstr(error->message, "no regular file"));
        fixture_root_free(g_steal_pointer(&root));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/export/PEM has no key", test_pem_has_no_key);
        g_test_add_func("/export/the CA is the one that signed", test_the_ca_is_the_one_that_signed);
        g_test_add_func("/export/PKCS#12", test_pkcs12);
        g_test_add_func("/export/PKCS#12 without a CA", test_pkcs12_without_a_ca);
        for (gsize i = 0; i < G_N_ELEMENTS(password_rows); i++) {
                g_autofree char *path = g_strconcat("/export/password/", password_rows[i].name, NULL);

                g_test_add_data_func(path, &password_rows[i], test_password);
        }
        g_test_add_func("/export/password/length", test_password_length);
        g_test_add_func("/export/password/of a descriptor", test_password_of_a_descriptor);
        g_test_add_func("/export/password/of a FIFO", test_password_of_a_fifo);
        return g_test_run();
}
