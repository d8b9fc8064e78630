/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The host's trust store: bundles are cut into certificates, and no hash link hides another at any time. */

#include "common/error.h"
#include "issuers/trust-store/links.h"
#include "issuers/trust-store/parts.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define LOCAL "/usr/local/share/ca-certificates"
#define HASHED "/etc/ssl/certs"

typedef struct Fixture {
        char *root;
        int folder; /* HASHED */
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
        g_autofree char *hashed = NULL;

        f->root = fixture_root_new();
        fixture_make_folder(f->root, LOCAL, 0755);
        fixture_make_folder(f->root, LOCAL "/more", 0755);
        fixture_make_folder(f->root, HASHED, 0755);
        hashed = fixture_path(f->root, HASHED);
        f->folder = open(hashed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(f->folder, >=, 0);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        close(f->folder);
        fixture_root_free(f->root);
}

static void write_text(Fixture *f, const char *path, const char *text)
{
        g_autofree char *file = fixture_path(f->root, path);

        g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static char *pem_of(const FixtureAuthority *a)
{
        gnutls_datum_t pem;
        char *text;

        g_assert_cmpint(gnutls_x509_crt_export2(a->crt, GNUTLS_X509_FMT_PEM, &pem), ==, 0);
        text = g_strndup((const char *) pem.data, pem.size);
        gnutls_free(pem.data);
        return text;
}

static void make_link(Fixture *f, const char *target, const char *name)
{
        g_assert_cmpint(symlinkat(target, f->folder, name), ==, 0);
}

static void assert_link(Fixture *f, const char *name, const char *target)
{
        char text[256] = "";
        ssize_t n = readlinkat(f->folder, name, text, sizeof text - 1);

        g_assert_cmpstr(n < 0 ? NULL : text, ==, target);
}

static unsigned count(Fixture *f, const char *prefix)
{
        g_autofree char *path = fixture_path(f->root, HASHED);
        g_autoptr(GDir) listing = g_dir_open(path, 0, NULL);
        const char *name;
        unsigned n = 0;

        while ((name = g_dir_read_name(listing)))
                n += g_str_has_prefix(name, prefix);
        return n;
}

/* ---- Links ---- */

static void test_first_of_three(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        write_text(f, HASHED "/b.pem", "b");
        write_text(f, HASHED "/c.pem", "c");
        make_link(f, "a.pem", "01234567.0");
        make_link(f, "b.pem", "01234567.1");
        make_link(f, "c.pem", "01234567.2");
        make_link(f, "b.pem", "89abcdef.0");
        g_assert_true(links_drop(f->folder, "a.pem", &error));
        g_assert_no_error(error);
        assert_link(f, "01234567.0", "c.pem");
        assert_link(f, "01234567.1", "b.pem");
        assert_link(f, "01234567.2", NULL);
        assert_link(f, "89abcdef.0", "b.pem");
}

static void test_all_of_a_hash(Fixture *f, gconstpointer data)
{
        write_text(f, HASHED "/a.pem", "a");
        make_link(f, "a.pem", "01234567.0");
        make_link(f, "a.pem", "01234567.1");
        make_link(f, "nothing", "01234567.2");
        g_assert_true(links_drop(f->folder, "a.pem", NULL));
        g_assert_cmpuint(count(f, "0123"), ==, 0);
}

static void test_names_that_are_no_hash_links(Fixture *f, gconstpointer data)
{
        const char *names[] = { "a", "01234567", "01234567.", "01234567.r0", "0123456.0", "012345678.0", "0123456g.0", "site.pem" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                make_link(f, "nothing", names[i]);
        g_assert_true(links_drop(f->folder, "nothing", NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                assert_link(f, names[i], "nothing");
}

/* ---- Parts ---- */

static void test_bundle_is_cut(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new(), b = fixture_authority_new(), c = fixture_authority_new();
        g_autofree char *pa = pem_of(a), *pb = pem_of(b), *pc = pem_of(c), *both = g_strconcat(pa, pb, NULL);
        g_autoptr(GHashTable) parts = NULL, fewer = NULL;
        g_autoptr(GError) error = NULL;

        write_text(f, LOCAL "/site.crt", both);
        write_text(f, LOCAL "/more/other.crt", pc);
        write_text(f, LOCAL "/README", pa);
        write_text(f, LOCAL "/broken.crt", "no certificate");
        parts = parts_read(LOCAL, ".crt", &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_hash_table_size(parts), ==, 3);
        g_assert_true(parts_write(parts, HASHED, &error));
        g_assert_true(parts_write(parts, HASHED, &error));
        g_assert_cmpuint(count(f, "cert-agent-"), ==, 3);

        write_text(f, HASHED "/cert-agent", "not ours");
        write_text(f, LOCAL "/site.crt", pb);
        fewer = parts_read(LOCAL, ".crt", &error);
        g_assert_cmpuint(g_hash_table_size(fewer), ==, 2);
        g_assert_true(parts_prune(fewer, HASHED, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(count(f, "cert-agent-"), ==, 2);
        g_assert_cmpuint(count(f, "."), ==, 0);
        g_assert_cmpuint(count(f, "cert-agent"), ==, 3);
}

static void test_what_is_missing_in_the_end(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) a = fixture_authority_new(), b = fixture_authority_new();
        g_autofree char *pa = pem_of(a), *pb = pem_of(b), *both = g_strconcat(pa, pb, NULL);
        g_autoptr(GHashTable) parts = NULL;
        g_autoptr(GError) error = NULL;

        write_text(f, LOCAL "/site.crt", both);
        parts = parts_read(LOCAL, ".crt", NULL);
        write_text(f, HASHED "/all.crt", both);
        g_assert_true(parts_are_in(parts, HASHED "/all.crt", &error));
        write_text(f, HASHED "/all.crt", pb);
        g_assert_false(parts_are_in(parts, HASHED "/all.crt", &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
        g_clear_error(&error);
        g_assert_false(parts_are_in(parts, HASHED "/none.crt", &error));
        g_assert_nonnull(error);
}

static void test_missing_folder_is_empty(Fixture *f, gconstpointer data)
{
        g_autoptr(GHashTable) parts = parts_read("/nowhere", "", NULL);

        g_assert_cmpuint(g_hash_table_size(parts), ==, 0);
}

#define TEST(name, function) g_test_add("/trust-store/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        TEST("links/the last takes the place of the first", test_first_of_three);
        TEST("links/all of a hash go, and those to nothing", test_all_of_a_hash);
        TEST("links/other names are left alone", test_names_that_are_no_hash_links);
        TEST("parts/a bundle is cut, and what is gone is removed", test_bundle_is_cut);
        TEST("parts/a certificate that is not trusted in the end is an error", test_what_is_missing_in_the_end);
        TEST("parts/a missing folder is empty", test_missing_folder_is_empty);
        return g_test_run();
}
