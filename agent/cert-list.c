/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists of certificates
 *
 * What the check of an issuer's answer (agent/chain.c) and the check of a served chain (agent/trust.c) have in
 * common: parsing, and GnuTLS's validation of a path without its clock.
 */

#include "agent/cert-list.h"

#include "common/key-effort.h"
#include "common/timespan.h"

#include <string.h>

void cert_list_clear(CertList *l)
{
        for (unsigned i = 0; i < l->n; i++)
                gnutls_x509_crt_deinit(l->crt[i]);
        g_free(l->crt);
        *l = (CertList) { 0 };
}

bool cert_list_of_pem(GBytes *pem, unsigned max, CertList *ret)
{
        gnutls_x509_crt_t *list = NULL;
        gnutls_datum_t d = { 0 };
        unsigned n = 0;
        size_t size = 0;

        *ret = (CertList) { 0 };
        d.data = pem ? (unsigned char *) g_bytes_get_data(pem, &size) : NULL;
        d.size = size;
        if (size == 0)
                return true;
        if (gnutls_x509_crt_list_import2(&list, &n, &d, GNUTLS_X509_FMT_PEM, 0) < 0)
                return false;
        *ret = (CertList) { .crt = g_new(gnutls_x509_crt_t, n), .n = n };
        memcpy(ret->crt, list, n * sizeof *list);
        gnutls_free(list);
        return n <= max;
}

static int import_der(GBytes *der, gnutls_x509_crt_t *ret)
{
        size_t size;
        const void *data = g_bytes_get_data(der, &size);
        gnutls_x509_crt_t crt;
        int r = gnutls_x509_crt_init(&crt);

        if (r < 0)
                return r;
        r = gnutls_x509_crt_import(crt, &(gnutls_datum_t) { (unsigned char *) data, size }, GNUTLS_X509_FMT_DER);
        if (r < 0)
                gnutls_x509_crt_deinit(crt);
        else
                *ret = crt;
        return r;
}

int cert_list_of_der(GPtrArray *ders, CertList *ret)
{
        int r = 0;

        *ret = (CertList) { .crt = g_new0(gnutls_x509_crt_t, ders->len) };
        while (r >= 0 && ret->n < ders->len) {
                r = import_der(g_ptr_array_index(ders, ret->n), &ret->crt[ret->n]);
                ret->n += r >= 0;
        }
        return r;
}

GPtrArray *cert_list_to_der(const CertList *l)
{
        GPtrArray *ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        gnutls_datum_t der;

        for (unsigned i = 0; i < l->n; i++)
                if (gnutls_x509_crt_export2(l->crt[i], GNUTLS_X509_FMT_DER, &der) >= 0)
                        g_ptr_array_add(ders, g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data));
        return ders;
}

static uint64_t usec_of(time_t t)
{
        return t <= 0 ? 0 : (uint64_t) t * USEC_PER_SEC;
}

void cert_validity(gnutls_x509_crt_t crt, uint64_t *ret_from, uint64_t *ret_to)
{
        *ret_from = usec_of(gnutls_x509_crt_get_activation_time(crt));
        *ret_to = usec_of(gnutls_x509_crt_get_expiration_time(crt));
}

/* An unused certificate that says it issued `crt` (names, and key identifiers where they are). */
static int find_issuer(const CertList *l, const bool *used, gnutls_x509_crt_t crt)
{
        for (unsigned i = 0; i < l->n; i++)
                if (!used[i] && gnutls_x509_crt_check_issuer(crt, l->crt[i]))
                        return (int) i;
        return -1;
}

unsigned cert_list_path(const CertList *l, unsigned leaf, unsigned ret_path[static CHAIN_MAX])
{
        bool used[CHAIN_MAX] = { false };
        unsigned n = 0;
        int next = (int) leaf;

        g_return_val_if_fail(l->n <= CHAIN_MAX, 0);
        while (next >= 0) {
                gnutls_x509_crt_t crt = l->crt[next];

                used[next] = true;
                if (n > 0 && gnutls_x509_crt_check_issuer(crt, crt))
                        break;
                ret_path[n++] = (unsigned) next;
                next = find_issuer(l, used, crt);
        }
        return n;
}

static char *why_not(unsigned status)
{
        gnutls_datum_t text = { 0 };
        char *why;

        if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
                return g_strdup("it does not");
        why = g_strdup(g_strstrip((char *) text.data));
        gnutls_free(text.data);
        return why;
}

/* A GnuTLS error, or the status (0: it does). */
static int verify(const CertList *chain, gnutls_x509_crt_t *roots, unsigned n, unsigned *ret_status)
{
        unsigned flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |
                         GNUTLS_VERIFY_DO_NOT_ALLOW_UNSORTED_CHAIN;
        gnutls_x509_trust_list_t trust;
        int r = gnutls_x509_trust_list_init(&trust, n);

        if (r < 0)
                return r;
        r = gnutls_x509_trust_list_add_cas(trust, roots, n, 0);
        if (r >= 0)
                r = gnutls_x509_trust_list_verify_crt(trust, chain->crt, chain->n, flags, ret_status, NULL);
        gnutls_x509_trust_list_deinit(trust, 0);
        return r;
}

static bool keys_are_quick(const CertList *l)
{
        for (unsigned i = 0; i < l->n; i++)
                if (!cert_key_is_quick(l->crt[i]))
                        return false;
        return true;
}

bool cert_list_leads_to(const CertList *chain, const CertList *roots, char **ret_why)
{
        unsigned status = 0, other = 0;
        bool done;
        int r;

        if (!keys_are_quick(chain) || !keys_are_quick(roots)) {
                *ret_why = g_strdup("one of its keys is too long to be worked with");
                return false;
        }
        r = verify(chain, roots->crt, roots->n, &status);
        done = r >= 0 && status == 0;

        /* An authority's certificates have one name. Without key identifiers (RFC 5280, 4.2.1.1) GnuTLS tries but one of
         * several roots of one name, so each is tried alone. */
        for (unsigned i = 0; roots->n > 1 && i < roots->n && !done; i++)
                done = verify(chain, &roots->crt[i], 1, &other) >= 0 && other == 0;
        if (!done)
                *ret_why = r < 0 ? g_strdup(gnutls_strerror(r)) : why_not(status);
        return done;
}
