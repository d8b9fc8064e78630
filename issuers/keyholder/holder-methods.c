/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.certagent1.KeyHolder: what the agent says, read into a Source, and what it gets. It owns nothing; no
 * message holds a secret, in either direction. */

#include "issuers/keyholder/holder.h"

#include "common/error.h"
#include "common/message.h"

#include <string.h>

#define DATA_MAX (64 * 1024) /* as the agent's own Signer takes */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

/* ---- The source ---- */

/* Where a key's value goes; NULL: there is no such key. */
static const char **source_field(Source *s, const char *key)
{
        const struct {
                const char *key, **field;
        } fields[] = {
                { "PasswordFile", &s->password_file },       { "Credential", &s->credential },
                { "EncryptedKey", &s->encrypted_key },       { "KeyFile", &s->key_file },
                { "CertificateFile", &s->certificate_file },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
                if (g_str_equal(key, fields[i].key))
                        return fields[i].field;
        return NULL;
}

/* The strings stay the message's. What is not known is refused: it might say something of weight. */
static int read_source(sd_bus_message *m, Source *s, sd_bus_error *ret_error)
{
        const char *key, **field;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &key);
                if (r < 0)
                        return r;
                field = source_field(s, key);
                if (!field || *field)
                        return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                                 "a source has no such key, or has it twice");
                r = sd_bus_message_read(m, "v", "s", field);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* ---- Methods ---- */

static int reply_account(sd_bus_message *m, const Account *a)
{
        g_autoptr(sd_bus_message) reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = message_append_entry_bytes(reply, "PublicKey", account_public_key(a));
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "Algorithm", "s", account_algorithm(a));
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "KeyId", "s", account_key_id(a));
        if (r >= 0)
                r = message_append_entry_certificates(reply, "Chain", account_chain(a));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_open(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;
        const Account *a;
        Source s = { 0 };
        int r = read_source(m, &s, ret_error);

        if (r < 0)
                return r;
        a = holder_open(userdata, &s, &error);
        return a ? reply_account(m, a) : cert_error_to_bus(error, ret_error);
}

static int reply_bytes(sd_bus_message *m, GBytes *bytes)
{
        g_autoptr(sd_bus_message) reply = NULL;
        size_t size;
        const void *data = g_bytes_get_data(bytes, &size);
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', data, size);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_sign(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) signature = NULL;
        const char *algorithm;
        const void *data;
        const Account *a;
        Source s = { 0 };
        size_t size;
        int r = read_source(m, &s, ret_error);

        if (r >= 0)
                r = sd_bus_message_read_basic(m, 's', &algorithm);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r < 0)
                return r;
        if (size > DATA_MAX)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_SUPPORTED),
                                         "%zu bytes to sign; at most %d are taken", size, DATA_MAX);
        a = holder_open(userdata, &s, &error);
        if (a)
                signature = account_sign(a, algorithm, data, size, &error);
        return signature ? reply_bytes(m, signature) : cert_error_to_bus(error, ret_error);
}

const sd_bus_vtable holder_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Open", SD_BUS_ARGS("a{sv}", source), SD_BUS_RESULT("a{sv}", account),
                                method_open, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Sign", SD_BUS_ARGS("a{sv}", source, "s", algorithm, "ay", data),
                                SD_BUS_RESULT("ay", signature), method_sign, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
