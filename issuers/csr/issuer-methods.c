/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.certagent1.Issuer: a request waits until somebody brings the answer, which is then looked at. It owns
 * nothing. */

#include "agent/cert-list.h"
#include "agent/key.h"
#include "common/error.h"
#include "common/message.h"
#include "common/timespan.h"
#include "issuers/csr/csr.h"
#include "issuers/csr/import.h"
#include "issuers/csr/roots.h"
#include "issuers/request.h"

#include <gnutls/abstract.h>

static void pubkey_clear(gnutls_pubkey_t *key)
{
        if (*key)
                gnutls_pubkey_deinit(*key);
}

#define _cleanup_pubkey_ __attribute__((cleanup(pubkey_clear)))

/* ---- Keys ---- */

static gnutls_pubkey_t request_key(const IssuerRequest *r, GError **error)
{
        gnutls_pubkey_t key = NULL;
        int n = gnutls_pubkey_init(&key);

        if (n >= 0)
                n = gnutls_pubkey_import_x509_crq(key, r->crq, 0);
        if (n >= 0)
                return key;
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL, "the request's key cannot be read: %s",
                    gnutls_strerror(n));
        pubkey_clear(&key);
        return NULL;
}

/* Of the installed certificate; NULL: there is none that can be read. */
static gnutls_pubkey_t current_key(const IssuerRequest *r)
{
        g_auto(CertList) list = { 0 };
        gnutls_pubkey_t key = NULL;
        int n;

        if (r->current->len == 0 || (cert_list_of_der(r->current, &list) < 0 && list.n == 0))
                return NULL;
        n = gnutls_pubkey_init(&key);
        if (n >= 0)
                n = gnutls_pubkey_import_x509(key, list.crt[0], 0);
        if (n < 0) {
                pubkey_clear(&key);
                return NULL;
        }
        return key;
}

/* ---- Issue and Poll ---- */

typedef struct Call {
        CsrOptions *options;
        IssuerRequest *request;
        gnutls_pubkey_t key;
} Call;

static void call_clear(Call *c)
{
        csr_options_free(c->options);
        issuer_request_free(c->request);
        pubkey_clear(&c->key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Call, call_clear)

static bool call_read(Call *c, const char *config, sd_bus_message *m, GError **error)
{
        c->request = issuer_request_read(m, error);
        if (!c->request || !issuer_request_check(c->request, error))
                return false;
        c->options = csr_options_new(config, error);
        if (c->options)
                c->key = request_key(c->request, error);
        return c->key;
}

/* The token is what a person's files are told apart by: the key. */
static int reply_waiting(sd_bus_message *m, const Call *c, sd_bus_error *ret_error)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *token = key_digest(c->key, &error);

        return token ? issuer_reply_waiting(m, token, ISSUER_POLL_NEVER)
                     : cert_error_to_bus(error, ret_error);
}

static int method_issue(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(Call) c = { 0 };
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        if (!call_read(&c, config, m, &error))
                return cert_error_to_bus(error, ret_error);
        return reply_waiting(m, &c, ret_error);
}

static int method_poll(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(Call) c = { 0 };
        _cleanup_pubkey_ gnutls_pubkey_t current = NULL;
        g_autoptr(ImportedChain) chain = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        if (!call_read(&c, config, m, &error))
                return cert_error_to_bus(error, ret_error);
        if (!c.request->answer)
                return reply_waiting(m, &c, ret_error);
        current = current_key(c.request);
        chain = import_read(c.options, c.request->answer, c.key, current, &error);
        if (!chain)
                return cert_error_to_bus(error, ret_error);
        return issuer_reply_issued_for(m, chain->chain, chain->roots, chain->is_current ? "current" : "new");
}

/* ---- The other methods ---- */

static int method_revoke(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_error_set(
                ret_error, cert_error_to_name(CERT_ERROR_NOT_SUPPORTED),
                "the CA that signed it is not reached from here, so it cannot be told to revoke it\n"
                "Give its operator the serial number (certctl show NAME). Where the CA is a local authority of "
                "cert-agent, there: certctl revoke --issuer ISSUER --serial SERIAL");
}

/* Those of the host's store are more than an issuer may name, and nobody asked for a file of all of them. */
static bool check_own_roots(const CsrOptions *o, GError **error)
{
        if (o->roots)
                return true;
        g_set_error(
                error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                "the issuer \"%s\" has no roots of its own: it takes what this host's trust store trusts\n"
                "Name a file with the CA's root certificate as \"roots\" of the issuer.",
                o->name);
        return false;
}

static int method_get_roots(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_autoptr(CsrOptions) options = NULL;
        g_auto(CertList) roots = { 0 };
        g_autoptr(GPtrArray) ders = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        options = csr_options_new(config, &error);
        if (!options || !check_own_roots(options, &error) || !csr_roots_read(options, &roots, &error))
                return cert_error_to_bus(error, ret_error);
        ders = csr_roots_to_hand_on(options, &roots, now_realtime());
        if (ders->len == 0) {
                g_set_error(&error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                            "the roots file %s has no root of this host's environment that has not ended\n"
                            "Put the CA's present root certificate there, as PEM.",
                            options->roots);
                return cert_error_to_bus(error, ret_error);
        }
        return message_reply_certificates(m, ders);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, "a{sv}", 3, "Type", "s", "csr", "Version", "s", PROJECT_VERSION,
                                          "Methods", "as", 3, "Issue", "Poll", "GetRoots");
}

const sd_bus_vtable csr_issuer_vtable[] = {
        ISSUER_VTABLE(method_describe, method_issue, method_poll, method_revoke, method_get_roots),
};
