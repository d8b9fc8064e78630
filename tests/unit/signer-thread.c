/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A Signer for tests, which serves one connection on a thread of its own. */

#include "tests/unit/signer-thread.h"

#include "common/message.h"
#include "common/names.h"
#include "common/peer.h"
#include "common/signature.h"

#include <sys/socket.h>

static Key *key_of(SignerThread *s, const char *role)
{
        if (g_str_equal(role, "account"))
                return s->opened > 0 ? s->account : NULL;
        return g_str_equal(role, "current") ? s->current : NULL;
}

static int refuse(SignerThread *s, sd_bus_error *ret_error)
{
        return sd_bus_error_set(ret_error, s->failure ?: "org.certagent1.Error.NotAuthorized", "this request has no such key");
}

static int reply_bytes(sd_bus_message *call, GBytes *bytes)
{
        sd_bus_message *reply = NULL;
        size_t size;
        const void *data = g_bytes_get_data(bytes, &size);
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', data, size);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int method_sign(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SignerThread *s = userdata;
        g_autoptr(GBytes) signature = NULL;
        const char *role, *algorithm;
        const void *data;
        size_t size;
        Key *key;

        g_assert_cmpint(sd_bus_message_read(m, "ss", &role, &algorithm), >=, 0);
        g_assert_cmpint(sd_bus_message_read_array(m, 'y', &data, &size), >=, 0);
        key = key_of(s, role);
        if (!key || s->failure)
                return refuse(s, ret_error);
        *(key == s->account ? &s->signed_by_account : &s->signed_by_current) += 1;
        signature = s->signature ? g_bytes_ref(s->signature) : key_sign(key, algorithm, data, size, NULL);
        return signature ? reply_bytes(m, signature) : refuse(s, ret_error);
}

static int method_get_public_key(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(GBytes) spki = NULL;
        const char *role;
        Key *key;

        g_assert_cmpint(sd_bus_message_read(m, "s", &role), >=, 0);
        key = key_of(userdata, role);
        if (!key)
                return refuse(userdata, ret_error);
        spki = key_spki(key, NULL);
        return reply_bytes(m, spki);
}

static int method_open_account(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SignerThread *s = userdata;
        g_autoptr(GBytes) spki = NULL;
        sd_bus_message *reply = NULL;
        const char *encrypted_key;

        g_assert_cmpint(sd_bus_message_read(m, "s", &encrypted_key), >=, 0);
        g_free(s->encrypted_key);
        s->encrypted_key = g_strdup(encrypted_key);
        if (!s->account || s->failure)
                return refuse(s, ret_error);
        s->opened++;
        spki = key_spki(s->account, NULL);
        g_assert_cmpint(sd_bus_message_new_method_return(m, &reply), >=, 0);
        g_assert_cmpint(sd_bus_message_open_container(reply, 'a', "{sv}"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(reply, "{sv}", "Algorithm", "s",
                                              s->algorithm ?: signature_default(key_public(s->account))),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_append(reply, "{sv}", "KeyId", "s", s->key_id ?: ""), >=, 0);
        g_assert_cmpint(sd_bus_message_append(reply, "{sv}", "OfALaterVersion", "u", 7), >=, 0);
        g_assert_cmpint(message_append_entry_bytes(reply, "PublicKey", spki), >=, 0);
        g_assert_cmpint(message_append_entry_certificates(reply, "Chain", s->chain), >=, 0);
        g_assert_cmpint(sd_bus_message_close_container(reply), >=, 0);
        g_assert_cmpint(sd_bus_send(NULL, reply, NULL), >=, 0);
        sd_bus_message_unref(reply);
        return 1;
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Sign", "ssay", "ay", method_sign, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetPublicKey", "s", "ay", method_get_public_key, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("OpenAccount", "s", "a{sv}", method_open_account, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void *serve(void *p)
{
        SignerThread *s = p;
        sd_event *event = NULL;
        sd_bus *bus = NULL;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_true(peer_serve(event, s->fd, NULL, &bus, NULL));
        g_assert_cmpint(sd_bus_add_object_vtable(bus, NULL, CERT_BUS_SIGNER_PATH, CERT_INTERFACE_SIGNER, vtable, s), >=, 0);
        while (!g_atomic_int_get(&s->stop))
                g_assert_cmpint(sd_event_run(event, 20000), >=, 0);
        sd_bus_close_unref(bus);
        sd_event_unref(event);
        return NULL;
}

void signer_thread_start(SignerThread *s)
{
        int pair[2];

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        s->fd = pair[0];
        s->thread = g_thread_new("signer", serve, s);
        g_assert_true(peer_connect_fd(NULL, pair[1], &s->bus, NULL));
}

void signer_thread_end(SignerThread *s)
{
        if (!s->thread)
                return;
        g_atomic_int_set(&s->stop, 1);
        g_thread_join(g_steal_pointer(&s->thread));
        s->bus = sd_bus_close_unref(s->bus);
}

void signer_thread_clear(SignerThread *s)
{
        signer_thread_end(s);
        g_free(s->encrypted_key);
}
