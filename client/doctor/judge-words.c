/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the judge says of certificates: all of it was written by somebody else, and is made printable and short here. */

#include "client/doctor/judge.h"

#include "common/dn.h"
#include "common/error.h"
#include "common/san.h"

#include <string.h>

#define NAMES_SHOWN 8
#define CAS_SHOWN   8
#define ANY_PURPOSE "2.5.29.37.0"
#define NAMELESS    "(without a name)"

static char *quote(const gnutls_datum_t *text)
{
        g_autofree char *copy = g_strndup((const char *) text->data, text->size);
        g_autofree char *shown = cert_error_printable(copy, WORDS_MAX, "");

        return g_strdup_printf("\"%s\"", shown);
}

typedef int (*GetByOid)(gnutls_x509_crt_t crt, const char *oid, unsigned index, unsigned raw, void *buffer, size_t *size);
typedef int (*GetName)(gnutls_x509_crt_t crt, gnutls_datum_t *name, unsigned flags);

/* NULL: it has none. */
static char *name_of(gnutls_x509_crt_t crt, GetByOid common_name, GetName whole)
{
        char cn[256];
        size_t size = sizeof cn;
        gnutls_datum_t name = { 0 };
        char *words;

        if (common_name(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size) >= 0 && *cn) {
                dn_value_unescape(cn);
                name = (gnutls_datum_t) { (unsigned char *) cn, (unsigned) strlen(cn) };
                return quote(&name);
        }
        if (whole(crt, &name, 0) < 0 || name.size == 0)
                return NULL;
        words = quote(&name);
        gnutls_free(name.data);
        return words;
}

/* A subject may be empty where there are subject alternative names (RFC 5280, 4.2.1.6), as it is in what is made without a
 * common name. */
char *words_subject(gnutls_x509_crt_t crt)
{
        char *words = name_of(crt, gnutls_x509_crt_get_dn_by_oid, gnutls_x509_crt_get_dn3);
        g_auto(GStrv) names = words ? NULL : san_list_of_certificate(crt, NULL);

        if (!words && names && *names)
                words = quote(&(gnutls_datum_t) { (unsigned char *) *names, (unsigned) strlen(*names) });
        return words ?: g_strdup(NAMELESS);
}

char *words_issuer(gnutls_x509_crt_t crt)
{
        return name_of(crt, gnutls_x509_crt_get_issuer_dn_by_oid, gnutls_x509_crt_get_issuer_dn3) ?: g_strdup(NAMELESS);
}

/* The first `shown` of them, and how many more. */
static char *list(char *const *names, guint shown)
{
        GString *s = g_string_new(NULL);
        guint n = 0;

        for (; names[n]; n++)
                if (n < shown)
                        g_string_append_printf(s, "%s%s", n > 0 ? ", " : "", names[n]);
        if (n > shown)
                g_string_append_printf(s, " and %u more", n - shown);
        return g_string_free(s, FALSE);
}

char *words_names(gnutls_x509_crt_t crt)
{
        g_auto(GStrv) names = san_list_of_certificate(crt, NULL);
        g_autofree char *words = NULL;

        if (!names)
                return g_strdup("names that cannot be read");
        words = list(names, NAMES_SHOWN);
        return *words ? cert_error_printable(words, 4 * (size_t) WORDS_MAX, "") : g_strdup("no name at all");
}

char *words_asked_for(const Session *s)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        for (guint i = 0; i < s->asked_for->len; i++) {
                gsize size;
                const void *data = g_bytes_get_data(s->asked_for->pdata[i], &size);
                gnutls_datum_t der = { (unsigned char *) data, (unsigned) size }, text = { 0 };

                if (gnutls_x509_rdn_get2(&der, &text, 0) < 0)
                        continue;
                g_ptr_array_add(names, quote(&text));
                gnutls_free(text.data);
        }
        g_ptr_array_add(names, NULL);
        return names->len > 1 ? list((char **) names->pdata, CAS_SHOWN) : g_strdup("a CA that it does not name");
}

char *words_fingerprint(gnutls_x509_crt_t crt)
{
        unsigned char hash[32];
        size_t size = sizeof hash;
        GString *hex = g_string_new(NULL);

        if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &size) >= 0)
                for (size_t i = 0; i < size; i++)
                        g_string_append_printf(hex, "%02x", hash[i]);
        return g_string_free(hex, FALSE);
}

char *words_alert(int alert)
{
        const char *name = alert >= 0 ? gnutls_alert_get_name((gnutls_alert_description_t) alert) : NULL;

        return g_strdup_printf("%s (alert %d)", name ?: "unknown", alert);
}

char *words_protocol(const Session *s)
{
        return g_str_has_prefix(s->protocol, "TLS") ? g_strdup_printf("TLS %s", s->protocol + strlen("TLS")) : g_strdup(s->protocol);
}

bool words_is_self_issued(gnutls_x509_crt_t crt)
{
        return gnutls_x509_crt_check_issuer(crt, crt);
}

bool words_is_for(gnutls_x509_crt_t crt, const char *purpose)
{
        for (unsigned i = 0;; i++) {
                char oid[128];
                size_t size = sizeof oid;
                int r = gnutls_x509_crt_get_key_purpose_oid(crt, i, oid, &size, NULL);

                if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        return i == 0; /* without the extension it is for anything */
                if (r >= 0 && (g_str_equal(oid, purpose) || g_str_equal(oid, ANY_PURPOSE)))
                        return true;
                if (r < 0 && r != GNUTLS_E_SHORT_MEMORY_BUFFER)
                        return false;
        }
}
