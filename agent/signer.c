/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The Signer of one issuer connection. It owns the keys of the request in flight and the signatures being
 * made; both end with the call. */

#include "agent/signer.h"

#include "common/error.h"
#include "common/names.h"

/* A JWS or a CMP message is a few KiB; a request asks for a handful of signatures, one after another. */
#define DATA_MAX (64 * 1024)
#define JOBS_MAX 8

typedef enum SignerTask { TASK_SIGN, TASK_PUBLIC_KEY } SignerTask;

/* One answer being made; the thread sees only what is in here. */
typedef struct SignerJob {
        Signer *signer; /* the loop's */
        OffloadJob *job;
        sd_bus_message *call;
        SignerTask task;
        Key *key;    /* or */
        GBytes *pem; /* what to make it of */
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
        GHashTable *jobs; /* SignerJob* */
};

/* Frees all but the message, which belongs to the loop: sd-bus objects are not for threads. */
static void job_free(void *p)
{
        SignerJob *j = p;

        key_unref(j->key);
        g_clear_pointer(&j->pem, g_bytes_unref);
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

/* A reply that cannot be sent is a connection that has ended: its owner hears of that by itself. */
static void done(void *p)
{
        SignerJob *j = p;
        sd_bus_error e = SD_BUS_ERROR_NULL;

        g_hash_table_steal(j->signer->jobs, j);
        if (j->result) {
                (void) reply_bytes(j->call, j->result);
        } else {
                cert_error_to_bus(j->error, &e);
                (void) sd_bus_reply_method_error(j->call, &e);
                sd_bus_error_free(&e);
        }
        j->call = sd_bus_message_unref(j->call);
}

/* The key of a role, or a refusal. */
static int take_key(Signer *s, const char *role, SignerJob *j, sd_bus_error *ret_error)
{
        if (!s->open)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_NOT_AUTHORIZED),
                                         "no call is in flight: there is nothing to sign for");
        if (g_hash_table_size(s->jobs) >= JOBS_MAX)
                return sd_bus_error_setf(ret_error, cert_error_to_name(CERT_ERROR_BUSY),
                                         "%d signatures are being made; wait for one", JOBS_MAX);
        if (g_str_equal(role, "new") && s->keys.new_key)
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

/* Unprivileged: issuers run as other users; what guards these methods is the call in flight. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Sign", SD_BUS_ARGS("s", key, "s", algorithm, "ay", data),
                                SD_BUS_RESULT("ay", signature), method_sign, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetPublicKey", SD_BUS_ARGS("s", key), SD_BUS_RESULT("ay", spki),
                                method_get_public_key, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

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
}

void signer_close(Signer *s)
{
        GHashTableIter iter;
        gpointer p;

        s->open = false;
        s->keys.new_key = key_unref(s->keys.new_key);
        g_clear_pointer(&s->keys.current_pem, g_bytes_unref);
        g_hash_table_iter_init(&iter, s->jobs);
        while (g_hash_table_iter_next(&iter, &p, NULL)) {
                SignerJob *j = p;

                g_hash_table_iter_steal(&iter);
                j->call = sd_bus_message_unref(j->call);
                offload_discard(j->job); /* frees `j`, at once or when the thread comes back */
        }
}
