/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subtrees of names (RFC 5280, 4.2.1.10). This file owns their syntax and the question whether a name lies in
 * one; the names themselves are san.c's. */

#include "common/subtree.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <string.h>

static const char *const prefixes[_SAN_TYPE_MAX] = {
        [SAN_DNS] = "dns:",
        [SAN_IP] = "ip:",
        [SAN_EMAIL] = "email:",
        [SAN_URI] = "uri:",
};

/* ---- Syntax ---- */

/* A host's name in normal form; what a name of a certificate may not be is no subtree either. */
static char *host_normal(const char *text, GError **error)
{
        g_autofree char *whole = g_strconcat("dns:", text, NULL);
        g_autoptr(San) san = NULL;

        if (strchr(text, '*')) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "\"%s\" has a wildcard, which a subtree has no use for\nWrite the name alone: "
                            "all below it "
                            "is meant as well.",
                            text);
                return NULL;
        }
        san = san_parse(whole, error);
        return san ? g_steal_pointer(&san->value) : NULL;
}

static char *dns_normal(const char *text, GError **error)
{
        if (text[0] != '.')
                return host_normal(text, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                    "\"%s\" starts with a dot\nWrite \"%s\": all below it is meant as well.", text, text + 1);
        return NULL;
}

/* RFC 5280: a leading dot is the domain without the host of that name. */
static char *host_or_domain_normal(const char *text, GError **error)
{
        g_autofree char *host = host_normal(text[0] == '.' ? text + 1 : text, error);

        return host ? g_strconcat(text[0] == '.' ? "." : "", host, NULL) : NULL;
}

static char *email_normal(const char *text, GError **error)
{
        g_autofree char *whole = g_strconcat("email:", text, NULL);
        g_autoptr(San) san = NULL;

        if (!strchr(text, '@'))
                return host_or_domain_normal(text, error);
        san = san_parse(whole, error);
        return san ? g_steal_pointer(&san->value) : NULL;
}

static char *uri_normal(const char *text, GError **error)
{
        if (!strchr(text, '/') && !strchr(text, ':'))
                return host_or_domain_normal(text, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                    "\"%s\" is more than the host of a URI, which is all that can be constrained\nWrite "
                    "\"uri:example.org\".",
                    text);
        return NULL;
}

static bool refuse_network(const char *text, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                    "\"%s\" is no network\nWrite \"ip:192.0.2.0/24\" or \"ip:2001:db8::/32\"; a single "
                    "address is one of "
                    "/32 or /128.",
                    text);
        return false;
}

/* Bits of the address behind the mask are a mistake in one of the two, and nobody can know in which. */
static bool refuse_host_bits(const char *text, const uint8_t *address, const uint8_t *mask, unsigned size,
                             unsigned bits, GError **error)
{
        char buffer[INET6_ADDRSTRLEN];
        uint8_t masked[16];

        for (unsigned i = 0; i < size; i++)
                masked[i] = address[i] & mask[i];
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                    "\"%s\" names a host in a network, not a network\nWrite \"ip:%s/%u\".", text,
                    inet_ntop(size == 4 ? AF_INET : AF_INET6, masked, buffer, sizeof(buffer)), bits);
        return false;
}

/* "ADDRESS/BITS" (RFC 4632, 3.1; RFC 4291, 2.3) to address and mask. */
static bool network_parse(Subtree *t, const char *text, GError **error)
{
        const char *slash = strchr(text, '/');
        g_autofree char *address = slash ? g_strndup(text, (size_t) (slash - text)) : NULL;
        char buffer[INET6_ADDRSTRLEN];
        unsigned size;
        guint64 bits;
        int family;

        if (!address)
                return refuse_network(text, error);
        family = strchr(address, ':') ? AF_INET6 : AF_INET;
        size = family == AF_INET ? 4 : 16;
        if (inet_pton(family, address, t->network) != 1 ||
            !g_ascii_string_to_unsigned(slash + 1, 10, 0, 8 * size, &bits, NULL))
                return refuse_network(text, error);
        for (unsigned i = 0; i < size; i++) {
                unsigned left = bits > 8 * i ? MIN(8, (unsigned) bits - 8 * i) : 0;

                t->network[size + i] = (uint8_t) (0xff00 >> left);
        }
        for (unsigned i = 0; i < size; i++)
                if (t->network[i] & ~t->network[size + i])
                        return refuse_host_bits(text, t->network, t->network + size, size, (unsigned) bits,
                                                error);
        t->network_size = 2 * size;
        t->base = g_strdup_printf("%s/%u", inet_ntop(family, t->network, buffer, sizeof(buffer)),
                                  (unsigned) bits);
        return true;
}

static SanType type_of_text(const char *text, const char **ret_rest)
{
        for (SanType type = 0; type < _SAN_TYPE_MAX; type++)
                if (g_ascii_strncasecmp(text, prefixes[type], strlen(prefixes[type])) == 0) {
                        *ret_rest = text + strlen(prefixes[type]);
                        return type;
                }
        *ret_rest = text;
        return SAN_DNS;
}

Subtree *subtree_parse(const char *text, GError **error)
{
        g_autoptr(Subtree) t = g_new0(Subtree, 1);
        const char *rest;

        t->type = type_of_text(text, &rest);
        if (rest == text && strchr(text, '/')) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "\"%s\" is no DNS name\nWrite \"ip:%s\" for a network.", text, text);
                return NULL;
        }
        switch (t->type) {
        case SAN_DNS:
                t->base = dns_normal(rest, error);
                break;
        case SAN_IP:
                network_parse(t, rest, error);
                break;
        case SAN_EMAIL:
                t->base = email_normal(rest, error);
                break;
        case SAN_URI:
                t->base = uri_normal(rest, error);
                break;
        default:
                g_assert_not_reached();
        }
        return t->base ? g_steal_pointer(&t) : NULL;
}

Subtree *subtree_free(Subtree *t)
{
        if (t)
                g_free(t->base);
        g_free(t);
        return NULL;
}

char *subtree_to_string(const Subtree *t)
{
        bool is_plain = t->type < 0 || t->type == SAN_DNS;

        return g_strconcat(is_plain ? "" : prefixes[t->type], t->base, NULL);
}

/* ---- In a certificate ---- */

static const gnutls_x509_subject_alt_name_t general_names[_SAN_TYPE_MAX] = {
        [SAN_DNS] = GNUTLS_SAN_DNSNAME,
        [SAN_IP] = GNUTLS_SAN_IPADDRESS,
        [SAN_EMAIL] = GNUTLS_SAN_RFC822NAME,
        [SAN_URI] = GNUTLS_SAN_URI,
};

static SanType type_of_general_name(gnutls_x509_subject_alt_name_t general)
{
        for (SanType type = 0; type < _SAN_TYPE_MAX; type++)
                if (general_names[type] == general)
                        return type;
        return _SAN_TYPE_INVALID;
}

/* Lower case, but for a mailbox's part before the @. */
static char *base_of_value(const gnutls_datum_t *value)
{
        g_autofree char *text = g_strndup((const char *) value->data, value->size);
        const char *host = strrchr(text, '@') ?: text;
        g_autofree char *lower = g_ascii_strdown(host, -1);

        return g_strdup_printf("%.*s%s", (int) (host - text), text, lower);
}

/* The mask as a number of bits, or written out when its bits are not the first ones. */
static char *mask_to_string(const uint8_t *mask, unsigned size)
{
        char buffer[INET6_ADDRSTRLEN];
        unsigned bits = 0;

        while (bits < 8 * size && (mask[bits / 8] & (0x80 >> bits % 8)))
                bits++;
        for (unsigned i = bits; i < 8 * size; i++)
                if (mask[i / 8] & (0x80 >> i % 8))
                        return g_strdup(
                                inet_ntop(size == 4 ? AF_INET : AF_INET6, mask, buffer, sizeof(buffer)));
        return g_strdup_printf("%u", bits);
}

/* What is no network covers no address. */
static void network_read(Subtree *t, const gnutls_datum_t *value)
{
        unsigned size = value->size / 2;
        char buffer[INET6_ADDRSTRLEN];
        g_autofree char *mask = NULL;

        if (value->size != 8 && value->size != 32) {
                t->base = g_strdup("?");
                return;
        }
        memcpy(t->network, value->data, value->size);
        for (unsigned i = 0; i < size; i++)
                t->network[i] &= t->network[size + i];
        t->network_size = value->size;
        mask = mask_to_string(t->network + size, size);
        t->base = g_strdup_printf(
                "%s/%s", inet_ntop(size == 4 ? AF_INET : AF_INET6, t->network, buffer, sizeof(buffer)), mask);
}

Subtree *subtree_new(gnutls_x509_subject_alt_name_t type, const gnutls_datum_t *value)
{
        Subtree *t = g_new0(Subtree, 1);

        t->type = type_of_general_name(type);
        t->is_directory_name = type == GNUTLS_SAN_DN;
        if (t->type == SAN_IP)
                network_read(t, value);
        else if (t->type < 0)
                t->base = g_strdup(t->is_directory_name ? "a directory name" : "a name of an unknown kind");
        else
                t->base = base_of_value(value);
        return t;
}

gnutls_x509_subject_alt_name_t subtree_general_name(const Subtree *t, gnutls_datum_t *ret_value)
{
        if (t->type == SAN_IP)
                *ret_value = (gnutls_datum_t){ (unsigned char *) t->network, t->network_size };
        else
                *ret_value = (gnutls_datum_t){ (unsigned char *) t->base, (unsigned) strlen(t->base) };
        return general_names[t->type];
}

/* ---- Names in it ---- */

static bool lies_below(const char *host, const char *domain)
{
        size_t length = strlen(host), tail = strlen(domain);

        return length > tail && host[length - tail - 1] == '.' && g_str_equal(host + length - tail, domain);
}

/* Of email and uri: a host, or with a leading dot all below it. Nothing at all is every host. */
static bool host_covers(const char *base, const char *host)
{
        return !*base || (base[0] == '.' ? lies_below(host, base + 1) : g_str_equal(base, host));
}

/* Of dns: all that "*.example.org" stands for lies in a subtree when example.org does. */
static bool dns_covers(const char *base, const char *name)
{
        if (!*base || base[0] == '.')
                return host_covers(base, name);
        if (g_str_has_prefix(name, "*."))
                name += 2;
        return g_str_equal(base, name) || lies_below(name, base);
}

static bool email_covers(const char *base, const char *mailbox)
{
        const char *at = strrchr(mailbox, '@');

        if (strchr(base, '@'))
                return g_str_equal(base, mailbox);
        return at && host_covers(base, at + 1);
}

/* The host of a URI, lower case; NULL when there is none, or an address in its place. Caller owns. */
static char *uri_host(const char *uri)
{
        g_autofree char *host = NULL;
        uint8_t address[16];

        if (!g_uri_split(uri, G_URI_FLAGS_NONE, NULL, NULL, &host, NULL, NULL, NULL, NULL, NULL) || !host ||
            !*host || inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
                return NULL;
        return g_ascii_strdown(host, -1);
}

/* RFC 5280: what names no host, or an address in its place, is in no subtree. */
static bool uri_covers(const char *base, const char *uri)
{
        g_autofree char *host = uri_host(uri);

        return host && host_covers(base, host);
}

static bool network_covers(const Subtree *t, const char *address)
{
        unsigned size = t->network_size / 2;
        uint8_t bytes[16];

        if (size == 0 || inet_pton(size == 4 ? AF_INET : AF_INET6, address, bytes) != 1)
                return false;
        for (unsigned i = 0; i < size; i++)
                if ((bytes[i] & t->network[size + i]) != t->network[i])
                        return false;
        return true;
}

bool subtree_covers(const Subtree *t, const San *name)
{
        if (t->type != name->type)
                return false;
        switch (t->type) {
        case SAN_DNS:
                return dns_covers(t->base, name->value);
        case SAN_IP:
                return network_covers(t, name->value);
        case SAN_EMAIL:
                return email_covers(t->base, name->value);
        case SAN_URI:
                return uri_covers(t->base, name->value);
        default:
                g_assert_not_reached();
        }
}

bool subtree_touches(const Subtree *t, const San *name)
{
        const char *parent;

        if (t->type != name->type)
                return false;
        if (subtree_covers(t, name))
                return true;
        if (t->type == SAN_URI) {
                g_autofree char *host = uri_host(name->value);

                return !host;
        }
        if (t->type != SAN_DNS || !g_str_has_prefix(name->value, "*."))
                return false;
        /* "*.example.org" stands for www.example.org, which is this subtree */
        parent = strchr(t->base, '.');
        return parent && g_str_equal(parent + 1, name->value + 2);
}

bool subtree_permits(const GPtrArray *permitted, const GPtrArray *excluded, const San *name)
{
        bool is_constrained = false, is_inside = false;

        for (unsigned i = 0; excluded && i < excluded->len; i++)
                if (subtree_touches(excluded->pdata[i], name))
                        return false;
        for (unsigned i = 0; permitted && i < permitted->len; i++) {
                const Subtree *t = permitted->pdata[i];

                is_constrained |= t->type == name->type;
                is_inside |= subtree_covers(t, name);
        }
        return !is_constrained || is_inside;
}
