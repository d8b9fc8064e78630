/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What local authorities signed for requests from elsewhere, on the Manager object: the list of it, and the revoking of one
 * of them. */

#include "agent/bus.h"
#include "agent/issued.h"
#include "agent/offload.h"
#include "common/error.h"
#include "common/log.h"
#include "common/message.h"
#include "common/names.h"
#include "common/usage.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

#define SERIAL_DIGITS_MAX 40 /* RFC 5280, 4.1.2.2: 20 octets */

/* ---- The list ---- */

/* A list is asked for, read on a thread (parsing thousands takes a while), and told. */
typedef struct Listing {
        Bus *bus;
        sd_bus_message *message;
        char *issuer;
        GPtrArray *ders;   /* GBytes* */
        GPtrArray *issued; /* Issued* */
} Listing;

static void listing_free(void *data)
{
        Listing *l = data;

        g_clear_pointer(&l->ders, g_ptr_array_unref);
        g_clear_pointer(&l->issued, g_ptr_array_unref);
        g_free(l->issuer);
        g_free(l);
}

static int append_issued(sd_bus_message *m, const Issued *i, const AuthorityFacts *facts)
{
        g_auto(GStrv) usage = usage_to_strv(i->leaf->usage);
        const LeafFacts *leaf = i->leaf;
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "SerialNumber", "s", leaf->serial);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Subject", "s", leaf->subject);
        if (r >= 0)
                r = message_append_entry_strv(m, "SubjectAltNames", leaf->sans);
        if (r >= 0)
                r = message_append_entry_strv(m, "Usage", usage);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "NotBefore", "t", leaf->not_before);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "NotAfter", "t", leaf->not_after);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Fingerprint", "s", leaf->fingerprint);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "KeyType", "s", i->key_type);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Revoked", "b",
                                          facts && authority_facts_is_revoked(facts, leaf->serial));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int reply_list(const Listing *l)
{
        const AuthorityFacts *facts = agent_facts_of(bus_agent(l->bus), l->issuer);
        g_autoptr(sd_bus_message) reply = NULL;
        int r = sd_bus_message_new_method_return(l->message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (guint i = 0; r >= 0 && i < l->issued->len; i++)
                r = append_issued(reply, g_ptr_array_index(l->issued, i), facts);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* The message and the agent belong to the loop. */
static void listing_answer(Listing *l, const GError *error)
{
        int r = error ? 0 : reply_list(l);

        if (error)
                bus_answer_error(l->message, error);
        else if (r < 0)
                (void) sd_bus_reply_method_errno(l->message, r, NULL);
        sd_bus_message_unref(l->message);
        agent_let_go(bus_agent(l->bus));
}

static void parse_list(void *data)
{
        Listing *l = data;

        l->issued = g_ptr_array_new_with_free_func(issued_free);
        for (guint i = 0; i < l->ders->len; i++) {
                Issued *issued = issued_new(g_ptr_array_index(l->ders, i));

                if (issued)
                        g_ptr_array_add(l->issued, issued);
        }
}

static void on_parsed(void *data)
{
        listing_answer(data, NULL);
}

static void on_listed(const AuthorityReply *reply, void *userdata)
{
        Listing *l = userdata;

        if (reply->error) {
                listing_answer(l, reply->error);
                listing_free(l);
                return;
        }
        l->ders = g_ptr_array_ref(reply->issued);
        (void) offload_start(issue_pool_offload(agent_issue_pool(bus_agent(l->bus))), OFFLOAD_COMPUTE, parse_list, on_parsed,
                             l, listing_free);
}

/* What is revoked was asked just now. */
static int answer_list_issued(Bus *b, sd_bus_message *m, sd_bus_error *ret_error)
{
        const char *issuer;
        Authority *authority;
        Listing *l;
        int r = sd_bus_message_rewind(m, true);

        if (r >= 0)
                r = sd_bus_message_read(m, "s", &issuer);
        authority = r >= 0 ? bus_find_authority(b, issuer, &r, ret_error) : NULL;
        if (!authority)
                return r;
        l = g_new0(Listing, 1);
        l->bus = b;
        l->message = sd_bus_message_ref(m);
        l->issuer = g_strdup(issuer);
        agent_hold(bus_agent(b));
        (void) authority_call(agent_issue_pool(bus_agent(b)), authority->issuer, "ListIssued", on_listed, l);
        return 1;
}

int bus_method_list_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        if (agent_holds(bus_agent(userdata)) >= BUS_LISTING_MAX)
                return bus_refuse_busy(ret_error);
        return bus_ask_authority(userdata, m, answer_list_issued, ret_error);
}

/* ---- Revoking ---- */

typedef struct Withdrawal {
        Bus *bus;
        sd_bus_message *message;
        char *issuer, *serial, *reason;
        uid_t uid;
} Withdrawal;

static void withdrawal_free(Withdrawal *w)
{
        agent_let_go(bus_agent(w->bus));
        sd_bus_message_unref(w->message);
        g_free(w->issuer);
        g_free(w->serial);
        g_free(w->reason);
        g_free(w);
}

/* It is listed for good; the list is renewed whether or not the caller stays to see it. */
static bool renew_list(const Withdrawal *w, GError **error)
{
        g_autofree char *crl = g_strconcat(MANIFEST_CRL_PREFIX, w->issuer, NULL);

        return !agent_find(bus_agent(w->bus), crl) ||
               agent_start(bus_agent(w->bus), JOB_KIND_RENEW, (const char *const[]) { crl, NULL }, false, NULL, error);
}

static void on_withdrawn(const AuthorityReply *reply, void *userdata)
{
        Withdrawal *w = userdata;
        g_autoptr(GError) error = reply->error ? g_error_copy(reply->error) : NULL;

        if (!error) {
                log_full(LOG_NOTICE,
                         &(LogContext) { .message_id = CERT_MESSAGE_SIGNED_REVOKED,
                                         .issuer = w->issuer,
                                         .serial = w->serial },
                         "The certificate with serial number %s, which \"%s\" signed for a request from elsewhere, "
                         "was revoked for user %u (%s).",
                         w->serial, w->issuer, (unsigned) w->uid, w->reason);
                (void) renew_list(w, &error);
        }
        if (error)
                bus_answer_error(w->message, error);
        else
                (void) sd_bus_reply_method_return(w->message, NULL);
        withdrawal_free(w);
}

static void on_found(const AuthorityReply *reply, void *userdata)
{
        Withdrawal *w = userdata;
        Agent *a = bus_agent(w->bus);
        Authority *authority = agent_find_authority(a, w->issuer);
        g_autoptr(GError) error = reply->error ? g_error_copy(reply->error) : NULL;

        if (!error && !authority) /* it left the manifest meanwhile */
                error = g_error_new(CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER, "The manifest has no issuer \"%s\"", w->issuer);
        if (error) {
                bus_answer_error(w->message, error);
                withdrawal_free(w);
                return;
        }
        (void) authority_call_revoke(agent_issue_pool(a), authority->issuer, reply->certificate, w->reason, on_withdrawn, w);
}

/* Lower-case hex, as it is recorded; "AB:CD" is fine too. NULL: it is none. Caller owns. */
static char *serial_of_text(const char *text)
{
        GString *serial = g_string_new(NULL);
        bool good = true;

        for (; *text && good; text++)
                if (g_ascii_isxdigit(*text))
                        g_string_append_c(serial, g_ascii_tolower(*text));
                else
                        good = *text == ':';
        return g_string_free(serial, !good || serial->len == 0 || serial->len > SERIAL_DIGITS_MAX);
}

int bus_method_revoke_issued(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        g_autofree char *serial = NULL;
        const char *issuer, *text, *reason;
        Authority *authority;
        Withdrawal *w;
        int r = sd_bus_message_read(m, "sss", &issuer, &text, &reason);

        if (r < 0)
                return r;
        authority = bus_find_authority(b, issuer, &r, ret_error);
        if (!authority)
                return r;
        r = bus_check_reason(reason, ret_error);
        if (r < 0)
                return r;
        serial = serial_of_text(text);
        if (!serial)
                return sd_bus_error_set(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                        "A serial number is up to 40 hexadecimal digits");
        r = polkit_check(bus_polkit(b), m, bus_method_revoke_issued, b,
                         (const char *const[]) { "authority", issuer, "serial", serial, "reason", reason, NULL }, ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (agent_holds(bus_agent(b)) >= BUS_SIGNING_MAX)
                return bus_refuse_busy(ret_error);
        w = g_new0(Withdrawal, 1);
        w->bus = b;
        w->message = sd_bus_message_ref(m);
        w->issuer = g_strdup(issuer);
        w->serial = g_steal_pointer(&serial);
        w->reason = g_strdup(*reason ? reason : "unspecified");
        if (!polkit_caller_uid(m, &w->uid))
                w->uid = (uid_t) -1;
        agent_hold(bus_agent(b));
        (void) authority_call_get_issued(agent_issue_pool(bus_agent(b)), authority->issuer, w->serial, on_found, w);
        return 1;
}
