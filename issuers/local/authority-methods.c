/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.certagent1.Authority: from a call to a change of the authority or a look at it, and to its facts. It
 * owns nothing. */

#include "common/error.h"
#include "common/log.h"
#include "common/message.h"
#include "common/timespan.h"
#include "issuers/local/change.h"
#include "issuers/local/issued.h"
#include "issuers/local/local.h"

#include <errno.h>

/* ---- Facts ---- */

static int append_certificates(sd_bus_message *m, const Parts *parts)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "Certificates");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(say)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(say)");
        for (unsigned i = 0; r >= 0 && i < parts->list->len; i++) {
                const Part *part = g_ptr_array_index(parts->list, i);

                r = sd_bus_message_open_container(m, 'r', "say");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", part_role_to_string(part->role));
                if (r >= 0)
                        r = sd_bus_message_append_array(m, 'y', g_bytes_get_data(part->der, NULL),
                                                        g_bytes_get_size(part->der));
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* When the last ends of what a part signed for others. While that is not known, it is not before the part itself does. */
static uint64_t until_of(const GArray *issued, const Part *part, const Revoked *revoked)
{
        if (issued)
                return issued_until(issued, part, revoked);
        return (uint64_t) gnutls_x509_crt_get_expiration_time(part->crt) * USEC_PER_SEC;
}

static int append_until(sd_bus_message *m, const Part *part, uint64_t until)
{
        unsigned char digest[32];
        char fingerprint[2 * sizeof(digest) + 1] = "";
        size_t size = sizeof(digest);

        if (until == 0)
                return 0;
        /* As the agent names it. */
        if (gnutls_x509_crt_get_fingerprint(part->crt, GNUTLS_DIG_SHA256, digest, &size) < 0)
                return -EINVAL;
        for (size_t i = 0; i < size; i++)
                g_snprintf(fingerprint + 2 * i, 3, "%02x", digest[i]);
        return sd_bus_message_append(m, "{st}", fingerprint, until);
}

static int append_issued_until(sd_bus_message *m, const AuthorityLook *look, const GArray *issued, const Revoked *revoked)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "IssuedUntil");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a{st}");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{st}");
        for (unsigned i = 0; r >= 0 && revoked && i < look->parts->list->len; i++) {
                const Part *part = g_ptr_array_index(look->parts->list, i);

                r = append_until(m, part, until_of(issued, part, revoked));
        }
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* What the record of others' certificates does not say must not keep the host's own from being renewed. */
static GArray *read_issued(const AuthorityLook *look)
{
        g_autoptr(GError) error = NULL;
        GArray *issued = issued_read(look, &error);

        if (!issued) {
                g_autofree char *summary = cert_error_summary(error);

                log_warning("%s; until this is mended no old certificate of the authority is retired", summary);
        }
        return issued;
}

/* `list` NULL: the authority is missing. */
static int reply_facts(sd_bus_message *call, const AuthorityLook *look, char **revoked, const Revoked *list)
{
        g_autoptr(GArray) issued = list ? read_issued(look) : NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(call, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "State", "s",
                                          look->parts->missing ? "missing" : "present");
        if (r >= 0)
                r = append_certificates(reply, look->parts);
        if (r >= 0)
                r = append_issued_until(reply, look, issued, list);
        if (r >= 0)
                r = message_append_entry_strv(reply, "Revoked", revoked);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

typedef bool (*Change)(const AuthorityOptions *o, GError **error);

/* Makes the change, where there is one, and answers with what there is then. */
static int change_and_look(sd_bus_message *m, Local *l, Change change, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) o = NULL;
        g_autoptr(AuthorityLook) look = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) revoked = NULL;
        const Revoked *list = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        o = authority_options_new(config, &error);
        if (o && (!change || change(o, &error)))
                look = authority_look(o, false, &error);
        if (look)
                revoked = revocation_serials(l->lists, look, o, now_realtime(), &error);
        if (revoked && !look->parts->missing)
                list = revocation_list(l->lists, look, o, &error);
        if (error)
                return cert_error_to_bus(error, ret_error);
        return reply_facts(m, look, revoked, list);
}

static int method_inspect(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return change_and_look(m, userdata, NULL, ret_error);
}

static int method_make(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return change_and_look(m, userdata, change_make, ret_error);
}

static int method_begin(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return change_and_look(m, userdata, change_begin, ret_error);
}

static int method_promote(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return change_and_look(m, userdata, change_promote, ret_error);
}

static int method_retire(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return change_and_look(m, userdata, change_retire, ret_error);
}

static int method_recreate(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return change_and_look(m, userdata, change_recreate, ret_error);
}

/* ---- Revocation lists ---- */

static int method_sign_revocation_lists(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) o = NULL;
        g_autoptr(GPtrArray) signed_lists = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        o = authority_options_new(config, &error);
        if (o)
                signed_lists = revocation_sign(((Local *) userdata)->lists, o, now_realtime(), &error);
        if (!signed_lists)
                return cert_error_to_bus(error, ret_error);
        return message_reply_certificates(m, signed_lists);
}

/* ---- Watching ---- */

/* Begins to watch. Of what changed before that nobody knows, so that this is answered there and then: who asks looks
 * now, when nothing can happen unseen any more. */
static int watch_begin(sd_bus_message *m, Local *l, const char *authority, sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;

        folder_watch_free(l->watch);
        l->watch = folder_watch_new(sd_bus_get_event(sd_bus_message_get_bus(m)), authority, &error);
        return l->watch ? sd_bus_reply_method_return(m, NULL) : cert_error_to_bus(error, ret_error);
}

static int method_watch(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(AuthorityOptions) o = NULL;
        g_autoptr(GError) error = NULL;
        Local *l = userdata;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        o = authority_options_new(config, &error);
        if (!o)
                return cert_error_to_bus(error, ret_error);
        if (!l->watch || !folder_watch_is_of(l->watch, o->name))
                return watch_begin(m, l, o->name, ret_error);
        return folder_watch_answer(l->watch, m);
}

#define CHANGE(name, handler)                                                                                \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS("s", config), SD_BUS_RESULT("a{sv}", facts), handler, 0)

const sd_bus_vtable local_authority_vtable[] = {
        SD_BUS_VTABLE_START(0),
        CHANGE("Inspect", method_inspect),
        CHANGE("Make", method_make),
        CHANGE("Begin", method_begin),
        CHANGE("Promote", method_promote),
        CHANGE("Retire", method_retire),
        CHANGE("Recreate", method_recreate),
        SD_BUS_METHOD_WITH_ARGS("SignRevocationLists", SD_BUS_ARGS("s", config), SD_BUS_RESULT("aay", lists),
                                method_sign_revocation_lists, 0),
        SD_BUS_METHOD_WITH_ARGS("SignRequest", SD_BUS_ARGS("s", config, "ay", request, "a{sv}", options),
                                SD_BUS_RESULT("aay", chain, "aay", roots), local_method_sign_request, 0),
        SD_BUS_METHOD_WITH_ARGS("ListIssued", SD_BUS_ARGS("s", config), SD_BUS_RESULT("aay", certificates),
                                local_method_list_issued, 0),
        SD_BUS_METHOD_WITH_ARGS("GetIssued", SD_BUS_ARGS("s", config, "s", serial), SD_BUS_RESULT("ay", certificate),
                                local_method_get_issued, 0),
        SD_BUS_METHOD_WITH_ARGS("Watch", SD_BUS_ARGS("s", config), SD_BUS_NO_RESULT, method_watch, 0),
        SD_BUS_VTABLE_END,
};
