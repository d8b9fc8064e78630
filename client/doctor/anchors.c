/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates that a client may begin with, and whether a chain leads to them. */

#include "client/doctor/anchors.h"

#include "client/doctor/file.h"
#include "common/error.h"
#include "common/key-effort.h"
#include "common/path.h"

#include <unistd.h>

/* Where distributions keep what programs trust: Debian and its kin, Fedora and its kin, openSUSE. */
static const char *const stores[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem",
};

/* What is judged by itself (client/doctor/judge*.c), so that one fault does not hide another. */
#define VERIFY_FLAGS                                                                                         \
        (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |                     \
         GNUTLS_VERIFY_DISABLE_CRL_CHECKS | GNUTLS_VERIFY_ALLOW_BROKEN | GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1 |                \
         GNUTLS_VERIFY_DO_NOT_ALLOW_UNSORTED_CHAIN)

Anchors *anchors_free(Anchors *a)
{
        if (!a)
                return NULL;
        cert_list_clear(&a->list);
        g_free(a->what);
        g_free(a->use);
        g_free(a);
        return NULL;
}

Anchors *anchors_of_pem(GBytes *pem, char *what, char *use, GError **error)
{
        g_autoptr(Anchors) a = g_new0(Anchors, 1);

        a->what = what;
        a->use = use;
        if (cert_list_of_pem(pem, ANCHORS_MAX, &a->list) && a->list.n > 0)
                return g_steal_pointer(&a);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "%s holds no certificate that can be read\n"
                    "It must be PEM, with a block that begins \"-----BEGIN CERTIFICATE-----\" for each of them.", what);
        return NULL;
}

Anchors *anchors_of_file(const char *path, char *what, char *use, GError **error)
{
        g_autoptr(GBytes) pem = file_read(path, ANCHORS_BYTES_MAX, error);

        if (pem)
                return anchors_of_pem(pem, what, use, error);
        g_free(what);
        g_free(use);
        return NULL;
}

Anchors *anchors_of_system(GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(stores); i++) {
                g_autofree char *opened = host_path(stores[i]);

                if (access(opened, F_OK) == 0)
                        return anchors_of_file(
                                stores[i], g_strdup_printf("this system's trust store (%s)", stores[i]),
                                g_strdup_printf("Clients that use this system's trust store know it: %s.", stores[i]), error);
        }
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "this system has no trust store (%s is not there)\n"
                    "Install ca-certificates, or name a file with --ca.",
                    stores[0]);
        return NULL;
}

/* ---- Where a chain leads ---- */

static unsigned verify(gnutls_x509_crt_t anchor, const CertList *path)
{
        gnutls_x509_trust_list_t trust;
        unsigned status = GNUTLS_CERT_INVALID | GNUTLS_CERT_SIGNER_NOT_FOUND;

        for (unsigned i = 0; i < path->n; i++)
                if (!cert_key_is_quick(path->crt[i]))
                        return status;
        if (gnutls_x509_trust_list_init(&trust, 1) < 0)
                return status;
        if (gnutls_x509_trust_list_add_cas(trust, &anchor, 1, 0) == 1)
                (void) gnutls_x509_trust_list_verify_crt(trust, path->crt, path->n, VERIFY_FLAGS, &status, NULL);
        gnutls_x509_trust_list_deinit(trust, 0);
        return status;
}

static bool has_signed(gnutls_x509_crt_t issuer, gnutls_x509_crt_t crt)
{
        unsigned status = 0;

        return cert_key_is_quick(issuer) && gnutls_x509_crt_check_issuer(crt, issuer) &&
               gnutls_x509_crt_verify(crt, &issuer, 1, VERIFY_FLAGS, &status) >= 0 &&
               !(status & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_SIGNER_NOT_FOUND));
}

gnutls_x509_crt_t anchors_issuer(const Anchors *a, gnutls_x509_crt_t crt)
{
        for (unsigned i = 0; i < a->list.n; i++)
                if (has_signed(a->list.crt[i], crt))
                        return a->list.crt[i];
        return NULL;
}

static char *words_of(unsigned status)
{
        gnutls_datum_t text = { 0 };
        char *words;

        if (gnutls_certificate_verification_status_print(status & ~GNUTLS_CERT_INVALID, GNUTLS_CRT_X509, &text, 0) < 0)
                return g_strdup("it breaks a rule of RFC 5280");
        words = g_strdup(g_strstrip((char *) text.data));
        gnutls_free(text.data);
        return words;
}

/* An anchor that is the leaf itself, byte by byte. */
static bool is_anchor(const Anchors *a, gnutls_x509_crt_t crt)
{
        for (unsigned i = 0; i < a->list.n; i++)
                if (gnutls_x509_crt_equals(a->list.crt[i], crt))
                        return true;
        return false;
}

/* Several anchors may have one name (an authority that was renewed), so each that could be meant is tried alone, with as
 * much of the path as comes before it. */
Lead anchors_lead(const Anchors *a, const CertList *path, char **ret_why)
{
        g_autofree char *why = NULL;

        if (path->n == 0)
                return LEAD_NOWHERE;
        if (is_anchor(a, path->crt[0]))
                return LEAD_TRUSTED;
        for (unsigned n = path->n; n > 0; n--) {
                CertList part = { path->crt, n };

                for (unsigned i = 0; i < a->list.n; i++) {
                        unsigned status;

                        if (!gnutls_x509_crt_check_issuer(path->crt[n - 1], a->list.crt[i]))
                                continue;
                        status = verify(a->list.crt[i], &part);
                        if (status == 0)
                                return LEAD_TRUSTED;
                        /* A signature that is not by this key: a CA of the same name. */
                        if (!why && !(status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE)))
                                why = words_of(status);
                }
        }
        if (!why)
                return LEAD_NOWHERE;
        *ret_why = g_steal_pointer(&why);
        return LEAD_BROKEN;
}
