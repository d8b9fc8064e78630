/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests from elsewhere on the Manager object, signed by a local authority. The request is judged in the
 * authority's process; what is read here is only whether it is one, so that a key that somebody took for it goes nowhere. */

#include "agent/bus.h"
#include "agent/cert-list.h"
#include "agent/issued.h"
#include "agent/roots.h"
#include "common/error.h"
#include "common/filekind.h"
#include "common/key-effort.h"
#include "common/log.h"
#include "common/names.h"

#include <string.h>

#define PEM_MAX (128 * 1024) /* bytes of text: a request has at most 64 KiB */

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
        FileKind kind;

        if (strlen(pem) > PEM_MAX)
                return fail_text(error, "The request is larger than %d KiB", PEM_MAX / 1024);
        text = g_bytes_new_static(pem, strlen(pem));
        kind = file_kind(text);
        if (kind == FILE_KIND_PRIVATE_KEY)
                return fail_text(error,
                                 "There is a private key in what was to be signed: it was NOT handed on\n"
                                 "A private key stays on the machine that uses it, and is never sent. Send the request "
                                 "alone; if the key has left its machine, make a new one.");
        if (kind != FILE_KIND_REQUEST)
                return fail_text(error, "This is %s, and no certificate request\nGive the request (PKCS#10) as PEM.",
                                 file_kind_to_string(kind));
        return pem_request(text, error);
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

static bool has_signed(gnutls_x509_crt_t ca, gnutls_x509_crt_t crt)
{
        unsigned status = 0;

        return cert_key_is_quick(ca) && gnutls_x509_crt_check_issuer(crt, ca) &&
               gnutls_x509_crt_verify(crt, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) >= 0 && status == 0;
}

/* Which of what is trusted signed the end of the chain; borrowed, NULL: none. */
static GBytes *root_of(GPtrArray *chain, GPtrArray *roots)
{
        g_auto(CertList) path = {}, trusted = {};

        if (cert_list_of_der(chain, &path) < 0 || cert_list_of_der(roots, &trusted) < 0)
                return NULL;
        for (unsigned i = 0; i < trusted.n; i++)
                if (has_signed(trusted.crt[i], path.crt[path.n - 1]))
                        return g_ptr_array_index(roots, i);
        return NULL;
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
                 "The authority \"%s\" signed a request from elsewhere for user %u: serial number %s, subject "
                 "\"%.256s\", names \"%.1024s\".",
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
                bus_answer_error(s->message, error);
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
        if (agent_holds(bus_agent(b)) >= BUS_SIGNING_MAX)
                return bus_refuse_busy(ret_error);
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
