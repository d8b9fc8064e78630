/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subtrees of names (RFC 5280, 4.2.1.10). This file owns their syntax and the question whether a name lies in one; the
 * names themselves are san.c's. */

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
                            "\"%s\" has a wildcard, which a subtree has no use for\nWrite the name alone: all below it "
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
                    "\"%s\" is no network\nWrite \"ip:192.0.2.0/24\" or \"ip:2001:db8::/32\"; a single address is one of "
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
                        return refuse_host_bits(text, t->network, t->network + size, size, (unsigned) bits, error);
        t->network_size = 2 * size;
        t->base = g_strdup_printf("%s/%u", inet_ntop(family, t->network, buffer, sizeof(buffer)), (unsigned) bits);
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
        return g_strconcat(t->type == SAN_DNS ? "" : prefixes[t->type], t->base, NULL);
}

/* ---- Names in it ---- */

static bool lies_below(const char *host, const char *domain)
{
        size_t length = strlen(host), tail = strlen(domain);

        return length > tail && host[length - tail - 1] == '.' && g_str_equal(host + length - tail, domain);
}

/* Of email and uri: a host, or with a leading dot all below it. */
static bool host_covers(const char *base, const char *host)
{
        return base[0] == '.' ? lies_below(host, base + 1) : g_str_equal(base, host);
}

static bool email_covers(const char *base, const char *mailbox)
{
        const char *at = strrchr(mailbox, '@');

        if (strchr(base, '@'))
                return g_str_equal(base, mailbox);
        return at && host_covers(base, at + 1);
}

/* RFC 5280: what names no host, or an address in its place, is in no subtree. */
static bool uri_covers(const char *base, const char *uri)
{
        g_autofree char *host = NULL, *lower = NULL;

        if (!g_uri_split(uri, G_URI_FLAGS_NONE, NULL, NULL, &host, NULL, NULL, NULL, NULL, NULL) || !host)
                return false;
        lower = g_ascii_strdown(host, -1);
        return host_covers(base, lower);
}

static bool network_covers(const Subtree *t, const char *address)
{
        unsigned size = t->network_size / 2;
        uint8_t bytes[16];

        if (inet_pton(size == 4 ? AF_INET : AF_INET6, address, bytes) != 1)
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
                return g_str_equal(t->base, name->value) || lies_below(name->value, t->base);
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

bool subtree_permits(const GPtrArray *permitted, const GPtrArray *excluded, const San *name)
{
        bool is_constrained = false, is_inside = false;

        for (unsigned i = 0; excluded && i < excluded->len; i++)
                if (subtree_covers(excluded->pdata[i], name))
                        return false;
        for (unsigned i = 0; permitted && i < permitted->len; i++) {
                const Subtree *t = permitted->pdata[i];

                is_constrained |= t->type == name->type;
                is_inside |= subtree_covers(t, name);
        }
        return !is_constrained || is_inside;
}
