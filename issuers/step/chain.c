/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The chain that the CA answers with, and whether it is what was asked for. It owns nothing. */

#include "issuers/step/step-private.h"

#include "agent/cert-list.h"
#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"

#include <gnutls/abstract.h>

#define SLACK_USEC  (5 * USEC_PER_MINUTE) /* by which two clocks may differ; as the agent's own check */
#define NAMES_SHOWN 256

/* ---- Reading ---- */

static bool add_array(GPtrArray *ders, JsonArray *array, GError **error)
{
        if (json_array_get_length(array) > CHAIN_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                            "the CA's answer holds a chain of more than %d certificates\n"
                            "Look at the CA's own chain: the certificates of its intermediates.",
                            CHAIN_MAX);
                return false;
        }
        for (guint i = 0; i < json_array_get_length(array); i++) {
                JsonNode *node = json_array_get_element(array, i);
                const char *pem = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;

                if (!step_add_certificate(ders, pem, "a certificate of the CA's answer", error))
                        return false;
        }
        return true;
}

GPtrArray *step_chain_of_answer(const StepCall *c, JsonObject *answer, GError **error)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        JsonArray *array = step_json_array(answer, "certChain");

        if (array && json_array_get_length(array) > 0)
                return add_array(ders, array, error) ? g_steal_pointer(&ders) : NULL;
        /* Servers of before 2019 have no certChain. */
        return step_add_certificate(ders, step_json_string(answer, "crt"), "\"crt\" of the CA's answer",
                                    error) &&
                               step_add_certificate(ders, step_json_string(answer, "ca"),
                                                    "\"ca\" of the CA's answer", error)
                       ? g_steal_pointer(&ders)
                       : NULL;
}

/* ---- Checking ---- */

G_GNUC_PRINTF(2, 3)
static bool bad(GError **error, const char *format, ...)
{
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "%s\nIt was thrown away, and nothing was changed. Look at the CA's log, and at a "
                    "template of its "
                    "provisioner.",
                    what);
        return false;
}

gnutls_x509_crt_t step_certificate_new(GBytes *der, GError **error)
{
        gnutls_x509_crt_t crt = NULL;
        gnutls_datum_t datum;
        size_t size;
        int r = gnutls_x509_crt_init(&crt);

        datum.data = (unsigned char *) g_bytes_get_data(der, &size);
        datum.size = (unsigned) size;
        if (r >= 0)
                r = gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER);
        if (r >= 0)
                return crt;
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "the installed certificate cannot be read: %s",
                    gnutls_strerror(r));
        if (crt)
                gnutls_x509_crt_deinit(crt);
        return NULL;
}

GBytes *step_public_key(gnutls_x509_crt_t crt, gnutls_x509_crq_t crq)
{
        gnutls_datum_t der = { 0 };
        gnutls_pubkey_t key;
        int r;

        if (gnutls_pubkey_init(&key) < 0)
                return NULL;
        r = crt ? gnutls_pubkey_import_x509(key, crt, 0) : gnutls_pubkey_import_x509_crq(key, crq, 0);
        if (r >= 0)
                r = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der);
        gnutls_pubkey_deinit(key);
        return r < 0 ? NULL : g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

static bool check_key(const StepCall *c, gnutls_x509_crt_t leaf, const IssuerRequest *r, GError **error)
{
        g_autoptr(GBytes) have = step_public_key(leaf, NULL), want = step_public_key(NULL, r->crq);

        return (have && want && g_bytes_equal(have, want)) ||
               bad(error, "%s gave a certificate for another key than the one that was asked for", c->url);
}

static bool check_names(const StepCall *c, gnutls_x509_crt_t leaf, const IssuerRequest *r, GError **error)
{
        g_auto(GStrv) names = san_list_of_certificate(leaf, error);
        g_autofree char *have = NULL, *shown = NULL, *want = NULL;

        if (!names)
                return false;
        if (g_strv_equal((const char *const *) names, (const char *const *) r->sans))
                return true;
        have = g_strjoinv(" ", names);
        shown = cert_error_printable(have, NAMES_SHOWN, "");
        want = g_strjoinv(" ", r->sans);
        return bad(error, "%s gave a certificate for other names: it has \"%s\", asked for was \"%.256s\"",
                   c->url, shown, want);
}

static bool check_dates(const StepCall *c, gnutls_x509_crt_t leaf, GError **error)
{
        uint64_t now = now_realtime(), from, to;
        g_autofree char *when = NULL, *clock = timestamp_format(now);

        cert_validity(leaf, &from, &to);
        if (from <= now + SLACK_USEC && to > now)
                return true;
        when = timestamp_format(to > now ? from : to);
        return bad(error, "%s gave a certificate that %s %s, and this host's clock says %s", c->url,
                   to > now ? "is not valid before" : "ended at", when, clock);
}

bool step_chain_check(const StepCall *c, GPtrArray *chain, const IssuerRequest *r, GError **error)
{
        g_auto(CertList) list = { 0 };

        if (cert_list_of_der(chain, &list) < 0 || list.n == 0)
                return bad(error, "%s gave something that is no certificate", c->url);
        return check_key(c, list.crt[0], r, error) && check_names(c, list.crt[0], r, error) &&
               check_dates(c, list.crt[0], error);
}
