/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One name constraint: its text form, its form in a certificate, and which names lie in it (RFC
 * 5280, 4.2.1.10). It owns its value, and the rules of matching for each type of name. */

#include "common/constraint.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <string.h>

static const char *const prefixes[_SAN_TYPE_MAX] = {
        [SAN_DNS] = "dns:",
        [SAN_IP] = "ip:",
        [SAN_EMAIL] = "email:",
        [SAN_URI] = "uri:",
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

static Constraint *constraint_of(SanType type, char *value)
{
        Constraint *c = g_new0(Constraint, 1);

        c->type = type;
        c->value = value;
        return c;
}

Constraint *constraint_free(Constraint *c)
{
        if (c)
                g_free(c->value);
        g_free(c);
        return NULL;
}

/* ---- Networks ---- */

static void mask_set(uint8_t *mask, unsigned size, unsigned bits)
{
        for (unsigned i = 0; i < size; i++)
                mask[i] = bits >= (i + 1) * 8 ? 0xff : bits <= i * 8 ? 0 : (uint8_t) (0xff << (8 - bits % 8));
}

/* How many bits are set, or -1 when they are not the first ones. */
static int mask_bits(const uint8_t *mask, unsigned size)
{
        uint8_t same[16];
        unsigned bits = 0;

        while (bits < size * 8 && (mask[bits / 8] & (0x80 >> bits % 8)))
                bits++;
        mask_set(same, size, bits);
        return memcmp(mask, same, size) == 0 ? (int) bits : -1;
}

static char *address_to_string(const uint8_t *bytes, unsigned size)
{
        char buffer[INET6_ADDRSTRLEN];

        return g_strdup(inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, buffer, sizeof(buffer)));
}

static bool address_in(const Constraint *c, const uint8_t *bytes, unsigned size)
{
        if (size != c->size)
                return false;
        for (unsigned i = 0; i < size; i++)
                if ((bytes[i] & c->mask[i]) != c->address[i])
                        return false;
        return true;
}

/* "ADDRESS" or "ADDRESS/BITS"; false when the part before the slash is no address. */
static bool network_split(const char *text, Constraint *c, const char **ret_bits)
{
        size_t length = strcspn(text, "/");
        g_autofree char *address = g_strndup(text, length);

        if (inet_pton(AF_INET, address, c->address) == 1)
                c->size = 4;
        else if (inet_pton(AF_INET6, address, c->address) == 1)
                c->size = 16;
        *ret_bits = text[length] == '/' ? text + length + 1 : NULL;
        return c->size > 0;
}

static bool network_parse(const char *text, Constraint *c, GError **error)
{
        const char *bits_text;
        guint64 bits;
        g_autofree char *network = NULL;
        bool exact = true;

        if (!network_split(text, c, &bits_text))
                return refuse(
                        error,
                        "\"%s\" is no network\nWrite it as \"ip:192.0.2.0/24\" or \"ip:2001:db8::/32\".",
                        text);
        bits = c->size * 8;
        if (bits_text && !g_ascii_string_to_unsigned(bits_text, 10, 0, c->size * 8, &bits, NULL))
                return refuse(error, "\"%s\" is no network: what follows the slash is a number from 0 to %u",
                              text, c->size * 8);
        mask_set(c->mask, c->size, (unsigned) bits);
        for (unsigned i = 0; i < c->size; i++) {
                exact = exact && (c->address[i] & ~c->mask[i]) == 0;
                c->address[i] &= c->mask[i];
        }
        network = address_to_string(c->address, c->size);
        return exact || refuse(error, "\"%s\" has bits set beyond the network's\nWrite it as \"ip:%s/%u\".",
                               text, network, (unsigned) bits);
}

static bool is_network(const char *text)
{
        Constraint c = { 0 };
        const char *bits;

        return network_split(text, &c, &bits);
}

/* ---- Parsing ---- */

/* The normal form of a host's name, as common/san.c has it. Caller owns. */
static char *host_parse(const char *text, GError **error)
{
        g_autofree char *prefixed = g_strconcat("dns:", text, NULL);
        g_autoptr(San) san = san_parse(prefixed, error);

        if (!san)
                return NULL;
        if (strchr(san->value, '*')) {
                refuse(error,
                       "\"%s\" has a wildcard, and a constraint has none\nA name stands for all names below "
                       "it, too.",
                       text);
                return NULL;
        }
        return g_steal_pointer(&san->value);
}

static char *dns_parse(const char *text, GError **error)
{
        if (text[0] == '.') {
                refuse(error,
                       "\"%s\" starts with a dot\nWrite it without: a name stands for itself and for all "
                       "below it.",
                       text);
                return NULL;
        }
        return host_parse(text, error);
}

/* For email and URI a leading dot means the hosts below it, and none that host alone (RFC 5280, 4.2.1.10). */
static char *dotted_host_parse(const char *text, GError **error)
{
        g_autofree char *host = host_parse(text + (text[0] == '.'), error);

        return host ? g_strconcat(text[0] == '.' ? "." : "", host, NULL) : NULL;
}

static char *email_parse(const char *text, GError **error)
{
        g_autofree char *prefixed = g_strconcat("email:", text, NULL);
        g_autoptr(San) san = NULL;

        if (!strchr(text, '@'))
                return dotted_host_parse(text, error);
        san = san_parse(prefixed, error);
        return san ? g_steal_pointer(&san->value) : NULL;
}

static char *uri_parse(const char *text, GError **error)
{
        if (strchr(text, '/') || strchr(text, ':')) {
                refuse(error,
                       "\"%s\" is not the name of a host\nA constraint on URIs names their host alone: "
                       "\"uri:host.example.org\", or \"uri:.example.org\" for all below it.",
                       text);
                return NULL;
        }
        return dotted_host_parse(text, error);
}

static SanType type_of_text(const char *text, const char **ret_value)
{
        for (SanType t = 0; t < _SAN_TYPE_MAX; t++)
                if (g_ascii_strncasecmp(text, prefixes[t], strlen(prefixes[t])) == 0) {
                        *ret_value = text + strlen(prefixes[t]);
                        return t;
                }
        *ret_value = text;
        return is_network(text) ? SAN_IP : SAN_DNS;
}

Constraint *constraint_parse(const char *text, GError **error)
{
        static char *(*const parsers[_SAN_TYPE_MAX])(const char *text, GError **error) = {
                [SAN_DNS] = dns_parse,
                [SAN_EMAIL] = email_parse,
                [SAN_URI] = uri_parse,
        };
        const char *rest;
        SanType type = type_of_text(text, &rest);
        g_autoptr(Constraint) c = constraint_of(type, NULL);

        if (type == SAN_IP)
                return network_parse(rest, c, error) ? g_steal_pointer(&c) : NULL;
        c->value = parsers[type](rest, error);
        return c->value ? g_steal_pointer(&c) : NULL;
}

/* ---- What a certificate holds ---- */

static SanType type_of_general_name(gnutls_x509_subject_alt_name_t type)
{
        switch (type) {
        case GNUTLS_SAN_DNSNAME:
                return SAN_DNS;
        case GNUTLS_SAN_IPADDRESS:
                return SAN_IP;
        case GNUTLS_SAN_RFC822NAME:
                return SAN_EMAIL;
        case GNUTLS_SAN_URI:
                return SAN_URI;
        default:
                return _SAN_TYPE_INVALID;
        }
}

static char *text_of_value(SanType type, const gnutls_datum_t *value)
{
        g_autofree char *text = g_strndup((const char *) value->data, value->size);
        const char *at = type == SAN_EMAIL ? strrchr(text, '@') : NULL;
        g_autofree char *host = g_ascii_strdown(at ? at : text, -1);

        return at ? g_strdup_printf("%.*s%s", (int) (at - text), text, host) : g_steal_pointer(&host);
}

Constraint *constraint_new(gnutls_x509_subject_alt_name_t type, const gnutls_datum_t *value)
{
        Constraint *c = constraint_of(type_of_general_name(type), NULL);

        c->is_directory_name = type == GNUTLS_SAN_DN;
        if (c->type != SAN_IP) {
                c->value = text_of_value(c->type, value);
                return c;
        }
        if (value->size != 8 && value->size != 32)
                return c; /* matches no address: nothing is permitted by it */
        c->size = value->size / 2;
        memcpy(c->mask, value->data + c->size, c->size);
        for (unsigned i = 0; i < c->size; i++)
                c->address[i] = value->data[i] & c->mask[i];
        return c;
}

char *constraint_to_string(const Constraint *c)
{
        g_autofree char *address = NULL, *mask = NULL;
        int bits;

        if (c->type < 0)
                return g_strdup(c->is_directory_name ? "a directory name" : "a name of an unknown kind");
        if (c->type != SAN_IP)
                return g_strconcat(prefixes[c->type], c->value, NULL);
        if (c->size == 0)
                return g_strdup("ip:?");
        bits = mask_bits(c->mask, c->size);
        address = address_to_string(c->address, c->size);
        mask = bits >= 0 ? g_strdup_printf("%d", bits) : address_to_string(c->mask, c->size);
        return g_strdup_printf("ip:%s/%s", address, mask);
}

gnutls_x509_subject_alt_name_t constraint_general_name(const Constraint *c, uint8_t bytes[static 32],
                                                       gnutls_datum_t *ret)
{
        static const gnutls_x509_subject_alt_name_t types[_SAN_TYPE_MAX] = {
                [SAN_DNS] = GNUTLS_SAN_DNSNAME,
                [SAN_IP] = GNUTLS_SAN_IPADDRESS,
                [SAN_EMAIL] = GNUTLS_SAN_RFC822NAME,
                [SAN_URI] = GNUTLS_SAN_URI,
        };

        if (c->type == SAN_IP) {
                memcpy(bytes, c->address, c->size);
                memcpy(bytes + c->size, c->mask, c->size);
                *ret = (gnutls_datum_t){ bytes, 2 * c->size };
        } else {
                *ret = (gnutls_datum_t){ (unsigned char *) c->value, (unsigned) strlen(c->value) };
        }
        return types[c->type];
}

/* ---- Matching ---- */

/* `host` is `subtree` or lies below it; a subtree that starts with a dot is what lies below alone. */
static bool host_below(const char *host, const char *subtree)
{
        size_t h = strlen(host), s = strlen(subtree);

        if (s == 0)
                return true;
        if (h < s || g_ascii_strcasecmp(host + h - s, subtree) != 0)
                return false;
        return subtree[0] == '.' ? h > s : h == s || host[h - s - 1] == '.';
}

/* Email and URI: that host, or with a leading dot those below it. */
static bool host_fits(const char *host, const char *constraint)
{
        return *constraint == '.' || !*constraint ? host_below(host, constraint)
                                                  : g_ascii_strcasecmp(host, constraint) == 0;
}

static bool email_in(const char *constraint, const char *mailbox)
{
        const char *at = strrchr(mailbox, '@'), *own = strrchr(constraint, '@');

        if (!at)
                return false;
        if (!own)
                return host_fits(at + 1, constraint);
        return at - mailbox == own - constraint && strncmp(mailbox, constraint, at - mailbox) == 0 &&
               g_ascii_strcasecmp(at, own) == 0;
}

/* "If a constraint is applied to the uniformResourceIdentifier form and a subsequent certificate includes a
 * subjectAltName extension with a URI that does not include an authority component with a host name specified
 * as a fully qualified domain name, then the application MUST reject the certificate" (RFC 5280, 4.2.1.10).
 * NULL: none; caller owns. */
static char *uri_host(const char *uri)
{
        g_autofree char *host = NULL;

        if (!g_uri_split(uri, G_URI_FLAGS_NONE, NULL, NULL, &host, NULL, NULL, NULL, NULL, NULL) || !host ||
            !*host || is_network(host) || strchr(host, ':'))
                return NULL;
        return g_steal_pointer(&host);
}

bool constraint_holds(const Constraint *c, const San *name)
{
        g_autofree char *host = NULL;
        uint8_t address[16];

        if (c->type != name->type)
                return false;
        switch (c->type) {
        case SAN_DNS:
                /* all that "*.d" stands for lies in a subtree when d does, or when the subtree is what is
                 * below d */
                return host_below(name->value, c->value) &&
                       (name->value[0] != '*' || c->value[0] == '.' || host_below(name->value + 2, c->value));
        case SAN_IP:
                return inet_pton(AF_INET, name->value, address) == 1    ? address_in(c, address, 4)
                       : inet_pton(AF_INET6, name->value, address) == 1 ? address_in(c, address, 16)
                                                                        : false;
        case SAN_EMAIL:
                return email_in(c->value, name->value);
        default:
                host = uri_host(name->value);
                return host && host_fits(host, c->value);
        }
}

bool constraint_touches(const Constraint *c, const San *name)
{
        const char *parent;

        if (constraint_holds(c, name))
                return true;
        if (c->type != name->type)
                return false;
        if (c->type == SAN_URI) {
                g_autofree char *host = uri_host(name->value);

                return !host;
        }
        if (c->type != SAN_DNS || !g_str_has_prefix(name->value, "*."))
                return false;
        /* "*.example.org" stands for www.example.org, which the subtree is */
        parent = strchr(c->value, '.');
        return parent && g_ascii_strcasecmp(parent + 1, name->value + 2) == 0;
}
