/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The local authority: made once, of the profile that clients expect, read again; and each damage told, with
 * nothing overwritten. */

#include "agent/csr.h"
#include "common/error.h"
#include "common/names.h"
#include "common/san.h"
#include "common/timespan.h"
#include "common/usage.h"
#include "issuers/local/authority.h"
#include "issuers/local/change.h"
#include "issuers/local/sign.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Bench {
        char *root;
        char *folder, *key, *certificate;
        char *old; /* STEM of the old one's files, where there is one */
        AuthorityOptions options;
} Bench;

static Bench *bench_new(void)
{
        Bench *b = g_new0(Bench, 1);

        b->root = fixture_root_new();
        b->folder = fixture_path(b->root, CERT_AUTHORITY_DIR "/site");
        b->key = g_build_filename(b->folder, "ca.key", NULL);
        b->certificate = g_build_filename(b->folder, "ca.pem", NULL);
        b->options = (AuthorityOptions){ .name = (char *) "site",
                                         .key_type = KEY_TYPE_ECDSA_P256,
                                         .lifetime = 3650 * USEC_PER_DAY,
                                         .certificate_lifetime = 90 * USEC_PER_DAY };
        return b;
}

static void bench_free(Bench *b)
{
        fixture_root_free(b->root);
        g_free(b->folder);
        g_free(b->key);
        g_free(b->certificate);
        g_free(b->old);
        g_free(b);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

static Authority *open_authority(Bench *b)
{
        g_autoptr(GError) error = NULL;
        Authority *a = NULL;

        g_assert_true(change_make(&b->options, &error) || error);
        if (!error)
                a = authority_open(&b->options, &error);
        g_assert_no_error(error);
        return a;
}

static char *content(const char *path)
{
        char *text = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

/* ---- Making ---- */

static void test_each_type_of_key_makes_an_authority(void)
{
        for (KeyType type = 0; type <= KEY_TYPE_RSA_2048; type++) {
                g_autoptr(Bench) b = bench_new();
                g_autoptr(Authority) a = NULL, again = NULL;
                struct stat st;
                unsigned critical, ca;
                int path_length;

                b->options.key_type = type;
                a = open_authority(b);
                again = open_authority(b);
                g_assert_true(g_bytes_equal(authority_der(a), authority_der(again)));
                g_assert_cmpint(gnutls_x509_crt_get_basic_constraints(authority_certificate(a), &critical,
                                                                      &ca, &path_length),
                                >=, 0);
                g_assert_true(critical && ca);
                g_assert_cmpint(gnutls_x509_crt_get_key_usage(authority_certificate(a), &ca, &critical), >=,
                                0);
                g_assert_true(critical);
                g_assert_cmpuint(ca, ==, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
                g_assert_cmpint(
                        gnutls_x509_crt_check_issuer(authority_certificate(a), authority_certificate(a)), ==,
                        1);
                g_assert_cmpint(g_stat(b->key, &st), ==, 0);
                g_assert_cmpint(st.st_mode & 07777, ==, 0600);
                g_assert_cmpint(g_stat(b->folder, &st), ==, 0);
                g_assert_cmpint(st.st_mode & 07777, ==, 0700);
        }
}

static void test_its_name_says_whose_it_is(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Authority) a = open_authority(b);
        gnutls_datum_t dn;

        g_assert_cmpint(gnutls_x509_crt_get_dn3(authority_certificate(a), &dn, 0), >=, 0);
        g_assert_true(g_str_has_prefix((char *) dn.data, "CN=site local authority "));
        gnutls_free(dn.data);
}

static void test_processes_at_once_agree(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Authority) a = NULL;
        pid_t pids[8];
        int status;

        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        g_autoptr(Authority) mine =
                                change_make(&b->options, NULL) ? authority_open(&b->options, NULL) : NULL;

                        _exit(mine ? 0 : 1);
                }
        }
        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
                g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
                g_assert_cmpint(status, ==, 0);
        }
        g_usleep(60 * 1000); /* until its files are settled */
        a = open_authority(b);
        g_assert_true(authority_is_current(a));
}

static void test_what_is_missing_is_not_made_by_opening(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(AuthorityLook) look = authority_look(&b->options, false, &error);

        g_assert_no_error(error);
        g_assert_true(look->parts->missing);
        g_assert_null(authority_open(&b->options, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        g_assert_nonnull(strstr(error->message, "certctl renew"));
        g_assert_false(g_file_test(b->folder, G_FILE_TEST_EXISTS));
}

/* ---- Signing ---- */

static gnutls_x509_crt_t sign(Bench *b, Authority *a, const ManifestCertificate *c, uint64_t lifetime,
                              GError **error)
{
        g_autoptr(Key) key = key_new(c->key_type, NULL);
        g_autoptr(GBytes) csr = csr_new(c, key, NULL), der = NULL;
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(csr, NULL), g_bytes_get_size(csr) };
        IssuerRequest r = { .certificate = c->name,
                            .subject = c->subject,
                            .sans = c->san_texts,
                            .usage = c->usage,
                            .lifetime = lifetime };
        gnutls_x509_crt_t crt = NULL;

        g_assert_cmpint(gnutls_x509_crq_init(&r.crq), >=, 0);
        g_assert_cmpint(gnutls_x509_crq_import(r.crq, &d, GNUTLS_X509_FMT_DER), >=, 0);
        if (issuer_request_check(&r, error))
                der = sign_request(a, &b->options, &r, now_realtime(), error);
        gnutls_x509_crq_deinit(r.crq);
        if (!der)
                return NULL;
        d = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(der, NULL), g_bytes_get_size(der) };
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER), >=, 0);
        return crt;
}

static void test_what_it_signs_is_of_the_profile(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Authority) a = open_authority(b);
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        gnutls_x509_crt_t crt = sign(b, a, c, 0, NULL);
        unsigned char serial[64], aki[64], ski[64];
        size_t serial_size = sizeof(serial), aki_size = sizeof(aki), ski_size = sizeof(ski);
        unsigned critical = 0, bits = 0, ca = 1;
        g_auto(GStrv) names = san_list_of_certificate(crt, NULL);
        time_t now = time(NULL);

        g_assert_cmpint(gnutls_x509_crt_get_version(crt), ==, 3);
        g_assert_cmpint(gnutls_x509_crt_get_serial(crt, serial, &serial_size), >=, 0);
        g_assert_cmpuint(serial_size, >=, 16);
        g_assert_cmpuint(serial_size, <=, 20);
        g_assert_cmpuint(serial[0] & 0x80, ==, 0);
        g_assert_true(g_strv_equal((const char *const *) names, (const char *const *) c->san_texts));
        g_assert_cmpint(usage_of_certificate(crt), ==, USAGE_SERVER);
        g_assert_cmpint(gnutls_x509_crt_get_basic_constraints(crt, &critical, &ca, NULL), >=, 0);
        g_assert_true(critical);
        g_assert_false(ca);
        g_assert_cmpint(gnutls_x509_crt_get_key_usage(crt, &bits, &critical), >=, 0);
        g_assert_true(critical);
        g_assert_cmpuint(bits, ==, GNUTLS_KEY_DIGITAL_SIGNATURE);
        g_assert_cmpint(gnutls_x509_crt_get_authority_key_id(crt, aki, &aki_size, NULL), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_get_subject_key_id(authority_certificate(a), ski, &ski_size, NULL),
                        >=, 0);
        g_assert_cmpmem(aki, aki_size, ski, ski_size);
        g_assert_cmpint(gnutls_x509_crt_get_activation_time(crt), <=, now - 59);
        g_assert_cmpint(llabs((long long) gnutls_x509_crt_get_expiration_time(crt) - (now + 90 * 24 * 3600)),
                        <, 60);
        gnutls_x509_crt_deinit(crt);
}

static void test_the_requests_lifetime_wins_but_not_over_the_authoritys(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Authority) a = open_authority(b);
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        gnutls_x509_crt_t day = sign(b, a, c, USEC_PER_DAY, NULL),
                          century = sign(b, a, c, 36500 * USEC_PER_DAY, NULL);

        g_assert_cmpint(gnutls_x509_crt_get_expiration_time(day), <, time(NULL) + 25 * 3600);
        g_assert_cmpint(gnutls_x509_crt_get_expiration_time(century), ==,
                        gnutls_x509_crt_get_expiration_time(authority_certificate(a)));
        gnutls_x509_crt_deinit(day);
        gnutls_x509_crt_deinit(century);
}

static void test_with_an_empty_subject_the_names_are_critical(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Authority) a = open_authority(b);
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GError) error = NULL;
        gnutls_x509_crt_t crt;
        unsigned critical = 0;
        char oid[64];

        g_free(c->subject);
        c->subject = g_strdup("");
        crt = sign(b, a, c, 0, &error);
        g_assert_no_error(error);
        for (unsigned i = 0;; i++) {
                size_t size = sizeof(oid);

                g_assert_cmpint(gnutls_x509_crt_get_extension_info(crt, i, oid, &size, &critical), >=, 0);
                if (g_str_equal(oid, "2.5.29.17"))
                        break;
        }
        g_assert_true(critical);
        gnutls_x509_crt_deinit(crt);
}

static Constraints *constraints(const char *permitted, const char *excluded)
{
        char *p[] = { (char *) permitted, NULL }, *e[] = { (char *) excluded, NULL };
        Constraints *c = constraints_new("site", p, excluded ? e : NULL, NULL);

        g_assert_nonnull(c);
        return c;
}

static void assert_not_signed(Bench *b, Authority *a, const char *name, const char *says)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new(name);
        g_autoptr(GError) error = NULL;

        g_assert_null(sign(b, a, c, 0, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
        if (!strstr(error->message, says))
                g_error("\"%s\" does not say \"%s\"", error->message, says);
}

static void test_what_its_constraints_forbid_is_not_signed(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Constraints) wide = constraints("example", "secret.example");
        g_autoptr(Constraints) narrow = constraints("web.example", NULL);
        g_autoptr(Constraints) own = NULL;
        g_autoptr(ManifestCertificate) web = fixture_certificate_new("web");
        g_autoptr(Authority) a = NULL;
        gnutls_x509_crt_t crt;

        b->options.names = wide;
        b->options.path_length = 3;
        a = open_authority(b);
        own = constraints_of_certificate(authority_certificate(a), NULL);
        g_assert_cmpuint(own->permitted->len, ==, 1);
        g_assert_cmpuint(own->excluded->len, ==, 1);
        crt = sign(b, a, web, 0, NULL);
        g_assert_nonnull(crt);
        gnutls_x509_crt_deinit(crt);
        assert_not_signed(b, a, "secret", "exclude secret.example");
        /* the certificate in place binds also when the manifest says nothing any more */
        b->options.names = NULL;
        assert_not_signed(b, a, "secret", "exclude secret.example");
        /* and the manifest binds before the certificate does */
        b->options.names = narrow;
        assert_not_signed(b, a, "mail", "\"mail.example\"");
        b->options.names = NULL;
}

static void test_a_request_for_other_names_than_the_call(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Authority) a = open_authority(b);
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GError) error = NULL;

        g_strfreev(c->san_texts);
        c->san_texts = g_strsplit("other.example", " ", -1);
        g_assert_null(sign(b, a, c, 0, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
}

static void check_request(const char *what, gnutls_x509_crq_t crq, const char *says)
{
        char *none[] = { NULL };
        IssuerRequest r = { .sans = none, .crq = crq };
        g_autoptr(GError) error = NULL;

        g_assert_false(issuer_request_check(&r, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
        if (!strstr(error->message, says))
                g_error("%s: \"%s\" does not say \"%s\"", what, error->message, says);
}

static void test_a_weak_key_and_a_key_that_is_not_there(void)
{
        gnutls_x509_privkey_t weak;
        gnutls_x509_crq_t crq;
        gnutls_datum_t der;
        static const struct {
                gnutls_pk_algorithm_t algorithm;
                unsigned bits;
        } keys[] = { { GNUTLS_PK_RSA, 1024 },
                     { GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP224R1) } };

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                g_assert_cmpint(gnutls_x509_privkey_init(&weak), >=, 0);
                g_assert_cmpint(gnutls_x509_privkey_generate(weak, keys[i].algorithm, keys[i].bits, 0), >=,
                                0);
                g_assert_cmpint(gnutls_x509_crq_init(&crq), >=, 0);
                g_assert_cmpint(gnutls_x509_crq_set_version(crq, 1), >=, 0);
                g_assert_cmpint(gnutls_x509_crq_set_key(crq, weak), >=, 0);
                g_assert_cmpint(gnutls_x509_crq_sign2(crq, weak, GNUTLS_DIG_SHA256, 0), >=, 0);
                check_request("weak", crq, "is not certified");
                /* the last byte of the signature */
                g_assert_cmpint(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der), >=, 0);
                der.data[der.size - 1] ^= 1;
                gnutls_x509_crq_deinit(crq);
                g_assert_cmpint(gnutls_x509_crq_init(&crq), >=, 0);
                g_assert_cmpint(gnutls_x509_crq_import(crq, &der, GNUTLS_X509_FMT_DER), >=, 0);
                check_request("forged", crq, "not signed by its own key");
                gnutls_x509_crq_deinit(crq);
                gnutls_free(der.data);
                gnutls_x509_privkey_deinit(weak);
        }
}

static void test_an_authority_that_ends_signs_no_more(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(Authority) a = NULL;
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GError) error = NULL;

        b->options.lifetime = 30 * USEC_PER_SEC;
        a = open_authority(b);
        g_assert_null(sign(b, a, c, 0, &error));
        g_assert_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED);
        g_assert_nonnull(strstr(error->message, "ends on"));
}

/* ---- Damage ---- */

static void write_text(const char *path, const char *text)
{
        g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
}

static void damage_truncated_key(Bench *b)
{
        g_autofree char *text = content(b->key);

        text[80] = '\0';
        write_text(b->key, text);
}

static void damage_empty_key(Bench *b)
{
        write_text(b->key, "");
}

static void damage_key_of_another(Bench *b)
{
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        g_autofree char *text = g_strndup(g_bytes_get_data(key, NULL), g_bytes_get_size(key));

        write_text(b->key, text);
}

static void damage_encrypted_key(Bench *b)
{
        write_text(b->key,
                   "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n");
}

static void damage_readable_key(Bench *b)
{
        g_assert_cmpint(g_chmod(b->key, 0644), ==, 0);
}

static void damage_truncated_certificate(Bench *b)
{
        g_autofree char *text = content(b->certificate);

        text[200] = '\0';
        write_text(b->certificate, text);
}

static void damage_open_folder(Bench *b)
{
        g_assert_cmpint(g_chmod(b->folder, 0755), ==, 0);
}

static void damage_key_is_a_link(Bench *b)
{
        g_autofree char *elsewhere = g_build_filename(b->root, "elsewhere", NULL);

        g_assert_cmpint(g_rename(b->key, elsewhere), ==, 0);
        g_assert_cmpint(symlink(elsewhere, b->key), ==, 0);
}

static void damage_key_is_a_fifo(Bench *b)
{
        g_assert_cmpint(g_unlink(b->key), ==, 0);
        g_assert_cmpint(mkfifo(b->key, 0600), ==, 0);
}

static void damage_foreign_key(Bench *b)
{
        g_assert_cmpint(chown(b->key, 65534, 65534), ==, 0);
}

static void write_part(Bench *b, const char *file, const char *text)
{
        g_autofree char *path = g_build_filename(b->folder, file, NULL);

        write_text(path, text);
}

static char *old_file(Bench *b, const char *suffix)
{
        return g_strdup_printf("%s/%s%s", b->folder, b->old, suffix);
}

static void damage_truncated_next(Bench *b)
{
        write_part(b, "next.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n");
}

static void damage_next_without_key(Bench *b)
{
        g_autofree char *path = g_build_filename(b->folder, "next.key", NULL);

        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void damage_next_has_the_key_of_another(Bench *b)
{
        g_autofree char *text = content(b->key);

        write_part(b, "next.key", text);
}

static void damage_old_without_key(Bench *b)
{
        g_autofree char *path = old_file(b, ".key");

        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void damage_old_is_another(Bench *b)
{
        g_autofree char *path = old_file(b, ".pem"), *text = NULL, *next = NULL;

        next = g_build_filename(b->folder, "next.pem", NULL);
        text = content(next);
        write_text(path, text);
}

static void damage_large_key(Bench *b)
{
        g_assert_cmpint(truncate(b->key, 2 * 1024 * 1024), ==, 0);
}

static void damage_writable_certificate(Bench *b)
{
        g_assert_cmpint(g_chmod(b->certificate, 0666), ==, 0);
}

static void damage_folder_is_a_link(Bench *b)
{
        g_autofree char *elsewhere = g_build_filename(b->root, "elsewhere", NULL);

        g_assert_cmpint(g_rename(b->folder, elsewhere), ==, 0);
        g_assert_cmpint(symlink(elsewhere, b->folder), ==, 0);
}

static void damage_environment(Bench *b)
{
        b->options.environment = (char *) "production";
}

static void damage_owner(Bench *b)
{
        write_part(b, "owner", "{\"issuer\":\"other\",\"environment\":\"test\"}");
}

static void damage_owner_text(Bench *b)
{
        write_part(b, "owner", "[]");
}

static void damage_made_is_no_certificate(Bench *b)
{
        write_part(b, "made.pem", "nothing");
}

/* A self-signed certificate in ca.pem with a key in ca.key, wrong in one way. */
typedef enum Flaw { FLAW_NO_AUTHORITY, FLAW_NO_USAGE, FLAW_FUTURE, FLAW_SIGNATURE } Flaw;

static void put_flawed(Bench *b, Flaw flaw)
{
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        gnutls_datum_t pem, der;
        time_t now = time(NULL) - 60;
        g_autofree char *text = NULL;

        g_assert_cmpint(gnutls_x509_privkey_init(&key), >=, 0);
        g_assert_cmpint(gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_dn(crt, "CN=Flawed", NULL), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_version(crt, 3), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_serial(crt, "\x01", 1), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_key(crt, key), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_activation_time(crt, flaw == FLAW_FUTURE ? now + 86400 : now), >=,
                        0);
        g_assert_cmpint(gnutls_x509_crt_set_expiration_time(crt, now + 10 * 86400), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_basic_constraints(crt, flaw != FLAW_NO_AUTHORITY, -1), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_set_key_usage(crt, flaw == FLAW_NO_USAGE ? GNUTLS_KEY_CRL_SIGN
                                                                                 : GNUTLS_KEY_KEY_CERT_SIGN),
                        >=, 0);
        g_assert_cmpint(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der), >=, 0);
        if (flaw == FLAW_SIGNATURE)
                der.data[der.size - 1] ^= 1;
        g_assert_cmpint(gnutls_pem_base64_encode2("CERTIFICATE", &der, &pem), >=, 0);
        text = g_strndup((char *) pem.data, pem.size);
        write_text(b->certificate, text);
        gnutls_free(pem.data);
        gnutls_free(der.data);
        g_assert_cmpint(
                gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem),
                >=, 0);
        g_free(text);
        text = g_strndup((char *) pem.data, pem.size);
        write_text(b->key, text);
        gnutls_free(pem.data);
        gnutls_x509_crt_deinit(crt);
        gnutls_x509_privkey_deinit(key);
}

static void damage_no_authority(Bench *b)
{
        put_flawed(b, FLAW_NO_AUTHORITY);
}

static void damage_no_usage(Bench *b)
{
        put_flawed(b, FLAW_NO_USAGE);
}

static void damage_future(Bench *b)
{
        put_flawed(b, FLAW_FUTURE);
}

static void damage_signature(Bench *b)
{
        put_flawed(b, FLAW_SIGNATURE);
}

typedef struct Damage {
        const char *name;
        void (*damage)(Bench *b);
        const char *says;
        bool root;
} Damage;

static const Damage damages[] = {
        { "the key is cut short", damage_truncated_key, "ca.key holds no private key" },
        { "the key is empty", damage_empty_key, "ca.key holds no private key" },
        { "the key is another's", damage_key_of_another, "ca.key is not the key of ca.pem" },
        { "the key is encrypted", damage_encrypted_key, "is encrypted" },
        { "the key is readable by all", damage_readable_key, "chmod 0600" },
        { "the certificate is cut short", damage_truncated_certificate, "ca.pem holds no certificate" },
        { "the folder is open to all", damage_open_folder, "chmod 0700" },
        { "the key is a link", damage_key_is_a_link, "is a link" },
        { "the key is a FIFO", damage_key_is_a_fifo, "no regular file" },
        { "the key is another user's", damage_foreign_key, "belongs to user 65534", true },
        { "the key is large", damage_large_key, "no regular file of at most 64 KiB" },
        { "the certificate can be written by all", damage_writable_certificate, "chmod go-w" },
        { "the certificate is of no authority", damage_no_authority, "is no CA certificate" },
        { "the certificate may not sign", damage_no_usage, "keyCertSign" },
        { "the certificate is not valid yet", damage_future, "clock" },
        { "the certificate's signature is wrong", damage_signature, "is not signed by itself" },
        { "the next certificate is cut short", damage_truncated_next, "next.pem holds no certificate" },
        { "the next key is missing", damage_next_without_key, "next.key is missing" },
        { "the next key is another's", damage_next_has_the_key_of_another,
          "next.key is not the key of next.pem" },
        { "the old key is missing", damage_old_without_key, ".key is missing" },
        { "the old certificate is another", damage_old_is_another, "another certificate than its name says" },
        { "the folder is a link", damage_folder_is_a_link, "is a link" },
        { "the folder is another environment's", damage_environment, "is the folder of the issuer \"site\"" },
        { "the folder is another issuer's", damage_owner, "is the folder of the issuer \"other\"" },
        { "the owner's file is damaged", damage_owner_text, "does not say whose" },
        { "a new certificate that is none", damage_made_is_no_certificate, "made.pem holds no certificate" },
};

static void make_all_parts(Bench *b)
{
        g_autoptr(AuthorityLook) look = NULL;

        g_assert_true(change_make(&b->options, NULL));
        g_assert_true(change_begin(&b->options, NULL));
        g_assert_true(change_promote(&b->options, NULL));
        g_assert_true(change_begin(&b->options, NULL));
        look = authority_look(&b->options, false, NULL);
        g_assert_nonnull(look);
        g_assert_cmpuint(look->parts->list->len, ==, 3);
        b->old = g_strdup(parts_in_role(look->parts, PART_OLD)->stem);
}

static int compare_lines(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Of each name in the folder: which file it is, and when it was changed. */
static char *listing(Bench *b)
{
        g_autoptr(GDir) dir = g_dir_open(b->folder, 0, NULL);
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(b->folder, name, NULL);
                struct stat st;

                g_assert_cmpint(g_lstat(path, &st), ==, 0);
                g_ptr_array_add(lines, g_strdup_printf("%s %lu %ld.%09ld", name, (unsigned long) st.st_ino,
                                                       (long) st.st_ctim.tv_sec, st.st_ctim.tv_nsec));
        }
        g_ptr_array_sort(lines, compare_lines);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (char **) lines->pdata);
}

static void assert_refused(Bench *b, const Damage *d, const char *what, GError *error)
{
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        if (!strstr(error->message, d->says))
                g_error("%s: \"%s\" does not say \"%s\"", what, error->message, d->says);
        g_assert_nonnull(strchr(error->message, '\n'));
        g_assert_null(strstr(error->message, b->root));
        g_error_free(error);
}

static void test_damage(const void *data)
{
        static const struct {
                const char *name;
                bool (*change)(const AuthorityOptions *o, GError **error);
        } changes[] = { { "make", change_make },
                        { "begin", change_begin },
                        { "promote", change_promote },
                        { "retire", change_retire } };
        const Damage *d = data;
        g_autoptr(Bench) b = bench_new();
        g_autofree char *before = NULL, *after = NULL;
        GError *error = NULL;

        if (d->root && geteuid() != 0) {
                g_test_skip("needs root");
                return;
        }
        make_all_parts(b);
        d->damage(b);
        before = listing(b);
        g_assert_null(authority_look(&b->options, false, &error));
        assert_refused(b, d, "look", g_steal_pointer(&error));
        g_assert_null(authority_open(&b->options, &error));
        assert_refused(b, d, "open", g_steal_pointer(&error));
        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_assert_false(changes[i].change(&b->options, &error));
                assert_refused(b, d, changes[i].name, g_steal_pointer(&error));
        }
        after = listing(b);
        g_assert_cmpstr(before, ==, after);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/authority/each type of key makes an authority",
                        test_each_type_of_key_makes_an_authority);
        g_test_add_func("/authority/its name says whose it is", test_its_name_says_whose_it_is);
        g_test_add_func("/authority/processes at once agree", test_processes_at_once_agree);
        g_test_add_func("/authority/what is missing is not made by opening",
                        test_what_is_missing_is_not_made_by_opening);
        g_test_add_func("/authority/what it signs is of the profile", test_what_it_signs_is_of_the_profile);
        g_test_add_func("/authority/the request's lifetime wins, but not over the authority's",
                        test_the_requests_lifetime_wins_but_not_over_the_authoritys);
        g_test_add_func("/authority/with an empty subject the names are critical",
                        test_with_an_empty_subject_the_names_are_critical);
        g_test_add_func("/authority/what its constraints forbid is not signed",
                        test_what_its_constraints_forbid_is_not_signed);
        g_test_add_func("/authority/a request for other names than the call",
                        test_a_request_for_other_names_than_the_call);
        g_test_add_func("/authority/a weak key, and a key that is not there",
                        test_a_weak_key_and_a_key_that_is_not_there);
        g_test_add_func("/authority/an authority that ends signs no more",
                        test_an_authority_that_ends_signs_no_more);
        for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
                g_autofree char *name = g_strdup_printf("/authority/damage: %s", damages[i].name);

                g_test_add_data_func(name, &damages[i], test_damage);
        }
        return g_test_run();
}
