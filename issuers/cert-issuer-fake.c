/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cert-issuer-fake: an issuer that is wrong on demand. Built for tests only (-Dtest-root=true). Its
 * configuration says how: { "type": "fake", "behaviour": "hang" }, with "polls" (how often to wait), "delay"
 * (before any answer, a span) and "retry_after" (a span). In the place of cert-issuer-step, which alone has an account,
 * the provisioner's name is the behaviour. Its authority is a local one in the test root, so that its certificates are
 * as real as any. What it was asked is in /run/fake-calls, a line for each call. While /run/fake-closed is there nobody
 * gets an answer: a test looks meanwhile, for as long as that takes. */

#include "common/error.h"
#include "common/log.h"
#include "common/message.h"
#include "common/names.h"
#include "common/path.h"
#include "common/peer.h"
#include "common/timespan.h"
#include "issuers/config.h"
#include "issuers/fake/leaf.h"
#include "issuers/local/change.h"
#include "issuers/signer-client.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HUGE_SIZE   (UINT64_C(1) << 30)
#define CHATTER     5000
#define SIGNED_TEXT "what a protocol would have signed"
#define CALLS_FILE  "/run/fake-calls"
#define BEHAVIOUR_FILE "/run/fake-behaviour" /* when it is there: what it says goes before the manifest */
#define CLOSED_FILE "/run/fake-closed"
#define CLOSED_STEP_USEC (10 * USEC_PER_MSEC)
#define NO_JWE      "e30.AA.AA.AA.AA" /* five parts, as RFC 7516 has them, and no key in them */

/* One request, ready to be answered in whatever way. */
typedef struct FakeCall {
        sd_bus_message *message;
        IssuerRequest *request;
        Authority *authority;
        uint64_t polls, delay, retry_after;
        char *behaviour;
        const char *token; /* of Poll; NULL with Issue */
} FakeCall;

typedef int (*FakeBehaviour)(FakeCall *c, sd_bus_error *ret_error);

static void call_clear(FakeCall *c)
{
        issuer_request_free(c->request);
        authority_free(c->authority);
        g_free(c->behaviour);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FakeCall, call_clear)

static GPtrArray *list_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
}

static int reply_chain(FakeCall *c, GPtrArray *chain)
{
        g_autoptr(GPtrArray) roots = list_new();

        g_ptr_array_add(roots, g_bytes_ref(authority_der(c->authority)));
        return issuer_reply_issued(c->message, chain, roots);
}

static int reply_flawed(FakeCall *c, LeafFlaw flaw)
{
        g_autoptr(GPtrArray) chain = fake_chain_new(c->authority, c->request, flaw);

        return reply_chain(c, chain);
}

/* ---- Certificates ---- */

static int behave_good(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_GOOD);
}

static int behave_wrong_key(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_OTHER_KEY);
}

static int behave_wrong_names(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_OTHER_NAME);
}

static int behave_extra_names(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_EXTRA_NAME);
}

static int behave_expired(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_EXPIRED);
}

static int behave_not_yet(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_NOT_YET);
}

static int behave_ca(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_AUTHORITY);
}

static int behave_wrong_usage(FakeCall *c, sd_bus_error *ret_error)
{
        return reply_flawed(c, LEAF_OTHER_USAGE);
}

/* Signed by one authority, with the root of another. */
static int behave_untrusted(FakeCall *c, sd_bus_error *ret_error)
{
        g_autoptr(GPtrArray) chain = fake_chain_new(c->authority, c->request, LEAF_GOOD);
        AuthorityOptions other = { .name = (char *) "another",
                                   .key_type = KEY_TYPE_ECDSA_P256,
                                   .lifetime = 365 * USEC_PER_DAY,
                                   .path_length = 1 };
        g_autoptr(GError) error = NULL;
        Authority *a = change_make(&other, &error) ? authority_open(&other, &error) : NULL;

        if (!a)
                return cert_error_to_bus(error, ret_error);
        authority_free(c->authority);
        c->authority = a;
        return reply_chain(c, chain);
}

/* Root, intermediate, leaf: the wrong way round. */
static int behave_unordered_chain(FakeCall *c, sd_bus_error *ret_error)
{
        g_autoptr(GPtrArray) chain = fake_chain_new(c->authority, c->request, LEAF_INTERMEDIATE);
        g_autoptr(GPtrArray) turned = list_new();

        g_ptr_array_add(turned, g_bytes_ref(authority_der(c->authority)));
        for (guint i = chain->len; i > 0; i--)
                g_ptr_array_add(turned, g_bytes_ref(chain->pdata[i - 1]));
        return reply_chain(c, turned);
}

static int behave_long_chain(FakeCall *c, sd_bus_error *ret_error)
{
        g_autoptr(GPtrArray) chain = fake_chain_new(c->authority, c->request, LEAF_GOOD);

        while (chain->len < 1000)
                g_ptr_array_add(chain, g_bytes_ref(authority_der(c->authority)));
        return reply_chain(c, chain);
}

static int behave_no_certificate(FakeCall *c, sd_bus_error *ret_error)
{
        g_autoptr(GPtrArray) chain = list_new();

        g_ptr_array_add(chain, g_bytes_new_static("not DER", 7));
        return reply_chain(c, chain);
}

static int behave_empty_chain(FakeCall *c, sd_bus_error *ret_error)
{
        g_autoptr(GPtrArray) chain = list_new();

        return reply_chain(c, chain);
}

/* ---- Other answers ---- */

static int behave_refuse(FakeCall *c, sd_bus_error *ret_error)
{
        return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_ISSUER_REFUSED),
                                 "the policy does not allow this name\nAsk the CA's operator.");
}

static int behave_unreachable(FakeCall *c, sd_bus_error *ret_error)
{
        return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_ISSUER_UNREACHABLE),
                                 "the server does not answer\nStart it.");
}

static int behave_unreachable_till(FakeCall *c, sd_bus_error *ret_error)
{
        g_autoptr(GError) refusal =
                g_error_new(CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE, "the server is being mended\nWait.");

        return issuer_reply_later(c->message, refusal, c->retry_after);
}

static int behave_unknown_error(FakeCall *c, sd_bus_error *ret_error)
{
        return sd_bus_error_setf(ret_error, "com.example.Odd", "an error of its own");
}

static int behave_later(FakeCall *c, sd_bus_error *ret_error)
{
        g_autoptr(GError) refusal =
                g_error_new(CERT_ERROR, CERT_ERROR_ISSUER_REFUSED, "too many certificates this week\nWait.");

        return issuer_reply_later(c->message, refusal, c->retry_after);
}

/* The token says how often it still is to be asked. */
static int behave_wait(FakeCall *c, sd_bus_error *ret_error)
{
        uint64_t left = c->token ? g_ascii_strtoull(c->token, NULL, 10) : c->polls;
        g_autofree char *token = NULL;

        if (left == 0)
                return reply_flawed(c, LEAF_GOOD);
        token = g_strdup_printf("%" G_GUINT64_FORMAT, left - 1);
        return issuer_reply_waiting(c->message, token, USEC_PER_SEC);
}

static int call_named(FakeCall *c, const char *name, sd_bus_error *ret_error);

/* A person is to bring the answer, which is the name of a behaviour. */
static int behave_by_hand(FakeCall *c, sd_bus_error *ret_error)
{
        GBytes *answer = c->request->answer;
        g_autofree char *name = answer ? g_strndup(g_bytes_get_data(answer, NULL), g_bytes_get_size(answer)) : NULL;

        if (name && !g_str_equal(g_strstrip(name), "by-hand"))
                return call_named(c, name, ret_error);
        return issuer_reply_waiting(c->message, "by-hand", UINT64_MAX);
}

static int behave_wrong_value(FakeCall *c, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(c->message, "sa{sv}", "issued", 1, "Chain", "s", "a text");
}

static int behave_wrong_status(FakeCall *c, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(c->message, "sa{sv}", "perhaps", 0);
}

static int behave_bad_token(FakeCall *c, sd_bus_error *ret_error)
{
        return issuer_reply_waiting(c->message, "two\nlines", USEC_PER_SEC);
}

/* ---- No answer ---- */

static int behave_hang(FakeCall *c, sd_bus_error *ret_error)
{
        return 1;
}

static int behave_crash(FakeCall *c, sd_bus_error *ret_error)
{
        kill(getpid(), SIGKILL);
        return 1;
}

static int behave_exit(FakeCall *c, sd_bus_error *ret_error)
{
        _exit(0);
}

/* Past sd-bus, straight onto the socket; until all is written or the other side has closed. */
static void write_raw(FakeCall *c, const void *data, size_t size)
{
        int fd = sd_bus_get_fd(sd_bus_message_get_bus(c->message));

        while (size > 0) {
                ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

                if (n < 0 && errno == EAGAIN)
                        (void) poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
                else if (n < 0)
                        return;
                else {
                        data = (const char *) data + n;
                        size -= n;
                }
        }
}

static int behave_garbage(FakeCall *c, sd_bus_error *ret_error)
{
        char noise[4096];

        memset(noise, 0xa5, sizeof(noise));
        write_raw(c, noise, sizeof(noise));
        return 1;
}

/* The fixed part of a D-Bus header (little endian, method return) that announces `body` bytes. */
static void write_header(FakeCall *c, uint32_t body)
{
        struct {
                uint8_t endian, type, flags, version;
                uint32_t body, serial, fields;
        } header = { 'l', 2, 0, 1, GUINT32_TO_LE(body), GUINT32_TO_LE(99), GUINT32_TO_LE(8) };

        write_raw(c, &header, sizeof(header));
}

/* Signals that nobody asked for, each of a size that is fine. */
static int behave_flood(FakeCall *c, sd_bus_error *ret_error)
{
        static const char zeros[65536];
        sd_bus *bus = sd_bus_message_get_bus(c->message);
        int r = 0;

        for (uint64_t sent = 0; r >= 0 && sent < HUGE_SIZE; sent += sizeof(zeros)) {
                sd_bus_message *m = NULL;

                r = sd_bus_message_new_signal(bus, &m, CERT_BUS_ISSUER_PATH, CERT_INTERFACE_ISSUER, "Noise");
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

/* Calls that nobody serves, small enough to pass for an answer by their size, before a good answer. */
static int behave_chatter(FakeCall *c, sd_bus_error *ret_error)
{
        sd_bus *bus = sd_bus_message_get_bus(c->message);
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < CHATTER; i++) {
                sd_bus_message *m = NULL;

                r = sd_bus_message_new_method_call(bus, &m, NULL, "/", "a.b", "C");
                if (r >= 0)
                        r = sd_bus_send(bus, m, NULL);
                sd_bus_message_unref(m);
        }
        return r < 0 ? r : behave_good(c, ret_error);
}

/* A whole reply, of type "u": sd-bus itself would hold this program to its vtable. */
static int behave_wrong_type(FakeCall *c, sd_bus_error *ret_error)
{
        uint64_t cookie = 0;
        struct {
                uint8_t endian, type, flags, version;
                uint32_t body, serial, fields;
                uint8_t reply_serial_code[4];
                uint32_t reply_serial;
                uint8_t signature[8];
                uint32_t value;
        } reply = {
                'l',
                2,
                0,
                1,
                GUINT32_TO_LE(4),
                GUINT32_TO_LE(99),
                GUINT32_TO_LE(15),
                { 5, 1, 'u', 0 },
                0,
                { 8, 1, 'g', 0, 1, 'u', 0, 0 },
                GUINT32_TO_LE(7),
        };

        (void) sd_bus_message_get_cookie(c->message, &cookie);
        reply.reply_serial = GUINT32_TO_LE((uint32_t) cookie);
        write_raw(c, &reply, sizeof(reply));
        return 1;
}

static int behave_half_message(FakeCall *c, sd_bus_error *ret_error)
{
        write_header(c, 1000);
        write_raw(c, "only this", 9);
        return 1;
}

static int behave_huge(FakeCall *c, sd_bus_error *ret_error)
{
        static const char zeros[65536];

        write_header(c, 120 * 1024 * 1024);
        for (uint64_t sent = 0; sent < HUGE_SIZE; sent += sizeof(zeros))
                write_raw(c, zeros, sizeof(zeros));
        return 1;
}

/* ---- The Signer ---- */

static int call_signer(FakeCall *c, const char *method, const char *role, GBytes **ret,
                       sd_bus_error *ret_error)
{
        sd_bus *bus = sd_bus_message_get_bus(c->message);
        sd_bus_message *m = NULL, *reply = NULL;
        const void *data;
        size_t size;
        int r = sd_bus_message_new_method_call(bus, &m, NULL, CERT_BUS_SIGNER_PATH, CERT_INTERFACE_SIGNER,
                                               method);

        if (r >= 0 && g_str_equal(method, "Sign")) {
                r = sd_bus_message_append(m, "ss", role, "ecdsa-sha256");
                if (r >= 0)
                        r = sd_bus_message_append_array(m, 'y', SIGNED_TEXT, strlen(SIGNED_TEXT));
        } else if (r >= 0) {
                r = sd_bus_message_append(m, "s", role);
        }
        if (r >= 0)
                r = sd_bus_call(bus, m, 0, ret_error, &reply);
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &data, &size);
        if (r >= 0)
                *ret = g_bytes_new(data, size);
        sd_bus_message_unref(m);
        sd_bus_message_unref(reply);
        return r;
}

static int verify(GBytes *spki, GBytes *signature)
{
        gnutls_datum_t text = { (unsigned char *) SIGNED_TEXT, strlen(SIGNED_TEXT) }, der, sig;
        gnutls_pubkey_t key;
        size_t size;
        int r = gnutls_pubkey_init(&key);

        if (r < 0)
                return r;
        der.data = (unsigned char *) g_bytes_get_data(spki, &size);
        der.size = size;
        sig.data = (unsigned char *) g_bytes_get_data(signature, &size);
        sig.size = size;
        r = gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER);
        if (r >= 0)
                r = gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &text, &sig);
        gnutls_pubkey_deinit(key);
        return r;
}

/* Has something signed by a role's key and checks it; then all is well. */
static int behave_sign_with(FakeCall *c, const char *role, sd_bus_error *ret_error)
{
        g_autoptr(GBytes) spki = NULL, signature = NULL;
        int r = call_signer(c, "GetPublicKey", role, &spki, ret_error);

        if (r >= 0)
                r = call_signer(c, "Sign", role, &signature, ret_error);
        if (r < 0)
                return r;
        if (verify(spki, signature) < 0)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_ISSUER_PROTOCOL),
                                         "the agent's signature is wrong");
        return reply_flawed(c, LEAF_GOOD);
}

static int behave_sign(FakeCall *c, sd_bus_error *ret_error)
{
        return behave_sign_with(c, "new", ret_error);
}

static int behave_sign_current(FakeCall *c, sd_bus_error *ret_error)
{
        return behave_sign_with(c, "current", ret_error);
}

static int behave_sign_account(FakeCall *c, sd_bus_error *ret_error)
{
        return behave_sign_with(c, "account", ret_error);
}

/* The account is opened, tells of itself what its key proves, and signs. */
static int behave_account_with(FakeCall *c, const char *encrypted_key, sd_bus_error *ret_error)
{
        sd_bus *bus = sd_bus_message_get_bus(c->message);
        g_autoptr(GError) error = NULL;
        g_autoptr(SignerAccount) a = signer_client_open_account(bus, encrypted_key, &error);
        g_autoptr(GBytes) spki = a ? signer_client_public_key(bus, "account", &error) : NULL, signature = NULL;

        if (spki)
                signature = signer_client_sign(bus, "account", a->algorithm, SIGNED_TEXT, strlen(SIGNED_TEXT), &error);
        if (!signature)
                return cert_error_to_bus(error, ret_error);
        if (!g_bytes_equal(spki, a->public_key) || verify(spki, signature) < 0)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_ISSUER_PROTOCOL),
                                         "the account's signature is wrong");
        return reply_flawed(c, LEAF_GOOD);
}

static int behave_account(FakeCall *c, sd_bus_error *ret_error)
{
        return behave_account_with(c, "", ret_error);
}

static int behave_account_jwe(FakeCall *c, sd_bus_error *ret_error)
{
        return behave_account_with(c, NO_JWE, ret_error);
}

/* ---- Calls ---- */

static const struct {
        const char *name;
        FakeBehaviour behave;
} behaviours[] = {
        { "account", behave_account },         /* a key file's, P-256 */
        { "account-jwe", behave_account_jwe }, /* one that no password opens */
        { "bad-token", behave_bad_token },
        { "by-hand", behave_by_hand },
        { "ca", behave_ca },
        { "chatter", behave_chatter },
        { "crash", behave_crash },
        { "empty-chain", behave_empty_chain },
        { "exit", behave_exit },
        { "expired", behave_expired },
        { "extra-names", behave_extra_names },
        { "flood", behave_flood },
        { "garbage", behave_garbage },
        { "good", behave_good },
        { "half-message", behave_half_message },
        { "hang", behave_hang },
        { "huge", behave_huge },
        { "later", behave_later },
        { "long-chain", behave_long_chain },
        { "no-certificate", behave_no_certificate },
        { "no-revoke", behave_good },
        { "not-yet", behave_not_yet },
        { "refuse", behave_refuse },
        { "sign", behave_sign },
        { "sign-account", behave_sign_account },
        { "sign-current", behave_sign_current },
        { "slow", behave_good }, /* with "delay" */
        { "two-roots", behave_good },
        { "unknown-error", behave_unknown_error },
        { "unreachable", behave_unreachable },
        { "unreachable-till", behave_unreachable_till }, /* with "retry_after" */
        { "unordered-chain", behave_unordered_chain },
        { "untrusted", behave_untrusted },
        { "wait", behave_wait },
        { "wrong-key", behave_wrong_key },
        { "wrong-names", behave_wrong_names },
        { "wrong-status", behave_wrong_status },
        { "wrong-type", behave_wrong_type },
        { "wrong-usage", behave_wrong_usage },
        { "wrong-value", behave_wrong_value },
};

/* In the place of cert-issuer-step. */
static bool take_step(FakeCall *c, IssuerConfig *config, GError **error)
{
        static const char *const others[] = { "url", "root", "root_fingerprint", "password_file",
                                              "password_credential", "x5c_cert_file", "x5c_key_file", "renewal",
                                              "certificate_lifetime", "connections" };

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                issuer_config_pass_over(config, others[i]);
        return issuer_config_take_string(config, "provisioner", &c->behaviour, error);
}

static void take_behaviour_file(FakeCall *c)
{
        g_autofree char *path = host_path(BEHAVIOUR_FILE), *behaviour = NULL;

        if (!g_file_get_contents(path, &behaviour, NULL, NULL))
                return;
        g_free(c->behaviour);
        c->behaviour = g_steal_pointer(&behaviour);
}

static bool read_config(FakeCall *c, const char *text, GError **error)
{
        g_autoptr(IssuerConfig) config = issuer_config_new(text, error);
        AuthorityOptions options = { .key_type = KEY_TYPE_ECDSA_P256,
                                     .lifetime = 3650 * USEC_PER_DAY,
                                     .path_length = 1 };

        if (!config)
                return false;
        c->behaviour = g_strdup("good");
        c->polls = 1;
        c->retry_after = USEC_PER_HOUR;
        if (!issuer_config_take_string(config, "behaviour", &c->behaviour, error) ||
            !issuer_config_take_number(config, "polls", &c->polls, error) ||
            !issuer_config_take_span(config, "delay", &c->delay, error) ||
            !issuer_config_take_span(config, "retry_after", &c->retry_after, error) || !take_step(c, config, error) ||
            !issuer_config_done(config, error))
                return false;
        take_behaviour_file(c);
        options.name = (char *) issuer_config_name(config);
        c->authority = change_make(&options, error) ? authority_open(&options, error) : NULL;
        return c->authority != NULL;
}

static int call_named(FakeCall *c, const char *name, sd_bus_error *ret_error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(behaviours); i++)
                if (g_str_equal(behaviours[i].name, name))
                        return behaviours[i].behave(c, ret_error);
        return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_MANIFEST_INVALID),
                                 "no such behaviour");
}

static int call_behave(FakeCall *c, sd_bus_error *ret_error)
{
        return call_named(c, c->behaviour, ret_error);
}

/* One line more in the file that says what was asked. */
G_GNUC_PRINTF(1, 2)
static void note_call(const char *format, ...)
{
        g_autofree char *path = host_path(CALLS_FILE);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        va_list arguments;

        if (fd < 0)
                return;
        va_start(arguments, format);
        vdprintf(fd, format, arguments);
        va_end(arguments);
        close(fd);
}

static void wait_until_open(void)
{
        g_autofree char *path = host_path(CLOSED_FILE);

        while (access(path, F_OK) == 0)
                g_usleep(CLOSED_STEP_USEC);
}

static int method_issue(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(FakeCall) c = { .message = m };
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        note_call("%s\n", sd_bus_message_get_member(m));
        c.request = issuer_request_read(m, &error);
        if (!c.request || !issuer_request_check(c.request, &error) || !read_config(&c, config, &error))
                return cert_error_to_bus(error, ret_error);
        if (g_str_equal(sd_bus_message_get_member(m), "Poll")) {
                r = sd_bus_message_read(m, "s", &c.token);
                if (r < 0)
                        return r;
        }
        if (c.delay > 0)
                g_usleep(c.delay);
        wait_until_open();
        return call_behave(&c, ret_error);
}

/* The same second one each time, as a CA that prepares a new root. */
static bool add_another_root(GPtrArray *roots, GError **error)
{
        AuthorityOptions options = { .name = (char *) "root2",
                                     .key_type = KEY_TYPE_ECDSA_P256,
                                     .lifetime = 3650 * USEC_PER_DAY,
                                     .path_length = 1 };
        g_autoptr(Authority) a = change_make(&options, error) ? authority_open(&options, error) : NULL;

        if (a)
                g_ptr_array_add(roots, g_bytes_ref(authority_der(a)));
        return a != NULL;
}

static int method_get_roots(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(FakeCall) c = { .message = m };
        g_autoptr(GPtrArray) roots = list_new();
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        note_call("GetRoots\n");
        if (!read_config(&c, config, &error))
                return cert_error_to_bus(error, ret_error);
        if (g_str_equal(c.behaviour, "unreachable") || g_str_equal(c.behaviour, "hang"))
                return call_behave(&c, ret_error);
        g_ptr_array_add(roots, g_bytes_ref(authority_der(c.authority)));
        if (g_str_equal(c.behaviour, "two-roots") && !add_another_root(roots, &error))
                return cert_error_to_bus(error, ret_error);
        return message_reply_certificates(m, roots);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, "a{sv}", 2, "Type", "s", "fake", "Version", "s",
                                          PROJECT_VERSION);
}

static int method_revoke(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(FakeCall) c = { .message = m };
        g_autoptr(GBytes) der = NULL;
        g_autofree char *fingerprint = NULL;
        g_autoptr(GError) error = NULL;
        const char *config, *reason;
        int r = issuer_read_revocation(m, &config, &der, &reason);

        if (r < 0)
                return r;
        if (!read_config(&c, config, &error))
                return cert_error_to_bus(error, ret_error);
        fingerprint = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, der);
        note_call("Revoke %s %s\n", reason, fingerprint);
        if (g_str_equal(c.behaviour, "no-revoke")) /* as a program without this method */
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_UNKNOWN_METHOD, "Unknown method Revoke");
        if (g_str_equal(c.behaviour, "unreachable") || g_str_equal(c.behaviour, "refuse"))
                return call_behave(&c, ret_error);
        return sd_bus_reply_method_return(m, NULL);
}

/* "good" is not: it says at once, and for ever, that something has changed. */
static int method_watch(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(FakeCall) c = { .message = m };
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        if (!read_config(&c, config, &error))
                return cert_error_to_bus(error, ret_error);
        return g_str_equal(c.behaviour, "good") ? sd_bus_reply_method_return(m, NULL) :
                                                  call_behave(&c, ret_error);
}

static const sd_bus_vtable vtable[] = {
        ISSUER_VTABLE(method_describe, method_issue, method_issue, method_revoke, method_get_roots),
};

static const sd_bus_vtable authority_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Watch", "s", "", method_watch, 0),
        SD_BUS_VTABLE_END,
};

int main(int argc, char **argv)
{
        static const PeerInterface interfaces[] = {
                { CERT_INTERFACE_ISSUER, vtable },
                { CERT_INTERFACE_AUTHORITY, authority_vtable },
                { NULL, NULL },
        };

        g_set_prgname("cert-issuer-fake");
        log_open("cert-issuer-fake");
        return peer_worker_serve(CERT_BUS_ISSUER_PATH, interfaces, NULL);
}
