/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An authority's key in each of its protections: a file, a file that a credential of systemd opens, a PKCS#11
 * token (a real SoftHSM2 in a folder of its own); how it is made, opened again and destroyed, and each way in
 * which that fails. */

#include "common/error.h"
#include "common/names.h"
#include "issuers/local/authority-key.h"
#include "issuers/local/seal.h"
#include "tests/unit/fixture.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIN         "1234"
#define CREDENTIALS "/run/credentials/test"

typedef struct Bench {
        char *root;
        AuthorityOptions options;
} Bench;

static Bench *bench_new(KeyProtection protection)
{
        Bench *b = g_new0(Bench, 1);

        b->root = fixture_root_new();
        fixture_make_folder(b->root, CERT_AUTHORITY_DIR, 0700);
        b->options = (AuthorityOptions){ .name = (char *) "site",
                                         .key_type = KEY_TYPE_ECDSA_P256,
                                         .key_protection = protection };
        g_unsetenv("CREDENTIALS_DIRECTORY");
        return b;
}

static void bench_free(Bench *b)
{
        g_free(b->options.key_uri);
        fixture_root_free(b->root);
        g_free(b);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

static void bench_write(const Bench *b, const char *file, const char *content, size_t size)
{
        g_autofree char *path = fixture_path(b->root, file), *folder = g_path_get_dirname(path);

        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        g_assert_true(g_file_set_contents(path, content, (gssize) size, NULL));
}

static void bench_remove(const Bench *b, const char *file)
{
        g_autofree char *path = fixture_path(b->root, file);

        g_assert_cmpint(g_remove(path), ==, 0);
}

static void assert_says(GError *error, const char *what, const char *says)
{
        g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
        if (!strstr(error->message, says))
                g_error("%s: \"%s\" does not say \"%s\"", what, error->message, says);
        g_assert_nonnull(strchr(error->message, '\n')); /* what to do */
}

static void assert_is_pair(gnutls_privkey_t key, gnutls_privkey_t again)
{
        static const char text[] = "what is signed";
        gnutls_datum_t data = { (unsigned char *) text, sizeof(text) }, signature = { 0 };
        gnutls_pubkey_t public_key;
        gnutls_sign_algorithm_t algorithm;

        g_assert_cmpint(gnutls_pubkey_init(&public_key), >=, 0);
        g_assert_cmpint(gnutls_pubkey_import_privkey(public_key, key, 0, 0), >=, 0);
        algorithm = gnutls_pk_to_sign((gnutls_pk_algorithm_t) gnutls_privkey_get_pk_algorithm(again, NULL),
                                      GNUTLS_DIG_SHA256);
        if (gnutls_privkey_get_pk_algorithm(again, NULL) == GNUTLS_PK_EDDSA_ED25519)
                algorithm = GNUTLS_SIGN_EDDSA_ED25519;
        g_assert_cmpint(gnutls_privkey_sign_data2(again, algorithm, 0, &data, &signature), >=, 0);
        g_assert_cmpint(gnutls_pubkey_verify_data2(public_key, algorithm, 0, &data, &signature), >=, 0);
        gnutls_free(signature.data);
        gnutls_pubkey_deinit(public_key);
}

/* Makes a key, opens it again, and compares; returns the content. */
static GBytes *make(Bench *b)
{
        g_autoptr(GError) error = NULL;
        gnutls_privkey_t key, again;
        GBytes *content = authority_key_new(&b->options, &key, &error);

        g_assert_no_error(error);
        g_assert_true(authority_key_open(&b->options, content, &again, &error));
        g_assert_no_error(error);
        assert_is_pair(key, again);
        gnutls_privkey_deinit(key);
        gnutls_privkey_deinit(again);
        return content;
}

static void assert_not_opened(Bench *b, GBytes *content, const char *what, const char *says)
{
        g_autoptr(GError) error = NULL;
        gnutls_privkey_t key;

        g_test_message("%s", what);
        g_assert_false(authority_key_open(&b->options, content, &key, &error));
        assert_says(error, what, says);
}

static void assert_not_made(Bench *b, const char *what, const char *says)
{
        g_autoptr(GError) error = NULL;
        gnutls_privkey_t key;

        g_test_message("%s", what);
        g_assert_null(authority_key_new(&b->options, &key, &error));
        assert_says(error, what, says);
}

static bool holds(GBytes *content, const char *text)
{
        return g_strstr_len(g_bytes_get_data(content, NULL), (gssize) g_bytes_get_size(content), text);
}

/* ---- Files ---- */

static void test_a_file_of_each_type(void)
{
        g_autoptr(Bench) b = bench_new(KEY_PROTECTION_FILE);

        for (KeyType type = 0; type <= KEY_TYPE_RSA_2048; type++) {
                g_autoptr(GBytes) content = NULL;

                b->options.key_type = type;
                content = make(b);
                g_assert_true(holds(content, "-----BEGIN PRIVATE KEY-----"));
                g_assert_false(authority_key_is_on_token(content));
        }
}

/* ---- Credentials ---- */

static void give_seal(Bench *b, const char *secret, size_t size)
{
        g_setenv("CREDENTIALS_DIRECTORY", CREDENTIALS, TRUE);
        bench_write(b, CREDENTIALS "/" SEAL_CREDENTIAL, secret, size);
}

static void test_a_credential_opens_its_key(void)
{
        g_autoptr(Bench) b = bench_new(KEY_PROTECTION_CREDENTIAL);

        give_seal(b, "\0\1\2\n\xff six and twenty bytes..", 26);
        for (KeyType type = 0; type <= KEY_TYPE_RSA_2048; type++) {
                g_autoptr(GBytes) content = NULL;

                b->options.key_type = type;
                content = make(b);
                g_assert_true(holds(content, "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
                /* whatever the manifest says now, a file is opened as it was made */
                b->options.key_protection = KEY_PROTECTION_FILE;
                g_assert_true(content != NULL);
                {
                        gnutls_privkey_t key;

                        g_assert_true(authority_key_open(&b->options, content, &key, NULL));
                        gnutls_privkey_deinit(key);
                }
                b->options.key_protection = KEY_PROTECTION_CREDENTIAL;
        }
}

/* "in hex": what an administrator's openssl(1) opens it with, from a backup of the credential. */
static void test_the_password_is_the_credential_in_hex(void)
{
        g_autoptr(Bench) b = bench_new(KEY_PROTECTION_CREDENTIAL);
        g_autoptr(GBytes) content = NULL;
        gnutls_x509_privkey_t key;
        gnutls_datum_t d;

        give_seal(b, "\0\1\2\3\4\5\6\7\x78\x79\x7a\x7b\x7c\x7d\x7e\xff", 16);
        content = make(b);
        d = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(content, NULL),
                              (unsigned) g_bytes_get_size(content) };
        g_assert_cmpint(gnutls_x509_privkey_init(&key), >=, 0);
        g_assert_cmpint(gnutls_x509_privkey_import_pkcs8(key, &d, GNUTLS_X509_FMT_PEM,
                                                         "000102030405060778797a7b7c7d7eff", 0),
                        >=, 0);
        gnutls_x509_privkey_deinit(key);
}

static void test_a_credential_that_is_not_as_it_must_be(void)
{
        g_autoptr(Bench) b = bench_new(KEY_PROTECTION_CREDENTIAL);
        g_autoptr(GBytes) content = NULL, damaged = NULL;
        g_autofree char *text = NULL;

        assert_not_made(b, "no systemd", "systemctl start cert-authority-seal.service");
        g_setenv("CREDENTIALS_DIRECTORY", CREDENTIALS, TRUE);
        assert_not_made(b, "none given", "systemctl start cert-authority-seal.service");
        give_seal(b, "short", 5);
        assert_not_made(b, "too short", "shorter than");
        give_seal(b, "a secret of sixteen bytes and more", 34);
        content = make(b);
        give_seal(b, "another secret of sixteen bytes...", 34);
        assert_not_opened(b, content, "another's", "another cert-authority.seal");
        g_unsetenv("CREDENTIALS_DIRECTORY");
        assert_not_opened(b, content, "lost", "restore it from a backup");
        give_seal(b, "a secret of sixteen bytes and more", 34);
        text = g_strndup(g_bytes_get_data(content, NULL), 200);
        damaged = g_bytes_new(text, strlen(text));
        {
                gnutls_privkey_t key;
                g_autoptr(GError) error = NULL;

                g_assert_false(authority_key_open(&b->options, damaged, &key, &error));
                g_assert_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE);
                g_assert_true(g_str_has_prefix(error->message, "holds no private key"));
        }
}

/* ---- Tokens ---- */

typedef struct Hsm {
        const char *label; /* of the token */
        char *folder;
        GPid tpm; /* 0: none */
} Hsm;

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

/* The modules read their configuration once: one token of each serves all tests of this program. */
static Hsm *softhsm_new(void)
{
        g_autofree char *program = g_find_program_in_path("softhsm2-util"), *conf = NULL, *text = NULL;
        Hsm *h;

        if (!program)
                return NULL;
        h = g_new0(Hsm, 1);
        h->label = "ca";
        h->folder = g_dir_make_tmp("token-XXXXXX", NULL);
        conf = g_build_filename(h->folder, "softhsm2.conf", NULL);
        text = g_strdup_printf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
                               h->folder);
        g_assert_true(g_file_set_contents(conf, text, -1, NULL));
        g_setenv("SOFTHSM2_CONF", conf, TRUE);
        run((const char *const[]){ program, "--init-token", "--free", "--label", h->label, "--so-pin", "5678",
                                   "--pin", PIN, NULL });
        return h;
}

/* Two ports on loopback that follow each other, as swtpm wants them. */
static uint16_t free_ports(void)
{
        for (;;) {
                struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
                socklen_t size = sizeof(a);
                int first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                    second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                uint16_t port;
                bool good;

                g_assert_cmpint(bind(first, (struct sockaddr *) &a, sizeof(a)), ==, 0);
                g_assert_cmpint(getsockname(first, (struct sockaddr *) &a, &size), ==, 0);
                port = ntohs(a.sin_port);
                a.sin_port = htons(port + 1);
                good = port < 65535 && bind(second, (struct sockaddr *) &a, sizeof(a)) == 0;
                close(first);
                close(second);
                if (good)
                        return port;
        }
}

/* False when it ended, as when somebody else has taken one of its ports meanwhile. */
static bool swtpm_listens(GPid pid, uint16_t port)
{
        for (int i = 0; i < 6000; i++) {
                struct sockaddr_in a = { AF_INET, htons(port + 1), { htonl(INADDR_LOOPBACK) }, { 0 } };
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                bool there = connect(fd, (struct sockaddr *) &a, sizeof(a)) == 0;

                close(fd);
                if (waitpid(pid, NULL, WNOHANG) != 0)
                        return false;
                if (there)
                        return true;
                g_usleep(10 * 1000);
        }
        g_error("swtpm does not listen");
}

static bool swtpm_start(Hsm *h, const char *program)
{
        uint16_t port = free_ports();
        g_autofree char *state = g_strdup_printf("dir=%s", h->folder);
        g_autofree char *server = g_strdup_printf("type=tcp,port=%u,bindaddr=127.0.0.1", port);
        g_autofree char *control = g_strdup_printf("type=tcp,port=%u,bindaddr=127.0.0.1", port + 1);
        g_autofree char *tcti = g_strdup_printf("swtpm:host=127.0.0.1,port=%u", port);
        const char *const argv[] = { program,
                                     "socket",
                                     "--tpm2",
                                     "--tpmstate",
                                     state,
                                     "--server",
                                     server,
                                     "--ctrl",
                                     control,
                                     "--flags",
                                     "not-need-init,startup-clear",
                                     NULL };

        g_assert_true(g_spawn_async(NULL, (char **) argv, NULL,
                                    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                                            G_SPAWN_STDERR_TO_DEV_NULL,
                                    NULL, NULL, &h->tpm, NULL));
        g_setenv("TPM2_PKCS11_TCTI", tcti, TRUE);
        g_setenv("TPM2_PKCS11_STORE", h->folder, TRUE);
        g_setenv("TPM2_PKCS11_BACKEND", "esysdb", TRUE);
        return swtpm_listens(h->tpm, port);
}

static Hsm *tpm_new(void)
{
        g_autofree char *program = g_find_program_in_path("swtpm");
        Hsm *h;

        if (!program || !g_file_test("/usr/share/p11-kit/modules/tpm2_pkcs11.module", G_FILE_TEST_EXISTS))
                return NULL;
        h = g_new0(Hsm, 1);
        h->label = "tpm";
        h->folder = g_dir_make_tmp("tpm-XXXXXX", NULL);
        while (!swtpm_start(h, program))
                ;
        return h;
}

/* After all environment is set. */
static void tpm_initialise(const Hsm *h)
{
        int r = gnutls_pkcs11_token_init("pkcs11:manufacturer=IBM", "5678", h->label);

        if (r >= 0)
                r = gnutls_pkcs11_token_set_pin("pkcs11:token=tpm?pin-value=5678", NULL, PIN,
                                                GNUTLS_PIN_USER);
        if (r < 0)
                g_error("the TPM's token: %s", gnutls_strerror(r));
}

static void hsm_free(Hsm *h)
{
        if (!h)
                return;
        if (h->tpm) {
                kill(h->tpm, SIGTERM);
                waitpid(h->tpm, NULL, 0);
        }
        run((const char *const[]){ "rm", "-r", h->folder, NULL });
        g_free(h->folder);
        g_free(h);
}

static Bench *token_bench(const Hsm *h, const char *object)
{
        Bench *b = bench_new(KEY_PROTECTION_TOKEN);

        bench_write(b, "/etc/ca.pin", PIN "\n", strlen(PIN) + 1);
        b->options.key_uri =
                g_strdup_printf("pkcs11:token=%s%s?pin-source=file:/etc/ca.pin", h->label, object);
        return b;
}

static char *login(const Hsm *h)
{
        return g_strdup_printf("pkcs11:token=%s?pin-value=" PIN, h->label);
}

static unsigned keys_in_token(const Hsm *h)
{
        g_autofree char *uri = login(h);
        gnutls_pkcs11_obj_t *list = NULL;
        unsigned n = 0;

        g_assert_cmpint(gnutls_pkcs11_obj_list_import_url4(&list, &n, uri,
                                                           GNUTLS_PKCS11_OBJ_FLAG_PRIVKEY |
                                                                   GNUTLS_PKCS11_OBJ_FLAG_LOGIN),
                        >=, 0);
        for (unsigned i = 0; i < n; i++)
                gnutls_pkcs11_obj_deinit(list[i]);
        gnutls_free(list);
        return n;
}

static void test_a_token_makes_keys_with_ids_of_their_own(const void *data)
{
        static const KeyType types[] = { KEY_TYPE_ECDSA_P256, KEY_TYPE_ECDSA_P384, KEY_TYPE_RSA_2048 };
        const Hsm *h = data;
        g_autoptr(Bench) b = token_bench(h, ";object=made;id=%01%02");

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                g_autoptr(GBytes) first = NULL, second = NULL;
                unsigned before = keys_in_token(h);

                b->options.key_type = types[i];
                bench_write(b, CERT_AUTHORITY_DIR "/site/ca.key", "", 0); /* there was a key before */
                first = make(b);
                second = make(b);
                g_assert_true(authority_key_is_on_token(first));
                g_assert_true(holds(first, "object=made") && holds(first, "serial=") && holds(first, "id=%"));
                g_assert_false(holds(first, "id=%01%02"));
                g_assert_false(holds(first, "pin-") || holds(first, PIN "\n"));
                g_assert_true(holds(first, "\nmade\n"));
                g_assert_false(g_bytes_equal(first, second));
                g_assert_cmpuint(keys_in_token(h), ==, before + 2);
                authority_key_destroy(&b->options, first);
                g_assert_cmpuint(keys_in_token(h), ==, before + 1);
                assert_not_opened(b, first, "destroyed", "holds it no longer");
                authority_key_destroy(&b->options, first); /* again */
                authority_key_destroy(&b->options, second);
                g_assert_cmpuint(keys_in_token(h), ==, before);
        }
}

static void generate(const Hsm *h, const char *label, unsigned char id)
{
        g_autofree char *uri = login(h);
        gnutls_datum_t cid = { &id, 1 };

        g_assert_cmpint(gnutls_pkcs11_privkey_generate3(
                                uri, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), label,
                                &cid, GNUTLS_X509_FMT_DER, NULL, 0,
                                GNUTLS_PKCS11_OBJ_FLAG_LOGIN | GNUTLS_PKCS11_OBJ_FLAG_MARK_PRIVATE |
                                        GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE),
                        >=, 0);
}

static void test_the_first_key_may_be_there_already(const void *data)
{
        const Hsm *h = data;
        g_autofree char *uri = g_strdup_printf("pkcs11:token=%s?pin-source=file:/etc/ca.pin", h->label);
        g_autoptr(Bench) b = token_bench(h, ";object=mine");
        AuthorityOptions any = b->options;
        g_autoptr(GBytes) found = NULL, made = NULL, other = NULL;
        gnutls_privkey_t key;
        unsigned before;

        generate(h, "mine", 0x61);
        before = keys_in_token(h);
        found = make(b);
        g_assert_true(holds(found, "id=%61") || holds(found, "id=a"));
        g_assert_true(holds(found, "\nfound\n"));
        g_assert_cmpuint(keys_in_token(h), ==, before);
        b->options.key_type = KEY_TYPE_RSA_2048;
        assert_not_made(b, "of another type", "is of type ecdsa-p256");
        b->options.key_type = KEY_TYPE_ECDSA_P256;
        /* a second one is made, and does not get in the way of the first */
        bench_write(b, CERT_AUTHORITY_DIR "/site/ca.pem", "", 0);
        made = make(b);
        g_assert_true(holds(made, "\nmade\n") && holds(made, "object=mine"));
        g_assert_cmpuint(keys_in_token(h), ==, before + 1);
        /* a URI that names no object takes none that happens to be there */
        any.key_uri = uri;
        other = authority_key_new(&any, &key, NULL);
        g_assert_nonnull(other);
        gnutls_privkey_deinit(key);
        g_assert_true(holds(other, "\nmade\n"));
        g_assert_true(holds(other, "object=cert-authority%20site"));
        authority_key_destroy(&any, other);
        authority_key_destroy(&b->options, made);
        authority_key_destroy(&b->options, found);
        g_assert_cmpuint(keys_in_token(h), ==, before); /* what was found is not ours to destroy */
        generate(h, "mine", 0x62);
        bench_remove(b, CERT_AUTHORITY_DIR "/site/ca.pem");
        assert_not_made(b, "two of one name", "several private keys");
}

static char *insert(const char *pattern, const char *label)
{
        g_auto(GStrv) parts = g_strsplit(pattern, "%s", 2);

        return g_strjoinv(label, parts);
}

static void test_a_token_that_is_not_as_it_must_be(const void *data)
{
        static const struct {
                const char *what, *uri, *says;
        } cases[] = {
                { "no such token", "pkcs11:token=elsewhere;object=x?pin-source=file:/etc/ca.pin",
                  "no token matches" },
                { "any token", "pkcs11:object=x?pin-source=file:/etc/ca.pin", "which token is meant" },
                { "no PIN", "pkcs11:token=%s;object=x", "gives none" },
                { "no PIN file", "pkcs11:token=%s;object=x?pin-source=file:/etc/none",
                  "/etc/none, which holds the PIN" },
                { "an empty PIN file", "pkcs11:token=%s;object=x?pin-source=file:/etc/empty",
                  "holds no PIN" },
                { "a wrong PIN", "pkcs11:token=%s;object=x?pin-source=file:/etc/wrong.pin",
                  "did not take the PIN" },
                { "a wrong PIN again", "pkcs11:token=%s;object=x?pin-source=file:/etc/wrong.pin",
                  "refused this PIN" },
        };
        const Hsm *h = data;
        g_autoptr(Bench) b = token_bench(h, "");
        g_autoptr(GBytes) content = make(b), garbage = g_bytes_new_static("pkcs11:token=ca\n", 16);

        bench_write(b, "/etc/empty", "\n", 1);
        bench_write(b, "/etc/wrong.pin", "9999", 4);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_free(b->options.key_uri);
                b->options.key_uri =
                        strstr(cases[i].uri, "%s") ? insert(cases[i].uri, h->label) : g_strdup(cases[i].uri);
                assert_not_made(b, cases[i].what, cases[i].says);
                if (i > 2 && i < 6) /* the same when it is opened */
                        assert_not_opened(b, content, cases[i].what,
                                          i < 5 ? cases[i].says : "refused this PIN");
        }
        bench_remove(b, CERT_AUTHORITY_REFUSED_PINS_FILE);
        g_clear_pointer(&b->options.key_uri, g_free);
        assert_not_opened(b, content, "no URI any more", "Keep issuers.site.key.uri");
        {
                gnutls_privkey_t key;
                g_autoptr(GError) error = NULL;

                g_assert_false(authority_key_open(&b->options, garbage, &key, &error));
                g_assert_cmpstr(error->message, ==, "holds no reference to a key in a token");
        }
        b->options.key_uri = login(h);
        authority_key_destroy(&b->options, content);
}

static void skip(const void *data)
{
        g_test_skip("SoftHSM2, or swtpm and tpm2-pkcs11, are not installed");
}

static void add_token_tests(const char *kind, const Hsm *h)
{
        static const struct {
                const char *name;
                GTestDataFunc test;
        } tests[] = {
                { "makes keys with ids of their own", test_a_token_makes_keys_with_ids_of_their_own },
                { "may hold the first key already", test_the_first_key_may_be_there_already },
                { "is not as it must be", test_a_token_that_is_not_as_it_must_be },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *name = g_strdup_printf("/authority-key/%s %s", kind, tests[i].name);

                g_test_add_data_func(name, h, h ? tests[i].test : skip);
        }
}

/* tpm2-pkcs11 loses some of what libcrypto gave it; nothing of ours uses that library. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:libcrypto.so\nleak:libtpm2_pkcs11.so\n";
}

int main(int argc, char **argv)
{
        Hsm *softhsm, *tpm;
        int r;

        g_test_init(&argc, &argv, NULL);
        g_setenv("TSS2_LOG", "all+none", TRUE); /* it tells of every TPM that it does not find */
        softhsm = softhsm_new();
        tpm = tpm_new();
        if (tpm)
                tpm_initialise(tpm);
        g_test_add_func("/authority-key/a file of each type", test_a_file_of_each_type);
        g_test_add_func("/authority-key/a credential opens its key", test_a_credential_opens_its_key);
        g_test_add_func("/authority-key/the password is the credential in hex",
                        test_the_password_is_the_credential_in_hex);
        g_test_add_func("/authority-key/a credential that is not as it must be",
                        test_a_credential_that_is_not_as_it_must_be);
        add_token_tests("SoftHSM", softhsm);
        add_token_tests("a TPM", tpm);
        r = g_test_run();
        gnutls_pkcs11_deinit();
        hsm_free(softhsm);
        hsm_free(tpm);
        return r;
}
