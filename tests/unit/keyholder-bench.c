/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A holder of keys in a test. It owns the test root, the loop, and the process with its connection. */

#include "tests/unit/keyholder-bench.h"

#include "agent/worker.h"
#include "common/peer.h"
#include "common/signature.h"
#include "tests/unit/jose-vectors.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void bench_put(const Bench *b, const char *path, const char *content, mode_t mode)
{
        g_autofree char *host = fixture_path(b->root, path);

        g_assert_true(g_file_set_contents(host, content, -1, NULL));
        g_assert_cmpint(chmod(host, mode), ==, 0);
}

void bench_link_program(const Bench *b)
{
        g_autofree char *program = fixture_path(b->root, BENCH_PROGRAM);
        g_autofree char *target = g_build_filename(g_getenv("CERT_TEST_ISSUERS"), "cert-keyholder", NULL);

        (void) unlink(program);
        g_assert_cmpint(symlink(target, program), ==, 0);
}

void bench_make(Bench *b)
{
        b->root = fixture_root_new();
        b->log = fixture_path(b->root, "/log");
        fixture_make_folder(b->root, "/etc", 0755);
        fixture_make_folder(b->root, CERT_PROGRAM_DIR, 0755);
        bench_link_program(b);
        g_assert_cmpint(sd_event_new(&b->event), >=, 0);
        bench_put(b, BENCH_PASSWORD, JOSE_PASSWORD "\n", 0600);
}

void bench_clear(Bench *b)
{
        sd_event_unref(b->event);
        fixture_root_free(b->root);
        g_free(b->log);
}

/* Its standard error is the bench's log. */
void worker_make(const Bench *b, Worker *w)
{
        int log = open(b->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), fd;
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(dup2(log, STDERR_FILENO), ==, STDERR_FILENO);
        worker_open(CERT_SOCKET_KEYHOLDER, BENCH_PROGRAM, &fd, &w->pid, &error);
        g_assert_cmpint(dup2(saved, STDERR_FILENO), ==, STDERR_FILENO);
        close(log);
        close(saved);
        g_assert_no_error(error);
        g_assert_true(peer_connect_fd(b->event, fd, &w->bus, &error));
}

void worker_clear(Worker *w)
{
        int status;

        sd_bus_flush_close_unref(w->bus);
        g_assert_cmpint(waitpid(w->pid, &status, 0), ==, w->pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

/* ---- Files ---- */

char *bench_key_file(GBytes *pem, const char *password)
{
        gnutls_datum_t in = { (void *) g_bytes_get_data(pem, NULL), (unsigned) g_bytes_get_size(pem) }, out;
        gnutls_x509_privkey_t key;
        char *text;

        g_assert_cmpint(gnutls_x509_privkey_init(&key), >=, 0);
        g_assert_cmpint(gnutls_x509_privkey_import(key, &in, GNUTLS_X509_FMT_PEM), >=, 0);
        g_assert_cmpint(gnutls_x509_privkey_export2_pkcs8(
                                key, GNUTLS_X509_FMT_PEM, password,
                                password ? GNUTLS_PKCS_PBES2_AES_256 : GNUTLS_PKCS_PLAIN, &out),
                        >=, 0);
        text = g_strndup((char *) out.data, out.size);
        gnutls_free(out.data);
        gnutls_x509_privkey_deinit(key);
        return text;
}

char *bench_certificate_file(GBytes *der)
{
        gnutls_datum_t in = { (void *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) }, out;
        char *text;

        g_assert_cmpint(gnutls_pem_base64_encode2("CERTIFICATE", &in, &out), >=, 0);
        text = g_strndup((char *) out.data, out.size);
        gnutls_free(out.data);
        return text;
}

/* ---- Calls ---- */

static void append_source(sd_bus_message *m, const Source *s)
{
        const char *const entries[][2] = {
                { "PasswordFile", s->password_file },       { "Credential", s->credential },
                { "EncryptedKey", s->encrypted_key },       { "KeyFile", s->key_file },
                { "CertificateFile", s->certificate_file },
        };

        g_assert_cmpint(sd_bus_message_open_container(m, 'a', "{sv}"), >=, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(entries); i++)
                if (entries[i][1])
                        g_assert_cmpint(sd_bus_message_append(m, "{sv}", entries[i][0], "s", entries[i][1]),
                                        >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(m), >=, 0);
}

sd_bus_message *worker_method(const Worker *w, const char *name, const Source *s)
{
        sd_bus_message *m = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(w->bus, &m, NULL, CERT_BUS_KEYHOLDER_PATH,
                                                       CERT_INTERFACE_KEYHOLDER, name),
                        >=, 0);
        append_source(m, s);
        return m;
}

sd_bus_message *worker_ask(const Worker *w, sd_bus_message *m, GError **error)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_call(w->bus, m, 60 * G_USEC_PER_SEC, &e, &reply);

        if (r < 0)
                cert_error_set_from_bus(error, &e, r, CERT_ERROR_MANIFEST_INVALID, "asking");
        sd_bus_error_free(&e);
        sd_bus_message_unref(m);
        return reply;
}

typedef struct Answer {
        gnutls_pubkey_t key;
        char *algorithm, *key_id;
        unsigned chain;
} Answer;

static void answer_clear(Answer *a)
{
        if (a->key)
                gnutls_pubkey_deinit(a->key);
        g_free(a->algorithm);
        g_free(a->key_id);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void read_key(sd_bus_message *m, Answer *a)
{
        gnutls_datum_t der;
        const void *data;
        size_t size;

        g_assert_cmpint(sd_bus_message_enter_container(m, 'v', "ay"), >, 0);
        g_assert_cmpint(sd_bus_message_read_array(m, 'y', &data, &size), >, 0);
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        der = (gnutls_datum_t){ (void *) data, (unsigned) size };
        g_assert_cmpint(gnutls_pubkey_init(&a->key), >=, 0);
        g_assert_cmpint(gnutls_pubkey_import(a->key, &der, GNUTLS_X509_FMT_DER), >=, 0);
}

static void read_chain(sd_bus_message *m, Answer *a)
{
        g_assert_cmpint(sd_bus_message_enter_container(m, 'v', "aay"), >, 0);
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "ay"), >=, 0);
        while (sd_bus_message_skip(m, "ay") > 0)
                a->chain++;
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
}

static bool open_account(const Worker *w, const Source *s, Answer *a, GError **error)
{
        sd_bus_message *m = worker_ask(w, worker_method(w, "Open", s), error);
        const char *key, *text;

        if (!m)
                return false;
        g_assert_cmpint(sd_bus_message_enter_container(m, 'a', "{sv}"), >=, 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read_basic(m, 's', &key), >, 0);
                if (g_str_equal(key, "PublicKey")) {
                        read_key(m, a);
                } else if (g_str_equal(key, "Chain")) {
                        read_chain(m, a);
                } else {
                        g_assert_cmpint(sd_bus_message_read(m, "v", "s", &text), >, 0);
                        *(g_str_equal(key, "KeyId") ? &a->key_id : &a->algorithm) = g_strdup(text);
                }
                g_assert_cmpint(sd_bus_message_exit_container(m), >=, 0);
        }
        sd_bus_message_unref(m);
        return true;
}

GBytes *worker_sign(const Worker *w, const Source *s, const char *algorithm, GError **error)
{
        sd_bus_message *m = worker_method(w, "Sign", s);
        GBytes *signature = NULL;
        const void *data;
        size_t size;

        g_assert_cmpint(sd_bus_message_append(m, "s", algorithm), >=, 0);
        g_assert_cmpint(sd_bus_message_append_array(m, 'y', "data", 4), >=, 0);
        m = worker_ask(w, m, error);
        if (m) {
                g_assert_cmpint(sd_bus_message_read_array(m, 'y', &data, &size), >, 0);
                signature = g_bytes_new(data, size);
        }
        sd_bus_message_unref(m);
        return signature;
}

void worker_assert_signs(const Worker *w, const Source *s, const char *key_id, unsigned chain)
{
        g_autoptr(GBytes) signature = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(Answer) a = { 0 };

        open_account(w, s, &a, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(a.key_id, ==, key_id);
        g_assert_cmpuint(a.chain, ==, chain);
        g_assert_cmpstr(a.algorithm, ==, signature_default(a.key));
        signature = worker_sign(w, s, a.algorithm, &error);
        g_assert_no_error(error);
        g_assert_true(signature_verify(a.key, a.algorithm, "data", 4, signature));
}

void worker_assert_refused(const Worker *w, const Source *s, CertError code, const char *part)
{
        g_autoptr(GError) error = NULL, of_sign = NULL;
        g_auto(Answer) a = { 0 };

        g_assert_false(open_account(w, s, &a, &error));
        g_assert_error(error, CERT_ERROR, (int) code);
        if (!strstr(error->message, part))
                g_error("\"%s\" says nothing of \"%s\"", error->message, part);
        g_assert_null(worker_sign(w, s, "ecdsa-sha256", &of_sign));
        g_assert_cmpstr(of_sign->message, ==, error->message);
}
