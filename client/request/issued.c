/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The certificate that an authority made, as the person who had it signed wants to know it. */

#include "client/request/issued.h"

#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"
#include "common/usage.h"

#include <gnutls/x509.h>

#define CERTIFICATES_MAX 16
#define SUBJECT_MAX      1024 /* bytes that are shown */

static bool bad(GError **error, const char *why)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "the authority's answer cannot be read: %s", why);
        return false;
}

static char *hex(const unsigned char *data, size_t size)
{
        GString *s = g_string_sized_new(2 * size);

        for (size_t i = 0; i < size; i++)
                g_string_append_printf(s, "%02x", data[i]);
        return g_string_free(s, FALSE);
}

static bool read_numbers(gnutls_x509_crt_t crt, IssuedFacts *f)
{
        unsigned char serial[64], digest[32];
        size_t size = sizeof(serial), digest_size = sizeof(digest);
        time_t from = gnutls_x509_crt_get_activation_time(crt), to = gnutls_x509_crt_get_expiration_time(crt);

        if (gnutls_x509_crt_get_serial(crt, serial, &size) < 0 ||
            gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &digest_size) < 0 || from < 0 ||
            to < 0)
                return false;
        f->serial = hex(serial, size);
        f->fingerprint = hex(digest, digest_size);
        f->not_before = (uint64_t) from * USEC_PER_SEC;
        f->not_after = (uint64_t) to * USEC_PER_SEC;
        return true;
}

static bool read_leaf(gnutls_x509_crt_t crt, IssuedFacts *f, GError **error)
{
        gnutls_datum_t dn = { NULL, 0 };

        f->names = san_list_of_certificate(crt, error);
        if (!f->names)
                return false;
        f->usage = usage_to_strv(usage_of_certificate(crt));
        if (gnutls_x509_crt_get_dn3(crt, &dn, 0) >= 0)
                f->subject = cert_error_printable((const char *) dn.data, SUBJECT_MAX, "");
        else
                f->subject = g_strdup("");
        gnutls_free(dn.data);
        return read_numbers(crt, f) || bad(error, "it has no serial number, or no times");
}

static bool read_all(gnutls_x509_crt_t *list, unsigned n, IssuedFacts *f, GError **error)
{
        for (unsigned i = 0; i < n; i++) {
                gnutls_datum_t pem = { NULL, 0 };

                if (gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_PEM, &pem) < 0)
                        return bad(error, "a certificate of it has no PEM");
                g_ptr_array_add(f->pem, g_strndup((const char *) pem.data, pem.size));
                gnutls_free(pem.data);
        }
        return read_leaf(list[0], f, error);
}

IssuedFacts *issued_facts_new(GBytes *pem, GError **error)
{
        g_autoptr(IssuedFacts) f = g_new0(IssuedFacts, 1);
        gnutls_x509_crt_t list[CERTIFICATES_MAX];
        unsigned n = CERTIFICATES_MAX;
        gsize size;
        gnutls_datum_t d = { (void *) g_bytes_get_data(pem, &size), 0 };
        bool good;
        int r;

        f->pem = g_ptr_array_new_with_free_func(g_free);
        d.size = (unsigned) MIN(size, G_MAXINT);
        r = gnutls_x509_crt_list_import(list, &n, &d, GNUTLS_X509_FMT_PEM,
                                        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
        if (r <= 0) {
                bad(error, r < 0 ? gnutls_strerror(r) : "there is no certificate in it");
                return NULL;
        }
        good = read_all(list, (unsigned) r, f, error);
        for (int i = 0; i < r; i++)
                gnutls_x509_crt_deinit(list[i]);
        return good ? g_steal_pointer(&f) : NULL;
}

IssuedFacts *issued_facts_free(IssuedFacts *f)
{
        if (!f)
                return NULL;
        g_free(f->serial);
        g_free(f->subject);
        g_free(f->fingerprint);
        g_strfreev(f->names);
        g_strfreev(f->usage);
        g_ptr_array_unref(f->pem);
        g_free(f);
        return NULL;
}
