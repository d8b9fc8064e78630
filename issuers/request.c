/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A request as an issuer process sees it. It owns what was read; the answers own nothing. */

#include "issuers/request.h"

#include "common/error.h"
#include "common/message.h"
#include "common/san.h"
#include "common/secret.h"
#include "common/usage.h"

#include <gnutls/abstract.h>

#define CSR_MAX      (64 * 1024)
#define ANSWER_MAX   (1024 * 1024)
#define CURRENT_MAX  16
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

G_GNUC_PRINTF(3, 4)
static bool refuse(GError **error, CertError code, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(error, g_error_new_valist(CERT_ERROR, code, format, arguments));
        va_end(arguments);
        return false;
}

/* ---- Reading ---- */

static int read_string(sd_bus_message *m, char **ret)
{
        const char *s;
        int n = sd_bus_message_read(m, "v", "s", &s);

        if (n >= 0) {
                g_free(*ret);
                *ret = g_strdup(s);
        }
        return n;
}

static int compare(const void *a, const void *b)
{
        return g_strcmp0(*(char *const *) a, *(char *const *) b);
}

static int read_strv(sd_bus_message *m, char ***ret)
{
        char **list = NULL; /* of malloc(), as GLib's */
        int n = sd_bus_message_enter_container(m, 'v', "as");

        if (n >= 0)
                n = sd_bus_message_read_strv(m, &list);
        if (n >= 0)
                n = sd_bus_message_exit_container(m);
        if (n < 0) {
                g_strfreev(list);
                return n;
        }
        g_strfreev(*ret);
        *ret = list ?: g_new0(char *, 1);
        qsort(*ret, g_strv_length(*ret), sizeof(char *), compare);
        return n;
}

static int read_usage(sd_bus_message *m, unsigned *ret)
{
        g_auto(GStrv) names = NULL;
        int n = read_strv(m, &names);

        *ret = 0;
        for (char **name = names; n >= 0 && *name; name++)
                *ret |= usage_from_string(*name);
        return n;
}

static int read_csr(sd_bus_message *m, IssuerRequest *r)
{
        const void *data;
        size_t size;
        int n = sd_bus_message_enter_container(m, 'v', "ay");

        if (n >= 0)
                n = sd_bus_message_read_array(m, 'y', &data, &size);
        if (n >= 0 && size <= CSR_MAX) {
                g_clear_pointer(&r->csr, g_bytes_unref);
                r->csr = g_bytes_new(data, size);
        }
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

/* What is too large shows that it is; it may hold a private key, by mistake. */
static int read_answer(sd_bus_message *m, IssuerRequest *r)
{
        const void *data;
        size_t size;
        int n = sd_bus_message_enter_container(m, 'v', "ay");

        if (n >= 0)
                n = sd_bus_message_read_array(m, 'y', &data, &size);
        if (n >= 0) {
                g_clear_pointer(&r->answer, g_bytes_unref);
                r->answer = secret_bytes_new(data, MIN(size, ANSWER_MAX + 1));
        }
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

static int read_current(sd_bus_message *m, IssuerRequest *r)
{
        const void *data;
        size_t size;
        int n = sd_bus_message_enter_container(m, 'v', "aay");

        if (n >= 0)
                n = sd_bus_message_enter_container(m, 'a', "ay");
        while (n >= 0 && (n = sd_bus_message_read_array(m, 'y', &data, &size)) > 0)
                if (r->current->len < CURRENT_MAX)
                        g_ptr_array_add(r->current, g_bytes_new(data, size));
        if (n >= 0)
                n = sd_bus_message_exit_container(m);
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

/* Keys that this version does not know are passed over. */
static int read_entry(sd_bus_message *m, IssuerRequest *r)
{
        const char *key;
        int n = sd_bus_message_read(m, "s", &key);

        if (n < 0)
                return n;
        if (g_str_equal(key, "Certificate"))
                return read_string(m, &r->certificate);
        if (g_str_equal(key, "Subject"))
                return read_string(m, &r->subject);
        if (g_str_equal(key, "SubjectAltNames"))
                return read_strv(m, &r->sans);
        if (g_str_equal(key, "Usage"))
                return read_usage(m, &r->usage);
        if (g_str_equal(key, "Lifetime"))
                return sd_bus_message_read(m, "v", "t", &r->lifetime);
        if (g_str_equal(key, "CertificateRequest"))
                return read_csr(m, r);
        if (g_str_equal(key, "Current"))
                return read_current(m, r);
        if (g_str_equal(key, "Answer"))
                return read_answer(m, r);
        return sd_bus_message_skip(m, "v");
}

static int read_dictionary(sd_bus_message *m, IssuerRequest *r)
{
        int n = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (n >= 0 && (n = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                n = read_entry(m, r);
                if (n >= 0)
                        n = sd_bus_message_exit_container(m);
        }
        return n < 0 ? n : sd_bus_message_exit_container(m);
}

IssuerRequest *issuer_request_read(sd_bus_message *m, GError **error)
{
        g_autoptr(IssuerRequest) r = g_new0(IssuerRequest, 1);
        gnutls_datum_t der;
        size_t size;
        int n;

        r->subject = g_strdup("");
        r->sans = g_new0(char *, 1);
        r->current = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        n = read_dictionary(m, r);
        if (n < 0) {
                refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "the request cannot be read: %s", g_strerror(-n));
                return NULL;
        }
        if (!r->certificate || !r->csr) {
                refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "the request has no %s",
                       r->certificate ? "CertificateRequest of at most 64 KiB" : "Certificate");
                return NULL;
        }
        der.data = (unsigned char *) g_bytes_get_data(r->csr, &size);
        der.size = size;
        n = gnutls_x509_crq_init(&r->crq);
        if (n >= 0)
                n = gnutls_x509_crq_import(r->crq, &der, GNUTLS_X509_FMT_DER);
        if (n < 0) {
                refuse(error, CERT_ERROR_ISSUER_PROTOCOL, "the CertificateRequest is no PKCS#10: %s",
                       gnutls_strerror(n));
                return NULL;
        }
        return g_steal_pointer(&r);
}

IssuerRequest *issuer_request_free(IssuerRequest *r)
{
        if (!r)
                return NULL;
        if (r->crq)
                gnutls_x509_crq_deinit(r->crq);
        g_free(r->certificate);
        g_free(r->subject);
        g_strfreev(r->sans);
        g_clear_pointer(&r->csr, g_bytes_unref);
        g_clear_pointer(&r->current, g_ptr_array_unref);
        g_clear_pointer(&r->answer, g_bytes_unref);
        g_free(r);
        return NULL;
}

/* ---- Checking ---- */

/* CA/Browser Forum Baseline Requirements, 6.1.5: RSA from 2048 bits, the NIST curves; and Ed25519 (RFC 8410).
 */
bool issuer_request_check_key(gnutls_x509_crq_t crq, const char *hint, GError **error)
{
        gnutls_pubkey_t key;
        unsigned bits = 0;
        int algorithm, r = gnutls_pubkey_init(&key);
        KeyType type;

        if (r < 0)
                return refuse(error, CERT_ERROR_ISSUER_REFUSED, "the request's key: %s", gnutls_strerror(r));
        r = gnutls_pubkey_import_x509_crq(key, crq, 0);
        algorithm = r < 0 ? GNUTLS_PK_UNKNOWN : gnutls_pubkey_get_pk_algorithm(key, &bits);
        type = r < 0 ? _KEY_TYPE_INVALID : key_type_of(key);
        gnutls_pubkey_deinit(key);
        if (r < 0)
                return refuse(error, CERT_ERROR_ISSUER_REFUSED, "the request's key cannot be read: %s",
                              gnutls_strerror(r));
        if (type >= 0 || (algorithm == GNUTLS_PK_RSA && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX))
                return true;
        return refuse(error, CERT_ERROR_ISSUER_REFUSED,
                      "a key for %s of %u bits is not certified\n%s",
                      gnutls_pk_get_name(algorithm) ?: "an unknown algorithm", bits, hint);
}

static bool check_names(const IssuerRequest *r, GError **error)
{
        g_auto(GStrv) asked = san_list_of_request(r->crq, error);
        g_autofree char *have = NULL, *want = NULL;

        if (!asked)
                return false;
        if (g_strv_equal((const char *const *) asked, (const char *const *) r->sans))
                return true;
        have = g_strjoinv(" ", asked);
        want = g_strjoinv(" ", r->sans);
        return refuse(error, CERT_ERROR_ISSUER_REFUSED,
                      "the certificate request names \"%.512s\", the call \"%.512s\"", have, want);
}

bool issuer_request_check(const IssuerRequest *r, GError **error)
{
        int n = gnutls_x509_crq_verify(r->crq, 0);

        if (n < 0)
                return refuse(error, CERT_ERROR_ISSUER_REFUSED,
                              "the certificate request is not signed by its own key: %s", gnutls_strerror(n));
        return issuer_request_check_key(r->crq, "Name another key.type in the manifest.", error) && check_names(r, error);
}

int issuer_read_revocation(sd_bus_message *m, const char **ret_config, GBytes **ret_certificate,
                           const char **ret_reason)
{
        const char *config, *reason;
        const void *der;
        size_t size;
        int r = sd_bus_message_read(m, "s", &config);

        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &der, &size);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &reason);
        if (r < 0)
                return r;
        *ret_config = config;
        *ret_certificate = g_bytes_new(der, size);
        *ret_reason = reason;
        return r;
}

/* ---- Answering ---- */

int issuer_method_no_poll(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_error_set(ret_error, cert_error_to_name(CERT_ERROR_NOT_SUPPORTED),
                                "this issuer answers at once: it does not know Poll");
}

int issuer_reply_issued(sd_bus_message *call, GPtrArray *chain, GPtrArray *roots)
{
        return issuer_reply_issued_for(call, chain, roots, "new");
}

int issuer_reply_issued_for(sd_bus_message *call, GPtrArray *chain, GPtrArray *roots, const char *key)
{
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_return(call, &m);

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "issued");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = message_append_entry_certificates(m, "Chain", chain);
        if (r >= 0)
                r = message_append_entry_certificates(m, "Roots", roots);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "Key", "s", key);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_send(NULL, m, NULL);
        sd_bus_message_unref(m);
        return r;
}

int issuer_reply_waiting(sd_bus_message *call, const char *token, uint64_t poll_after_usec)
{
        return sd_bus_reply_method_return(call, "sa{sv}", "waiting", 2, "Token", "s", token, "PollAfter", "t",
                                          poll_after_usec);
}

int issuer_reply_later(sd_bus_message *call, const GError *refusal, uint64_t retry_after_usec)
{
        g_autofree char *summary = cert_error_summary(refusal);

        return sd_bus_reply_method_return(call, "sa{sv}", "later", 4, "Error", "s",
                                          cert_error_to_name(cert_error_code(refusal)), "Message", "s",
                                          summary, "Hint", "s", cert_error_hint(refusal), "RetryAfter", "t",
                                          retry_after_usec);
}
