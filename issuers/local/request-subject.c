/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A subject, judged. It owns nothing. */

#include "issuers/local/request-subject.h"

#include "common/error.h"

#include <gnutls/x509.h>
#include <string.h>

#define RDNS_MAX        16
#define VALUE_MAX       256
#define COMMON_NAME_MAX 64 /* characters: RFC 5280, appendix A, ub-common-name */

/* The string types of X.680 that are still written (RFC 5280, 4.1.2.4), and country names and domain components. */
#define TAG_UTF8_STRING      12
#define TAG_PRINTABLE_STRING 19
#define TAG_IA5_STRING       22

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                    "the subject of the request %s\nAsk for one with another subject, or with an empty one.", what);
        return false;
}

/* Of UTF-8 that was validated. What turns the direction of writing, or is not seen at all, makes one name look like
 * another. */
static bool is_readable(const char *text, size_t size)
{
        g_autofree char *copy = g_strndup(text, size), *printable = cert_error_printable(copy, size, "");

        return g_str_equal(copy, printable);
}

/* No string: a part of the request, after which others follow. */
static bool is_ascii(const char *value, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (value[i] & 0x80)
                        return false;
        return true;
}

static bool check_value(const gnutls_x509_ava_st *ava, GError **error)
{
        g_autofree char *oid = g_strndup((const char *) ava->oid.data, ava->oid.size);
        const char *name = gnutls_x509_dn_oid_name(oid, GNUTLS_X509_DN_OID_RETURN_OID);
        const char *value = (const char *) ava->value.data;
        size_t size = ava->value.size;

        if (ava->value_tag != TAG_UTF8_STRING && ava->value_tag != TAG_PRINTABLE_STRING &&
            ava->value_tag != TAG_IA5_STRING)
                return refuse(error, "has a %s that is no UTF8String, PrintableString or IA5String", name);
        if (size == 0)
                return refuse(error, "has an empty %s", name);
        if (size > VALUE_MAX)
                return refuse(error, "has a %s of %zu bytes (at most %d)", name, size, VALUE_MAX);
        if (memchr(value, '\0', size))
                return refuse(error, "has a NUL byte in its %s", name);
        if (!g_utf8_validate(value, (gssize) size, NULL) ||
            (ava->value_tag != TAG_UTF8_STRING && !is_ascii(value, size)))
                return refuse(error, "has a %s of another encoding than it says", name);
        if (!is_readable(value, size))
                return refuse(error, "has a character in its %s that cannot be printed", name);
        if (g_str_equal(oid, GNUTLS_OID_X520_COMMON_NAME) && g_utf8_strlen(value, (gssize) size) > COMMON_NAME_MAX)
                return refuse(error, "has a %s of more than %d characters", name, COMMON_NAME_MAX);
        return true;
}

static bool check_rdns(gnutls_x509_dn_t dn, GError **error)
{
        for (int rdn = 0;; rdn++) {
                gnutls_x509_ava_st ava;
                int r = gnutls_x509_dn_get_rdn_ava(dn, rdn, 0, &ava);

                if (r == GNUTLS_E_ASN1_ELEMENT_NOT_FOUND)
                        return true;
                if (r < 0)
                        return refuse(error, "cannot be read: %s", gnutls_strerror(r));
                if (rdn >= RDNS_MAX)
                        return refuse(error, "has more than %d parts", RDNS_MAX);
                for (int i = 0; r >= 0; i++, r = gnutls_x509_dn_get_rdn_ava(dn, rdn, i, &ava)) {
                        if (i >= RDNS_MAX)
                                return refuse(error, "has more than %d values in one part", RDNS_MAX);
                        if (!check_value(&ava, error))
                                return false;
                }
        }
}

bool request_subject_check(const unsigned char *data, size_t size, GError **error)
{
        gnutls_datum_t der = { (unsigned char *) data, (unsigned) size };
        gnutls_x509_dn_t dn;
        bool good = false;
        int r = gnutls_x509_dn_init(&dn);

        if (r < 0)
                return refuse(error, "cannot be read: %s", gnutls_strerror(r));
        r = gnutls_x509_dn_import(dn, &der);
        if (r < 0)
                refuse(error, "cannot be read: %s", gnutls_strerror(r));
        else
                good = check_rdns(dn, error);
        gnutls_x509_dn_deinit(dn);
        return good;
}
