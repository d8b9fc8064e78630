/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Signer as an issuer process calls it
 *
 * Calls from within a call: the agent waits for our answer and answers these meanwhile, from its own loop. It owns
 * nothing; the agent forgets the account when the call that is being answered has ended.
 */

#include "issuers/signer-client.h"

#include "common/error.h"
#include "common/names.h"

#define CHAIN_MAX 16

/* What failed, for the message: "having the agent sign by the key \"current\"". What the agent itself says is whole: it
 * ends in the agent's own log, where who asked whom means nothing. */
static bool fail(int r, const sd_bus_error *e, const char *what, const char *key, GError **error)
{
        g_autofree char *whole = key ? g_strdup_printf("%s \"%s\"", what, key) : g_strdup(what);
        bool said = e && e->name && e->message && cert_error_from_name(e->name) >= 0;

        cert_error_set_from_bus(error, e, r, CERT_ERROR_KEY_STORAGE, said ? NULL : whole);
        return false;
}

static int call_new(sd_bus *bus, const char *method, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(bus, ret, NULL, CERT_BUS_SIGNER_PATH, CERT_INTERFACE_SIGNER, method);
}

/* Sends `m` (as far as `r` says that it was made), and frees it. */
static bool call_send(sd_bus *bus, sd_bus_message *m, int r, const char *what, const char *key,
                      sd_bus_message **ret_reply, GError **error)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        if (r >= 0)
                r = sd_bus_call(bus, m, 0, &e, ret_reply);
        sd_bus_message_unref(m);
        if (r < 0)
                fail(r, &e, what, key, error);
        sd_bus_error_free(&e);
        return r >= 0;
}

/* ---- Signing ---- */

/* The bytes that a reply consists of; frees the reply. */
static GBytes *take_bytes(sd_bus_message *reply, const char *what, const char *key, GError **error)
{
        const void *data;
        size_t size;
        int r = sd_bus_message_read_array(reply, 'y', &data, &size);
        GBytes *bytes = r < 0 ? NULL : g_bytes_new(data, size);

        sd_bus_message_unref(reply);
        if (!bytes)
                fail(r, NULL, what, key, error);
        return bytes;
}

GBytes *signer_client_sign(sd_bus *bus, const char *key, const char *algorithm, const void *data, size_t size,
                           GError **error)
{
        static const char what[] = "having the agent sign by the key";
        sd_bus_message *m = NULL, *reply = NULL;
        int r = call_new(bus, "Sign", &m);

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", key, algorithm);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', data, size);
        return call_send(bus, m, r, what, key, &reply, error) ? take_bytes(reply, what, key, error) : NULL;
}

GBytes *signer_client_public_key(sd_bus *bus, const char *key, GError **error)
{
        static const char what[] = "asking the agent for the public key of";
        sd_bus_message *m = NULL, *reply = NULL;
        int r = call_new(bus, "GetPublicKey", &m);

        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        return call_send(bus, m, r, what, key, &reply, error) ? take_bytes(reply, what, key, error) : NULL;
}

/* ---- Accounts ---- */

SignerAccount *signer_account_free(SignerAccount *a)
{
        if (!a)
                return NULL;
        g_clear_pointer(&a->public_key, g_bytes_unref);
        g_clear_pointer(&a->chain, g_ptr_array_unref);
        g_free(a->algorithm);
        g_free(a->key_id);
        g_free(a);
        return NULL;
}

static int read_bytes(sd_bus_message *m, GBytes **ret)
{
        const void *data;
        size_t size;
        int r = sd_bus_message_enter_container(m, 'v', "ay");

        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r < 0)
                return r;
        g_clear_pointer(ret, g_bytes_unref);
        *ret = g_bytes_new(data, size);
        return sd_bus_message_exit_container(m);
}

static int read_string(sd_bus_message *m, char **ret)
{
        const char *s;
        int r = sd_bus_message_read(m, "v", "s", &s);

        if (r < 0)
                return r;
        g_free(*ret);
        *ret = g_strdup(s);
        return r;
}

static int read_chain(sd_bus_message *m, GPtrArray *chain)
{
        const void *data;
        size_t size;
        int r = sd_bus_message_enter_container(m, 'v', "aay");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "ay");
        while (r >= 0 && (r = sd_bus_message_read_array(m, 'y', &data, &size)) > 0)
                if (chain->len < CHAIN_MAX)
                        g_ptr_array_add(chain, g_bytes_new(data, size));
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Keys that this version does not know are passed over. */
static int read_entry(sd_bus_message *m, SignerAccount *a)
{
        const char *key;
        int r = sd_bus_message_read(m, "s", &key);

        if (r < 0)
                return r;
        if (g_str_equal(key, "PublicKey"))
                return read_bytes(m, &a->public_key);
        if (g_str_equal(key, "Algorithm"))
                return read_string(m, &a->algorithm);
        if (g_str_equal(key, "KeyId"))
                return read_string(m, &a->key_id);
        if (g_str_equal(key, "Chain"))
                return read_chain(m, a->chain);
        return sd_bus_message_skip(m, "v");
}

static int read_account(sd_bus_message *m, SignerAccount *a)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_entry(m, a);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r >= 0 && (!a->public_key || !a->algorithm) ? -EBADMSG : r;
}

SignerAccount *signer_client_open_account(sd_bus *bus, const char *encrypted_key, GError **error)
{
        static const char what[] = "having the agent open the account's key";
        g_autoptr(SignerAccount) a = g_new0(SignerAccount, 1);
        sd_bus_message *m = NULL, *reply = NULL;
        int r = call_new(bus, "OpenAccount", &m);

        if (r >= 0)
                r = sd_bus_message_append(m, "s", encrypted_key);
        if (!call_send(bus, m, r, what, NULL, &reply, error))
                return NULL;
        a->key_id = g_strdup("");
        a->chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        r = read_account(reply, a);
        sd_bus_message_unref(reply);
        if (r < 0) {
                fail(r, NULL, what, NULL, error);
                return NULL;
        }
        return g_steal_pointer(&a);
}
