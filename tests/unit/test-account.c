/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Accounts, from the agent's side: the lines to the keyholder, and what an issuer's process may ask of one
 * through the Signer. The keyholder is this program again, which does wrong as the name of its password file
 * says. */

#include "agent/keyholder.h"
#include "agent/signer.h"
#include "common/error.h"
#include "common/names.h"
#include "common/peer.h"
#include "tests/unit/fixture.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_USEC (60 * USEC_PER_SEC)
#define PROGRAM   CERT_PROGRAM_DIR "/cert-keyholder"

/* ---- The keyholder ---- */

/* The password file's name, and what else the source says, one after another. */
static int read_source(sd_bus_message *m, const char **ret_behaviour, char **ret_text)
{
        const char *key, *value;
        GString *text = g_string_new(NULL);
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        *ret_behaviour = "";
        while (r >= 0 && (r = sd_bus_message_read(m, "{sv}", &key, "s", &value)) > 0) {
                if (g_str_equal(key, "PasswordFile"))
                        *ret_behaviour = value;
                g_string_append_printf(text, "%s=%.20s ", key, value);
        }
        *ret_text = g_string_free(text, FALSE);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int flood(sd_bus *bus)
{
        static const char zeros[65536];
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < 1000; i++) {
                sd_bus_message *m = NULL;

                r = sd_bus_message_new_signal(bus, &m, CERT_BUS_KEYHOLDER_PATH, CERT_INTERFACE_KEYHOLDER,
                                              "Noise");
                if (r >= 0)
                        r = sd_bus_message_append_array(m, 'y', zeros, sizeof(zeros));
                if (r >= 0)
                        r = sd_bus_send(bus, m, NULL);
                if (r >= 0)
                        r = sd_bus_flush(bus);
                sd_bus_message_unref(m);
        }
        return r < 0 ? r : 1;
}

/* 0: all is well. */
static int misbehave(sd_bus_message *m, const char *behaviour, sd_bus_error *ret_error)
{
        if (g_str_equal(behaviour, "/hang"))
                for (;;)
                        pause();
        if (g_str_equal(behaviour, "/die"))
                kill(getpid(), SIGKILL);
        if (g_str_equal(behaviour, "/flood"))
                return flood(sd_bus_message_get_bus(m));
        if (g_str_equal(behaviour, "/slow"))
                g_usleep(300 * 1000);
        if (g_str_equal(behaviour, "/wrong"))
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_ISSUER_AUTHENTICATION),
                                         "the password does not open the key\nCorrect it.");
        return 0;
}

static int method_open(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autofree char *text = NULL, *pid = g_strdup_printf("%d", getpid());
        const char *behaviour;
        sd_bus_message *reply = NULL;
        int r = read_source(m, &behaviour, &text);

        if (r >= 0)
                r = misbehave(m, behaviour, ret_error);
        if (r != 0)
                return r;
        if (g_str_equal(behaviour, "/odd"))
                return sd_bus_reply_method_return(m, "a{sv}", 1, "PublicKey", "s", "no bytes");
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 5, "Algorithm", "s", text, "Password", "s",
                                          "hunter2", "PublicKey", "ay", 3, 1, 2, 3, "KeyId", "s", pid,
                                          "Chain", "aay", 1, 2, 8, 9);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

/* The signature is what was asked for. */
static int method_sign(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autofree char *text = NULL, *signature = NULL;
        const char *behaviour, *algorithm;
        sd_bus_message *reply = NULL;
        const void *data;
        size_t size;
        int r = read_source(m, &behaviour, &text);

        if (r >= 0)
                r = sd_bus_message_read(m, "s", &algorithm);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r >= 0)
                r = misbehave(m, behaviour, ret_error);
        if (r != 0)
                return r;
        signature = g_strdup_printf("%s%s %.*s", text, algorithm, (int) size, (const char *) data);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', signature, strlen(signature));
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Open", "a{sv}", "a{sv}", method_open, 0),
        SD_BUS_METHOD("Sign", "a{sv}say", "ay", method_sign, 0),
        SD_BUS_VTABLE_END,
};

/* ---- The bench ---- */

typedef struct Answer {
        CertError code; /* _CERT_ERROR_INVALID: none */
        char *text;     /* the error, the account's algorithm or the signature */
        pid_t pid;      /* of Open */
        uint64_t at;    /* since the bench began */
} Answer;

typedef struct Bench {
        char *root;
        sd_event *event;
        Keyholder *keyholder;
        ManifestIssuer first, second;
        uint64_t since;
        GPtrArray *answers;     /* Answer* */
        sd_bus *agent, *issuer; /* two ends of one socket, once there is a Signer */
        Signer *signer;
        GQueue replies;        /* sd_bus_message* */
        sd_bus_message *reply; /* the one looked at */
} Bench;

static void answer_free(void *p)
{
        g_free(((Answer *) p)->text);
        g_free(p);
}

static void install_keyholder(const Bench *b)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL),
                        *program = fixture_path(b->root, PROGRAM);

        g_assert_cmpint(symlink(self, program), ==, 0);
}

static Bench *bench_new(void)
{
        Bench *b = g_new0(Bench, 1);

        b->root = fixture_root_new();
        fixture_make_folder(b->root, CERT_PROGRAM_DIR, 0755);
        install_keyholder(b);
        g_assert_cmpint(sd_event_new(&b->event), >=, 0);
        b->keyholder = keyholder_new(b->event);
        g_assert_nonnull(b->keyholder);
        b->first = (ManifestIssuer){ .name = (char *) "first", .account.password_file = (char *) "/good" };
        b->second = (ManifestIssuer){ .name = (char *) "second", .account.password_file = (char *) "/good" };
        b->answers = g_ptr_array_new_with_free_func(answer_free);
        b->since = (uint64_t) g_get_monotonic_time();
        return b;
}

static void bench_free(Bench *b)
{
        signer_free(b->signer);
        keyholder_free(b->keyholder);
        sd_bus_close_unref(b->agent);
        sd_bus_close_unref(b->issuer);
        sd_bus_message_unref(b->reply);
        while (!g_queue_is_empty(&b->replies))
                sd_bus_message_unref(g_queue_pop_head(&b->replies));
        g_ptr_array_unref(b->answers);
        sd_event_unref(b->event);
        fixture_root_free(b->root);
        g_free(b);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

static Answer *take(Bench *b, const GError *error)
{
        Answer *a = g_new0(Answer, 1);

        a->code = error ? (CertError) error->code : _CERT_ERROR_INVALID;
        a->text = error ? g_strdup(error->message) : NULL;
        a->at = (uint64_t) g_get_monotonic_time() - b->since;
        g_ptr_array_add(b->answers, a);
        return a;
}

static void on_opened(sd_bus_message *reply, const GError *error, void *userdata)
{
        Answer *a = take(userdata, error);
        const char *key, *contents, *value;

        g_assert_true(!reply != !error);
        if (!reply)
                return;
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read(reply, "s", &key), >, 0);
                g_assert_cmpint(sd_bus_message_peek_type(reply, NULL, &contents), >, 0);
                if (g_str_equal(contents, "s")) {
                        g_assert_cmpint(sd_bus_message_read(reply, "v", "s", &value), >, 0);
                        if (g_str_equal(key, "Algorithm"))
                                a->text = g_strdup(value);
                        if (g_str_equal(key, "KeyId"))
                                a->pid = atoi(value);
                } else {
                        g_assert_cmpint(sd_bus_message_skip(reply, "v"), >, 0);
                }
                g_assert_cmpint(sd_bus_message_exit_container(reply), >, 0);
        }
}

static void on_signed(sd_bus_message *reply, const GError *error, void *userdata)
{
        Answer *a = take(userdata, error);
        const void *data;
        size_t size;

        g_assert_true(!reply != !error);
        if (!reply)
                return;
        g_assert_cmpint(sd_bus_message_read_array(reply, 'y', &data, &size), >, 0);
        a->text = g_strndup(data, size);
}

static KeyholderCall *open_account(Bench *b, const ManifestIssuer *issuer)
{
        return keyholder_open(b->keyholder, issuer, "a.b.c.d.e", on_opened, b);
}

static void turn(Bench *b)
{
        g_assert_cmpint(sd_event_run(b->event, USEC_PER_SEC), >=, 0);
        g_assert_cmpuint((uint64_t) g_get_monotonic_time() - b->since, <, WAIT_USEC);
}

/* Until so many have answered; the last one. */
static const Answer *await(Bench *b, unsigned n)
{
        while (b->answers->len < n)
                turn(b);
        return b->answers->pdata[n - 1];
}

static const Answer *answer(Bench *b, unsigned n)
{
        return b->answers->pdata[n];
}

static void assert_failed(const Answer *a, CertError code, const char *says)
{
        g_assert_cmpint(a->code, ==, code);
        if (!strstr(a->text, says))
                g_error("\"%s\" does not say \"%s\"", a->text, says);
}

/* ---- Lines ---- */

static void test_the_source_is_the_manifest_s(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(GBytes) data = g_bytes_new_static("this", 4);
        ManifestIssuer x5c = { .name = (char *) "x5c",
                               .account = { .password_credential = (char *) "password",
                                            .key_file = (char *) "/a.key",
                                            .certificate_file = (char *) "/a.pem" } };

        open_account(b, &b->first);
        g_assert_cmpstr(await(b, 1)->text, ==, "PasswordFile=/good EncryptedKey=a.b.c.d.e ");
        keyholder_sign(b->keyholder, &x5c, "", "ecdsa-sha256", data, on_signed, b);
        g_assert_cmpstr(await(b, 2)->text, ==,
                        "Credential=password KeyFile=/a.key CertificateFile=/a.pem ecdsa-sha256 this");
}

static void test_an_issuer_has_one_process_and_no_other_s(void)
{
        g_autoptr(Bench) b = bench_new();

        for (unsigned n = 0; n < 3; n++)
                open_account(b, &b->first);
        await(b, 3);
        g_assert_cmpint(answer(b, 0)->pid, ==, answer(b, 2)->pid);
        open_account(b, &b->second);
        g_assert_cmpint(await(b, 4)->pid, !=, answer(b, 0)->pid);
}

static pid_t asked_pid(Bench *b)
{
        open_account(b, &b->first);
        return await(b, b->answers->len + 1)->pid;
}

/* It comes with the start of the process, and with nothing else. */
static void test_a_credential_is_looked_for_in_a_process_that_can_have_it(void)
{
        g_autoptr(Bench) b = bench_new();
        pid_t before = asked_pid(b), now;

        b->first.account.password_credential = (char *) "step.password";
        now = asked_pid(b);
        g_assert_cmpint(now, !=, before);
        g_assert_cmpint(asked_pid(b), ==, now);
        b->first.account.password_file = (char *) "/wrong";
        g_assert_cmpint(asked_pid(b), ==, 0);
        b->first.account.password_file = (char *) "/good";
        g_assert_cmpint(asked_pid(b), !=, now);
}

static void test_an_error_of_the_keyholder_comes_through(void)
{
        g_autoptr(Bench) b = bench_new();

        b->first.account.password_file = (char *) "/wrong";
        open_account(b, &b->first);
        assert_failed(await(b, 1), CERT_ERROR_ISSUER_AUTHENTICATION, "does not open the key\nCorrect it.");
        b->first.account.password_file = (char *) "/good";
        open_account(b, &b->first);
        g_assert_cmpint(await(b, 2)->code, ==, _CERT_ERROR_INVALID);
}

/* All wait for the same file; another issuer's calls, and another file of this one, do not. */
static void test_a_file_that_hangs_fails_what_waits_for_it_and_nothing_else(void)
{
        g_autoptr(Bench) b = bench_new();
        ManifestIssuer mended = b->first;
        uint64_t failed;

        b->first.account.password_file = (char *) "/hang";
        for (unsigned n = 0; n < 4; n++)
                open_account(b, &b->first);
        open_account(b, &b->second);
        g_assert_cmpint(await(b, 1)->code, ==, _CERT_ERROR_INVALID);
        g_assert_cmpuint(answer(b, 0)->at, <, KEYHOLDER_TIMEOUT);
        await(b, 5);
        for (unsigned n = 1; n < 5; n++) {
                assert_failed(answer(b, n), CERT_ERROR_KEY_STORAGE,
                              "the password file /hang of issuer \"first\" did not answer within 10s\nIs its "
                              "share mounted");
                g_assert_cmpuint(answer(b, n)->at, >=, KEYHOLDER_TIMEOUT);
                g_assert_cmpuint(answer(b, n)->at, <, 2 * KEYHOLDER_TIMEOUT);
        }
        failed = answer(b, 4)->at;
        open_account(b, &b->first);
        assert_failed(await(b, 6), CERT_ERROR_KEY_STORAGE, "/hang");
        g_assert_cmpuint(answer(b, 5)->at, <, failed + KEYHOLDER_TIMEOUT / 2);
        open_account(b, &mended);
        g_assert_cmpint(await(b, 7)->code, ==, _CERT_ERROR_INVALID);
}

static void test_a_keyholder_that_dies_fails_one_call(void)
{
        g_autoptr(Bench) b = bench_new();
        ManifestIssuer good = b->first;

        b->first.account.password_file = (char *) "/die";
        open_account(b, &b->first);
        open_account(b, &good);
        await(b, 2);
        assert_failed(answer(b, 0), CERT_ERROR_KEY_STORAGE, "ended while");
        g_assert_cmpint(answer(b, 1)->code, ==, _CERT_ERROR_INVALID);
}

static void test_a_keyholder_that_floods_is_ended(void)
{
        g_autoptr(Bench) b = bench_new();

        b->first.account.password_file = (char *) "/flood";
        open_account(b, &b->first);
        assert_failed(await(b, 1), CERT_ERROR_KEY_STORAGE, "more than any answer may hold");
}

static void test_without_its_program_the_package_is_named(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autofree char *program = fixture_path(b->root, PROGRAM);

        g_assert_cmpint(unlink(program), ==, 0);
        open_account(b, &b->first);
        g_assert_cmpuint(b->answers->len, ==, 0); /* not from within */
        assert_failed(await(b, 1), CERT_ERROR_KEY_STORAGE, "Install the package");
}

static void test_discarded_at_every_stage(void)
{
        g_autoptr(Bench) b = bench_new();

        b->first.account.password_file = (char *) "/slow";
        for (unsigned turns = 0; turns < 12; turns++) {
                KeyholderCall *c = open_account(b, &b->first), *waits = open_account(b, &b->first);
                unsigned before = b->answers->len;

                for (unsigned n = 0; n < turns && b->answers->len == before; n++)
                        sd_event_run(b->event, 20 * USEC_PER_MSEC);
                if (b->answers->len == before)
                        keyholder_call_discard(c);
                if (b->answers->len <= before + 1)
                        keyholder_call_discard(waits);
        }
        b->first.account.password_file = (char *) "/good";
        open_account(b, &b->first);
        g_assert_cmpint(await(b, b->answers->len + 1)->code, ==, _CERT_ERROR_INVALID);
}

static void test_a_process_that_was_ended_is_reaped_from_the_loop(void)
{
        g_autoptr(Bench) b = bench_new();
        KeyholderCall *c;
        pid_t pid;

        open_account(b, &b->first);
        pid = await(b, 1)->pid;
        b->first.account.password_file = (char *) "/hang";
        c = open_account(b, &b->first);
        for (unsigned n = 0; n < 10; n++)
                sd_event_run(b->event, 20 * USEC_PER_MSEC);
        g_assert_cmpint(kill(pid, 0), ==, 0);
        keyholder_call_discard(c);
        while (kill(pid, 0) == 0)
                turn(b);
}

static void test_it_ends_with_all_under_way(void)
{
        g_autoptr(Bench) b = bench_new();

        b->first.account.password_file = (char *) "/hang";
        for (unsigned n = 0; n < 4; n++) {
                open_account(b, &b->first);
                open_account(b, &b->second);
        }
        for (unsigned n = 0; n < 5; n++)
                sd_event_run(b->event, 20 * USEC_PER_MSEC);
}

/* ---- The Signer ---- */

static void bench_connect(Bench *b)
{
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_true(peer_connect_fd(b->event, pair[0], &b->agent, NULL));
        g_assert_true(peer_serve(b->event, pair[1], NULL, &b->issuer, NULL));
        b->signer = signer_new(b->agent, NULL);
        g_assert_nonnull(b->signer);
        while (sd_bus_is_ready(b->agent) <= 0 || sd_bus_is_ready(b->issuer) <= 0)
                turn(b);
}

static void bench_begin_call(Bench *b)
{
        signer_open(b->signer, &(SignerKeys){ .keyholder = b->keyholder, .issuer = &b->first });
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_queue_push_tail(&((Bench *) userdata)->replies, sd_bus_message_ref(m));
        return 0;
}

static void await_reply(Bench *b)
{
        while (g_queue_is_empty(&b->replies))
                turn(b);
        sd_bus_message_unref(b->reply);
        b->reply = g_queue_pop_head(&b->replies);
}

static void send_call(Bench *b, const char *method, const char *argument)
{
        g_assert_cmpint(sd_bus_call_method_async(b->issuer, NULL, NULL, CERT_BUS_SIGNER_PATH,
                                                 CERT_INTERFACE_SIGNER, method, on_reply, b, "s", argument),
                        >=, 0);
}

static void call(Bench *b, const char *method, const char *argument)
{
        send_call(b, method, argument);
        await_reply(b);
}

static void sign(Bench *b)
{
        g_assert_cmpint(sd_bus_call_method_async(b->issuer, NULL, NULL, CERT_BUS_SIGNER_PATH,
                                                 CERT_INTERFACE_SIGNER, "Sign", on_reply, b, "ssay",
                                                 "account", "ecdsa-sha256", 2, 'h', 'i'),
                        >=, 0);
        await_reply(b);
}

static void assert_refused(const Bench *b, CertError code, const char *says)
{
        const sd_bus_error *e = sd_bus_message_get_error(b->reply);

        g_assert_nonnull(e);
        g_assert_cmpstr(e->name, ==, cert_error_to_name(code));
        if (!strstr(e->message, says))
                g_error("\"%s\" does not say \"%s\"", e->message, says);
}

static void assert_bytes(const Bench *b, const void *wanted, size_t wanted_size)
{
        const void *data;
        size_t size;

        g_assert_false(sd_bus_message_is_method_error(b->reply, NULL));
        g_assert_cmpint(sd_bus_message_read_array(b->reply, 'y', &data, &size), >, 0);
        g_assert_cmpmem(data, size, wanted, wanted_size);
}

/* What the contract names, and nothing else that the keyholder might say. */
static void test_an_account_is_told_and_nothing_more(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(GString) keys = g_string_new(NULL);
        const char *key;

        bench_connect(b);
        bench_begin_call(b);
        call(b, "OpenAccount", "a.b.c.d.e");
        g_assert_false(sd_bus_message_is_method_error(b->reply, NULL));
        g_assert_cmpint(sd_bus_message_enter_container(b->reply, 'a', "{sv}"), >, 0);
        while (sd_bus_message_enter_container(b->reply, 'e', "sv") > 0) {
                g_assert_cmpint(sd_bus_message_read(b->reply, "s", &key), >, 0);
                g_string_append_printf(keys, "%s ", key);
                g_assert_cmpint(sd_bus_message_skip(b->reply, "v"), >, 0);
                g_assert_cmpint(sd_bus_message_exit_container(b->reply), >, 0);
        }
        g_assert_cmpstr(keys->str, ==, "Algorithm PublicKey KeyId Chain ");
}

static void test_an_open_account_signs(void)
{
        static const char signature[] = "PasswordFile=/good EncryptedKey=a.b.c.d.e ecdsa-sha256 hi";
        g_autoptr(Bench) b = bench_new();

        bench_connect(b);
        bench_begin_call(b);
        call(b, "OpenAccount", "a.b.c.d.e");
        sign(b);
        assert_bytes(b, signature, strlen(signature));
        call(b, "GetPublicKey", "account");
        assert_bytes(b, "\1\2\3", 3);
}

static void test_an_account_is_open_for_its_call_alone(void)
{
        g_autoptr(Bench) b = bench_new();

        bench_connect(b);
        call(b, "OpenAccount", "a.b.c.d.e");
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "no call is in flight");
        bench_begin_call(b);
        sign(b);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "OpenAccount comes first");
        call(b, "GetPublicKey", "account");
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "OpenAccount comes first");
        call(b, "OpenAccount", "a.b.c.d.e");
        signer_close(b->signer);
        sign(b);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "no call is in flight");
        bench_begin_call(b);
        sign(b);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "OpenAccount comes first");
}

static void test_one_that_could_not_be_opened_does_not_sign(void)
{
        g_autoptr(Bench) b = bench_new();

        bench_connect(b);
        b->first.account.password_file = (char *) "/wrong";
        bench_begin_call(b);
        call(b, "OpenAccount", "a.b.c.d.e");
        assert_refused(b, CERT_ERROR_ISSUER_AUTHENTICATION, "does not open the key");
        sign(b);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "OpenAccount comes first");
        b->first.account.password_file = (char *) "/odd";
        call(b, "OpenAccount", "a.b.c.d.e");
        g_assert_false(sd_bus_message_is_method_error(b->reply, NULL));
        call(b, "GetPublicKey", "account");
        assert_refused(b, CERT_ERROR_KEY_STORAGE, "an answer that is none");
}

static void test_accounts_that_the_manifest_has_not_are_refused(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autofree char *huge = g_strnfill(64 * 1024 + 1, 'a');

        bench_connect(b);
        signer_open(b->signer, &(SignerKeys){});
        call(b, "OpenAccount", "a.b.c.d.e");
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "no account");
        sign(b);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED, "no such key");
        bench_begin_call(b);
        call(b, "OpenAccount", huge);
        assert_refused(b, CERT_ERROR_ISSUER_PROTOCOL, "at most 65536");
        call(b, "OpenAccount", "");
        assert_refused(b, CERT_ERROR_ISSUER_AUTHENTICATION, "a password alone for issuer \"first\"");
        b->first.account.key_file = b->first.account.certificate_file = (char *) "/x";
        call(b, "OpenAccount", "a.b.c.d.e");
        assert_refused(b, CERT_ERROR_ISSUER_AUTHENTICATION, "a key file for issuer \"first\"");
}

static void test_more_than_it_will_ask_at_once(void)
{
        g_autoptr(Bench) b = bench_new();
        unsigned busy = 0;

        bench_connect(b);
        b->first.account.password_file = (char *) "/slow";
        bench_begin_call(b);
        for (unsigned n = 0; n < 20; n++)
                send_call(b, "OpenAccount", "a.b.c.d.e");
        for (unsigned n = 0; n < 20; n++) {
                await_reply(b);
                busy += sd_bus_message_is_method_error(b->reply, cert_error_to_name(CERT_ERROR_BUSY));
        }
        g_assert_cmpuint(busy, ==, 12);
}

static void test_closed_while_the_keyholder_works(void)
{
        g_autoptr(Bench) b = bench_new();

        bench_connect(b);
        b->first.account.password_file = (char *) "/slow";
        for (unsigned turns = 0; turns < 10; turns++) {
                bench_begin_call(b);
                send_call(b, "OpenAccount", "a.b.c.d.e");
                for (unsigned n = 0; n < turns; n++)
                        sd_event_run(b->event, 10 * USEC_PER_MSEC);
                signer_close(b->signer);
        }
        b->first.account.password_file = (char *) "/good";
        while (!g_queue_is_empty(&b->replies))
                await_reply(b);
        bench_begin_call(b);
        call(b, "OpenAccount", "a.b.c.d.e");
        g_assert_false(sd_bus_message_is_method_error(b->reply, NULL));
}

int main(int argc, char **argv)
{
        if (g_str_has_suffix(argv[0], "/cert-keyholder"))
                return peer_worker_run(CERT_BUS_KEYHOLDER_PATH, CERT_INTERFACE_KEYHOLDER, vtable, NULL);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/account/the source is the manifest's", test_the_source_is_the_manifest_s);
        g_test_add_func("/account/an issuer has one process, and no other's",
                        test_an_issuer_has_one_process_and_no_other_s);
        g_test_add_func("/account/a credential is looked for in a process that can have it",
                        test_a_credential_is_looked_for_in_a_process_that_can_have_it);
        g_test_add_func("/account/an error of the keyholder comes through",
                        test_an_error_of_the_keyholder_comes_through);
        g_test_add_func("/account/a file that hangs fails what waits for it, and nothing else",
                        test_a_file_that_hangs_fails_what_waits_for_it_and_nothing_else);
        g_test_add_func("/account/a keyholder that dies fails one call",
                        test_a_keyholder_that_dies_fails_one_call);
        g_test_add_func("/account/a keyholder that floods is ended", test_a_keyholder_that_floods_is_ended);
        g_test_add_func("/account/without its program the package is named",
                        test_without_its_program_the_package_is_named);
        g_test_add_func("/account/discarded at every stage", test_discarded_at_every_stage);
        g_test_add_func("/account/a process that was ended is reaped from the loop",
                        test_a_process_that_was_ended_is_reaped_from_the_loop);
        g_test_add_func("/account/it ends with all under way", test_it_ends_with_all_under_way);
        g_test_add_func("/account/an account is told, and nothing more",
                        test_an_account_is_told_and_nothing_more);
        g_test_add_func("/account/an open account signs", test_an_open_account_signs);
        g_test_add_func("/account/an account is open for its call alone",
                        test_an_account_is_open_for_its_call_alone);
        g_test_add_func("/account/one that could not be opened does not sign",
                        test_one_that_could_not_be_opened_does_not_sign);
        g_test_add_func("/account/accounts that the manifest has not are refused",
                        test_accounts_that_the_manifest_has_not_are_refused);
        g_test_add_func("/account/more than it will ask at once", test_more_than_it_will_ask_at_once);
        g_test_add_func("/account/closed while the keyholder works", test_closed_while_the_keyholder_works);
        return g_test_run();
}
