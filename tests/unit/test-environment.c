/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The mark of an environment: it is read as it was written, nothing else is taken for it, and verifiers
 * elsewhere do not mind it. */

#include "common/environment.h"
#include "common/timespan.h"
#include "issuers/local/root.h"
#include "tests/unit/fixture.h"
#include "tests/unit/pki.h"

#include <gnutls/abstract.h>
#include <string.h>

static gnutls_x509_crt_t blank(void)
{
        gnutls_x509_crt_t crt;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_set_version(crt, 3), ==, 0);
        return crt;
}

static void test_it_is_read_as_it_was_written(void)
{
        g_autofree char *longest = g_strnfill(64, 'x'), *longer = g_strnfill(65, 'x');
        const char *const names[] = { "production", "test 2", "a", longest };
        gnutls_x509_crt_t crt;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *read = NULL;

                crt = blank();
                g_assert_cmpint(environment_mark(crt, names[i]), ==, 0);
                read = environment_of_certificate(crt);
                g_assert_cmpstr(read, ==, names[i]);
                gnutls_x509_crt_deinit(crt);
        }
        crt = blank();
        g_assert_cmpint(environment_mark(crt, longer), ==, GNUTLS_E_INVALID_REQUEST);
        g_assert_cmpint(environment_mark(crt, "Pr\xc3\xbc"
                                              "fstand"),
                        ==, GNUTLS_E_INVALID_REQUEST);
        g_assert_null(environment_of_certificate(crt));
        gnutls_x509_crt_deinit(crt);
}

static void test_other_comments_are_no_mark(void)
{
#define MARK "cert-agent environment: "
        static const struct {
                const char *der;
                size_t size;
        } comments[] = {
                { "\x16\x0dOpenSSL says.", 15 },
                { "\x16\x18" MARK, 26 },          /* of nothing */
                { "\x16\x20" MARK "test", 30 },   /* a length that is not so */
                { "\x0c\x1c" MARK "test", 30 },   /* another kind of string */
                { "\x16\x1d" MARK "te\0st", 31 }, /* with a NUL */
                { "\x16\x1c"
                  "Cert-Agent Environment: test",
                  30 },
                { "", 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(comments); i++) {
                gnutls_x509_crt_t crt = blank();

                (void) gnutls_x509_crt_set_extension_by_oid(crt, ENVIRONMENT_OID, comments[i].der,
                                                            comments[i].size, 0);
                g_assert_null(environment_of_certificate(crt));
                gnutls_x509_crt_deinit(crt);
        }
}

/* ---- A local authority's own certificate ---- */

static GBytes *authority_certificate(const char *members)
{
        g_autofree char *config = g_strdup_printf("{\"name\":\"site\",\"type\":\"local\"%s}", members);
        g_autoptr(GError) error = NULL;
        g_autoptr(AuthorityOptions) o = authority_options_new(config, &error);
        gnutls_x509_privkey_t key = pki_key_new();
        gnutls_privkey_t opened;
        GBytes *pem;

        g_assert_no_error(error);
        g_assert_cmpint(gnutls_privkey_init(&opened), ==, 0);
        g_assert_cmpint(gnutls_privkey_import_x509(opened, key, GNUTLS_PRIVKEY_IMPORT_COPY), ==, 0);
        pem = root_new_certificate(o, opened, now_realtime(), &error);
        g_assert_no_error(error);
        gnutls_privkey_deinit(opened);
        gnutls_x509_privkey_deinit(key);
        return pem;
}

static char *environment_of_pem(GBytes *pem)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(pem, NULL),
                             (unsigned) g_bytes_get_size(pem) };
        gnutls_x509_crt_t crt;
        char *environment;

        g_assert_cmpint(gnutls_x509_crt_init(&crt), ==, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_PEM), ==, 0);
        environment = environment_of_certificate(crt);
        gnutls_x509_crt_deinit(crt);
        return environment;
}

static void test_an_authority_says_its_environment(void)
{
        g_autoptr(GBytes) with = authority_certificate(",\"environment\":\"staging\""),
                          without = authority_certificate("");
        g_autoptr(GBytes) foreign = NULL;
        g_autofree char *said = environment_of_pem(with), *silent = environment_of_pem(without), *none = NULL;

        g_assert_cmpstr(said, ==, "staging");
        g_assert_null(silent);
        foreign = authority_certificate(",\"environment\":\"Pr\xc3\xbc"
                                        "fstand\"");
        none = environment_of_pem(foreign);
        g_assert_null(none);
}

/* ---- Other tools ---- */

static char *program(const char *name)
{
        char *path = g_find_program_in_path(name);

        if (path)
                return path;
        if (g_getenv("CI"))
                g_test_fail_printf("%s is missing: this was NOT tested", name);
        else
                g_test_skip("a program is missing: this was NOT tested");
        return NULL;
}

/* In `folder`; what it printed, the caller's. */
static char *run(const char *folder, const char *const *argv)
{
        g_autofree char *out = NULL, *err = NULL;
        g_autoptr(GError) error = NULL;
        int status;

        g_assert_true(g_spawn_sync(folder, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
                                   &status, &error));
        if (!g_spawn_check_wait_status(status, &error))
                g_error("%s: %s%s%s", argv[0], error->message, out, err);
        return g_strconcat(out, err, NULL);
}

static void write_file(const char *folder, const char *name, GBytes *content)
{
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_assert_true(g_file_set_contents(path, g_bytes_get_data(content, NULL),
                                          (gssize) g_bytes_get_size(content), NULL));
}

static void test_other_tools_show_it_and_do_not_mind(void)
{
        g_autofree char *openssl = program("openssl"), *certtool = openssl ? program("certtool") : NULL;
        char *folder = certtool ? fixture_root_new() : NULL;
        g_autoptr(PkiEntity) root =
                pki_new("Marked CA", &(PkiWish){ .is_ca = true, .environment = "staging" });
        g_autoptr(PkiEntity) leaf = pki_new("web", &(PkiWish){ .issuer = root });
        g_autoptr(GBytes) chain = pki_pem(leaf, root, NULL);

        if (!certtool)
                return;
        write_file(folder, "root.pem", root->pem);
        write_file(folder, "leaf.pem", leaf->pem);
        write_file(folder, "chain.pem", chain);
        {
                const char *show[] = { "openssl", "x509", "-in", "root.pem", "-noout", "-text", NULL };
                g_autofree char *text = run(folder, show);

                g_assert_nonnull(strstr(text, "Netscape Comment:"));
                g_assert_nonnull(strstr(text, " cert-agent environment: staging\n"));
        }
        {
                const char *strict[] = { "openssl",  "verify", "-x509_strict", "-CAfile", "root.pem",
                                         "leaf.pem", NULL };
                g_autofree char *text = run(folder, strict);

                g_assert_nonnull(strstr(text, "leaf.pem: OK"));
        }
        {
                const char *verify[] = { "certtool", "--verify-chain", "--infile", "chain.pem", NULL };
                g_autofree char *text = run(folder, verify);

                g_assert_nonnull(strstr(text, "Chain verification output: Verified."));
        }
        fixture_root_free(folder);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/environment/both ways", test_it_is_read_as_it_was_written);
        g_test_add_func("/environment/other comments", test_other_comments_are_no_mark);
        g_test_add_func("/environment/an authority", test_an_authority_says_its_environment);
        g_test_add_func("/environment/other tools", test_other_tools_show_it_and_do_not_mind);
        return g_test_run();
}
