/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests from elsewhere on the Manager object: signed by a local authority, shown, revoked. The request is judged in the
 * authority's process; what is read here is only whether it is one, so that a key that somebody took for it goes nowhere. */

#include "agent/bus.h"
#include "agent/leaf.h"
#include "agent/offload.h"
#include "agent/roots.h"
#include "common/error.h"
#include "common/filekind.h"
#include "common/log.h"
#include "common/message.h"
#include "common/names.h"
#include "common/usage.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, sd_bus_message_unref)

/* Of those who wait for an answer there are not more than so many; anybody may ask for the list, so that those who may do
 * more have places of their own. */
#define LISTING_MAX 16
#define SIGNING_MAX 32

#define SERIAL_DIGITS_MAX 40 /* RFC 5280, 4.1.2.2: 20 octets */
#define BLOCKS_MAX 64
#define PEM_MAX (128 * 1024) /* bytes of text: a request has at most 64 KiB */

static int refuse_busy(sd_bus_error *ret_error)
{
        g_autoptr(GError) error = g_error_new(CERT_ERROR, CERT_ERROR_BUSY,
                                              "Too many callers wait for an authority already\nTry again in a moment.");

        return cert_error_to_bus(error, ret_error);
}

static void answer_error(sd_bus_message *m, const GError *error)
{
        sd_bus_error refusal = SD_BUS_ERROR_NULL;

        (void) cert_error_to_bus(error, &refusal);
        (void) sd_bus_reply_method_error(m, &refusal);
        sd_bus_error_free(&refusal);
}

/* ---- A request as text ---- */

static GBytes *fail_text(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static GBytes *fail_text(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(error, g_error_new_valist(CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, format, arguments));
        va_end(arguments);
        return NULL;
}

/* DER of the one request in a PEM text (RFC 7468, 7); caller owns. What is in the text is never quoted. */
static GBytes *request_of_pem(const char *pem, GError **error)
{
        g_autoptr(GBytes) text = NULL;
        g_autoptr(GArray) blocks = NULL;
        const PemBlock *block;
        FileKind kind;

        if (strlen(pem) > PEM_MAX)
                return fail_text(error, "The request is larger than %d KiB", PEM_MAX / 1024);
        text = g_bytes_new_static(pem, strlen(pem));
        kind = file_kind(text);
        if (kind == FILE_KIND_PRIVATE_KEY)
                return fail_text(error,
                                 "There is a private key in what was to be signed: it was NOT handed on\n"
                                 "A private key stays on the machine that uses it, and is never sent. Send the request alone; if "
                                 "the key has left its machine, make a new one.");
        if (kind != FILE_KIND_REQUEST)
                return fail_text(error, "This is %s, and no certificate request\nGive the request (PKCS#10) as PEM.",
                                 file_kind_to_string(kind));
        blocks = pem_blocks(text, BLOCKS_MAX, error);
        if (!blocks)
                return NULL;
        block = blocks->len == 1 ? &g_array_index(blocks, PemBlock, 0) : NULL;
        if (!block || block->kind != FILE_KIND_REQUEST || !block->der)
                return fail_text(error, "There is not exactly one certificate request, as PEM, in it and nothing else\n"
                                        "Give one request at a time.");
        return g_bytes_ref(block->der);
}

/* ---- A certificate in words ---- */

static gnutls_x509_crt_t import(GBytes *der)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL), (unsigned) g_bytes_get_size(der) };
        gnutls_x509_crt_t crt;

        if (gnutls_x509_crt_init(&crt) < 0)
                return NULL;
        if (gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) >= 0)
                return crt;
        gnutls_x509_crt_deinit(crt);
        return NULL;
}

/* One that was issued. */
typedef struct Issued {
        LeafFacts *leaf;
        char *key_type; /* as in a manifest, or what there is of that form: "rsa-8192" */
} Issued;

static void issued_free(void *data)
{
        Issued *i = data;

        g_free(i->leaf);
        g_free(i->key_type);
        g_free(i);
}

static char *key_type_text(gnutls_x509_crt_t crt, KeyType type)
{
        unsigned bits = 0;
        const char *name = gnutls_pk_get_name((gnutls_pk_algorithm_t) gnutls_x509_crt_get_pk_algorithm(crt, &bits));
        g_autofree char *lower = NULL;

        if (type >= 0)
                return g_strdup(key_type_to_string(type));
        lower = g_ascii_strdown(name ?: "unknown", -1);
        return g_strdup_printf("%s-%u", lower, bits);
}

/* NULL when it cannot be read. */
static Issued *issued_new(GBytes *der)
{
        gnutls_x509_crt_t crt = import(der);
        g_autoptr(GByteArray) packed = crt ? leaf_pack_certificate(crt, NULL) : NULL;
        Issued *i = NULL;

        if (packed) {
                Unpack u = unpack_new(packed->data, packed->len);

                i = g_new0(Issued, 1);
                i->leaf = leaf_unpack(&u);
                i->key_type = key_type_text(crt, i->leaf->key_type);
        }
        if (crt)
                gnutls_x509_crt_deinit(crt);
        return i;
}

/* ---- Signing ---- */

typedef struct Signing {
        Bus *bus;
        sd_bus_message *message;
        char *issuer;
        uid_t uid;
} Signing;

static void signing_free(Signing *s)
{
        agent_let_go(bus_agent(s->bus));
        sd_bus_message_unref(s->message);
        g_free(s->issuer);
        g_free(s);
}

/* Which of what is trusted signed the end of the chain; borrowed, NULL: none. */
static GBytes *root_of(GPtrArray *chain, GPtrArray *roots)
{
        gnutls_x509_crt_t last = import(g_ptr_array_index(chain, chain->len - 1));
        GBytes *found = NULL;

        for (guint i = 0; last && i < roots->len && !found; i++) {
                gnutls_x509_crt_t root = import(g_ptr_array_index(roots, i));
                unsigned status = 0;

                if (root && gnutls_x509_crt_check_issuer(last, root) &&
                    gnutls_x509_crt_verify(last, &root, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) >= 0 && status == 0)
                        found = g_ptr_array_index(roots, i);
                if (root)
                        gnutls_x509_crt_deinit(root);
        }
        if (last)
                gnutls_x509_crt_deinit(last);
        return found;
}

/* Certificate, what lies between, the CA's; caller owns. */
static char *signed_to_pem(const char *issuer, GPtrArray *chain, GPtrArray *roots, GError **error)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        g_autoptr(GBytes) pem = NULL;
        GBytes *root = root_of(chain, roots);

        if (!root) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                            "The authority \"%s\" gave a certificate that none of its own verifies", issuer);
                return NULL;
        }
        for (guint i = 0; i < chain->len; i++)
                g_ptr_array_add(all, g_ptr_array_index(chain, i));
        g_ptr_array_add(all, root);
        pem = roots_to_pem(all, error);
        return pem ? g_strndup(g_bytes_get_data(pem, NULL), g_bytes_get_size(pem)) : NULL;
}

static void log_signed(const Signing *s, GBytes *der)
{
        Issued *i = issued_new(der);
        g_autofree char *names = i ? g_strjoinv(" ", i->leaf->sans) : NULL;

        log_full(LOG_NOTICE,
                 &(LogContext) { .message_id = CERT_MESSAGE_SIGNED,
                                 .issuer = s->issuer,
                                 .serial = i ? i->leaf->serial : NULL },
                 "The authority \"%s\" signed a request from elsewhere for user %u: serial number %s, subject \"%.256s\", names "
                 "\"%.1024s\".",
                 s->issuer, (unsigned) s->uid, i ? i->leaf->serial : "?", i ? i->leaf->subject : "", names ?: "");
        if (i)
                issued_free(i);
}

static void on_signed(const AuthorityReply *reply, void *userdata)
{
        Signing *s = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *pem = NULL;

        if (reply->error)
                error = g_error_copy(reply->error);
        else {
                log_signed(s, g_ptr_array_index(reply->chain, 0));
                pem = signed_to_pem(s->issuer, reply->chain, reply->roots, &error);
        }
        if (pem)
                (void) sd_bus_reply_method_return(s->message, "s", pem);
        else
                answer_error(s->message, error);
        signing_free(s);
}

int bus_method_sign_request(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Bus *b = userdata;
        g_auto(SignOptions) options = {};
        g_autoptr(GBytes) request = NULL;
        g_autoptr(GError) error = NULL;
        const char *issuer, *pem;
        Authority *authority;
        Signing *s;
        int r = sd_bus_message_read(m, "ss", &issuer, &pem);

        if (r >= 0)
                r = sign_options_read(m, &options, ret_error);
        if (r < 0)
                return r;
        authority = bus_find_authority(b, issuer, &r, ret_error);
        if (!authority)
                return r;
        request = request_of_pem(pem, &error);
        if (!request)
                return cert_error_to_bus(error, ret_error);
        r = polkit_check(bus_polkit(b), m, bus_method_sign_request, b, (const char *const[]) { "authority", issuer, NULL },
                         ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (agent_holds(bus_agent(b)) >= SIGNING_MAX)
                return refuse_busy(ret_error);
        s = g_new0(Signing, 1);
        s->bus = b;
        s->message = sd_bus_message_ref(m);
        s->issuer = g_strdup(issuer);
        if (!polkit_caller_uid(m, &s->uid))
                s->uid = (uid_t) -1;
        agent_hold(bus_agent(b));
        (void) authority_call_sign(agent_issue_pool(bus_agent(b)), authority->issuer, request, &options, on_signed, s);
        return 1;
}

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
                answer_error(l->message, error);
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
        if (agent_holds(bus_agent(userdata)) >= LISTING_MAX)
                return refuse_busy(ret_error);
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
                         "The certificate with serial number %s, which \"%s\" signed for a request from elsewhere, was revoked for "
                         "user %u (%s).",
                         w->serial, w->issuer, (unsigned) w->uid, w->reason);
                (void) renew_list(w, &error);
        }
        if (error)
                answer_error(w->message, error);
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
                answer_error(w->message, error);
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
        serial = serial_of_text(text);
        if (!serial)
                return sd_bus_error_set(ret_error, SD_BUS_ERROR_INVALID_ARGS,
                                        "A serial number is up to 40 hexadecimal digits");
        r = polkit_check(bus_polkit(b), m, bus_method_revoke_issued, b,
                         (const char *const[]) { "authority", issuer, "serial", serial, "reason", reason, NULL }, ret_error);
        if (r <= 0)
                return r < 0 ? r : 1;
        if (agent_holds(bus_agent(b)) >= SIGNING_MAX)
                return refuse_busy(ret_error);
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
