/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Signer over a real connection: what a call in flight may have signed, and everything else refused. */

#include "agent/signer.h"
#include "common/error.h"
#include "common/names.h"
#include "common/peer.h"

#include <string.h>
#include <sys/socket.h>

typedef struct Bench {
        sd_event *event;
        Offload *offload;
        sd_bus *agent, *issuer; /* two ends of one socket */
        Signer *signer;
        Key *key, *current;
        GQueue replies;        /* sd_bus_message*, not looked at yet */
        sd_bus_message *reply; /* the one looked at */
} Bench;

static Bench *bench_new(void)
{
        Bench *b = g_new0(Bench, 1);
        int pair[2];

        g_assert_cmpint(sd_event_new(&b->event), >=, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_true(peer_connect_fd(b->event, pair[0], &b->agent, NULL));
        g_assert_true(peer_serve(b->event, pair[1], NULL, &b->issuer, NULL));
        b->offload = offload_new(b->event);
        b->signer = signer_new(b->agent, b->offload);
        g_assert_nonnull(b->signer);
        b->key = key_new(KEY_TYPE_ECDSA_P256, NULL);
        b->current = key_new(KEY_TYPE_RSA_2048, NULL);
        /* An issuer speaks when it was spoken to: not before the authentication is over. */
        while (sd_bus_is_ready(b->agent) <= 0 || sd_bus_is_ready(b->issuer) <= 0)
                g_assert_cmpint(sd_event_run(b->event, 20 * G_USEC_PER_SEC), >, 0);
        return b;
}

static void bench_free(Bench *b)
{
        signer_free(b->signer);
        sd_bus_close_unref(b->agent);
        sd_bus_close_unref(b->issuer);
        offload_free(b->offload);
        key_unref(b->key);
        key_unref(b->current);
        sd_bus_message_unref(b->reply);
        while (!g_queue_is_empty(&b->replies))
                sd_bus_message_unref(g_queue_pop_head(&b->replies));
        sd_event_unref(b->event);
        g_free(b);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)

static void bench_open(Bench *b)
{
        signer_open(b->signer, &(SignerKeys){ .new_key = b->key, .current_pem = key_pem(b->current) });
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_queue_push_tail(&((Bench *) userdata)->replies, sd_bus_message_ref(m));
        return 0;
}

static void send_sign(Bench *b, const char *role, const char *algorithm, size_t size)
{
        g_autofree char *data = g_malloc0(size + 1);
        sd_bus_message *m = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(b->issuer, &m, NULL, CERT_BUS_SIGNER_PATH,
                                                       CERT_INTERFACE_SIGNER, "Sign"),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "ss", role, algorithm), >=, 0);
        g_assert_cmpint(sd_bus_message_append_array(m, 'y', data, size), >=, 0);
        g_assert_cmpint(sd_bus_call_async(b->issuer, NULL, m, on_reply, b, 10 * G_USEC_PER_SEC), >=, 0);
        sd_bus_message_unref(m);
}

static void await_reply(Bench *b)
{
        while (g_queue_is_empty(&b->replies))
                g_assert_cmpint(sd_event_run(b->event, 20 * G_USEC_PER_SEC), >, 0);
        sd_bus_message_unref(b->reply);
        b->reply = g_queue_pop_head(&b->replies);
}

static void sign(Bench *b, const char *role, const char *algorithm, size_t size)
{
        send_sign(b, role, algorithm, size);
        await_reply(b);
}

static void assert_refused(Bench *b, CertError code)
{
        g_assert_cmpstr(sd_bus_message_get_error(b->reply)->name, ==, cert_error_to_name(code));
}

static void assert_signature(Bench *b, const Key *key, gnutls_sign_algorithm_t algorithm, size_t size)
{
        g_autofree unsigned char *data = g_malloc0(size + 1);
        gnutls_datum_t in = { data, size }, sig;
        const void *bytes;
        size_t n;

        g_assert_false(sd_bus_message_is_method_error(b->reply, NULL));
        g_assert_cmpint(sd_bus_message_read_array(b->reply, 'y', &bytes, &n), >=, 0);
        sig = (gnutls_datum_t){ (unsigned char *) bytes, n };
        g_assert_cmpint(gnutls_pubkey_verify_data2(key_public(key), algorithm, 0, &in, &sig), >=, 0);
}

static void test_signs_with_the_keys_of_the_call(void)
{
        g_autoptr(Bench) b = bench_new();

        bench_open(b);
        sign(b, "new", "ecdsa-sha256", 1000);
        assert_signature(b, b->key, GNUTLS_SIGN_ECDSA_SHA256, 1000);
        sign(b, "current", "rsa-pss-sha256", 0);
        assert_signature(b, b->current, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0);
}

static void test_gives_the_public_key(void)
{
        g_autoptr(Bench) b = bench_new();
        g_autoptr(GBytes) spki = key_spki(b->current, NULL);
        const void *bytes;
        size_t n;

        bench_open(b);
        g_assert_cmpint(sd_bus_call_method_async(b->issuer, NULL, NULL, CERT_BUS_SIGNER_PATH,
                                                 CERT_INTERFACE_SIGNER, "GetPublicKey", on_reply, b, "s",
                                                 "current"),
                        >=, 0);
        await_reply(b);
        g_assert_cmpint(sd_bus_message_read_array(b->reply, 'y', &bytes, &n), >=, 0);
        g_assert_cmpmem(bytes, n, g_bytes_get_data(spki, NULL), g_bytes_get_size(spki));
}

static void test_refuses_before_and_after_the_call(void)
{
        g_autoptr(Bench) b = bench_new();

        sign(b, "new", "ecdsa-sha256", 10);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED);
        bench_open(b);
        sign(b, "new", "ecdsa-sha256", 10);
        assert_signature(b, b->key, GNUTLS_SIGN_ECDSA_SHA256, 10);
        signer_close(b->signer);
        sign(b, "new", "ecdsa-sha256", 10);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED);
}

static void test_refuses_what_the_request_has_not(void)
{
        g_autoptr(Bench) b = bench_new();

        bench_open(b);
        sign(b, "account", "ecdsa-sha256", 10);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED);
        sign(b, "/etc/shadow", "ecdsa-sha256", 10);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED);
        sign(b, "new", "rsa-sha256", 10);
        assert_refused(b, CERT_ERROR_NOT_SUPPORTED);
        sign(b, "new", "none", 10);
        assert_refused(b, CERT_ERROR_NOT_SUPPORTED);
        sign(b, "new", "ecdsa-sha256", 64 * 1024 + 1);
        assert_refused(b, CERT_ERROR_NOT_SUPPORTED);
        signer_open(b->signer, &(SignerKeys){ .new_key = b->key });
        sign(b, "current", "rsa-sha256", 10);
        assert_refused(b, CERT_ERROR_NOT_AUTHORIZED);
}

static void test_more_than_it_will_do_at_once(void)
{
        g_autoptr(Bench) b = bench_new();
        unsigned busy = 0;

        bench_open(b);
        for (unsigned n = 0; n < 200; n++)
                send_sign(b, "current", "rsa-sha512", 60000);
        for (unsigned n = 0; n < 200; n++) {
                await_reply(b);
                if (sd_bus_message_is_method_error(b->reply, cert_error_to_name(CERT_ERROR_BUSY)))
                        busy++;
                else
                        assert_signature(b, b->current, GNUTLS_SIGN_RSA_SHA512, 60000);
        }
        g_assert_cmpuint(busy, >, 0);
        g_assert_cmpuint(busy, <, 200);
        sign(b, "new", "ecdsa-sha256", 10);
        assert_signature(b, b->key, GNUTLS_SIGN_ECDSA_SHA256, 10);
}

static void test_closed_while_it_signs(void)
{
        g_autoptr(Bench) b = bench_new();

        for (unsigned turns = 0; turns < 10; turns++) {
                bench_open(b);
                send_sign(b, "current", "rsa-sha512", 60000);
                for (unsigned n = 0; n < turns; n++)
                        sd_event_run(b->event, 0);
                signer_close(b->signer);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/signer/signs with the keys of the call", test_signs_with_the_keys_of_the_call);
        g_test_add_func("/signer/gives the public key", test_gives_the_public_key);
        g_test_add_func("/signer/refuses before and after the call", test_refuses_before_and_after_the_call);
        g_test_add_func("/signer/refuses what the request has not", test_refuses_what_the_request_has_not);
        g_test_add_func("/signer/more than it will do at once", test_more_than_it_will_do_at_once);
        g_test_add_func("/signer/closed while it signs", test_closed_while_it_signs);
        return g_test_run();
}
