/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys: each type made, read again and used; what is no key refused; and keys in a real PKCS#11 token
 * (SoftHSM2 in a folder of its own), with each of the ways in which a token refuses. */

#include "agent/key.h"
#include "agent/offload.h"
#include "common/error.h"
#include "common/names.h"
#include "common/path.h"
#include "tests/unit/fixture.h"

#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <string.h>
#include <sys/stat.h>

#define PIN "1234"

static const char text[] = "what is signed";

static const char *const algorithms[_KEY_TYPE_MAX] = {
        [KEY_TYPE_ECDSA_P256] = "ecdsa-sha256", [KEY_TYPE_ECDSA_P384] = "ecdsa-sha384",
        [KEY_TYPE_ECDSA_P521] = "ecdsa-sha512", [KEY_TYPE_ED25519] = "ed25519",
        [KEY_TYPE_RSA_2048] = "rsa-sha256",     [KEY_TYPE_RSA_3072] = "rsa-pss-sha256",
        [KEY_TYPE_RSA_4096] = "rsa-sha512",
};

static const gnutls_sign_algorithm_t signs[_KEY_TYPE_MAX] = {
        [KEY_TYPE_ECDSA_P256] = GNUTLS_SIGN_ECDSA_SHA256,
        [KEY_TYPE_ECDSA_P384] = GNUTLS_SIGN_ECDSA_SHA384,
        [KEY_TYPE_ECDSA_P521] = GNUTLS_SIGN_ECDSA_SHA512,
        [KEY_TYPE_ED25519] = GNUTLS_SIGN_EDDSA_ED25519,
        [KEY_TYPE_RSA_2048] = GNUTLS_SIGN_RSA_SHA256,
        [KEY_TYPE_RSA_3072] = GNUTLS_SIGN_RSA_PSS_RSAE_SHA256,
        [KEY_TYPE_RSA_4096] = GNUTLS_SIGN_RSA_SHA512,
};

/* Signed by the key, verified with nothing but its SubjectPublicKeyInfo. */
static void assert_signs(const Key *k, KeyType type)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) signature = key_sign(k, algorithms[type], text, sizeof(text), &error);
        g_autoptr(GBytes) spki = key_spki(k, &error);
        gnutls_datum_t data = { (unsigned char *) text, sizeof(text) }, sig, der;
        gnutls_pubkey_t public_key;

        g_assert_no_error(error);
        sig = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(signature, NULL),
                                g_bytes_get_size(signature) };
        der = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(spki, NULL), g_bytes_get_size(spki) };
        g_assert_cmpint(gnutls_pubkey_init(&public_key), >=, 0);
        g_assert_cmpint(gnutls_pubkey_import(public_key, &der, GNUTLS_X509_FMT_DER), >=, 0);
        g_assert_cmpint(gnutls_pubkey_verify_data2(public_key, signs[type], 0, &data, &sig), >=, 0);
        gnutls_pubkey_deinit(public_key);
}

static void test_each_type_is_made_read_and_used(void)
{
        for (KeyType type = 0; type < _KEY_TYPE_MAX; type++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Key) k = NULL, again = NULL;
                g_autofree char *digest = NULL, *digest_again = NULL, *digest_pem = NULL;
                size_t size;
                const char *pem;

                if (type == KEY_TYPE_RSA_4096)
                        continue; /* below, on a thread */
                k = key_new(type, &error);
                g_assert_no_error(error);
                g_assert_cmpint(key_type(k), ==, type);
                pem = g_bytes_get_data(key_pem(k), &size);
                g_assert_nonnull(
                        g_strstr_len(pem, (gssize) size, "-----BEGIN PRIVATE KEY-----")); /* PKCS#8 */
                again = key_new_from_pem(key_pem(k), &error);
                g_assert_no_error(error);
                g_assert_cmpint(key_type(again), ==, type);
                digest = key_digest(key_public(k), &error);
                digest_again = key_digest(key_public(again), &error);
                digest_pem = key_digest_of_pem(pem, size, &error);
                g_assert_cmpstr(digest, ==, digest_again);
                g_assert_cmpstr(digest, ==, digest_pem);
                g_assert_cmpuint(strlen(digest), ==, 64);
                assert_signs(again, type);
        }
}

static void test_no_two_keys_are_the_same(void)
{
        g_autoptr(Key) a = key_new(KEY_TYPE_ECDSA_P256, NULL), b = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_autofree char *x = key_digest(key_public(a), NULL), *y = key_digest(key_public(b), NULL);

        g_assert_cmpstr(x, !=, y);
}

static void test_other_forms_of_pem_are_read(void)
{
        gnutls_x509_privkey_t key;
        g_autoptr(GError) error = NULL;

        for (KeyType type = 0; type < _KEY_TYPE_MAX; type++) {
                g_autoptr(Key) k = NULL;
                g_autoptr(GBytes) pem = NULL;
                gnutls_datum_t out;

                if (type == KEY_TYPE_RSA_4096 || type == KEY_TYPE_ED25519)
                        continue; /* slow; has no form but PKCS#8 */
                g_assert_cmpint(gnutls_x509_privkey_init(&key), >=, 0);
                g_assert_cmpint(
                        gnutls_x509_privkey_generate(key, key_type_algorithm(type), key_type_bits(type), 0),
                        >=, 0);
                g_assert_cmpint(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &out), >=,
                                0); /* PKCS#1, SEC 1 */
                pem = g_bytes_new_with_free_func(out.data, out.size, gnutls_free, out.data);
                k = key_new_from_pem(pem, &error);
                g_assert_no_error(error);
                g_assert_cmpint(key_type(k), ==, type);
                gnutls_x509_privkey_deinit(key);
        }
}

static void test_a_key_is_found_among_certificates(void)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(FixtureAuthority) a = fixture_authority_new();
        g_autoptr(Generation) g = fixture_generation_new(a, c);
        g_autoptr(GBytes) combined = generation_file(g, MANAGED_FILE_COMBINED);
        g_autoptr(GError) error = NULL;
        g_autofree char *alone = NULL, *among = NULL, *of_certificate = NULL;
        gnutls_datum_t pem = { (unsigned char *) g_bytes_get_data(g->cert_pem, NULL),
                               g_bytes_get_size(g->cert_pem) };
        gnutls_x509_crt_t crt;

        alone = key_digest_of_pem(g_bytes_get_data(g->key_pem, NULL), g_bytes_get_size(g->key_pem), &error);
        among = key_digest_of_pem(g_bytes_get_data(combined, NULL), g_bytes_get_size(combined), &error);
        g_assert_no_error(error);
        g_assert_cmpint(gnutls_x509_crt_init(&crt), >=, 0);
        g_assert_cmpint(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM), >=, 0);
        of_certificate = key_digest_of_certificate(crt, &error);
        gnutls_x509_crt_deinit(crt);
        g_assert_cmpstr(alone, ==, among);
        g_assert_cmpstr(alone, ==, of_certificate);
}

static void assert_no_key(const char *pem, const char *says)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *digest = key_digest_of_pem(pem, strlen(pem), &error);

        g_assert_null(digest);
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        if (!strstr(error->message, says))
                g_error("\"%s\" does not say \"%s\"", error->message, says);
}

static void test_what_is_no_key_is_refused(void)
{
        g_autoptr(Key) k = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_autofree char *truncated = g_strndup(g_bytes_get_data(key_pem(k), NULL), 100);
        gnutls_x509_privkey_t key;
        gnutls_datum_t out;
        g_autofree char *encrypted = NULL;

        assert_no_key("", "no private key");
        assert_no_key("nothing of the kind", "no private key");
        assert_no_key(truncated, "no private key");
        assert_no_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key");
        gnutls_x509_privkey_init(&key);
        gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                     0);
        g_assert_cmpint(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, "secret",
                                                          GNUTLS_PKCS_PBES2_AES_256, &out),
                        >=, 0);
        encrypted = g_strndup((char *) out.data, out.size);
        gnutls_free(out.data);
        gnutls_x509_privkey_deinit(key);
        assert_no_key(encrypted, "is encrypted");
}

/* What has hashed by itself, as TLS libraries do, gets the same kind of signature. */
static void test_a_digest_is_signed_as_it_is(void)
{
        for (KeyType type = 0; type < _KEY_TYPE_MAX; type++) {
                g_autofree char *algorithm = g_strconcat(algorithms[type], "-digest", NULL);
                gnutls_digest_algorithm_t hash = gnutls_sign_get_hash_algorithm(signs[type]);
                g_autoptr(Key) k = type == KEY_TYPE_ED25519 ? NULL : key_new(type, NULL);
                g_autoptr(GBytes) signature = NULL, cut = NULL;
                gnutls_datum_t data = { (unsigned char *) text, sizeof(text) }, sig;
                unsigned char digest[64];

                if (!k)
                        continue;
                g_assert_cmpint(gnutls_hash_fast(hash, text, sizeof(text), digest), >=, 0);
                signature = key_sign(k, algorithm, digest, gnutls_hash_get_len(hash), NULL);
                g_assert_nonnull(signature);
                sig = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(signature, NULL),
                                        g_bytes_get_size(signature) };
                g_assert_cmpint(gnutls_pubkey_verify_data2(key_public(k), signs[type], 0, &data, &sig), >=, 0);
                cut = key_sign(k, algorithm, digest, gnutls_hash_get_len(hash) - 1, NULL);
                g_assert_null(cut);
        }
}

static void test_an_algorithm_that_does_not_fit_is_refused(void)
{
        g_autoptr(Key) edwards = key_new(KEY_TYPE_ED25519, NULL);
        g_autoptr(Key) k = key_new(KEY_TYPE_ECDSA_P256, NULL);
        g_autoptr(GError) unfit = NULL, unknown = NULL;

        g_assert_null(key_sign(k, "rsa-sha256", text, sizeof(text), &unfit));
        g_assert_error(unfit, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
        g_assert_null(key_sign(k, "ecdsa-md5", text, sizeof(text), &unknown));
        g_assert_error(unknown, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED);
        g_assert_null(key_sign(k, "-digest", text, 32, NULL));
        g_assert_null(key_sign(k, "ecdsa-sha256-digest-digest", text, 32, NULL));
        g_assert_null(key_sign(edwards, "ed25519-digest", text, 64, NULL)); /* it signs no digest: RFC 8032 */
}

/* ---- On a thread ---- */

typedef struct Making {
        Key *key;
        bool done;
} Making;

static void make_rsa_4096(void *data)
{
        ((Making *) data)->key = key_new(KEY_TYPE_RSA_4096, NULL);
}

static void on_made(void *data)
{
        ((Making *) data)->done = true;
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata)
{
        unsigned *ticks = userdata;

        (*ticks)++;
        return sd_event_source_set_time(s, usec + 1000);
}

static void test_the_loop_turns_while_rsa_4096_is_made(void)
{
        Making m = { 0 };
        sd_event *event = NULL;
        sd_event_source *timer = NULL;
        unsigned ticks = 0;
        uint64_t now;
        Offload *o;
        int64_t begin = g_get_monotonic_time(), longest = 0, last = begin;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        o = offload_new(event);
        g_assert_nonnull(o);
        sd_event_now(event, CLOCK_MONOTONIC, &now);
        g_assert_cmpint(sd_event_add_time(event, &timer, CLOCK_MONOTONIC, now, 1, on_tick, &ticks), >=, 0);
        g_assert_cmpint(sd_event_source_set_enabled(timer, SD_EVENT_ON), >=, 0);
        offload_start(o, OFFLOAD_COMPUTE, make_rsa_4096, on_made, &m, NULL);
        while (!m.done) {
                g_assert_cmpint(sd_event_run(event, G_USEC_PER_SEC), >=, 0);
                longest = MAX(longest, g_get_monotonic_time() - last);
                last = g_get_monotonic_time();
        }
        g_assert_cmpint(key_type(m.key), ==, KEY_TYPE_RSA_4096);
        assert_signs(m.key, KEY_TYPE_RSA_4096);
        g_test_message("made in %" G_GINT64_FORMAT " ms, %u ticks, longest turn %" G_GINT64_FORMAT " us",
                       (last - begin) / 1000, ticks, longest);
        /* a turn that made the key itself would be the only one */
        g_assert_cmpuint(ticks, >, 5);
        key_unref(m.key);
        sd_event_source_unref(timer);
        offload_free(o);
        sd_event_unref(event);
}

/* ---- Tokens ---- */

typedef struct Token {
        char *folder;
        char *pin_file, *wrong_pin_file;
} Token;

static void run(const char *const *argv)
{
        g_autoptr(GError) error = NULL;
        int status;

        g_assert_true(
                g_spawn_sync(NULL, (char **) argv, NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                             NULL, NULL, NULL, NULL, &status, &error));
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
}

static void pin_file_write(const char *file, const char *pin)
{
        g_autofree char *path = host_path(file);

        g_assert_true(g_file_set_contents(path, pin, -1, NULL));
}

static void forget_refused_pins(void)
{
        g_autofree char *path = host_path(CERT_REFUSED_PINS_FILE);

        (void) g_unlink(path);
}

/* The module reads its configuration once: one token serves all tests of this program. NULL when there is no
 * SoftHSM2. */
static Token *token_new(void)
{
        g_autofree char *program = g_find_program_in_path("softhsm2-util"), *conf = NULL, *text_conf = NULL;
        Token *t;

        if (!program)
                return NULL;
        t = g_new0(Token, 1);
        t->folder = g_dir_make_tmp("token-XXXXXX", NULL);
        conf = g_build_filename(t->folder, "softhsm2.conf", NULL);
        text_conf = g_strdup_printf(
                "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", t->folder);
        g_assert_true(g_file_set_contents(conf, text_conf, -1, NULL));
        g_setenv("SOFTHSM2_CONF", conf, TRUE);
        g_setenv(CERT_ENV_TEST_ROOT, t->folder, TRUE); /* where refused PINs are remembered */
        run((const char *const[]){ program, "--init-token", "--free", "--label", "unit", "--so-pin", "5678",
                                   "--pin", PIN, NULL });
        t->pin_file = g_strdup("/pin");
        t->wrong_pin_file = g_strdup("/wrong-pin");
        pin_file_write(t->pin_file, PIN);
        pin_file_write(t->wrong_pin_file, "9999");
        return t;
}

static void token_free(Token *t)
{
        if (!t)
                return;
        gnutls_pkcs11_deinit();
        run((const char *const[]){ "rm", "-r", t->folder, NULL });
        g_free(t->pin_file);
        g_free(t->wrong_pin_file);
        g_free(t->folder);
        g_free(t);
}

static void test_a_token_makes_the_key_once_and_signs(const void *data)
{
        static const KeyType types[] = { KEY_TYPE_ECDSA_P256, KEY_TYPE_ECDSA_P384, KEY_TYPE_RSA_2048 };
        const Token *t = data;

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                g_autofree char *uri =
                        g_strdup_printf("pkcs11:token=unit;object=web-%s;id=%%0%zu?pin-source=%s",
                                        key_type_to_string(types[i]), i + 1, t->pin_file);
                g_autoptr(GError) error = NULL;
                g_autoptr(Key) first = key_new_from_uri(uri, types[i], true, &error), second = NULL;
                g_autofree char *a = NULL, *b = NULL, *c = NULL;

                g_assert_no_error(error);
                g_assert_null(key_pem(first));
                g_assert_cmpint(key_type(first), ==, types[i]);
                second = key_new_from_uri(uri, types[i], true, &error);
                g_assert_no_error(error);
                a = key_digest(key_public(first), &error);
                b = key_digest(key_public(second), &error);
                c = key_digest_of_uri(uri, &error);
                g_assert_cmpstr(a, ==, b);
                g_assert_cmpstr(a, ==, c);
                assert_signs(second, types[i]);
        }
}

typedef struct Refusal {
        const char *what;
        const char *uri; /* %s: the pin file */
        bool wrong_pin;
        bool make;
        KeyType type;
        const char *says;
} Refusal;

static const Refusal refusals[] = {
        { "a wrong PIN", "pkcs11:token=unit;object=new?pin-source=%s", true, true, KEY_TYPE_ECDSA_P256,
          "did not take the PIN" },
        { "a wrong PIN value", "pkcs11:token=unit;object=new?pin-value=0000", false, true,
          KEY_TYPE_ECDSA_P256, "did not take the PIN" },
        { "no PIN", "pkcs11:token=unit;object=new", false, true, KEY_TYPE_ECDSA_P256, "gives none" },
        { "a PIN file that is not there", "pkcs11:token=unit;object=new?pin-source=/none", false, true,
          KEY_TYPE_ECDSA_P256, "/none, which holds the PIN, cannot be opened" },
        { "no such token", "pkcs11:token=elsewhere;object=web?pin-source=%s", false, true,
          KEY_TYPE_ECDSA_P256, "no token matches" },
        { "no such token to look in", "pkcs11:token=elsewhere;object=web?pin-source=%s", false, false,
          KEY_TYPE_ECDSA_P256, "no token matches" },
        { "no such key", "pkcs11:token=unit;object=none?pin-source=%s", false, false, KEY_TYPE_ECDSA_P256,
          "no such private key" },
        { "another type of key", "pkcs11:token=unit;object=web-ecdsa-p256?pin-source=%s", false, true,
          KEY_TYPE_RSA_2048, "is of type ecdsa-p256" },
        { "no URI", "file:/etc/key", false, true, KEY_TYPE_ECDSA_P256, "not a pkcs11: URI" },
};

static void test_a_token_refuses(const void *data)
{
        const Token *t = data;

        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
                const Refusal *r = &refusals[i];
                g_auto(GStrv) parts = g_strsplit(r->uri, "%s", 2);
                g_autofree char *uri = g_strjoinv(r->wrong_pin ? t->wrong_pin_file : t->pin_file, parts);
                g_autoptr(GError) error = NULL;
                g_autoptr(Key) k = key_new_from_uri(uri, r->type, r->make, &error);

                g_test_message("%s", r->what);
                g_assert_null(k);
                g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
                if (!strstr(error->message, r->says))
                        g_error("%s: \"%s\" does not say \"%s\"", r->what, error->message, r->says);
                g_assert_nonnull(strchr(error->message, '\n')); /* what to do */
                forget_refused_pins();
        }
}

/* Each is one step on one token; "touch" writes the file anew. */
static void test_a_refused_pin_is_not_tried_again(const void *data)
{
        static const struct {
                const char *what, *uri,
                        *pin;     /* what stands in the file "changing" from now on; NULL: as it was */
                const char *says; /* NULL: the key is found */
        } steps[] = {
                { "a wrong PIN", "?pin-source=file:/changing", "9999", "did not take the PIN" },
                { "the same", "?pin-source=file:/changing", NULL, "refused this PIN (/changing) before" },
                { "the same once more", "?pin-source=/changing", NULL, "refused this PIN" },
                { "corrected", "?pin-source=file:/changing", PIN "\n", NULL },
                { "wrong again", "?pin-source=file:/changing", "8888", "did not take the PIN" },
                { "and in the URI", "?pin-value=7777", NULL, "did not take the PIN" },
                { "the same in the URI", "?pin-value=7777", NULL,
                  "refused this PIN (pin-value of the key's URI)" },
                { "a third", "?pin-value=6666", NULL, "refused 2 PINs" },
                { "even the right one", "?pin-source=file:/changing", PIN, "refused 2 PINs" },
        };
        g_autoptr(GError) error = NULL;
        const Token *t = data;

        forget_refused_pins();
        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
                g_autofree char *uri =
                        g_strconcat("pkcs11:token=unit;object=web-ecdsa-p256", steps[i].uri, NULL);
                g_autoptr(GError) wrong = NULL;
                g_autoptr(Key) k = NULL;

                g_test_message("%s", steps[i].what);
                if (steps[i].pin)
                        pin_file_write("/changing", steps[i].pin);
                k = key_new_from_uri(uri, KEY_TYPE_ECDSA_P256, false, &wrong);
                if (steps[i].says && !wrong)
                        g_error("%s: works", steps[i].what);
                if (steps[i].says && !strstr(wrong->message, steps[i].says))
                        g_error("%s: \"%s\" does not say \"%s\"", steps[i].what, wrong->message,
                                steps[i].says);
                if (!steps[i].says)
                        g_assert_no_error(wrong);
        }
        forget_refused_pins();
        key_unref(key_new_from_uri("pkcs11:token=unit;object=web-ecdsa-p256?pin-source=/changing",
                                   KEY_TYPE_ECDSA_P256, false, &error));
        g_assert_no_error(error);
        g_assert_nonnull(t);
}

static void test_no_pin_is_written_down(const void *data)
{
        g_autofree char *path = host_path(CERT_REFUSED_PINS_FILE), *written = NULL;
        struct stat st;

        forget_refused_pins();
        g_assert_null(key_new_from_uri("pkcs11:token=unit;object=x?pin-value=48151623", KEY_TYPE_ECDSA_P256,
                                       false, NULL));
        g_assert_true(g_file_get_contents(path, &written, NULL, NULL));
        g_assert_null(strstr(written, "48151623"));
        g_assert_cmpint(g_stat(path, &st), ==, 0);
        g_assert_cmpint(st.st_mode & 07777, ==, 0600);
        forget_refused_pins();
        g_assert_nonnull(data);
}

static void test_a_pin_in_the_uri_is_not_told(const void *data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Key) k = key_new_from_uri("pkcs11:token=elsewhere;object=web?pin-value=s3cret",
                                            KEY_TYPE_ECDSA_P256, true, &error);

        g_assert_null(k);
        g_assert_null(strstr(error->message, "s3cret"));
}

static void skip(const void *data)
{
        g_test_skip("softhsm2-util is not installed");
}

int main(int argc, char **argv)
{
        Token *t;
        int r;

        g_test_init(&argc, &argv, NULL);
        t = token_new();
        g_test_add_func("/key/each type is made, read and used", test_each_type_is_made_read_and_used);
        g_test_add_func("/key/no two keys are the same", test_no_two_keys_are_the_same);
        g_test_add_func("/key/other forms of PEM are read", test_other_forms_of_pem_are_read);
        g_test_add_func("/key/a key is found among certificates", test_a_key_is_found_among_certificates);
        g_test_add_func("/key/what is no key is refused", test_what_is_no_key_is_refused);
        g_test_add_func("/key/a digest is signed as it is", test_a_digest_is_signed_as_it_is);
        g_test_add_func("/key/an algorithm that does not fit is refused",
                        test_an_algorithm_that_does_not_fit_is_refused);
        g_test_add_func("/key/the loop turns while RSA 4096 is made",
                        test_the_loop_turns_while_rsa_4096_is_made);
        g_test_add_data_func("/key/a token makes the key once and signs", t,
                             t ? test_a_token_makes_the_key_once_and_signs : skip);
        g_test_add_data_func("/key/a token refuses", t, t ? test_a_token_refuses : skip);
        g_test_add_data_func("/key/a refused PIN is not tried again", t,
                             t ? test_a_refused_pin_is_not_tried_again : skip);
        g_test_add_data_func("/key/no PIN is written down", t, t ? test_no_pin_is_written_down : skip);
        g_test_add_data_func("/key/a PIN in the URI is not told", t,
                             t ? test_a_pin_in_the_uri_is_not_told : skip);
        r = g_test_run();
        token_free(t);
        return r;
}
