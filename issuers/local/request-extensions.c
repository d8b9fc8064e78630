/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a request asks for, judged extension by extension: each that makes a certificate more than a leaf for a server or a
 * client is refused with a reason of its own, so that nobody gets less than was asked for without being told. It owns
 * nothing. */

#include "issuers/local/request-extensions.h"

#include "common/error.h"
#include "common/san.h"
#include "common/usage.h"
#include "issuers/local/der.h"

#include <string.h>

#define EXTENSIONS_MAX 32
#define PURPOSES_MAX   16

#define OID_SUBJECT_ALT_NAME  "2.5.29.17"
#define OID_BASIC_CONSTRAINTS "2.5.29.19"
#define OID_KEY_USAGE         "2.5.29.15"
#define OID_EXT_KEY_USAGE     "2.5.29.37"

#define ASK_FOR_A_LEAF "Ask for a certificate of a server or a client; an authority is not made this way."

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(error, g_error_new_valist(CERT_ERROR, CERT_ERROR_ISSUER_REFUSED, format, arguments));
        va_end(arguments);
        return false;
}

/* ---- Which there are ---- */

static bool is_known(const char *oid)
{
        static const char *const known[] = { OID_SUBJECT_ALT_NAME, OID_BASIC_CONSTRAINTS, OID_KEY_USAGE,
                                             OID_EXT_KEY_USAGE, NULL };

        return g_strv_contains(known, oid);
}

/* RFC 5280, 4.2: an extension stands there once; and one that is critical means that whoever does not know it may not use
 * the certificate, so it can neither be granted nor left out. */
bool request_extensions_check(gnutls_x509_crq_t crq, GError **error)
{
        char oids[EXTENSIONS_MAX][128];

        for (unsigned n = 0;; n++) {
                char oid[sizeof(oids[0])];
                size_t size = sizeof(oid);
                unsigned critical = 0;
                int r = gnutls_x509_crq_get_extension_info(crq, n, oid, &size, &critical);

                if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        return true;
                if (r < 0)
                        return refuse(error, "the extensions of the request cannot be read: %s", gnutls_strerror(r));
                if (n >= EXTENSIONS_MAX)
                        return refuse(error, "the request has more than %d extensions", EXTENSIONS_MAX);
                for (unsigned i = 0; i < n; i++)
                        if (g_str_equal(oids[i], oid))
                                return refuse(error, "the request has the extension %s twice", oid);
                if (critical && !is_known(oid))
                        return refuse(error,
                                      "the request has the critical extension %s, which is not known here\n"
                                      "Ask without it, or with it marked as not critical: it is then left out.",
                                      oid);
                memcpy(oids[n], oid, sizeof(oid));
        }
}

/* GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE: there is none; else it cannot be read. */
static bool is_absent(int r, const char *what, bool *ret_good, GError **error)
{
        if (r >= 0)
                return false;
        *ret_good = r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
                    refuse(error, "the %s of the request cannot be read: %s", what, gnutls_strerror(r));
        return true;
}

/* ---- What makes an authority ---- */

static bool check_basic_constraints(gnutls_x509_crq_t crq, GError **error)
{
        unsigned critical, ca = 0;
        int path_length = -1;
        bool good;

        if (is_absent(gnutls_x509_crq_get_basic_constraints(crq, &critical, &ca, &path_length), "basic constraints",
                      &good, error))
                return good;
        if (ca)
                return refuse(error, "the request asks for a CA certificate (CA:TRUE)\n" ASK_FOR_A_LEAF);
        return path_length < 0 || refuse(error,
                                         "the request has a path length of %d without asking for a CA certificate, which "
                                         "nobody may (RFC 5280, 4.2.1.9)",
                                         path_length);
}

static bool check_key_usage(gnutls_x509_crq_t crq, GError **error)
{
        unsigned usage = 0, critical;
        bool good;

        if (is_absent(gnutls_x509_crq_get_key_usage(crq, &usage, &critical), "key usage", &good, error))
                return good;
        if (usage & GNUTLS_KEY_KEY_CERT_SIGN)
                return refuse(error, "the request asks to sign certificates (keyCertSign)\n" ASK_FOR_A_LEAF);
        return !(usage & GNUTLS_KEY_CRL_SIGN) ||
               refuse(error, "the request asks to sign revocation lists (cRLSign)\n" ASK_FOR_A_LEAF);
}

/* ---- What it is for ---- */

static bool take_purpose(const char *oid, unsigned *usage, GError **error)
{
        if (g_str_equal(oid, GNUTLS_KP_TLS_WWW_SERVER))
                *usage |= USAGE_SERVER;
        else if (g_str_equal(oid, GNUTLS_KP_TLS_WWW_CLIENT))
                *usage |= USAGE_CLIENT;
        else
                return refuse(error,
                              "the request asks for the purpose %s, which is neither serverAuth nor clientAuth\n"
                              "Say what it is to be for: certctl sign --as server, client or both.",
                              oid);
        return true;
}

static bool read_usage(gnutls_x509_crq_t crq, unsigned *ret, GError **error)
{
        unsigned usage = 0;

        for (unsigned i = 0; i < PURPOSES_MAX; i++) {
                char oid[128];
                size_t size = sizeof(oid);
                unsigned critical;
                bool good;

                if (is_absent(gnutls_x509_crq_get_key_purpose_oid(crq, i, oid, &size, &critical), "extended key usage",
                              &good, error)) {
                        *ret = usage;
                        return good;
                }
                if (!take_purpose(oid, &usage, error))
                        return false;
        }
        return refuse(error, "the request asks for more than %d purposes", PURPOSES_MAX);
}

/* ---- Names ---- */

/* Counted before anything reads them: that takes a time which grows with the square of their number. */
static bool check_count(const gnutls_datum_t *extension, GError **error)
{
        const unsigned char *at = extension->data;
        size_t left = extension->size;
        DerElement list, name;
        unsigned n = 0;

        if (!der_take(&at, &left, &list) || list.tag != DER_SEQUENCE || left > 0)
                return refuse(error, "the subject alternative names of the request cannot be read");
        while (list.size > 0 && der_take(&list.data, &list.size, &name))
                n++;
        if (list.size > 0)
                return refuse(error, "the subject alternative names of the request cannot be read");
        return n <= REQUEST_NAMES_MAX ||
               refuse(error, "the request asks for %u names, and at most %d are certified at once", n, REQUEST_NAMES_MAX);
}

/* In the text forms that the certificate will have. */
static char **names_of(gnutls_x509_crq_t crq, GError **error)
{
        g_autoptr(GError) wrong = NULL;
        g_auto(GStrv) names = san_list_of_request(crq, &wrong);
        g_autofree char *summary = names ? NULL : cert_error_summary(wrong);

        for (char **name = names; name && *name; name++) {
                g_autoptr(San) san = san_parse(*name, &wrong);

                if (!san) {
                        summary = cert_error_summary(wrong);
                        refuse(error, "the request asks for a name that is not certified: %s", summary);
                        return NULL;
                }
                g_free(*name);
                *name = san_to_string(san);
        }
        if (!names)
                refuse(error, "the request cannot be certified. %s", summary);
        return g_steal_pointer(&names);
}

static char **read_names(gnutls_x509_crq_t crq, GError **error)
{
        gnutls_datum_t extension = { NULL, 0 };
        unsigned critical;
        bool good, absent;

        absent = is_absent(gnutls_x509_crq_get_extension_by_oid2(crq, OID_SUBJECT_ALT_NAME, 0, &extension, &critical),
                           "subject alternative names", &good, error);
        if (!absent)
                good = check_count(&extension, error);
        gnutls_free(extension.data);
        if (!good)
                return NULL;
        return absent ? g_new0(char *, 1) : names_of(crq, error);
}

/* ---- All of it ---- */

bool request_extensions_read(gnutls_x509_crq_t crq, RequestExtensionsWanted wanted, RequestExtensions *ret,
                             GError **error)
{
        g_auto(GStrv) names = NULL;
        unsigned usage = 0;

        if (!check_basic_constraints(crq, error) || !check_key_usage(crq, error) ||
            ((wanted & REQUEST_USAGE) && !read_usage(crq, &usage, error)))
                return false;
        if (wanted & REQUEST_NAMES) {
                names = read_names(crq, error);
                if (!names)
                        return false;
        }
        *ret = (RequestExtensions){ .names = g_steal_pointer(&names), .usage = usage };
        return true;
}
