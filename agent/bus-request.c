/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Handlers of the Manager about requests that travel: the request given out, and the answer taken in. */

#include "agent/bus.h"
#include "agent/import.h"
#include "common/error.h"
#include "common/secret.h"

#include <string.h>

int bus_method_get_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Agent *a = bus_agent(userdata);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) pem = NULL;
        g_autofree char *text = NULL;
        Certificate *c;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        c = bus_find_certificate(userdata, name, &r, ret_error);
        if (!c)
                return r;
        pem = agent_request(a, c, &error);
        if (!pem)
                return cert_error_to_bus(error, ret_error);
        text = g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem));
        return sd_bus_reply_method_return(m, "s", text);
}

/* ---- Import ---- */

typedef struct ImportCall {
        Agent *agent;
        sd_bus_message *message;
} ImportCall;

/* It is installed whether or not the caller stays to see it. */
static int import_done(const ImportCall *call, const char *name, bool changed, sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;

        if (changed && !agent_start(call->agent, JOB_KIND_RENEW, (const char *const[]) { name, NULL }, false, NULL, &error))
                return cert_error_to_bus(error, ret_error);
        return sd_bus_reply_method_return(call->message, NULL);
}

static void on_imported(const char *name, bool changed, const GError *refusal, void *userdata)
{
        ImportCall *call = userdata;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = refusal ? cert_error_to_bus(refusal, &error) : import_done(call, name, changed, &error);

        if (r < 0)
                (void) sd_bus_reply_method_errno(call->message, r, &error);
        sd_bus_error_free(&error);
        sd_bus_message_unref(call->message);
        g_free(call);
}

static int import(Bus *b, sd_bus_message *m, Certificate *c, GBytes *answer, sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;
        ImportCall *call = g_new0(ImportCall, 1);

        call->agent = bus_agent(b);
        call->message = sd_bus_message_ref(m);
        if (import_start(call->agent, c, answer, on_imported, call, &error))
                return 1;
        sd_bus_message_unref(call->message);
        g_free(call);
        return cert_error_to_bus(error, ret_error);
}

/* It may hold a key, by mistake. What is too large shows that it is. */
static GBytes *answer_new(const char *pem)
{
        return secret_bytes_new(pem, strnlen(pem, (size_t) IMPORT_MAX + 1));
}

int bus_method_import(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        g_autoptr(GBytes) answer = NULL;
        g_autoptr(GError) error = NULL;
        const char *name, *pem;
        Certificate *c;
        int r = sd_bus_message_read(m, "ss", &name, &pem);

        if (r < 0)
                return r;
        (void) sd_bus_message_sensitive(m);
        c = bus_find_certificate(b, name, &r, ret_error);
        if (!c)
                return r;
        if (c->wish->kind != MANIFEST_KIND_CERTIFICATE)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_INVALID_ARGS, "%s is no certificate", name);
        agent_look(bus_agent(b), c);
        answer = answer_new(pem);
        if (!import_check(c, answer, &error))
                return cert_error_to_bus(error, ret_error);
        r = polkit_check(bus_polkit(b), m, bus_method_import, b, (const char *const[]) { "certificates", name, NULL },
                         ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        return import(b, m, c, answer, ret_error);
}
