/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever stands in the text of a bundle or a revocation list, it is refused with a sentence, or it is kept byte by byte
 * and GnuTLS reads it as what it was taken for. */

#include "agent/cert-list.h"
#include "agent/generation-private.h"
#include "common/error.h"

#include <gnutls/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned crls_in(GBytes *text)
{
        gnutls_datum_t d = { .size = (unsigned) g_bytes_get_size(text) };
        gnutls_x509_crl_t *list = NULL;
        unsigned n = 0;

        d.data = (unsigned char *) g_bytes_get_data(text, NULL);
        if (gnutls_x509_crl_list_import2(&list, &n, &d, GNUTLS_X509_FMT_PEM, 0) < 0)
                return 0;
        for (unsigned i = 0; i < n; i++)
                gnutls_x509_crl_deinit(list[i]);
        gnutls_free(list);
        return n;
}

static bool check(GBytes *text, ContentForm form)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Generation) g = generation_new_content_as(text, form, &error);
        g_auto(CertList) certificates = { 0 };

        if (!g) {
                g_assert_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE);
                g_assert_true(g_utf8_validate(error->message, -1, NULL));
                return false;
        }
        g_assert_no_error(error);
        g_assert_true(generation_is_content(g));
        g_assert_true(g_bytes_equal(g->ca_pem, text));
        g_assert_cmpint(cert_list_of_pem(text, G_MAXUINT, &certificates) && certificates.n > 0, !=, crls_in(text) > 0);
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GBytes) text = g_bytes_new(data, size);
        bool bare = check(text, CONTENT_BARE), explained = check(text, CONTENT_EXPLAINED);

        g_assert_true(!bare || explained);
        return 0;
}
