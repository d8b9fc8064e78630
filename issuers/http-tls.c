/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Why TLS with a server did not come about. curl says only that it did not, so the server is looked at once
 * more, by a handshake that trusts anybody and over which nothing is said, and what it shows is judged by the
 * same roots. */

#include "issuers/http-private.h"

#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"
#include "issuers/probe/connect.h"
#include "issuers/probe/deadline.h"
#include "issuers/probe/handshake.h"

#include <gnutls/x509.h>
#include <unistd.h>
#include <string.h>

#define LOOK_USEC (5 * USEC_PER_SEC)
#define TEXT_MAX  256
#define SHOWN_MAX 16
#define ROOTS_MAX 64

/* A chain as it was shown, and the roots; owned. */
typedef struct Shown {
        gnutls_x509_crt_t chain[SHOWN_MAX];
        unsigned n;
        gnutls_x509_trust_list_t roots;
} Shown;

static void shown_clear(Shown *s)
{
        for (unsigned i = 0; i < s->n; i++)
                gnutls_x509_crt_deinit(s->chain[i]);
        if (s->roots)
                gnutls_x509_trust_list_deinit(s->roots, 1);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Shown, shown_clear)

static gnutls_datum_t datum_of(GBytes *bytes)
{
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);

        return (gnutls_datum_t){ (unsigned char *) data, (unsigned) size };
}

/* False when what is shown cannot be judged here. */
static bool shown_read(Shown *s, const GPtrArray *ders, GBytes *roots)
{
        gnutls_datum_t pem = datum_of(roots);

        if (gnutls_x509_trust_list_init(&s->roots, 0) < 0 ||
            gnutls_x509_trust_list_add_trust_mem(s->roots, &pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0) <= 0)
                return false;
        for (; s->n < MIN(ders->len, SHOWN_MAX); s->n++) {
                gnutls_datum_t der = datum_of(ders->pdata[s->n]);

                if (gnutls_x509_crt_init(&s->chain[s->n]) < 0)
                        return false;
                if (gnutls_x509_crt_import(s->chain[s->n], &der, GNUTLS_X509_FMT_DER) < 0) {
                        gnutls_x509_crt_deinit(s->chain[s->n]);
                        return false;
                }
        }
        return s->n > 0;
}

/* ---- Words ---- */

static char *name_of(gnutls_x509_crt_t crt, int (*get)(gnutls_x509_crt_t, gnutls_datum_t *, unsigned))
{
        gnutls_datum_t text = { 0 };
        char *name;

        if (get(crt, &text, 0) < 0)
                return g_strdup("(no name)");
        name = cert_error_printable((const char *) text.data, TEXT_MAX, "");
        gnutls_free(text.data);
        return name;
}

static char *fingerprint_of(gnutls_x509_crt_t crt)
{
        unsigned char hash[32];
        size_t size = sizeof(hash);
        GString *hex;

        if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &size) < 0)
                return g_strdup("?");
        hex = g_string_new(NULL);
        for (size_t i = 0; i < size; i++)
                g_string_append_printf(hex, "%02x", hash[i]);
        return g_string_free(hex, FALSE);
}

static uint64_t usec_of(time_t t)
{
        return t > 0 ? (uint64_t) t * USEC_PER_SEC : 0;
}

/* ---- What can be wrong with a certificate ---- */

/* The first one of the chain that the clock rules out is named, with its dates: it may be an intermediate's.
 */
static bool say_dates(const HttpTarget *t, const Shown *s, unsigned status, GError **error)
{
        time_t now = (time_t) (now_realtime() / USEC_PER_SEC);

        if (!(status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED)))
                return false;
        for (unsigned i = 0; i < s->n; i++) {
                time_t from = gnutls_x509_crt_get_activation_time(s->chain[i]),
                       to = gnutls_x509_crt_get_expiration_time(s->chain[i]);
                g_autofree char *clock = timestamp_format(now_realtime()), *when = NULL, *name = NULL;

                if (now >= from && now <= to)
                        continue;
                when = timestamp_format(usec_of(now < from ? from : to));
                name = name_of(s->chain[i], gnutls_x509_crt_get_dn3);
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                            "the TLS certificate of %s (%s) %s %s\n"
                            "This host's clock says %s: if that is right, the server needs a new certificate "
                            "(step-ca makes one when it is restarted); if not, set the clock.",
                            t->where, name, now < from ? "is not valid before" : "expired at", when, clock);
                return true;
        }
        return false;
}

static bool say_signer(const HttpTarget *t, const Shown *s, unsigned status, GError **error)
{
        gnutls_x509_crt_t last = s->chain[s->n - 1];
        g_autofree char *root = NULL, *print = NULL;
        bool is_root;

        if (!(status &
              (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_CA)))
                return false;
        is_root = gnutls_x509_crt_check_issuer(last, last);
        root = name_of(last, is_root ? gnutls_x509_crt_get_dn3 : gnutls_x509_crt_get_issuer_dn3);
        print = is_root ? fingerprint_of(last) : NULL;
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                    "the TLS certificate of %s is signed by a root that is not one of those it is trusted "
                    "by: %s%s%s\n"
                    "The CA's root was changed, or this is another server. Nothing was trusted anew: compare "
                    "with the CA "
                    "itself, then change the manifest.",
                    t->where, root, print ? ", SHA-256 " : "", print ?: "");
        return true;
}

static bool say_name(const HttpTarget *t, const Shown *s, GError **error)
{
        g_auto(GStrv) names = NULL;
        g_autofree char *list = NULL, *shown = NULL;

        if (gnutls_x509_crt_check_hostname(s->chain[0], t->host))
                return false;
        names = san_list_of_certificate(s->chain[0], NULL);
        list = names && *names ? g_strjoinv(", ", names) : NULL;
        shown = cert_error_printable(list ?: "none at all", TEXT_MAX, "");
        g_set_error(
                error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                "the TLS certificate of %s is not for the name %s, but for: %s\n"
                "If this is the CA, use one of these names in \"url\" of the manifest, or give the server this one (step-ca: "
                "\"dnsNames\" in ca.json); if it is another server, correct the port there.",
                t->where, t->host, shown);
        return true;
}

/* Everything else that GnuTLS has a word for. */
static bool say_status(const HttpTarget *t, unsigned status, GError **error)
{
        gnutls_datum_t text = { 0 };
        g_autofree char *words = NULL;

        if (status == 0 ||
            gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
                return false;
        words = cert_error_printable((const char *) text.data, TEXT_MAX, "");
        gnutls_free(text.data);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                    "the TLS certificate of %s is not acceptable: %s\n"
                    "Give the server a certificate of its CA that is.",
                    t->where, g_strstrip(words));
        return true;
}

/* A wrong root first: what an unknown server says of its dates and names is no matter. */
static bool say_certificate(const HttpTarget *t, const Handshake *h, GBytes *roots, GError **error)
{
        g_auto(Shown) s = { 0 };
        unsigned status = 0;

        if (!shown_read(&s, h->chain, roots) ||
            gnutls_x509_trust_list_verify_crt2(s.roots, s.chain, s.n, NULL, 0, 0, &status, NULL) < 0)
                return false;
        return say_signer(t, &s, status, error) || say_dates(t, &s, status, error) ||
               say_name(t, &s, error) || say_status(t, status, error);
}

/* ---- What can be wrong with the handshake ---- */

static void say_handshake(const HttpTarget *t, const HttpFailure *f, const GError *look, GError **error)
{
        g_autofree char *seen = look ? cert_error_summary(look) : NULL;
        g_autofree char *text = cert_error_printable(seen ?: f->text, TEXT_MAX, "");

        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE,
                    "no TLS with %s: %s\n"
                    "Check host and port in \"url\" of the manifest, and look at the server's log. TLS 1.2 "
                    "is the least "
                    "that is spoken.",
                    t->where, text);
}

void http_tls_failure_set(const HttpTarget *t, const HttpRequest *request, const HttpFailure *f,
                          GError **error)
{
        uint64_t deadline = deadline_in(LOOK_USEC);
        g_autoptr(Handshake) h = NULL;
        g_autoptr(GError) look = NULL;
        int fd;

        if (!probe_connect(t->where, deadline, &fd, &look)) {
                say_handshake(t, f, NULL, error);
                return;
        }
        (void) probe_handshake(fd, t->host, deadline, &h, &look);
        close(fd);
        if (!h || !request->roots || !say_certificate(t, h, request->roots, error))
                say_handshake(t, f, look, error);
}
