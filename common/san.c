/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subject alternative names (RFC 5280, 4.2.1.6): the text form that people write, the normal form that is
 * compared, and what a certificate or a request holds. This file owns the syntax of a name: what it accepts
 * is what a certificate may carry, and nothing else reaches a CA. */

#include "common/san.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <gnutls/x509-ext.h>
#include <string.h>

#define SANS_MAX       1000
#define DNS_NAME_MAX   253 /* RFC 1035, 2.3.4, less the root's length byte and final dot */
#define DNS_LABEL_MAX  63
#define LOCAL_PART_MAX 64 /* RFC 5321, 4.5.3.1.1 */
#define URI_MAX        2048
#define OID_SAN        "2.5.29.17"

static const char *const prefixes[_SAN_TYPE_MAX] = {
        [SAN_DNS] = "dns:",
        [SAN_IP] = "ip:",
        [SAN_EMAIL] = "email:",
        [SAN_URI] = "uri:",
};

static const gnutls_x509_subject_alt_name_t gnutls_types[_SAN_TYPE_MAX] = {
        [SAN_DNS] = GNUTLS_SAN_DNSNAME,
        [SAN_IP] = GNUTLS_SAN_IPADDRESS,
        [SAN_EMAIL] = GNUTLS_SAN_RFC822NAME,
        [SAN_URI] = GNUTLS_SAN_URI,
};

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        g_autofree char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error_literal(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, message);
        return false;
}

/* ---- Normal forms ---- */

static bool is_printable_ascii(const char *s, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (s[i] <= ' ' || s[i] > '~')
                        return false;
        return true;
}

/* The binary form of an address: 4 or 16 bytes, 0 when it is none. */
static size_t address_parse(const char *text, uint8_t ret_bytes[static 16])
{
        if (inet_pton(AF_INET, text, ret_bytes) == 1)
                return 4;
        return inet_pton(AF_INET6, text, ret_bytes) == 1 ? 16 : 0;
}

static char *address_to_string(const uint8_t *bytes, size_t size)
{
        char buffer[INET6_ADDRSTRLEN];

        if (size != 4 && size != 16)
                return NULL;
        return g_strdup(inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, buffer, sizeof(buffer)));
}

static bool label_check(const char *label, size_t length, const char *name, GError **error)
{
        if (length == 0)
                return refuse(error, "\"%s\" has an empty label\nRemove the doubled or leading dot.", name);
        if (length > DNS_LABEL_MAX)
                return refuse(error, "\"%s\" has a label longer than %d characters", name, DNS_LABEL_MAX);
        if (label[0] == '-' || label[length - 1] == '-')
                return refuse(error, "\"%s\" has a label that starts or ends with a hyphen", name);
        for (size_t i = 0; i < length; i++)
                if (!g_ascii_isalnum(label[i]) && label[i] != '-')
                        return refuse(
                                error,
                                "\"%s\" is no DNS name: '%c' cannot be part of one\nLetters, digits, hyphens "
                                "and dots are allowed; for other kinds of name write \"ip:\", \"email:\" or "
                                "\"uri:\" before it.",
                                name, g_ascii_isprint(label[i]) ? label[i] : '?');
        return true;
}

/* RFC 5280's "preferred name syntax" (RFC 1034, 3.5; RFC 1123, 2.1: a label may start with a digit). The last
 * label is never all digits (RFC 3696, 2), so that a mistyped address is not taken for a name. */
static bool labels_check(const char *name, const char *whole, unsigned *ret_labels, GError **error)
{
        const char *label = name;
        unsigned n = 0;

        for (;;) {
                size_t length = strcspn(label, ".");

                if (!label_check(label, length, whole, error))
                        return false;
                n++;
                if (label[length] == '\0')
                        break;
                label += length + 1;
        }
        if (label[strspn(label, "0123456789")] == '\0')
                return refuse(error, "\"%s\" is neither a DNS name nor an IP address", whole);
        *ret_labels = n;
        return true;
}

/* RFC 6125, 6.4.3: one wildcard, the whole left-most label; and so that nobody asks for "*.com", at least two
 * labels after it. */
static bool dns_check(const char *name, const char *text, bool wildcard_allowed, GError **error)
{
        bool is_wildcard = g_str_has_prefix(name, "*.");
        unsigned labels = 0;

        if (strlen(name) > DNS_NAME_MAX)
                return refuse(error, "\"%.64s…\" is longer than the %d characters of a DNS name", text,
                              DNS_NAME_MAX);
        if (strchr(name, '*') && (!wildcard_allowed || !is_wildcard || strchr(name + 1, '*')))
                return refuse(
                        error,
                        "\"%s\" misuses a wildcard\nA wildcard is the whole left-most label and stands once: "
                        "\"*.example.org\".",
                        text);
        if (!labels_check(is_wildcard ? name + 2 : name, text, &labels, error))
                return false;
        if (is_wildcard && labels < 2)
                return refuse(error,
                              "\"%s\" is too wide a wildcard\nAt least two labels must follow it: "
                              "\"*.example.org\".",
                              text);
        return true;
}

/* Internationalised labels as A-labels (RFC 5890, 2.3.2.1); a wildcard is no label and is put back after. */
static bool labels_to_ascii(char **name, const char *text, GError **error)
{
        const char *labels = g_str_has_prefix(*name, "*.") ? *name + 2 : *name;
        gnutls_datum_t mapped = { NULL, 0 };
        int r = gnutls_idna_map(labels, (unsigned) strlen(labels), &mapped, 0);
        char *ascii;

        if (r < 0)
                return refuse(error, "\"%s\" is no internationalised DNS name: %s", text, gnutls_strerror(r));
        ascii = g_strdup_printf("%.*s%.*s", (int) (labels - *name), *name, (int) mapped.size,
                                (const char *) mapped.data);
        gnutls_free(mapped.data);
        g_free(*name);
        *name = ascii;
        return true;
}

/* Lower case, without the root's dot, internationalised labels as A-labels (RFC 5280, 7.2; RFC 5891). */
static char *dns_normal(const char *text, bool wildcard_allowed, GError **error)
{
        g_autofree char *name = g_strdup(text);
        size_t length = strlen(name);

        if (length == 0) {
                refuse(error, "an empty string is no name");
                return NULL;
        }
        if (length > 1 && name[length - 1] == '.')
                name[length - 1] = '\0';
        if (!g_str_is_ascii(name) && !labels_to_ascii(&name, text, error))
                return NULL;
        for (char *p = name; *p; p++)
                *p = g_ascii_tolower(*p);
        return dns_check(name, text, wildcard_allowed, error) ? g_steal_pointer(&name) : NULL;
}

static char *ip_normal(const char *text, GError **error)
{
        uint8_t bytes[16];
        size_t size = address_parse(text, bytes);

        if (size == 0) {
                refuse(error, "\"%s\" is no IP address%s", text,
                       strchr(text, '/') ? "\nA certificate names hosts, not networks: write each address."
                                         : "");
                return NULL;
        }
        return address_to_string(bytes, size);
}

/* RFC 5280, 4.2.1.6: rfc822Name is an RFC 2821 mailbox in ASCII. The part before the @ is case sensitive. */
static char *email_normal(const char *text, GError **error)
{
        const char *at = strrchr(text, '@');
        size_t length = at ? (size_t) (at - text) : 0;
        g_autofree char *domain = NULL, *local = g_strndup(text, length);
        size_t good = strspn(
                local, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+-/=?^_`{|}~");

        if (length == 0 || length > LOCAL_PART_MAX || good != length || local[0] == '.' ||
            local[length - 1] == '.' || strstr(local, "..")) {
                refuse(error, "\"%s\" is no email address", text);
                return NULL;
        }
        domain = dns_normal(at + 1, false, error);
        return domain ? g_strconcat(local, "@", domain, NULL) : NULL;
}

/* RFC 5280, 4.2.1.6: absolute, in ASCII (IRIs are mapped by whoever writes them), and what has an authority
 * has a host in it. */
static char *uri_normal(const char *text, GError **error)
{
        g_autofree char *host = NULL, *scheme = NULL;
        const char *colon = strchr(text, ':');
        size_t length = strlen(text);

        if (length == 0 || length > URI_MAX || !is_printable_ascii(text, length) || !colon ||
            colon[1] == '\0' ||
            !g_uri_split(text, G_URI_FLAGS_NONE, &scheme, NULL, &host, NULL, NULL, NULL, NULL, NULL) ||
            !scheme) {
                refuse(error, "\"%s\" is no absolute URI\nWrite it as \"uri:spiffe://example.org/web\".",
                       text);
                return NULL;
        }
        if (g_str_has_prefix(colon, "://") && (!host || !*host)) {
                refuse(error, "\"%s\" names no host, which a URI in a certificate must (RFC 5280, 4.2.1.6)",
                       text);
                return NULL;
        }
        return g_strdup(text);
}

/* ---- Parsing and printing ---- */

static SanType type_of_text(const char *text, const char **ret_value)
{
        uint8_t bytes[16];

        for (SanType t = 0; t < _SAN_TYPE_MAX; t++)
                if (g_ascii_strncasecmp(text, prefixes[t], strlen(prefixes[t])) == 0) {
                        *ret_value = text + strlen(prefixes[t]);
                        return t;
                }
        *ret_value = text;
        return address_parse(text, bytes) > 0 ? SAN_IP : SAN_DNS;
}

San *san_parse(const char *text, GError **error)
{
        const char *rest;
        SanType type = type_of_text(text, &rest);
        char *value = NULL;
        San *san;

        switch (type) {
        case SAN_DNS:
                value = dns_normal(rest, true, error);
                break;
        case SAN_IP:
                value = ip_normal(rest, error);
                break;
        case SAN_EMAIL:
                value = email_normal(rest, error);
                break;
        case SAN_URI:
                value = uri_normal(rest, error);
                break;
        default:
                g_assert_not_reached();
        }
        if (!value)
                return NULL;
        san = g_new(San, 1);
        *san = (San){ .type = type, .value = value };
        return san;
}

San *san_free(San *san)
{
        if (san)
                g_free(san->value);
        g_free(san);
        return NULL;
}

char *san_to_string(const San *san)
{
        return g_strconcat(san->type == SAN_DNS ? "" : prefixes[san->type], san->value, NULL);
}

const char *san_text_value(const char *text)
{
        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
                if (g_str_has_prefix(text, prefixes[i]))
                        return text + strlen(prefixes[i]);
        return text;
}

/* ---- What a certificate or a request holds ---- */

/* A dNSName that reads like another kind of name keeps its "dns:", so that no certificate can pass a name of
 * one kind off as one of another. */
static char *text_of_dns(const char *value)
{
        uint8_t bytes[16];
        g_autofree char *lower = g_ascii_strdown(value, -1);

        return strchr(lower, ':') || address_parse(lower, bytes) > 0 ? g_strconcat("dns:", lower, NULL)
                                                                     : g_steal_pointer(&lower);
}

static char *text_of_email(const char *value)
{
        const char *at = strrchr(value, '@');
        g_autofree char *local = g_strndup(value, at ? (size_t) (at - value) : strlen(value));
        g_autofree char *domain = at ? g_ascii_strdown(at, -1) : NULL;

        return g_strconcat("email:", local, domain, NULL);
}

/* Returns NULL when the name cannot be shown: it holds a NUL byte or is not ASCII (all these are IA5Strings).
 */
static char *text_of_general_name(unsigned type, const gnutls_datum_t *name, const gnutls_datum_t *oid)
{
        g_autofree char *value = NULL;

        switch (type) {
        case GNUTLS_SAN_IPADDRESS:
                value = address_to_string(name->data, name->size);
                return value ? g_strconcat("ip:", value, NULL) : NULL;
        case GNUTLS_SAN_DNSNAME:
        case GNUTLS_SAN_RFC822NAME:
        case GNUTLS_SAN_URI:
                if (name->size == 0 || !is_printable_ascii((const char *) name->data, name->size))
                        return NULL;
                value = g_strndup((const char *) name->data, name->size);
                if (type == GNUTLS_SAN_DNSNAME)
                        return text_of_dns(value);
                return type == GNUTLS_SAN_URI ? g_strconcat("uri:", value, NULL) : text_of_email(value);
        case GNUTLS_SAN_DN:
                return g_strdup("other:directory-name");
        default:
                if (oid && oid->data && oid->size > 0 &&
                    is_printable_ascii((const char *) oid->data, oid->size))
                        return g_strdup_printf("other:%.*s", (int) MIN(oid->size, 128),
                                               (const char *) oid->data);
                return g_strdup_printf("other:%u", type);
        }
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static char **sorted_without_duplicates(GPtrArray *texts)
{
        unsigned kept = 0;

        g_ptr_array_sort(texts, compare_texts);
        for (unsigned i = 0; i < texts->len; i++) {
                if (kept > 0 && g_str_equal(texts->pdata[kept - 1], texts->pdata[i]))
                        g_free(texts->pdata[i]);
                else
                        texts->pdata[kept++] = texts->pdata[i];
        }
        g_ptr_array_set_free_func(texts, NULL);
        g_ptr_array_set_size(texts, (int) kept);
        g_ptr_array_add(texts, NULL);
        return (char **) g_ptr_array_free(texts, FALSE);
}

static void bad_names(GError **error, const char *why)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "Its subject alternative names cannot be used: %s", why);
}

static char **texts_of_names(gnutls_subject_alt_names_t names, GError **error)
{
        g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

        for (unsigned i = 0;; i++) {
                gnutls_datum_t name = { NULL, 0 }, oid = { NULL, 0 };
                unsigned type = 0;
                char *text;
                int r = gnutls_subject_alt_names_get(names, i, &type, &name, &oid);

                if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        return sorted_without_duplicates(g_steal_pointer(&texts));
                if (r < 0) {
                        bad_names(error, gnutls_strerror(r));
                        return NULL;
                }
                if (i >= SANS_MAX) {
                        bad_names(error, "there are more than " G_STRINGIFY(SANS_MAX));
                        return NULL;
                }
                text = text_of_general_name(type, &name, &oid);
                if (!text) {
                        bad_names(error,
                                  "one holds a NUL byte, a character outside ASCII or a broken address");
                        return NULL;
                }
                g_ptr_array_add(texts, text);
        }
}

/* `r` and `extension` are what GnuTLS answered for the extension, which is freed. */
static char **texts_of_extension(int r, gnutls_datum_t *extension, GError **error)
{
        gnutls_subject_alt_names_t names = NULL;
        char **texts = NULL;

        if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                return g_new0(char *, 1);
        if (r >= 0)
                r = gnutls_subject_alt_names_init(&names);
        if (r >= 0)
                r = gnutls_x509_ext_import_subject_alt_names(extension, names, 0);
        if (r < 0)
                bad_names(error, gnutls_strerror(r));
        else
                texts = texts_of_names(names, error);
        if (names)
                gnutls_subject_alt_names_deinit(names);
        gnutls_free(extension->data);
        return texts;
}

char **san_list_of_certificate(gnutls_x509_crt_t crt, GError **error)
{
        gnutls_datum_t extension = { NULL, 0 };

        return texts_of_extension(gnutls_x509_crt_get_extension_by_oid2(crt, OID_SAN, 0, &extension, NULL),
                                  &extension, error);
}

char **san_list_of_request(gnutls_x509_crq_t crq, GError **error)
{
        gnutls_datum_t extension = { NULL, 0 };

        return texts_of_extension(gnutls_x509_crq_get_extension_by_oid2(crq, OID_SAN, 0, &extension, NULL),
                                  &extension, error);
}

/* ---- Adding names ---- */

/* The bytes of a name as an extension holds it: an address in binary, all else as it stands. */
static const void *san_bytes(const San *san, uint8_t address[static 16], unsigned *ret_size)
{
        if (san->type != SAN_IP) {
                *ret_size = (unsigned) strlen(san->value);
                return san->value;
        }
        *ret_size = (unsigned) address_parse(san->value, address);
        return address;
}

static bool added(int r, const San *san, GError **error)
{
        if (r >= 0)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "Cannot add the name \"%s\": %s",
                    san->value, gnutls_strerror(r));
        return false;
}

bool san_add_to_request(const San *san, gnutls_x509_crq_t crq, GError **error)
{
        uint8_t address[16];
        unsigned size;
        const void *bytes = san_bytes(san, address, &size);

        return added(gnutls_x509_crq_set_subject_alt_name(crq, gnutls_types[san->type], bytes, size,
                                                          GNUTLS_FSAN_APPEND),
                     san, error);
}

bool san_add_to_certificate(const San *san, gnutls_x509_crt_t crt, GError **error)
{
        uint8_t address[16];
        unsigned size;
        const void *bytes = san_bytes(san, address, &size);

        return added(gnutls_x509_crt_set_subject_alt_name(crt, gnutls_types[san->type], bytes, size,
                                                          GNUTLS_FSAN_APPEND),
                     san, error);
}
