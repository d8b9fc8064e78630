/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a service serves, seen by the real probe (a process of its own) through real handshakes on loopback,
 * with every fault that a server can have. */

#include "agent/roots.h"
#include "agent/verify.h"
#include "common/error.h"
#include "common/names.h"
#include "tests/integration/bus.h"
#include "tests/unit/fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Pair {
        char *files; /* "CERT:KEY" */
        char *cert;
        char *fingerprint;
} Pair;

typedef struct Fixture {
        char *root;
        sd_event *event;
        Prober *prober;
        Pair old, new;
        GBytes *bundle; /* of the authority of both */
        GArray *servers; /* GPid */
} Fixture;

/* ---- Certificates ---- */

static void pair_make_until(Fixture *f, Pair *p, const FixtureAuthority *authority, const char *name, time_t until)
{
        g_autoptr(ManifestCertificate) wish = fixture_certificate_new(name);
        g_autoptr(GBytes) key = fixture_key_new(KEY_TYPE_ECDSA_P256);
        g_autoptr(GBytes) der =
                fixture_authority_sign(authority, wish, key, time(NULL) - 60, until);
        g_autofree char *key_file = g_strdup_printf("%s/%s.key", f->root, name);
        gnutls_datum_t in = { (void *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) }, pem;

        p->cert = g_strdup_printf("%s/%s.pem", f->root, name);
        p->files = g_strdup_printf("%s:%s", p->cert, key_file);
        p->fingerprint = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
        g_assert_cmpint(gnutls_pem_base64_encode2("CERTIFICATE", &in, &pem), ==, 0);
        g_assert_true(g_file_set_contents(p->cert, (char *) pem.data, pem.size, NULL));
        g_assert_true(
                g_file_set_contents(key_file, g_bytes_get_data(key, NULL), g_bytes_get_size(key), NULL));
        gnutls_free(pem.data);
}

static void pair_make(Fixture *f, Pair *p, const FixtureAuthority *authority, const char *name)
{
        pair_make_until(f, p, authority, name, time(NULL) + 3600);
}

static void pair_clear(Pair *p)
{
        g_free(p->files);
        g_free(p->cert);
        g_free(p->fingerprint);
}

/* The certificates of one or two authorities; the caller owns it. */
static GBytes *bundle_of(const FixtureAuthority *a, const FixtureAuthority *b)
{
        g_autoptr(GPtrArray) roots = g_ptr_array_new();
        GBytes *pem;

        g_ptr_array_add(roots, a->der);
        if (b)
                g_ptr_array_add(roots, b->der);
        pem = roots_to_pem(roots, NULL);
        g_assert_nonnull(pem);
        return pem;
}

/* ---- A host ---- */

static void install_probe(Fixture *f)
{
        g_autofree char *program = g_build_filename(g_getenv("CERT_AGENT_BUILD"), "issuers/cert-probe", NULL);
        g_autofree char *installed = fixture_path(f->root, CERT_PROGRAM_DIR "/cert-probe");

        fixture_make_folder(f->root, CERT_PROGRAM_DIR, 0755);
        g_assert_cmpint(symlink(program, installed), ==, 0);
}

static void set_up(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) authority = fixture_authority_new();

        f->root = fixture_root_new();
        install_probe(f);
        pair_make(f, &f->old, authority, "old");
        pair_make(f, &f->new, authority, "new");
        f->bundle = bundle_of(authority, NULL);
        f->servers = g_array_new(FALSE, FALSE, sizeof(GPid));
        g_assert_cmpint(sd_event_new(&f->event), >=, 0);
        f->prober = prober_new(f->event);
}

static void end_server(GPid pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void tear_down(Fixture *f, gconstpointer data)
{
        for (unsigned i = 0; i < f->servers->len; i++)
                end_server(g_array_index(f->servers, GPid, i));
        prober_free(f->prober);
        sd_event_unref(f->event);
        g_array_unref(f->servers);
        pair_clear(&f->old);
        pair_clear(&f->new);
        g_bytes_unref(f->bundle);
        fixture_root_free(f->root);
}

/* ---- Servers ---- */

static void die_with_parent(void *userdata)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Starts tls-server.py with these options (separated by blanks), gives what it listens on; the caller owns
 * it. */
static char *start_server(Fixture *f, const char *options)
{
        g_autofree char *script = g_test_build_filename(G_TEST_DIST, "tls-server.py", NULL);
        g_autofree char *command = g_strdup_printf("python3 %s %s", script, options);
        g_auto(GStrv) argv = g_strsplit(command, " ", -1);
        char line[200] = "";
        GError *error = NULL;
        FILE *said;
        GPid pid;
        int fd;

        g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
                                 die_with_parent, NULL, &pid, NULL, &fd, NULL, &error);
        g_assert_no_error(error);
        g_array_append_val(f->servers, pid);
        said = fdopen(fd, "r");
        g_assert_nonnull(fgets(line, sizeof(line), said));
        fclose(said);
        g_strchomp(line);
        return line[0] == '/' ? g_strdup(line) : g_strdup_printf("127.0.0.1:%s", line);
}

static char *start_with(Fixture *f, const char *format, ...) G_GNUC_PRINTF(2, 3);
static char *start_with(Fixture *f, const char *format, ...)
{
        g_autofree char *options = NULL;
        va_list ap;

        va_start(ap, format);
        options = g_strdup_vprintf(format, ap);
        va_end(ap);
        return start_server(f, options);
}

/* ---- Runs ---- */

typedef struct Outcome {
        bool done;
        VerifyOutcome outcome;
        char *served, *message;
        unsigned times;
} Outcome;

static void outcome_clear(Outcome *o)
{
        g_free(o->served);
        g_free(o->message);
        *o = (Outcome){ 0 };
}

static void on_done(const char *name, const VerifyResult *result, void *userdata)
{
        Outcome *o = userdata;

        g_assert_cmpstr(name, ==, "web");
        g_assert_true((result->error != NULL) == (result->outcome != VERIFY_SERVED));
        if (result->error)
                g_assert_error(result->error, CERT_ERROR, CERT_ERROR_NOT_SERVING);
        *o = (Outcome){ true, result->outcome, g_strdup(result->served),
                        g_strdup(result->error ? result->error->message : NULL), o->times + 1 };
}

static Verify verify_of(const char *connect, Starttls starttls, uint64_t timeout_ms)
{
        return (Verify){ .connect = (char *) connect,
                         .server_name = (char *) "new.example",
                         .starttls = starttls,
                         .timeout_usec = timeout_ms * 1000,
                         .successes = 3 };
}

static Outcome run(Fixture *f, const char *connect, Starttls starttls, uint64_t timeout_ms)
{
        Verify v = verify_of(connect, starttls, timeout_ms);
        Outcome o = { 0 };

        verify_start(f->prober, "web", &v, f->new.fingerprint, on_done, &o);
        g_assert_false(o.done);
        g_assert_cmpuint(prober_active(f->prober), ==, 1);
        run_until(f->event, &o.done);
        g_assert_cmpuint(prober_active(f->prober), ==, 0);
        g_assert_cmpuint(o.times, ==, 1);
        return o;
}

/* What is in vain takes its whole time, and mostly little is enough. A slow machine may need more than that for one look. */
static const uint64_t in_vain_ms[] = { 600, 5000, 30000 };

/* The end of it, in such a time; that it came in time. */
static bool is_as_wanted(const Outcome *o, VerifyOutcome outcome, const char *words, int64_t took, uint64_t given_ms)
{
        g_assert_cmpint(took, <, (int64_t) given_ms * 1000 + 10 * G_USEC_PER_SEC);
        return o->outcome == outcome && strstr(o->message, words);
}

static Outcome run_in_vain(Fixture *f, const char *connect, Starttls starttls, VerifyOutcome outcome, const char *words)
{
        for (size_t i = 0;; i++) {
                int64_t began = g_get_monotonic_time();
                Outcome o = run(f, connect, starttls, in_vain_ms[i]);

                if (is_as_wanted(&o, outcome, words, g_get_monotonic_time() - began, in_vain_ms[i]))
                        return o;
                g_test_message("after %u ms: %s", (unsigned) in_vain_ms[i], o.message);
                if (i + 1 == G_N_ELEMENTS(in_vain_ms))
                        g_error("\"%s\" is not in \"%s\"", words, o.message);
                outcome_clear(&o);
        }
}

static void assert_served(Fixture *f, const char *connect, Starttls starttls)
{
        Outcome o = run(f, connect, starttls, 60000);

        g_assert_cmpstr(o.message, ==, NULL);
        g_assert_cmpint(o.outcome, ==, VERIFY_SERVED);
        g_assert_cmpstr(o.served, ==, f->new.fingerprint);
        outcome_clear(&o);
}

static void assert_fails(Fixture *f, VerifyOutcome outcome, const char *connect, Starttls starttls, const char *words)
{
        Outcome o = run_in_vain(f, connect, starttls, outcome, words);

        g_assert_nonnull(strchr(o.message, '\n')); /* a hint */
        outcome_clear(&o);
}

/* ---- It is served ---- */

static void test_the_new_certificate_is_served(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s", f->new.files);

        assert_served(f, here, STARTTLS_NONE);
}

static void test_each_protocol(Fixture *f, gconstpointer data)
{
        g_autofree char *smtp = start_with(f, "--pair %s --protocol smtp", f->new.files);
        g_autofree char *imap = start_with(f, "--pair %s --protocol imap", f->new.files);
        g_autofree char *postgresql = start_with(f, "--pair %s --protocol postgresql", f->new.files);

        assert_served(f, smtp, STARTTLS_SMTP);
        assert_served(f, imap, STARTTLS_IMAP);
        assert_served(f, postgresql, STARTTLS_POSTGRESQL);
}

static void test_a_unix_socket(Fixture *f, gconstpointer data)
{
        g_autofree char *path = fixture_path(f->root, "/service.sock");
        g_autofree char *here = start_with(f, "--pair %s --unix %s", f->new.files, path);

        g_assert_cmpstr(here, ==, path);
        assert_served(f, "/service.sock", STARTTLS_NONE);
}

static void test_names_and_version_6(Fixture *f, gconstpointer data)
{
        g_autofree char *four = start_with(f, "--pair %s", f->new.files);
        g_autofree char *six = start_with(f, "--pair %s --ipv6", f->new.files);
        g_autofree char *by_name = g_strdup_printf("localhost%s", strrchr(four, ':'));
        g_autofree char *by_six = g_strdup_printf("[::1]%s", strrchr(six, ':'));

        assert_served(f, by_name, STARTTLS_NONE);
        assert_served(f, by_six, STARTTLS_NONE);
}

static void test_old_and_new_tls(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s --tls12", f->new.files);

        assert_served(f, here, STARTTLS_NONE);
}

static void test_a_server_that_demands_a_client_certificate(Fixture *f, gconstpointer data)
{
        g_autofree char *two = start_with(f, "--pair %s --tls12 --client-ca %s", f->new.files, f->new.cert);
        g_autofree char *three = start_with(f, "--pair %s --client-ca %s", f->new.files, f->new.cert);

        assert_served(f, two, STARTTLS_NONE);
        assert_served(f, three, STARTTLS_NONE);
}

static void test_another_implementation(Fixture *f, gconstpointer data)
{
        g_autofree char *key = g_strdup(strchr(f->new.files, ':') + 1);
        g_autofree char *port = g_strdup_printf("%d", 20000 + (int) (getpid() % 20000));
        g_autofree char *here = g_strdup_printf("127.0.0.1:%s", port);
        char *argv[] = { (char *) "gnutls-serv",
                         (char *) "--quiet",
                         (char *) "--port",
                         port,
                         (char *) "--x509certfile",
                         f->new.cert,
                         (char *) "--x509keyfile",
                         key,
                         NULL };
        GPid pid;

        if (!g_spawn_async(NULL, argv, NULL,
                           G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                                   G_SPAWN_STDERR_TO_DEV_NULL,
                           die_with_parent, NULL, &pid, NULL)) {
                g_test_skip("gnutls-serv is not installed");
                return;
        }
        g_array_append_val(f->servers, pid);
        assert_served(f, here, STARTTLS_NONE); /* it takes a moment to listen, too */
}

/* ---- It takes its time ---- */

static void test_old_workers_linger(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s --pair %s --schedule 0,0,1,0,1,1,0,0,1,1,0",
                                           f->old.files, f->new.files);

        assert_served(f, here, STARTTLS_NONE);
}

static void test_it_listens_late(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s --delay 0.5", f->new.files);

        assert_served(f, here, STARTTLS_NONE);
}

/* ---- Trust ---- */

static Outcome run_trust(Fixture *f, const char *connect, GBytes *bundle, uint64_t timeout_ms)
{
        Verify v = verify_of(connect, STARTTLS_NONE, timeout_ms);
        GBytes *passing = g_bytes_new(g_bytes_get_data(bundle, NULL), g_bytes_get_size(bundle));
        Outcome o = { 0 };

        verify_start_trust(f->prober, "web", &v, passing, on_done, &o);
        g_bytes_unref(passing); /* it keeps its own reference */
        g_assert_false(o.done);
        run_until(f->event, &o.done);
        g_assert_cmpuint(o.times, ==, 1);
        return o;
}

static Outcome run_trust_in_vain(Fixture *f, const char *connect, GBytes *bundle, VerifyOutcome outcome, const char *words)
{
        for (size_t i = 0;; i++) {
                int64_t began = g_get_monotonic_time();
                Outcome o = run_trust(f, connect, bundle, in_vain_ms[i]);

                if (is_as_wanted(&o, outcome, words, g_get_monotonic_time() - began, in_vain_ms[i]))
                        return o;
                g_test_message("after %u ms: %s", (unsigned) in_vain_ms[i], o.message);
                if (i + 1 == G_N_ELEMENTS(in_vain_ms))
                        g_error("\"%s\" is not in \"%s\"", words, o.message);
                outcome_clear(&o);
        }
}

static void assert_trusted(Fixture *f, const char *connect, GBytes *bundle, const char *fingerprint)
{
        Outcome o = run_trust(f, connect, bundle, 60000);

        g_assert_cmpstr(o.message, ==, NULL);
        g_assert_cmpint(o.outcome, ==, VERIFY_SERVED);
        g_assert_cmpstr(o.served, ==, fingerprint);
        outcome_clear(&o);
}

static void assert_not_trusted(Fixture *f, const char *connect, GBytes *bundle, const char *words)
{
        Outcome o = run_trust_in_vain(f, connect, bundle, VERIFY_STALE, words);

        g_assert_nonnull(o.served);
        g_assert_nonnull(strstr(o.message, connect));
        g_assert_nonnull(strchr(o.message, '\n')); /* a hint */
        outcome_clear(&o);
}

static void test_a_bundle_trusts_what_is_served(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) other = fixture_authority_new();
        g_autofree char *old = start_with(f, "--pair %s", f->old.files);
        g_autofree char *new = start_with(f, "--pair %s", f->new.files);
        g_autoptr(GBytes) only = bundle_of(other, NULL);
        Pair foreign = { 0 };

        pair_make(f, &foreign, other, "foreign");
        assert_trusted(f, new, f->bundle, f->new.fingerprint);
        assert_trusted(f, old, f->bundle, f->old.fingerprint);
        assert_not_trusted(f, new, only, "\"web\" does not trust");
        pair_clear(&foreign);
}

/* In the midst of a rotation, old and new workers may serve what the old and the new authority signed. */
static void test_a_bundle_of_two_trusts_both_in_turn(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) first = fixture_authority_new(), second = fixture_authority_new();
        g_autoptr(GBytes) both = bundle_of(first, second), only = bundle_of(second, NULL);
        g_autofree char *alternating = NULL, *later = NULL;
        Pair a = { 0 }, b = { 0 };

        pair_make(f, &a, first, "first");
        pair_make(f, &b, second, "second");
        alternating = start_with(f, "--pair %s --pair %s --schedule 0,1,0,1", a.files, b.files);
        assert_trusted(f, alternating, both, a.fingerprint);
        later = start_with(f, "--pair %s --pair %s --schedule 0,1,1,0,0,1", a.files, b.files);
        assert_trusted(f, later, only, b.fingerprint);
        pair_clear(&a);
        pair_clear(&b);
}

static void test_what_the_bundle_does_not_trust_keeps_coming_back(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) other = fixture_authority_new();
        g_autofree char *schedule = g_strnfill(2000, ','), *here = NULL;
        Pair foreign = { 0 };

        for (size_t i = 0; i < strlen(schedule); i += 2) /* each third: never three good ones in a row */
                schedule[i] = i / 2 % 3 == 2 ? '1' : '0';
        schedule[strlen(schedule) - 1] = '\0';
        pair_make(f, &foreign, other, "foreign");
        here = start_with(f, "--pair %s --pair %s --schedule %s", f->new.files, foreign.files, schedule);
        assert_not_trusted(f, here, f->bundle, "SHA-256");
        pair_clear(&foreign);
}

static void test_an_expired_certificate_is_not_trusted(Fixture *f, gconstpointer data)
{
        g_autoptr(FixtureAuthority) authority = fixture_authority_new();
        g_autoptr(GBytes) bundle = bundle_of(authority, NULL);
        g_autofree char *here = NULL;
        Pair expired = { 0 };

        pair_make_until(f, &expired, authority, "expired", time(NULL) - 10);
        here = start_with(f, "--pair %s", expired.files);
        assert_not_trusted(f, here, bundle, "expired on");
        pair_clear(&expired);
}

static void test_a_bundle_and_nobody_listens(Fixture *f, gconstpointer data)
{
        Outcome o = run_trust_in_vain(f, "127.0.0.1:1", f->bundle, VERIFY_UNREACHABLE, "127.0.0.1:1");

        outcome_clear(&o);
}

/* ---- The probe itself ---- */

/* One that was taken over: it announces a message of 100 MiB, and sends it. */
static const char flooding_probe[] = "#!/usr/bin/env python3\n"
                                     "import socket, struct\n"
                                     "s = socket.socket(fileno=3)\n"
                                     "said = b''\n"
                                     "while b'BEGIN' not in said:\n"
                                     "    said += s.recv(4096)\n"
                                     "s.sendall(b'DATA\\r\\nOK ' + b'0' * 32 + b'\\r\\n')\n"
                                     "s.sendall(b'l\\4\\0\\1' + struct.pack('<III', 100 << 20, 1, 0))\n"
                                     "while True:\n"
                                     "    s.sendall(bytes(1 << 16))\n";

static void test_a_probe_that_floods(Fixture *f, gconstpointer data)
{
        g_autofree char *program = fixture_path(f->root, CERT_PROGRAM_DIR "/cert-probe");
        g_autofree char *here = start_with(f, "--pair %s", f->new.files);

        g_assert_cmpint(unlink(program), ==, 0);
        g_assert_true(g_file_set_contents_full(program, flooding_probe, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
        assert_fails(f, VERIFY_BROKEN, here, STARTTLS_NONE, "more than any answer may hold");
}

/* ---- It is not served ---- */

static void test_another_certificate_is_served(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s", f->old.files);
        Outcome o = run_in_vain(f, here, STARTTLS_NONE, VERIFY_STALE, here);

        g_assert_cmpstr(o.served, ==, f->old.fingerprint);
        outcome_clear(&o);
}

static void test_the_old_one_keeps_coming_back(Fixture *f, gconstpointer data)
{
        GString *schedule = g_string_new("1,1,0");
        g_autofree char *here = NULL;
        Outcome o;

        for (unsigned i = 0; i < 200; i++)
                g_string_append(schedule, ",1,1,0");
        here = start_with(f, "--pair %s --pair %s --schedule %s", f->old.files, f->new.files, schedule->str);
        g_string_free(schedule, TRUE);
        o = run_in_vain(f, here, STARTTLS_NONE, VERIFY_STALE, "");
        outcome_clear(&o);
}

static void test_nobody_listens(Fixture *f, gconstpointer data)
{
        assert_fails(f, VERIFY_UNREACHABLE, "127.0.0.1:1", STARTTLS_NONE, "Connection refused");
        assert_fails(f, VERIFY_UNREACHABLE, "/nowhere.sock", STARTTLS_NONE, "No such file");
        assert_fails(f, VERIFY_UNREACHABLE, "nowhere.invalid:443", STARTTLS_NONE, "nowhere.invalid");
        assert_fails(f, VERIFY_UNREACHABLE, "127.0.0.1", STARTTLS_NONE, "neither HOST:PORT");
        assert_fails(f, VERIFY_UNREACHABLE, "::1:443", STARTTLS_NONE, "neither HOST:PORT");
}

static void assert_fault(Fixture *f, const char *fault, const char *protocol, Starttls starttls,
                         const char *words)
{
        g_autofree char *here =
                start_with(f, "--pair %s --protocol %s --fault %s", f->new.files, protocol, fault);

        assert_fails(f, VERIFY_UNREACHABLE, here, starttls, words);
}

static void test_servers_that_are_wrong_before_tls(Fixture *f, gconstpointer data)
{
        assert_fault(f, "garbage", "smtp", STARTTLS_SMTP, "the SMTP server answers");
        assert_fault(f, "hang", "smtp", STARTTLS_SMTP, "the server says nothing");
        assert_fault(f, "endless", "smtp", STARTTLS_SMTP, "a line without end");
        assert_fault(f, "lines", "smtp", STARTTLS_SMTP, "far too much");
        assert_fault(f, "slow", "smtp", STARTTLS_SMTP, "the server says nothing");
        assert_fault(f, "close", "smtp", STARTTLS_SMTP, "closed the connection");
        assert_fault(f, "extra", "smtp", STARTTLS_SMTP, "more than its consent");
        assert_fault(f, "not-offered", "smtp", STARTTLS_SMTP, "does not offer STARTTLS");
        assert_fault(f, "refuse", "smtp", STARTTLS_SMTP, "454 TLS not available");
        assert_fault(f, "garbage", "imap", STARTTLS_IMAP, "the IMAP server greets");
        assert_fault(f, "refuse", "imap", STARTTLS_IMAP, "a1 BAD no");
        assert_fault(f, "endless", "imap", STARTTLS_IMAP, "a line without end");
        assert_fault(f, "garbage", "postgresql", STARTTLS_POSTGRESQL,
                     "does not answer as a PostgreSQL server");
        assert_fault(f, "refuse", "postgresql", STARTTLS_POSTGRESQL, "switched off");
        assert_fault(f, "extra", "postgresql", STARTTLS_POSTGRESQL, "more than its consent");
        assert_fault(f, "hang", "postgresql", STARTTLS_POSTGRESQL, "the server says nothing");
}

static void test_servers_that_are_wrong_in_tls(Fixture *f, gconstpointer data)
{
        assert_fault(f, "garbage", "none", STARTTLS_NONE, "does not speak TLS");
        assert_fault(f, "hang", "none", STARTTLS_NONE, "did not end in time");
        assert_fault(f, "hang-in-tls", "none", STARTTLS_NONE, "did not end in time");
        assert_fault(f, "endless", "none", STARTTLS_NONE, "TLS");
        assert_fault(f, "close", "none", STARTTLS_NONE, "closed the connection");
}

static void test_a_long_reply_is_no_fault(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s --protocol smtp --fault long-reply", f->new.files);

        assert_served(f, here, STARTTLS_SMTP);
}

static void test_the_probe_is_missing(Fixture *f, gconstpointer data)
{
        g_autofree char *program = fixture_path(f->root, CERT_PROGRAM_DIR "/cert-probe");

        g_assert_cmpint(g_unlink(program), ==, 0);
        assert_fails(f, VERIFY_BROKEN, "127.0.0.1:1", STARTTLS_NONE, "cert-probe");
}

static void test_a_broken_probe(Fixture *f, gconstpointer data)
{
        g_autofree char *program = fixture_path(f->root, CERT_PROGRAM_DIR "/cert-probe");

        g_assert_cmpint(g_unlink(program), ==, 0);
        g_assert_cmpint(symlink("/bin/false", program), ==, 0);
        assert_fails(f, VERIFY_BROKEN, "127.0.0.1:1", STARTTLS_NONE, "the probe failed");
}

/* ---- Many at once ---- */

static void test_a_hanging_service_holds_up_nobody(Fixture *f, gconstpointer data)
{
        g_autofree char *good = start_with(f, "--pair %s", f->new.files);
        g_autofree char *bad = start_with(f, "--pair %s --fault hang", f->new.files);
        Verify hanging = verify_of(bad, STARTTLS_NONE, 300000), serving = verify_of(good, STARTTLS_NONE, 60000);
        Outcome stuck[4] = { 0 }, fine[12] = { 0 };
        VerifyRun *runs[4];

        for (unsigned i = 0; i < G_N_ELEMENTS(stuck); i++)
                runs[i] = verify_start(f->prober, "web", &hanging, f->new.fingerprint, on_done, &stuck[i]);
        for (unsigned i = 0; i < G_N_ELEMENTS(fine); i++)
                verify_start(f->prober, "web", &serving, f->new.fingerprint, on_done, &fine[i]);
        for (unsigned i = 0; i < G_N_ELEMENTS(fine); i++) {
                run_until(f->event, &fine[i].done);
                g_assert_cmpint(fine[i].outcome, ==, VERIFY_SERVED);
                outcome_clear(&fine[i]);
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(stuck); i++) {
                g_assert_false(stuck[i].done);
                verify_discard(runs[i]);
        }
        g_assert_cmpuint(prober_active(f->prober), ==, 0);
}

static void test_more_hang_than_there_are_workers(Fixture *f, gconstpointer data)
{
        g_autofree char *bad = start_with(f, "--pair %s --fault hang", f->new.files);
        Verify hanging = verify_of(bad, STARTTLS_NONE, 500);
        Outcome stuck[20] = { 0 };

        for (unsigned i = 0; i < G_N_ELEMENTS(stuck); i++)
                verify_start(f->prober, "web", &hanging, f->new.fingerprint, on_done, &stuck[i]);
        for (unsigned i = 0; i < G_N_ELEMENTS(stuck); i++) {
                run_until(f->event, &stuck[i].done);
                g_assert_cmpint(stuck[i].outcome, ==, VERIFY_UNREACHABLE);
                outcome_clear(&stuck[i]);
        }
        g_assert_cmpuint(prober_active(f->prober), ==, 0);
}

static void test_a_discarded_run_is_never_told(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s --fault hang", f->new.files);
        Verify v = verify_of(here, STARTTLS_NONE, 3000);
        Outcome o = { 0 };
        VerifyRun *r = verify_start(f->prober, "web", &v, f->new.fingerprint, on_done, &o);

        run_for(f->event, 100000);
        g_assert_null(verify_discard(r));
        g_assert_null(verify_discard(NULL));
        run_for(f->event, 100000);
        g_assert_false(o.done);
        g_assert_cmpuint(prober_active(f->prober), ==, 0);
}

/* ---- Looking ---- */

static void test_one_look(Fixture *f, gconstpointer data)
{
        g_autofree char *here = start_with(f, "--pair %s", f->old.files);
        Verify there = verify_of(here, STARTTLS_NONE, 60000),
               nowhere = verify_of("127.0.0.1:1", STARTTLS_NONE, 60000);
        int64_t began = g_get_monotonic_time();
        Outcome o = { 0 };

        prober_warm_up(f->prober);
        verify_look(f->prober, "web", &there, on_done, &o);
        run_until(f->event, &o.done);
        g_assert_cmpint(o.outcome, ==, VERIFY_SERVED);
        g_assert_cmpstr(o.served, ==, f->old.fingerprint);
        outcome_clear(&o);
        verify_look(f->prober, "web", &nowhere, on_done, &o);
        run_until(f->event, &o.done);
        g_assert_cmpint(o.outcome, ==, VERIFY_UNREACHABLE);
        g_assert_nonnull(strstr(o.message, "Connection refused"));
        g_assert_null(o.served);
        g_assert_cmpint(g_get_monotonic_time() - began, <, 50 * G_USEC_PER_SEC); /* once, and not until the time is over */
        outcome_clear(&o);
}

#define ADD(name, function) g_test_add("/verify/" name, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("the new certificate is served", test_the_new_certificate_is_served);
        ADD("each protocol", test_each_protocol);
        ADD("a unix socket", test_a_unix_socket);
        ADD("names and IPv6", test_names_and_version_6);
        ADD("a server of TLS 1.2", test_old_and_new_tls);
        ADD("a server that demands a client certificate", test_a_server_that_demands_a_client_certificate);
        ADD("another implementation of TLS", test_another_implementation);
        ADD("old workers linger", test_old_workers_linger);
        ADD("it listens late", test_it_listens_late);
        ADD("a bundle trusts what is served", test_a_bundle_trusts_what_is_served);
        ADD("a bundle of two trusts both in turn", test_a_bundle_of_two_trusts_both_in_turn);
        ADD("what the bundle does not trust keeps coming back", test_what_the_bundle_does_not_trust_keeps_coming_back);
        ADD("an expired certificate is not trusted", test_an_expired_certificate_is_not_trusted);
        ADD("a bundle and nobody listens", test_a_bundle_and_nobody_listens);
        ADD("a probe that floods", test_a_probe_that_floods);
        ADD("another certificate is served", test_another_certificate_is_served);
        ADD("the old one keeps coming back", test_the_old_one_keeps_coming_back);
        ADD("nobody listens", test_nobody_listens);
        ADD("servers that are wrong before TLS", test_servers_that_are_wrong_before_tls);
        ADD("servers that are wrong in TLS", test_servers_that_are_wrong_in_tls);
        ADD("a long reply is no fault", test_a_long_reply_is_no_fault);
        ADD("the probe is missing", test_the_probe_is_missing);
        ADD("a broken probe", test_a_broken_probe);
        ADD("a hanging service holds up nobody", test_a_hanging_service_holds_up_nobody);
        ADD("more hang than there are workers", test_more_hang_than_there_are_workers);
        ADD("a discarded run is never told", test_a_discarded_run_is_never_told);
        ADD("one look", test_one_look);
        return g_test_run();
}
