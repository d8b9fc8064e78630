/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Revocation: what may be listed, the lists as others read them, and that many entries cost no more each than
 * few. */

#include "agent/csr.h"
#include "common/error.h"
#include "common/bounds.h"
#include "common/names.h"
#include "common/timespan.h"
#include "issuers/local/change.h"
#include "issuers/local/der.h"
#include "issuers/local/revocation.h"
#include "issuers/local/sign.h"
#include "tests/unit/authority-bench.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void revoke_one(AuthorityBench *b, GBytes *der, const char *reason)
{
        g_autoptr(GError) error = NULL;

        (void) revocation_add(b->lists, &b->options, der, reason, now_realtime(), &error);
        g_assert_no_error(error);
}

static char **serials(AuthorityBench *b, uint64_t now)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(AuthorityLook) look = authority_look(&b->options, false, &error);
        char **found = look ? revocation_serials(b->lists, look, &b->options, now, &error) : NULL;

        g_assert_no_error(error);
        return found;
}

static unsigned count(AuthorityBench *b)
{
        g_auto(GStrv) found = serials(b, now_realtime());

        return g_strv_length(found);
}

static GPtrArray *sign_lists(AuthorityBench *b, uint64_t now)
{
        g_autoptr(GError) error = NULL;
        GPtrArray *lists = revocation_sign(b->lists, &b->options, now, &error);

        g_assert_no_error(error);
        return lists;
}

/* What GnuTLS reads of a list; the caller deinits. */
static gnutls_x509_crl_t parse(GBytes *der)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL),
                             (unsigned) g_bytes_get_size(der) };
        gnutls_x509_crl_t crl;

        g_assert_cmpint(gnutls_x509_crl_init(&crl), >=, 0);
        g_assert_cmpint(gnutls_x509_crl_import(crl, &d, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_x509_crl_get_version(crl), ==, 2);
        return crl;
}

static uint64_t number_of(gnutls_x509_crl_t crl)
{
        unsigned char number[20];
        size_t size = sizeof(number);
        unsigned critical;
        uint64_t n = 0;

        g_assert_cmpint(gnutls_x509_crl_get_number(crl, number, &size, &critical), >=, 0);
        g_assert_false(critical);
        for (size_t i = 0; i < size; i++)
                n = n << 8 | number[i];
        return n;
}

/* Asserts the signature of list `i` by the part of that role. */
static void assert_signed(AuthorityBench *b, gnutls_x509_crl_t crl, PartRole role)
{
        g_autoptr(AuthorityLook) look = authority_look(&b->options, false, NULL);
        gnutls_x509_crt_t crt = parts_in_role(look->parts, role)->crt;
        unsigned status = 1;

        g_assert_cmpint(gnutls_x509_crl_verify(crl, &crt, 1, 0, &status), >=, 0);
        g_assert_cmpuint(status, ==, 0);
}

/* ---- What may be listed ---- */

static void test_once_and_again_is_one_entry(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(GBytes) leaf = NULL;
        struct stat before, after;
        g_autofree char *file = g_build_filename(b->folder, "revoked", NULL);

        authority_bench_change(b, change_make);
        leaf = authority_bench_issue(b, 0);
        g_assert_cmpuint(count(b), ==, 0);
        revoke_one(b, leaf, "keyCompromise");
        g_assert_cmpuint(count(b), ==, 1);
        g_assert_cmpint(g_stat(file, &before), ==, 0);
        revoke_one(b, leaf, "superseded");
        g_assert_cmpint(g_stat(file, &after), ==, 0);
        g_assert_cmpint(before.st_size, ==, after.st_size);
        g_assert_cmpint(before.st_mtim.tv_nsec, ==, after.st_mtim.tv_nsec);
        /* another process reads what this one wrote */
        revocation_lists_free(b->lists);
        b->lists = revocation_lists_new();
        g_assert_cmpuint(count(b), ==, 1);
        revoke_one(b, leaf, "keyCompromise");
        g_assert_cmpuint(count(b), ==, 1);
}

static void test_the_serial_is_that_of_the_certificate(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(GBytes) leaf = NULL;
        g_auto(GStrv) found = NULL;
        gnutls_x509_crt_t crt;
        unsigned char serial[20];
        char text[41];
        size_t size = sizeof(serial), text_size = sizeof(text);
        gnutls_datum_t d = { serial, 0 };

        authority_bench_change(b, change_make);
        leaf = authority_bench_issue(b, 0);
        revoke_one(b, leaf, "unspecified");
        found = serials(b, now_realtime());
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        d = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(leaf, NULL),
                              (unsigned) g_bytes_get_size(leaf) };
        g_assert_cmpint(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_get_serial(crt, serial, &size), >=, 0);
        d = (gnutls_datum_t){ serial, (unsigned) size };
        g_assert_cmpint(gnutls_hex_encode(&d, text, &text_size), >=, 0);
        g_assert_cmpstr(found[0], ==, text);
        gnutls_x509_crt_deinit(crt);
}

static void test_reasons(void)
{
        static const struct {
                const char *reason;
                bool good;
        } cases[] = {
                { "unspecified", true },
                { "keyCompromise", true },
                { "affiliationChanged", true },
                { "superseded", true },
                { "cessationOfOperation", true },
                { "privilegeWithdrawn", true },
                { "certificateHold", false },
                { "removeFromCRL", false },
                { "cACompromise", false },
                { "aACompromise", false },
                { "", false },
                { "lost\x1b[31m", false },
        };
        g_autoptr(AuthorityBench) b = authority_bench_new();

        authority_bench_change(b, change_make);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GBytes) leaf = authority_bench_issue(b, 0);
                g_autoptr(GError) error = NULL;

                g_assert_cmpint(
                        revocation_add(b->lists, &b->options, leaf, cases[i].reason, now_realtime(), &error),
                        ==, cases[i].good);
                if (cases[i].good) {
                        g_assert_cmpstr(
                                revocation_reason_to_string(revocation_reason_from_string(cases[i].reason)),
                                ==, cases[i].reason);
                        continue;
                }
                g_assert_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
                g_assert_null(strchr(error->message, '\x1b'));
        }
        g_assert_cmpuint(count(b), ==, 6);
}

static void assert_not_ours(AuthorityBench *b, GBytes *der, CertError code)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(revocation_add(b->lists, &b->options, der, "superseded", now_realtime(), &error));
        g_assert_error(error, CERT_ERROR, (int) code);
        g_assert_cmpuint(count(b), ==, 0);
}

static void test_what_is_not_the_authoritys_is_refused(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(FixtureAuthority) stranger = fixture_authority_new();
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256), forged = NULL, leaf = NULL,
                          same_name = NULL, itself = NULL, nothing = g_bytes_new_static("nothing", 7),
                          empty = g_bytes_new_static("", 0);
        g_autoptr(AuthorityLook) look = NULL;
        g_autofree unsigned char *data = NULL;
        size_t size;

        authority_bench_change(b, change_make);
        forged = fixture_authority_sign(stranger, c, key, time(NULL) - 60, time(NULL) + 3600);
        assert_not_ours(b, forged, CERT_ERROR_ISSUER_REFUSED);
        assert_not_ours(b, nothing, CERT_ERROR_BAD_CERTIFICATE);
        assert_not_ours(b, empty, CERT_ERROR_BAD_CERTIFICATE);
        look = authority_look(&b->options, false, NULL);
        itself = g_bytes_ref(parts_in_role(look->parts, PART_CURRENT)->der);
        authority_look_free(g_steal_pointer(&look)); /* and its lock */
        assert_not_ours(b, itself, CERT_ERROR_ISSUER_REFUSED);
        leaf = authority_bench_issue(b, 0);
        size = g_bytes_get_size(leaf);
        data = g_memdup2(g_bytes_get_data(leaf, NULL), size);
        data[size - 1] ^= 1; /* of the signature */
        g_bytes_unref(g_steal_pointer(&leaf));
        leaf = g_bytes_new(data, size);
        assert_not_ours(b, leaf, CERT_ERROR_ISSUER_REFUSED);
        /* another authority of the same name: the same issuer by name, and another key */
        same_name = authority_bench_issue(b, 0);
        authority_bench_change(b, change_recreate);
        assert_not_ours(b, same_name, CERT_ERROR_ISSUER_REFUSED);
}

static void test_old_ones_certificates_can_be_revoked_until_it_retires(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(GBytes) first = NULL, second = NULL;

        authority_bench_change(b, change_make);
        first = authority_bench_issue(b, 0);
        authority_bench_change(b, change_begin);
        authority_bench_change(b, change_promote);
        second = authority_bench_issue(b, 0);
        revoke_one(b, first, "superseded");
        revoke_one(b, second, "superseded");
        g_assert_cmpuint(count(b), ==, 2);
        authority_bench_change(b, change_retire);
        g_assert_cmpuint(count(b), ==, 1);
        authority_bench_change(b, change_recreate);
        g_assert_cmpuint(count(b), ==, 0);
}

/* ---- Lists ---- */

static void test_a_list_for_each_part_and_each_key(void)
{
        for (KeyType type = 0; type <= KEY_TYPE_RSA_2048; type++) {
                static const PartRole roles[] = { PART_CURRENT, PART_NEXT, PART_OLD };
                g_autoptr(AuthorityBench) b = authority_bench_new();
                g_autoptr(GBytes) first = NULL, second = NULL;
                g_autoptr(GPtrArray) lists = NULL;
                static const int entries[] = { 1, 0, 1 };

                b->options.key_type = type;
                authority_bench_change(b, change_make);
                first = authority_bench_issue(b, 0);
                authority_bench_change(b, change_begin);
                authority_bench_change(b, change_promote);
                authority_bench_change(b, change_begin);
                second = authority_bench_issue(b, 0);
                revoke_one(b, first, "superseded");
                revoke_one(b, second, "keyCompromise");
                lists = sign_lists(b, now_realtime());
                g_assert_cmpuint(lists->len, ==, 3);
                for (unsigned i = 0; i < 3; i++) {
                        gnutls_x509_crl_t crl = parse(lists->pdata[i]);

                        assert_signed(b, crl, roles[i]);
                        g_assert_cmpint(gnutls_x509_crl_get_crt_count(crl), ==, entries[i]);
                        gnutls_x509_crl_deinit(crl);
                }
        }
}

static void test_times_and_numbers(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *file = g_build_filename(b->folder, "crl-number", NULL);
        uint64_t now = now_realtime(), last = 0;

        b->options.lifetime = 3 * USEC_PER_DAY;
        b->options.crl_lifetime = USEC_PER_DAY;
        authority_bench_change(b, change_make);
        for (unsigned i = 0; i < 4; i++) {
                g_autoptr(GPtrArray) lists = NULL;
                gnutls_x509_crl_t crl;

                if (i == 3) /* lost; and a second has gone */
                        g_assert_cmpint(g_unlink(file), ==, 0);
                lists = sign_lists(b, now + (i == 3 ? 10 * USEC_PER_SEC : 0));
                crl = parse(lists->pdata[0]);
                g_assert_cmpuint(number_of(crl), >, last);
                last = number_of(crl);
                if (i == 0) {
                        g_assert_cmpint(gnutls_x509_crl_get_this_update(crl), ==,
                                        (time_t) (now / USEC_PER_SEC));
                        g_assert_cmpint(gnutls_x509_crl_get_next_update(crl), ==,
                                        (time_t) (now / USEC_PER_SEC) + 86400);
                }
                gnutls_x509_crl_deinit(crl);
        }
        b->options.crl_lifetime = 30 * USEC_PER_DAY;
        {
                g_autoptr(GPtrArray) lists = sign_lists(b, now);
                g_autoptr(AuthorityLook) look = authority_look(&b->options, false, NULL);
                gnutls_x509_crl_t crl = parse(lists->pdata[0]);

                g_assert_cmpint(
                        gnutls_x509_crl_get_next_update(crl), ==,
                        gnutls_x509_crt_get_expiration_time(parts_in_role(look->parts, PART_CURRENT)->crt));
                gnutls_x509_crl_deinit(crl);
        }
}

static int entries_at(AuthorityBench *b, uint64_t now)
{
        g_autoptr(GPtrArray) lists = sign_lists(b, now);
        gnutls_x509_crl_t crl = parse(lists->pdata[0]);
        int n = gnutls_x509_crl_get_crt_count(crl);

        gnutls_x509_crl_deinit(crl);
        return n;
}

/* RFC 5280, 5: an entry is on one list that was signed after its certificate's end, and then on no more. */
static void test_what_ended_leaves_the_list_after_one_more(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(GBytes) short_lived = NULL, long_lived = NULL;
        g_auto(GStrv) found = NULL;
        uint64_t now = now_realtime();

        authority_bench_change(b, change_make);
        short_lived = authority_bench_issue(b, USEC_PER_HOUR);
        long_lived = authority_bench_issue(b, 90 * USEC_PER_DAY);
        revoke_one(b, short_lived, "superseded");
        revoke_one(b, long_lived, "superseded");
        g_assert_cmpint(entries_at(b, now), ==, 2);
        found = serials(b, now + 2 * USEC_PER_HOUR);
        g_assert_cmpuint(g_strv_length(found), ==, 1);
        g_assert_cmpint(entries_at(b, now + 2 * USEC_PER_HOUR), ==, 2);
        g_assert_cmpint(entries_at(b, now + 3 * USEC_PER_HOUR), ==, 1);
        g_assert_cmpint(entries_at(b, now + 4 * USEC_PER_HOUR), ==, 1);
}

static void test_an_authority_without_time_signs_no_list(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(GPtrArray) lists = NULL;

        authority_bench_change(b, change_make);
        lists = sign_lists(b, now_realtime() + 3651 * USEC_PER_DAY);
        g_assert_cmpuint(lists->len, ==, 0);
}

/* ---- As OpenSSL reads them ---- */

static void write_pem(const char *path, const char *type, GPtrArray *ders)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < ders->len; i++) {
                gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(ders->pdata[i], NULL),
                                     (unsigned) g_bytes_get_size(ders->pdata[i]) },
                               pem;

                g_assert_cmpint(gnutls_pem_base64_encode2(type, &d, &pem), >=, 0);
                g_string_append_len(text, (char *) pem.data, pem.size);
                gnutls_free(pem.data);
        }
        g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
}

static char *run(const char *folder, const char *const *argv, int *ret_status)
{
        char *out = NULL, *err = NULL;
        g_autoptr(GError) error = NULL;

        g_spawn_sync(folder, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, ret_status,
                     &error);
        g_assert_no_error(error);
        {
                char *both = g_strconcat(out, err, NULL);

                g_free(out);
                g_free(err);
                return both;
        }
}

static void write_one(AuthorityBench *b, const char *name, const char *type, GBytes *der)
{
        g_autofree char *path = g_build_filename(b->root, name, NULL);
        g_autoptr(GPtrArray) list = g_ptr_array_new();

        g_ptr_array_add(list, der);
        write_pem(path, type, list);
}

static void test_openssl_takes_them(void)
{
        g_autofree char *openssl = g_find_program_in_path("openssl");
        int status;

        if (!openssl) {
                if (g_getenv("CI"))
                        g_test_fail_printf("openssl is missing: this was NOT tested");
                else
                        g_test_skip("openssl is missing: this was NOT tested");
                return;
        }
        for (KeyType type = 0; type <= KEY_TYPE_RSA_2048; type++) {
                g_autoptr(AuthorityBench) b = authority_bench_new();
                g_autoptr(GBytes) of_old = NULL, revoked_of_old = NULL, good = NULL, revoked = NULL;
                g_autoptr(GPtrArray) lists = NULL, roots = NULL;
                g_autofree char *crl_path = g_build_filename(b->root, "crl.pem", NULL),
                                *roots_path = g_build_filename(b->root, "ca.pem", NULL);
                struct {
                        const char *file, *says;
                        bool good;
                } cases[] = { { "good.pem", "good.pem: OK", true },
                              { "of-old.pem", "of-old.pem: OK", true },
                              { "revoked.pem", "certificate revoked", false },
                              { "revoked-of-old.pem", "certificate revoked", false } };

                b->options.key_type = type;
                authority_bench_change(b, change_make);
                of_old = authority_bench_issue(b, 0);
                revoked_of_old = authority_bench_issue(b, 0);
                authority_bench_change(b, change_begin);
                authority_bench_change(b, change_promote);
                good = authority_bench_issue(b, 0);
                revoked = authority_bench_issue(b, 0);
                revoke_one(b, revoked, "keyCompromise");
                revoke_one(b, revoked_of_old, "unspecified");
                lists = sign_lists(b, now_realtime());
                roots = authority_trusted(&b->options, NULL);
                write_pem(crl_path, "X509 CRL", lists);
                write_pem(roots_path, "CERTIFICATE", roots);
                write_one(b, "good.pem", "CERTIFICATE", good);
                write_one(b, "revoked.pem", "CERTIFICATE", revoked);
                write_one(b, "of-old.pem", "CERTIFICATE", of_old);
                write_one(b, "revoked-of-old.pem", "CERTIFICATE", revoked_of_old);
                for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                        const char *argv[] = { "openssl",     "verify", "-x509_strict", "-crl_check",
                                               "-CAfile",     "ca.pem", "-CRLfile",     "crl.pem",
                                               cases[i].file, NULL };
                        g_autofree char *said = run(b->root, argv, &status);

                        g_test_message("%s", said);
                        g_assert_cmpint(status == 0, ==, cases[i].good);
                        g_assert_nonnull(strstr(said, cases[i].says));
                }
                {
                        const char *argv[] = { "openssl", "crl",     "-in",    "crl.pem", "-noout",
                                               "-text",   "-CAfile", "ca.pem", "-verify", NULL };
                        g_autofree char *said = run(b->root, argv, &status);

                        g_test_message("%s", said);
                        g_assert_cmpint(status, ==, 0);
                        g_assert_nonnull(strstr(said, "verify OK"));
                        g_assert_nonnull(strstr(said, "Key Compromise"));
                        g_assert_nonnull(strstr(said, "X509v3 CRL Number"));
                        g_assert_nonnull(strstr(said, "X509v3 Authority Key Identifier"));
                }
        }
}

/* ---- The file ---- */

static void test_a_line_that_was_cut_off_does_not_count(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *path = g_build_filename(b->folder, "revoked", NULL), *whole = NULL, *text = NULL;
        g_autoptr(GBytes) first = NULL, second = NULL;

        authority_bench_change(b, change_make);
        first = authority_bench_issue(b, 0);
        second = authority_bench_issue(b, 0);
        revoke_one(b, first, "superseded");
        g_assert_true(g_file_get_contents(path, &whole, NULL, NULL));
        for (size_t length = strlen(whole) - 1; length > 0; length -= MIN(length, 7)) {
                g_autofree char *cut = g_strndup(whole, length), *damaged = g_strconcat(whole, cut, NULL);

                g_assert_true(g_file_set_contents(path, damaged, -1, NULL));
                g_assert_cmpuint(count(b), ==, 1);
        }
        revoke_one(b, second, "superseded");
        g_assert_cmpuint(count(b), ==, 2);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_assert_true(g_str_has_prefix(text, whole));
}

static void test_a_damaged_line_is_told(void)
{
        static const char *const lines[] = {
                "\n",
                "nothing\n",
                "0g 0123456789abcdef 1 2 superseded\n",
                "0a1 0123456789abcdef 1 2 superseded\n",
                "0a 0123456789abcde 1 2 superseded\n",
                "0a 0123456789abcdef -1 2 superseded\n",
                "0a 0123456789abcdef 1 2 certificateHold\n",
                "0a 0123456789abcdef 1 2 superseded more\n",
                "0a 0123456789abcdef 1 99999999999999999999 superseded\n",
                "000102030405060708090a0b0c0d0e0f1011121314 0123456789abcdef 1 2 superseded\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                g_autoptr(AuthorityBench) b = authority_bench_new();
                g_autofree char *path = g_build_filename(b->folder, "revoked", NULL);
                g_autoptr(AuthorityLook) look = NULL;
                g_autoptr(GBytes) leaf = NULL;
                g_autoptr(GError) error = NULL;

                authority_bench_change(b, change_make);
                leaf = authority_bench_issue(b, 0);
                g_assert_true(g_file_set_contents(path, lines[i], -1, NULL));
                look = authority_look(&b->options, false, NULL);
                g_assert_null(revocation_serials(b->lists, look, &b->options, 0, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
                g_assert_nonnull(strstr(error->message, "in its line 1"));
                g_clear_error(&error);
                authority_look_free(g_steal_pointer(&look));
                g_assert_false(revocation_add(b->lists, &b->options, leaf, "superseded", 0, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        }
}

static void test_a_damaged_number_is_told(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *path = g_build_filename(b->folder, "crl-number", NULL);
        g_autoptr(GError) error = NULL;

        authority_bench_change(b, change_make);
        g_assert_true(g_file_set_contents(path, "many\n", -1, NULL));
        g_assert_null(revocation_sign(b->lists, &b->options, now_realtime(), &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        g_assert_nonnull(strstr(error->message, "Remove it"));
}

/* Entries of a made-up past; as long as the lists in memory and on disk grow by one each, how many there are
 * does not matter. */
static void test_many(void)
{
        enum { MANY = CERT_REVOKED_MAX - 1 };
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autofree char *path = g_build_filename(b->folder, "revoked", NULL);
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(AuthorityLook) look = NULL;
        g_autoptr(GPtrArray) lists = NULL;
        g_autoptr(GBytes) leaf = NULL;
        int64_t end = time(NULL) + 86400, began;

        authority_bench_change(b, change_make);
        look = authority_look(&b->options, false, NULL);
        for (unsigned i = 0; i < MANY; i++)
                g_string_append_printf(text, "40%032x %s %ld %ld superseded\n", i,
                                       parts_in_role(look->parts, PART_CURRENT)->fingerprint,
                                       (long) end - 86400, (long) end);
        g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
        authority_look_free(g_steal_pointer(&look));
        began = g_get_monotonic_time();
        g_assert_cmpuint(count(b), ==, MANY);
        g_test_message("reading %d: %.3f s", MANY, (g_get_monotonic_time() - began) / 1e6);
        leaf = authority_bench_issue(b, 0);
        began = g_get_monotonic_time();
        revoke_one(b, leaf, "superseded");
        g_test_message("one more: %.3f s", (g_get_monotonic_time() - began) / 1e6);
        began = g_get_monotonic_time();
        lists = sign_lists(b, now_realtime());
        g_test_message("signing: %.3f s, %zu bytes", (g_get_monotonic_time() - began) / 1e6,
                       g_bytes_get_size(lists->pdata[0]));
        /* GnuTLS's reader takes minutes for it. */
        g_assert_cmpuint(g_bytes_get_size(lists->pdata[0]), >, 45 * MANY);
        g_assert_cmpuint(g_bytes_get_size(lists->pdata[0]), <, 60 * MANY);
}

/* `n` more lines in the file: of this authority, ending then. */
static void list_further(AuthorityBench *b, unsigned n, unsigned first, const char *authority, int64_t end)
{
        g_autofree char *path = g_build_filename(b->folder, "revoked", NULL), *before = NULL;
        g_autoptr(GString) text = g_string_new(NULL);

        if (g_file_get_contents(path, &before, NULL, NULL))
                g_string_append(text, before);
        for (unsigned i = first; i < first + n; i++)
                g_string_append_printf(text, "40%032x %s %ld %ld superseded\n", i, authority,
                                       (long) end - 86400, (long) end);
        g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
}

/* What ended, and what others revoked, does not count; what is listed can be revoked again. */
static void test_no_more_than_can_be_told_of(void)
{
        g_autoptr(AuthorityBench) b = authority_bench_new();
        g_autoptr(AuthorityLook) look = NULL;
        g_autoptr(GBytes) last = NULL, further = NULL, next = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *current = NULL;

        authority_bench_change(b, change_make);
        look = authority_look(&b->options, false, NULL);
        current = g_strdup(parts_in_role(look->parts, PART_CURRENT)->fingerprint);
        authority_look_free(g_steal_pointer(&look));
        list_further(b, 1000, 0, current, time(NULL) - 3600);
        list_further(b, 1000, 1000, "0123456789abcdef", time(NULL) + 3600);
        list_further(b, CERT_REVOKED_MAX - 1, 2000, current, time(NULL) + 3600);
        last = authority_bench_issue(b, 0);
        further = authority_bench_issue(b, 0);
        revoke_one(b, last, "superseded");
        g_assert_cmpuint(count(b), ==, CERT_REVOKED_MAX);
        g_assert_false(revocation_add(b->lists, &b->options, further, "superseded", now_realtime(), &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
        g_assert_nonnull(strstr(error->message, "\nRotate it: certctl authority rotate site"));
        g_assert_cmpuint(count(b), ==, CERT_REVOKED_MAX);
        revoke_one(b, last, "superseded");
        authority_bench_change(b, change_begin);
        authority_bench_change(b, change_promote);
        authority_bench_change(b, change_retire);
        g_assert_cmpuint(count(b), ==, 0);
        next = authority_bench_issue(b, 0);
        revoke_one(b, next, "superseded");
        g_assert_cmpuint(count(b), ==, 1);
}

/* ---- DER ---- */

static void assert_der(GByteArray *der, const char *hex)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < der->len; i++)
                g_string_append_printf(text, "%02x", der->data[i]);
        g_assert_cmpstr(text->str, ==, hex);
        g_byte_array_set_size(der, 0);
}

static void test_der(void)
{
        g_autoptr(GByteArray) out = g_byte_array_new();
        g_autofree unsigned char *many = g_malloc0(70000);

        der_append_number(out, 0);
        assert_der(out, "020100");
        der_append_number(out, 127);
        assert_der(out, "02017f");
        der_append_number(out, 128);
        assert_der(out, "02020080");
        der_append_number(out, 65536);
        assert_der(out, "0203010000");
        der_append_unsigned(out, (const unsigned char *) "\x00\x00\x01", 3);
        assert_der(out, "020101");
        der_append_oid(out, "2.5.29.35");
        assert_der(out, "0603551d23");
        der_append_oid(out, "1.2.840.10045.4.3.2");
        assert_der(out, "06082a8648ce3d040302");
        der_append_oid(out, "2.999.3");
        assert_der(out, "0603883703");
        der_append_time(out, 0);
        assert_der(out, "170d3730303130313030303030305a");
        der_append_time(out, INT64_C(2524607999)); /* the last second of 2049 */
        assert_der(out, "170d3439313233313233353935395a");
        der_append_time(out, INT64_C(2524608000));
        assert_der(out, "180f32303530303130313030303030305a");
        for (size_t size = 127; size < 70000; size *= 2) {
                static const char *const heads[] = { "047f", "0481fe", "048201fc" };
                char head[9] = "";

                der_append(out, DER_OCTET_STRING, many, size);
                for (unsigned i = 0; i < 4; i++)
                        g_snprintf(head + 2 * i, 3, "%02x", out->data[i]);
                if (size <= 508)
                        g_assert_true(g_str_has_prefix(head, heads[size == 127 ? 0 : size == 254 ? 1 : 2]));
                g_assert_cmpuint(out->len, ==,
                                 size + (size < 128     ? 2
                                         : size < 256   ? 3
                                         : size < 65536 ? 4
                                                        : 5));
                g_byte_array_set_size(out, 0);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/revocation/once and again is one entry", test_once_and_again_is_one_entry);
        g_test_add_func("/revocation/the serial is that of the certificate",
                        test_the_serial_is_that_of_the_certificate);
        g_test_add_func("/revocation/reasons", test_reasons);
        g_test_add_func("/revocation/what is not the authority's is refused",
                        test_what_is_not_the_authoritys_is_refused);
        g_test_add_func("/revocation/old ones' certificates can be revoked until it retires",
                        test_old_ones_certificates_can_be_revoked_until_it_retires);
        g_test_add_func("/revocation/a list for each part and each key",
                        test_a_list_for_each_part_and_each_key);
        g_test_add_func("/revocation/times and numbers", test_times_and_numbers);
        g_test_add_func("/revocation/what ended leaves the list after one more",
                        test_what_ended_leaves_the_list_after_one_more);
        g_test_add_func("/revocation/an authority without time signs no list",
                        test_an_authority_without_time_signs_no_list);
        g_test_add_func("/revocation/openssl takes them", test_openssl_takes_them);
        g_test_add_func("/revocation/a line that was cut off does not count",
                        test_a_line_that_was_cut_off_does_not_count);
        g_test_add_func("/revocation/a damaged line is told", test_a_damaged_line_is_told);
        g_test_add_func("/revocation/a damaged number is told", test_a_damaged_number_is_told);
        g_test_add_func("/revocation/many", test_many);
        g_test_add_func("/revocation/no more than can be told of", test_no_more_than_can_be_told_of);
        g_test_add_func("/revocation/der", test_der);
        return g_test_run();
}
