/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Signer of one issuer connection. It owns the keys of the request in flight, what opens its account, and
 * the signatures being made; all end with the call. Keys of certificates sign on threads of ours, an
 * account's in the keyholder. */

#include "agent/signer.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>

/* A JWS or a CMP message is a few KiB; a request asks for a handful of signatures, one after another. */
#define DATA_MAX (64 * 1024)
#define JOBS_MAX 8

/* An account's key as the CA hands it out: a JWE of a JWK, a KiB or two (RSA). */
#define ENCRYPTED_KEY_MAX (64 * 1024)

#define ROLE_ACCOUNT "account"

typedef enum SignerTask { TASK_SIGN, TASK_PUBLIC_KEY, TASK_OPEN_ACCOUNT } SignerTask;

/* One answer being made; the thread sees only what is in here. */
typedef struct SignerJob {
        Signer *signer;       /* the loop's */
        OffloadJob *job;      /* or */
        KeyholderCall *asked; /* of an account */
        sd_bus_message *call;
        SignerTask task;
        Key *key;            /* or */
        GBytes *pem;         /* what to make it of; or */
        char *encrypted_key; /* of an account */
        char *algorithm;
        GBytes *data;
        GBytes *result;
        GError *error;
} SignerJob;

struct Signer {
        sd_bus_slot *slot;
        Offload *offload;
        bool open;
        SignerKeys keys;
        char *account;    /* the encrypted key that was opened in this call; NULL: none was */
        GHashTable *jobs; /* SignerJob* */
};

/* Frees all but the message, which belongs to the loop: sd-bus objects are not for threads. */
static void job_free(void *p)
{
        SignerJob *j = p;

        key_unref(j->key);
        g_clear_pointer(&j->pem, g_bytes_unref);
        g_free(j->encrypted_key);
        g_free(j->algorithm);
        g_clear_pointer(&j->data, g_bytes_unref);
        g_clear_pointer(&j->result, g_bytes_unref);
        g_clear_error(&j->error);
        g_free(j);
}

/* On a thread. */
static void work(void *p)
{
        SignerJob *j = p;
        size_t size;
        const void *data;

        if (!j->key)
                j->key = key_new_from_pem(j->pem, &j->error);
        if (!j->key)
                return;
        if (j->task == TASK_PUBLIC_KEY) {
                j->result = key_spki(j->key, &j->error);
                return;
        }
        data = g_bytes_get_data(j->data, &size);
        j->result = key_sign(j->key, j->algorithm, data, size, &j->error);
}

/* ---- Answering ---- */

/* A reply that cannot be sent is a connection that has ended: its owner hears of that by itself. */

static int reply_array(sd_bus_message *call, const void *data, size_t size)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', data, size);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static void reply_error(sd_bus_message *call, const GError *error)
{
        sd_bus_error e = SD_BUS_ERROR_NULL;

        cert_error_to_bus(error, &e);
        (void) sd_bus_reply_method_error(call, &e);
        sd_bus_error_free(&e);
}

static void done(void *p)
{
        SignerJob *j = p;
        size_t size;
        const void *data = j->result ? g_bytes_get_data(j->result, &size) : NULL;

        g_hash_table_steal(j->signer->jobs, j);
        if (j->result)
                (void) reply_array(j->call, data, size);
        else
                reply_error(j->call, j->error);
        j->call = sd_bus_message_unref(j->call);
}

/* ---- Accounts ---- */

/* What an account is told as; anything else that the keyholder says stays here. */
static bool is_told(const char *key, const char *contents)
{
        static const struct {
                const char *key, *contents;
        } entries[] = { { "PublicKey", "ay" }, { "Algorithm", "s" }, { "KeyId", "s" }, { "Chain", "aay" } };

        for (size_t i = 0; i < G_N_ELEMENTS(entries); i++)
                if (g_str_equal(key, entries[i].key))
                        return g_str_equal(contents, entries[i].contents);
        return false;
}

static int tell_entry(sd_bus_message *to, sd_bus_message *from)
{
        const char *key, *contents;
        int r = sd_bus_message_read(from, "s", &key);

        if (r >= 0)
                r = sd_bus_message_peek_type(from, NULL, &contents);
        if (r < 0)
                return r;
        if (!is_told(key, contents))
                return sd_bus_message_skip(from, "v");
        r = sd_bus_message_open_container(to, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(to, "s", key);
        if (r >= 0)
                r = sd_bus_message_copy(to, from, /* all= */ false);
        return r < 0 ? r : sd_bus_message_close_container(to);
}

static int reply_account(sd_bus_message *call, sd_bus_message *account)
{
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_enter_container(account, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(account, 'e', "sv")) > 0) {
                r = tell_entry(reply, account);
                if (r >= 0)
                        r = sd_bus_message_exit_container(account);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

/* Of the same answer the public key alone. */
static int reply_account_key(sd_bus_message *call, sd_bus_message *account)
{
        const void *data;
        const char *key;
        size_t size;
        int r = sd_bus_message_enter_container(account, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(account, 'e', "sv")) > 0) {
                r = sd_bus_message_read(account, "s", &key);
                if (r >= 0 && g_str_equal(key, "PublicKey")) {
                        r = sd_bus_message_enter_container(account, 'v', "ay");
                        if (r >= 0)
                                r = sd_bus_message_read_array(account, 'y', &data, &size);
                        return r < 0 ? r : reply_array(call, data, size);
                }
                if (r >= 0)
                        r = sd_bus_message_skip(account, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(account);
        }
        return r < 0 ? r : -EBADMSG;
}

static int reply_signature(sd_bus_message *call, sd_bus_message *signature)
{
        const void *data;
        size_t size;
        int r = sd_bus_message_read_array(signature, 'y', &data, &size);

        return r < 0 ? r : reply_array(call, data, size);
}

static int answer_account(SignerJob *j, sd_bus_message *reply)
{
        int r;

        if (j->task == TASK_SIGN)
                return reply_signature(j->call, reply);
        if (j->task == TASK_PUBLIC_KEY)
                return reply_account_key(j->call, reply);
        r = reply_account(j->call, reply);
        if (r >= 0) {
                g_free(j->signer->account);
                j->signer->account = g_steal_pointer(&j->encrypted_key);
        }
        return r;
}

static void on_account(sd_bus_message *reply, const GError *refusal, void *userdata)
{
        SignerJob *j = userdata;
        int r = reply ? answer_account(j, reply) : 0;

        g_hash_table_steal(j->signer->jobs, j);
        if (r < 0)
                g_set_error(&j->error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "the keyholder gave an answer that is none: %s", g_strerror(-r));
        if (r < 0 || !reply)
                reply_error(j->call, j->error ?: refusal);
        sd_bus_message_unref(j->call);
        job_free(j);
}

static int start_account(Signer *s, SignerJob *j, sd_bus_message *m)
{
        j->signer = s;
        j->call = sd_bus_message_ref(m);
        g_hash_table_add(s->jobs, j);
        if (j->task == TASK_SIGN)
                j->asked = keyholder_sign(s->keys.keyholder, s->keys.issuer, j->encrypted_key, j->algorithm,
                                          j->data, on_account, j);
        else
                j->asked = keyholder_open(s->keys.keyholder, s->keys.issuer, j->encrypted_key, on_account, j);
        return 1;
}

/* ---- What is asked ---- */

/* Whether anything may be asked now. */
static int admit(const Signer *s, sd_bus_error *ret_error)
{
        if (!s->open)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_AUTHORIZED),
                                         "no call is in flight: there is nothing to sign for");
        if (g_hash_table_size(s->jobs) >= JOBS_MAX)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_BUSY),
                                         "%d signatures are being made; wait for one", JOBS_MAX);
        return 0;
}

/* The key of a role, or a refusal. */
static int take_key(Signer *s, const char *role, SignerJob *j, sd_bus_error *ret_error)
{
        int r = admit(s, ret_error);

        if (r < 0)
                return r;
        if (g_str_equal(role, ROLE_ACCOUNT) && s->account)
                j->encrypted_key = g_strdup(s->account);
        else if (g_str_equal(role, ROLE_ACCOUNT) && s->keys.issuer)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_AUTHORIZED),
                                         "the account's key is not open: OpenAccount comes first");
        else if (g_str_equal(role, "new") && s->keys.new_key)
                j->key = key_ref(s->keys.new_key);
        else if (g_str_equal(role, "current") && s->keys.current_pem)
                j->pem = g_bytes_ref(s->keys.current_pem);
        else
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_AUTHORIZED),
                                         "this request has no such key");
        return 0;
}

static int start(Signer *s, SignerJob *j, sd_bus_message *m)
{
        bool token = j->key && !key_pem(j->key);

        if (j->encrypted_key)
                return start_account(s, j, m);
        j->signer = s;
        j->call = sd_bus_message_ref(m);
        g_hash_table_add(s->jobs, j);
        j->job = offload_start(s->offload, token ? OFFLOAD_DEVICE : OFFLOAD_COMPUTE, work, done, j, job_free);
        return 1;
}

static int method_sign(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SignerJob *j = NULL;
        const char *role, *algorithm;
        const void *data;
        size_t size;
        int r = sd_bus_message_read(m, "ss", &role, &algorithm);

        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r < 0)
                return r;
        if (size > DATA_MAX)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_SUPPORTED),
                                         "%zu bytes to sign; at most %d are taken", size, DATA_MAX);
        j = g_new0(SignerJob, 1);
        j->task = TASK_SIGN;
        r = take_key(userdata, role, j, ret_error);
        if (r < 0) {
                job_free(j);
                return r;
        }
        j->algorithm = g_strdup(algorithm);
        j->data = g_bytes_new(data, size);
        return start(userdata, j, m);
}

static int method_get_public_key(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        SignerJob *j = NULL;
        const char *role;
        int r = sd_bus_message_read(m, "s", &role);

        if (r < 0)
                return r;
        j = g_new0(SignerJob, 1);
        j->task = TASK_PUBLIC_KEY;
        r = take_key(userdata, role, j, ret_error);
        if (r < 0) {
                job_free(j);
                return r;
        }
        return start(userdata, j, m);
}

/* Whether the account is opened by what the CA has given, or by a file alone. */
static int check_account(const Signer *s, const char *encrypted_key, sd_bus_error *ret_error)
{
        const ManifestIssuer *issuer = s->keys.issuer;

        if (!issuer)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_AUTHORIZED),
                                         "the manifest says of no account of this issuer");
        if (strlen(encrypted_key) > ENCRYPTED_KEY_MAX)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_ISSUER_PROTOCOL),
                                         "an encrypted key of %zu bytes; at most %d are taken",
                                         strlen(encrypted_key), ENCRYPTED_KEY_MAX);
        if (*encrypted_key && issuer->account.key_file)
                return sd_bus_error_setf(
                        ret_error, cert_error_to_name(CERT_ERROR_ISSUER_AUTHENTICATION),
                        "the manifest names a key file for issuer \"%s\", but the CA has the key of "
                        "this account, which a password opens\n"
                        "Remove x5c_cert_file and x5c_key_file, or name an X5C provisioner.",
                        issuer->name);
        if (!*encrypted_key && !issuer->account.key_file)
                return sd_bus_error_setf(
                        ret_error, cert_error_to_name(CERT_ERROR_ISSUER_AUTHENTICATION),
                        "the manifest names a password alone for issuer \"%s\", but this account has "
                        "a key of its own\nAdd x5c_cert_file and x5c_key_file, or name a JWK "
                        "provisioner.",
                        issuer->name);
        return 0;
}

static int method_open_account(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Signer *s = userdata;
        const char *encrypted_key;
        SignerJob *j;
        int r = sd_bus_message_read(m, "s", &encrypted_key);

        if (r >= 0)
                r = admit(s, ret_error);
        if (r >= 0)
                r = check_account(s, encrypted_key, ret_error);
        if (r < 0)
                return r;
        j = g_new0(SignerJob, 1);
        j->task = TASK_OPEN_ACCOUNT;
        j->encrypted_key = g_strdup(encrypted_key);
        return start_account(s, j, m);
}

/* Unprivileged: issuers run as other users; what guards these methods is the call in flight. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Sign", SD_BUS_ARGS("s", key, "s", algorithm, "ay", data),
                                SD_BUS_RESULT("ay", signature), method_sign, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetPublicKey", SD_BUS_ARGS("s", key), SD_BUS_RESULT("ay", spki),
                                method_get_public_key, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OpenAccount", SD_BUS_ARGS("s", encrypted_key),
                                SD_BUS_RESULT("a{sv}", account), method_open_account,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- The Signer ---- */

Signer *signer_new(sd_bus *bus, Offload *o)
{
        Signer *s = g_new0(Signer, 1);

        s->offload = o;
        s->jobs = g_hash_table_new(NULL, NULL);
        if (sd_bus_add_object_vtable(bus, &s->slot, CERT_BUS_SIGNER_PATH, CERT_INTERFACE_SIGNER, vtable, s) <
            0)
                return signer_free(s);
        return s;
}

Signer *signer_free(Signer *s)
{
        if (!s)
                return NULL;
        signer_close(s);
        sd_bus_slot_unref(s->slot);
        g_hash_table_unref(s->jobs);
        g_free(s);
        return NULL;
}

void signer_open(Signer *s, const SignerKeys *keys)
{
        signer_close(s);
        s->open = true;
        s->keys.new_key = key_ref(keys->new_key);
        s->keys.current_pem = keys->current_pem ? g_bytes_ref(keys->current_pem) : NULL;
        s->keys.keyholder = keys->keyholder;
        s->keys.issuer = keys->issuer;
}

void signer_close(Signer *s)
{
        GHashTableIter iter;
        gpointer p;

        s->open = false;
        s->keys.new_key = key_unref(s->keys.new_key);
        g_clear_pointer(&s->keys.current_pem, g_bytes_unref);
        s->keys.keyholder = NULL;
        s->keys.issuer = NULL;
        g_clear_pointer(&s->account, g_free);
        g_hash_table_iter_init(&iter, s->jobs);
        while (g_hash_table_iter_next(&iter, &p, NULL)) {
                SignerJob *j = p;

                g_hash_table_iter_steal(&iter);
                j->call = sd_bus_message_unref(j->call);
                if (j->asked) {
                        keyholder_call_discard(j->asked);
                        job_free(j);
                } else {
                        offload_discard(j->job); /* frees `j`, at once or when the thread comes back */
                }
        }
}
