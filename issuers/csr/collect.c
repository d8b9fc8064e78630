/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collecting certificates
 *
 * Out of what a person was sent, in whatever form, the certificates that are in it. What a file is instead is
 * said in words: most who come here have taken the wrong one. It owns nothing but what it collects.
 */

#include "issuers/csr/collect.h"

#include "common/error.h"
#include "common/filekind.h"
#include "common/san.h"

#include <gnutls/pkcs7.h>
#include <string.h>

/* As org.certagent1.Issuer(5) has it; one of a mebibyte can be made so that GnuTLS takes minutes. */
#define CERTIFICATE_MAX (64 * 1024)
#define BLOCKS_MAX      1024 /* of PEM; repeated certificates count */
#define NAME_SHOWN      256  /* bytes shown of a name */

G_GNUC_PRINTF(2, 3)
static bool bad(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(error,
                          g_error_new_valist(CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, format, arguments));
        va_end(arguments);
        return false;
}

/* ---- Names ---- */

static char *name_of(int r, gnutls_datum_t *text)
{
        char *name;

        if (r < 0 || text->size == 0) {
                gnutls_free(text->data);
                return g_strdup("(no name)");
        }
        name = cert_error_printable((const char *) text->data, NAME_SHOWN, "");
        gnutls_free(text->data);
        return name;
}

/* Where it is empty, the first of the names: by these a person knows whose certificate that is. */
char *certificate_subject(gnutls_x509_crt_t crt)
{
        gnutls_datum_t text = { 0 };
        int r = gnutls_x509_crt_get_dn3(crt, &text, 0);
        g_auto(GStrv) names = r < 0 || text.size == 0 ? san_list_of_certificate(crt, NULL) : NULL;

        if (names && *names) {
                gnutls_free(text.data);
                return cert_error_printable(*names, NAME_SHOWN, "");
        }
        return name_of(r, &text);
}

char *certificate_issuer(gnutls_x509_crt_t crt)
{
        gnutls_datum_t text = { 0 };
        int r = gnutls_x509_crt_get_issuer_dn3(crt, &text, 0);

        return name_of(r, &text);
}

bool certificate_is_self_issued(gnutls_x509_crt_t crt)
{
        return gnutls_x509_crt_check_issuer(crt, crt);
}

/* ---- What it is instead ---- */

static const char *const hints[_FILE_KIND_MAX] = {
        [FILE_KIND_EMPTY] = "Get the file again.",
        [FILE_KIND_REQUEST] = "Send it to the CA, and import the certificate that comes back.",
        [FILE_KIND_PRIVATE_KEY] =
                "Nobody needs it, and nothing was done with it: take the key out, and give the "
                "certificates alone. If others have seen it, have that key's certificate revoked.",
        [FILE_KIND_PKCS12] = "It belongs to a key that was made elsewhere. Ask the CA for the certificate of this request, "
                             "as PEM or PKCS#7.",
        [FILE_KIND_REVOCATION_LIST] = "Ask the CA for the certificate.",
        [FILE_KIND_WEB_PAGE] =
                "Save the certificate itself, not the page that leads to it; the page may say what went wrong.",
        [FILE_KIND_TEXT] = "A certificate as text begins with: -----BEGIN CERTIFICATE-----",
        [FILE_KIND_BINARY] =
                "Ask the CA for the certificate as PEM, DER or PKCS#7; a file that was cut off has to be got again.",
};

static bool refuse_kind(FileKind kind, GError **error)
{
        if (kind == FILE_KIND_PRIVATE_KEY)
                return bad(error, "there is a private key in it: never give it to anybody\n%s", hints[kind]);
        return bad(error, "there is no certificate in it: it is %s\n%s", file_kind_to_string(kind),
                   hints[kind] ?: hints[FILE_KIND_BINARY]);
}

/* ---- Collecting ---- */

typedef struct Collection {
        GHashTable *seen; /* GBytes of DER */
        GPtrArray *ders;
        unsigned max;
} Collection;

static bool add(Collection *c, GBytes *der, GError **error)
{
        if (g_bytes_get_size(der) > CERTIFICATE_MAX)
                return bad(error,
                           "there is a certificate of more than 64 KiB in it\nAsk the CA for another.");
        if (!g_hash_table_add(c->seen, g_bytes_ref(der)))
                return true;
        if (c->ders->len == c->max)
                return bad(error,
                           "there are more than %u certificates in it\nTake those that are needed: the certificate and "
                           "its chain.",
                           c->max);
        g_ptr_array_add(c->ders, g_bytes_ref(der));
        return true;
}

static bool add_of_pkcs7(Collection *c, gnutls_pkcs7_t p7, GError **error)
{
        int n = gnutls_pkcs7_get_crt_count(p7);

        if (n > (int) BLOCKS_MAX)
                return bad(error, "there are %d certificates in its PKCS#7\nTake those that are needed.", n);
        for (int i = 0; i < n; i++) {
                gnutls_datum_t raw;
                g_autoptr(GBytes) der = NULL;

                /* Others than X.509 (RFC 5652, 10.2.2) are passed over. */
                if (gnutls_pkcs7_get_crt_raw2(p7, (unsigned) i, &raw) < 0)
                        continue;
                der = g_bytes_new_with_free_func(raw.data, raw.size, gnutls_free, raw.data);
                if (!add(c, der, error))
                        return false;
        }
        return true;
}

static bool add_pkcs7(Collection *c, GBytes *der, GError **error)
{
        gnutls_datum_t d = { (unsigned char *) g_bytes_get_data(der, NULL),
                             (unsigned) g_bytes_get_size(der) };
        gnutls_pkcs7_t p7;
        bool good = false;
        int r = gnutls_pkcs7_init(&p7);

        if (r < 0)
                return bad(error, "reading PKCS#7: %s", gnutls_strerror(r));
        r = gnutls_pkcs7_import(p7, &d, GNUTLS_X509_FMT_DER);
        if (r < 0)
                bad(error,
                    "its PKCS#7 cannot be read: %s\nGet the file again, or ask the CA for the certificate as PEM.",
                    gnutls_strerror(r));
        else
                good = add_of_pkcs7(c, p7, error);
        gnutls_pkcs7_deinit(p7);
        return good;
}

static bool add_blocks(Collection *c, GArray *blocks, GError **error)
{
        for (unsigned i = 0; i < blocks->len; i++) {
                const PemBlock *b = &g_array_index(blocks, PemBlock, i);

                if ((b->kind == FILE_KIND_CERTIFICATE && !add(c, b->der, error)) ||
                    (b->kind == FILE_KIND_PKCS7 && !add_pkcs7(c, b->der, error)))
                        return false;
        }
        return c->ders->len > 0 ||
               bad(error, "there is no certificate in it that could be read\nAsk the CA for the certificate as PEM.");
}

static bool add_all(Collection *c, GBytes *file, GError **error)
{
        FileKind kind = file_kind(file);
        g_autofree char *pem = NULL;
        g_autoptr(GBytes) text = NULL;
        g_autoptr(GArray) blocks = NULL;

        if (kind != FILE_KIND_CERTIFICATE && kind != FILE_KIND_PKCS7)
                return refuse_kind(kind, error);
        pem = file_to_pem(file);
        text = g_bytes_new_static(pem, strlen(pem));
        blocks = pem_blocks(text, BLOCKS_MAX, error);
        return blocks && add_blocks(c, blocks, error);
}

static int by_end(const void *a, const void *b)
{
        time_t x = gnutls_x509_crt_get_expiration_time(*(const gnutls_x509_crt_t *) a);
        time_t y = gnutls_x509_crt_get_expiration_time(*(const gnutls_x509_crt_t *) b);

        return (x < y) - (x > y);
}

bool collect_certificates(GBytes *file, unsigned max, CertList *ret, GError **error)
{
        g_autoptr(GHashTable) seen =
                g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
        g_autoptr(GPtrArray) ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        Collection c = { seen, ders, max };
        int r;

        *ret = (CertList){ 0 };
        if (!add_all(&c, file, error))
                return false;
        r = cert_list_of_der(ders, ret);
        if (r < 0)
                return bad(error, "number %u of its certificates cannot be read: %s\nGet the file again.",
                           ret->n + 1, gnutls_strerror(r));
        qsort(ret->crt, ret->n, sizeof(*ret->crt), by_end);
        return true;
}
