/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.certagent1.Authority, the part about requests from elsewhere: from a request to a certificate that is recorded before
 * it is given out, and the record shown. It owns nothing. */

#include "common/error.h"
#include "common/message.h"
#include "common/timespan.h"
#include "issuers/local/foreign.h"
#include "issuers/local/issued.h"
#include "issuers/local/local.h"

#define TRIES_MAX 3

/* ---- Signing ---- */

/* Signs, and records under the lock under which it is certain that the authority still signs with that certificate: what is
 * retired or made anew meanwhile must know of it. *ret stays NULL when another one signs by now. */
static bool sign_and_record(const Authority *a, const AuthorityOptions *o, const Foreign *f, GBytes **ret, GError **error)
{
        g_autoptr(AuthorityLook) look = authority_look_at_present(o, true, error);
        g_autoptr(GBytes) der = NULL;
        const Part *current = look ? parts_in_role(look->parts, PART_CURRENT) : NULL;
        uint64_t now = now_realtime();

        if (!look)
                return false;
        if (!g_bytes_equal(current->der, authority_der(a)))
                return true;
        der = sign_wish(a, o, foreign_wish(f), now, error);
        if (!der)
                return false;
        if (g_bytes_get_size(der) > STORE_FILE_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "the certificate would be larger than %d KiB\nAsk for fewer names.", STORE_FILE_MAX / 1024);
                return false;
        }
        if (!issued_add(look, current, der, now, error))
                return false;
        *ret = g_steal_pointer(&der);
        return true;
}

/* NULL with an error. *ret_authority is borrowed, and signed it. */
static GBytes *sign(Local *l, const AuthorityOptions *o, const Foreign *f, Authority **ret_authority, GError **error)
{
        for (unsigned i = 0; i < TRIES_MAX; i++) {
                Authority *a = local_authority(l, o, error);
                GBytes *der = NULL;

                if (!a || !sign_and_record(a, o, f, &der, error))
                        return NULL;
                *ret_authority = a;
                if (der)
                        return der;
        }
        g_set_error(error, CERT_ERROR, CERT_ERROR_BUSY, "the authority \"%s\" is being replaced again and again", o->name);
        return NULL;
}

static int reply_signed(sd_bus_message *call, GPtrArray *chain, GPtrArray *roots)
{
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_return(call, &m);

        if (r >= 0)
                r = message_append_certificates(m, chain);
        if (r >= 0)
                r = message_append_certificates(m, roots);
        if (r >= 0)
                r = sd_bus_send(NULL, m, NULL);
        sd_bus_message_unref(m);
        return r;
}

int local_method_sign_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) o = NULL;
        g_auto(ForeignOptions) wanted = { 0 };
        g_autoptr(Foreign) foreign = NULL;
        g_autoptr(GBytes) request = NULL;
        g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_autoptr(GError) error = NULL;
        Authority *a = NULL;
        GBytes *leaf = NULL;
        const char *config;
        const void *data;
        size_t size;
        int r = sd_bus_message_read(m, "s", &config);

        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r < 0)
                return r;
        request = g_bytes_new(data, size);
        o = authority_options_new(config, &error);
        if (o && foreign_options_read(m, &wanted, &error))
                foreign = foreign_new(request, &wanted, &error);
        if (foreign)
                leaf = sign(userdata, o, foreign, &a, &error);
        if (!leaf)
                return cert_error_to_bus(error, ret_error);
        g_ptr_array_add(chain, leaf);
        return reply_signed(m, chain, authority_roots(a));
}

/* ---- The record ---- */

int local_method_list_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) o = NULL;
        g_autoptr(AuthorityLook) look = NULL;
        g_autoptr(GPtrArray) ders = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        o = authority_options_new(config, &error);
        if (o)
                look = authority_look(o, false, &error);
        if (look)
                ders = issued_list(look, now_realtime(), &error);
        return ders ? message_reply_certificates(m, ders) : cert_error_to_bus(error, ret_error);
}

int local_method_get_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) o = NULL;
        g_autoptr(AuthorityLook) look = NULL;
        g_autoptr(GBytes) der = NULL;
        g_autoptr(GError) error = NULL;
        sd_bus_message *reply = NULL;
        const char *config, *serial;
        int r = sd_bus_message_read(m, "ss", &config, &serial);

        if (r < 0)
                return r;
        o = authority_options_new(config, &error);
        if (o)
                look = authority_look(o, false, &error);
        if (look)
                der = issued_find(look, o, serial, &error);
        if (!der)
                return cert_error_to_bus(error, ret_error);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', g_bytes_get_data(der, NULL), g_bytes_get_size(der));
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}
