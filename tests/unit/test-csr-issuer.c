/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-issuer-csr, the program, as the agent calls it. */

#include "agent/csr.h"
#include "agent/worker.h"
#include "common/message.h"
#include "common/names.h"
#include "common/peer.h"
#include "tests/unit/fixture.h"
#include "tests/unit/pki.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM    CERT_PROGRAM_DIR "/cert-issuer-csr"
#define ROOTS_PATH "/etc/ssl/corp.pem"
#define CONFIG     "{\"name\":\"corp\",\"type\":\"csr\",\"roots\":\"" ROOTS_PATH "\"}"

typedef struct Bench {
        char *folder;
        sd_event *event;
        sd_bus *bus;
        pid_t pid;
        gnutls_x509_privkey_t key;
        GBytes *request;
        char *digest; /* of the key */
        PkiEntity *root, *leaf;
} Bench;

static void make_request(Bench *b)
{
        g_autoptr(ManifestCertificate) c = fixture_certificate_new("web");
        g_autoptr(GBytes) pem = fixture_key_new(KEY_TYPE_ECDSA_P256);
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(pem, NULL),
                             (unsigned) g_bytes_get_size(pem) };
        g_autoptr(GError) error = NULL;
        g_autoptr(Key) key = key_new_from_pem(pem, &error);

        g_assert_no_error(error);
        b->request = csr_new(c, key, &error);
        g_assert_no_error(error);
        b->digest = key_digest(key_public(key), &error);
        g_assert_cmpint(gnutls_x509_privkey_init(&b->key), ==, 0);
        g_assert_cmpint(gnutls_x509_privkey_import(b->key, &d, GNUTLS_X509_FMT_PEM), ==, 0);
}

static void start(Bench *b)
{
        g_autofree char *program = fixture_path(b->folder, PROGRAM);
        g_autofree char *target = g_build_filename(g_getenv("CERT_TEST_ISSUERS"), "cert-issuer-csr", NULL);
        g_autoptr(GError) error = NULL;
        int fd;

        fixture_make_folder(b->folder, CERT_PROGRAM_DIR, 0755);
        g_assert_cmpint(symlink(target, program), ==, 0);
        worker_open(CERT_SOCKET_ISSUER_DIR "/csr", PROGRAM, &fd, &b->pid, &error);
        g_assert_no_error(error);
        g_assert_true(peer_connect_fd(b->event, fd, &b->bus, &error));
}

static void bench_init(Bench *b, const void *data)
{
        g_autofree char *roots = NULL;

        b->folder = fixture_root_new();
        fixture_make_folder(b->folder, "/etc/ssl", 0755);
        roots = fixture_path(b->folder, ROOTS_PATH);
        g_assert_cmpint(sd_event_new(&b->event), >=, 0);
        make_request(b);
        b->root = pki_new("Corp Root", &(PkiWish){ .is_ca = true });
        b->leaf = pki_new("web", &(PkiWish){ .issuer = b->root, .key = b->key });
        g_assert_true(g_file_set_contents(roots, g_bytes_get_data(b->root->pem, NULL),
                                          (gssize) g_bytes_get_size(b->root->pem), NULL));
        start(b);
}

static void bench_clear(Bench *b, const void *data)
{
        int status;

        sd_bus_flush_close_unref(b->bus);
        g_assert_cmpint(waitpid(b->pid, &status, 0), ==, b->pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        sd_event_unref(b->event);
        pki_free(b->root);
        pki_free(b->leaf);
        gnutls_x509_privkey_deinit(b->key);
        g_bytes_unref(b->request);
        g_free(b->digest);
        fixture_root_free(b->folder);
}

/* ---- Calls ---- */

static sd_bus_message *method(const Bench *b, const char *name, const char *config)
{
        sd_bus_message *m = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(b->bus, &m, NULL, CERT_BUS_ISSUER_PATH,
                                                       CERT_INTERFACE_ISSUER, name),
                        >=, 0);
        if (config)
                g_assert_cmpint(sd_bus_message_append(m, "s", config), >=, 0);
        return m;
}

/* `answer` and `current` may be NULL. */
static void append_request(const Bench *b, sd_bus_message *m, GBytes *answer, GBytes *current)
{
        g_autoptr(GPtrArray) chain = g_ptr_array_new();

        if (current)
                g_ptr_array_add(chain, current);
        g_assert_cmpint(sd_bus_message_open_container(m, 'a', "{sv}"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "{sv}{sv}", "Certificate", "s", "web", "SubjectAltNames",
                                              "as", 1, "web.example"),
                        >=, 0);
        g_assert_cmpint(message_append_entry_bytes(m, "CertificateRequest", b->request), >=, 0);
        g_assert_cmpint(message_append_entry_certificates(m, "Current", chain), >=, 0);
        if (answer)
                g_assert_cmpint(message_append_entry_bytes(m, "Answer", answer), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
}

/* Takes `m`; the reply, or NULL and *ret_error, which is the caller's. */
static sd_bus_message *call(const Bench *b, sd_bus_message *m, sd_bus_error *ret_error)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_call(b->bus, m, 60 * G_USEC_PER_SEC, ret_error, &reply);

        sd_bus_message_unref(m);
        g_assert_true(r >= 0 || sd_bus_error_is_set(ret_error));
        return reply;
}

static sd_bus_message *poll_answer(const Bench *b, const char *config, GBytes *answer, GBytes *current,
                                   sd_bus_error *ret_error)
{
        sd_bus_message *m = method(b, "Poll", config);

        append_request(b, m, answer, current);
        g_assert_cmpint(sd_bus_message_append(m, "s", b->digest), >=, 0);
        return call(b, m, ret_error);
}

/* Takes `reply`. */
static void assert_waits(const Bench *b, sd_bus_message *reply)
{
        const char *status, *a, *c, *token;
        uint64_t after;

        g_assert_cmpint(sd_bus_message_read(reply, "sa{sv}", &status, 2, &a, "s", &token, &c, "t", &after), >,
                        0);
        g_assert_cmpstr(status, ==, "waiting");
        g_assert_cmpstr(a, ==, "Token");
        g_assert_cmpstr(token, ==, b->digest);
        g_assert_cmpstr(c, ==, "PollAfter");
        g_assert_cmpuint(after, ==, UINT64_MAX);
        sd_bus_message_unref(reply);
}

static void assert_list(sd_bus_message *m, GBytes *wanted)
{
        const void *der;
        size_t size;

        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "ay"), >, 0);
        g_assert_cmpint(sd_bus_message_read_array(m, 'y', &der, &size), >, 0);
        g_assert_cmpmem(der, size, g_bytes_get_data(wanted, NULL), g_bytes_get_size(wanted));
        g_assert_cmpint(sd_bus_message_at_end(m, false), >, 0);
        g_assert_cmpint(sd_bus_message_exit_container(m), >, 0);
}

static void assert_entry(sd_bus_message *m, const char *key)
{
        const char *read;

        g_assert_cmpint(sd_bus_message_enter_container(m, 'e', "sv"), >, 0);
        g_assert_cmpint(sd_bus_message_read(m, "s", &read), >, 0);
        g_assert_cmpstr(read, ==, key);
}

static void assert_entry_of_list(sd_bus_message *m, const char *key, GBytes *wanted)
{
        assert_entry(m, key);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'v', "aay"), >, 0);
        assert_list(m, wanted);
        g_assert_cmpint(sd_bus_message_exit_container(m), >, 0);
        g_assert_cmpint(sd_bus_message_exit_container(m), >, 0);
}

/* Takes `reply`. */
static void assert_issued(const Bench *b, sd_bus_message *reply, const char *key)
{
        const char *status, *read;

        g_assert_nonnull(reply);
        g_assert_cmpint(sd_bus_message_read(reply, "s", &status), >, 0);
        g_assert_cmpstr(status, ==, "issued");
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
        assert_entry_of_list(reply, "Chain", b->leaf->der);
        assert_entry_of_list(reply, "Roots", b->root->der);
        assert_entry(reply, "Key");
        g_assert_cmpint(sd_bus_message_read(reply, "v", "s", &read), >, 0);
        g_assert_cmpstr(read, ==, key);
        sd_bus_message_unref(reply);
}

/* Clears `error`. */
static void assert_error(sd_bus_error *error, const char *name, const char *part)
{
        g_autofree char *full = g_strconcat("org.certagent1.Error.", name, NULL);

        g_assert_cmpstr(error->name, ==, full);
        if (!strstr(error->message, part) || !strchr(error->message, '\n'))
                g_error("\"%s\" has no \"%s\", or no hint", error->message, part);
        sd_bus_error_free(error);
}

/* ---- Tests ---- */

static void test_a_request_waits_for_a_person(Bench *b, const void *data)
{
        sd_bus_message *m = method(b, "Issue", CONFIG);

        append_request(b, m, NULL, NULL);
        assert_waits(b, call(b, m, NULL));
        assert_waits(b, poll_answer(b, CONFIG, NULL, NULL, NULL));
}

static void test_an_answer_is_taken(Bench *b, const void *data)
{
        assert_issued(b, poll_answer(b, CONFIG, b->leaf->pem, NULL, NULL), "new");
        assert_issued(b, poll_answer(b, CONFIG, b->leaf->der, b->leaf->der, NULL), "new");
}

/* A later request waits; what comes is the answer to the first once more. */
static void test_an_answer_for_the_current_key_is_told_apart(Bench *b, const void *data)
{
        g_clear_pointer(&b->request, g_bytes_unref);
        g_clear_pointer(&b->digest, g_free);
        gnutls_x509_privkey_deinit(b->key);
        make_request(b);
        assert_issued(b, poll_answer(b, CONFIG, b->leaf->pem, b->leaf->der, NULL), "current");
}

static void test_a_wrong_answer_is_refused_and_another_taken(Bench *b, const void *data)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        g_autofree char *junk = g_strnfill(1024 * 1024 + 1, ' ');
        g_autoptr(GBytes) empty = g_bytes_new("", 0), large = g_bytes_new(junk, strlen(junk));

        g_assert_null(poll_answer(b, CONFIG, empty, NULL, &error));
        assert_error(&error, "BadCertificate", "an empty file");
        g_assert_null(poll_answer(b, CONFIG, large, NULL, &error));
        assert_error(&error, "BadCertificate", "larger than 1 MiB");
        g_assert_null(poll_answer(b, CONFIG, b->root->pem, NULL, &error));
        assert_error(&error, "BadCertificate", "only for other keys");
        assert_issued(b, poll_answer(b, CONFIG, b->leaf->pem, NULL, NULL), "new");
}

static void test_a_wrong_configuration_is_refused(Bench *b, const void *data)
{
        static const struct {
                const char *config, *error, *part;
        } cases[] = {
                { "{\"name\":\"corp\",\"type\":\"csr\",\"rots\":\"/a\"}", "ManifestInvalid", "rots" },
                { "{\"name\":\"corp\",\"type\":\"csr\",\"roots\":\"a\"}", "ManifestInvalid", "absolute" },
                { "{\"name\":\"corp\",\"type\":\"csr\",\"roots\":1}", "ManifestInvalid", "string" },
                { "{\"name\":\"corp\",\"type\":\"csr\",\"roots\":\"/etc/none.pem\"}", "IssuerAuthentication",
                  "is not there" },
                { "[]", "ManifestInvalid", "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                sd_bus_error error = SD_BUS_ERROR_NULL;

                g_assert_null(poll_answer(b, cases[i].config, b->leaf->pem, NULL, &error));
                g_assert_nonnull(strstr(error.message, cases[i].part));
                g_assert_true(g_str_has_suffix(error.name, cases[i].error));
                sd_bus_error_free(&error);
        }
}

static void test_roots_are_those_of_the_file(Bench *b, const void *data)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = call(b, method(b, "GetRoots", CONFIG), NULL);

        assert_list(reply, b->root->der);
        sd_bus_message_unref(reply);
        g_assert_null(call(b, method(b, "GetRoots", "{\"name\":\"corp\",\"type\":\"csr\"}"), &error));
        assert_error(&error, "NotSupported", "this host's trust store");
}

static void test_nobody_can_be_asked_to_revoke(Bench *b, const void *data)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = method(b, "Revoke", CONFIG);

        g_assert_cmpint(sd_bus_message_append_array(m, 'y', "x", 1), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "s", "superseded"), >=, 0);
        g_assert_null(call(b, m, &error));
        assert_error(&error, "NotSupported", "certctl revoke --issuer");
}

static void test_it_says_what_it_is(Bench *b, const void *data)
{
        sd_bus_message *reply = call(b, method(b, "Describe", NULL), NULL);
        const char *a, *c, *d, *type, *version, *first, *second, *third;

        g_assert_cmpint(sd_bus_message_read(reply, "a{sv}", 3, &a, "s", &type, &c, "s", &version, &d, "as", 3,
                                            &first, &second, &third),
                        >, 0);
        g_assert_cmpstr(type, ==, "csr");
        g_assert_cmpstr(first, ==, "Issue");
        g_assert_cmpstr(second, ==, "Poll");
        g_assert_cmpstr(third, ==, "GetRoots");
        sd_bus_message_unref(reply);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/csr-issuer/" name, Bench, NULL, bench_init, test, bench_clear)
        ADD("waits", test_a_request_waits_for_a_person);
        ADD("an answer", test_an_answer_is_taken);
        ADD("the current key", test_an_answer_for_the_current_key_is_told_apart);
        ADD("wrong answers", test_a_wrong_answer_is_refused_and_another_taken);
        ADD("configuration", test_a_wrong_configuration_is_refused);
        ADD("roots", test_roots_are_those_of_the_file);
        ADD("revocation", test_nobody_can_be_asked_to_revoke);
        ADD("description", test_it_says_what_it_is);
        return g_test_run();
}
