/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Extended key usages (RFC 5280, 4.2.1.12): names, and what a certificate or a request says. */

#include "common/usage.h"

#include <string.h>

/* More purposes than this in one certificate are not read: the rest counts as USAGE_OTHER. */
#define PURPOSES_MAX 32

Usage usage_from_string(const char *s)
{
        if (g_strcmp0(s, "server") == 0)
                return USAGE_SERVER;
        if (g_strcmp0(s, "client") == 0)
                return USAGE_CLIENT;
        return 0;
}

char **usage_to_strv(Usage set)
{
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();

        if (set & USAGE_SERVER)
                g_strv_builder_add(b, "server");
        if (set & USAGE_CLIENT)
                g_strv_builder_add(b, "client");
        if (set & USAGE_OTHER)
                g_strv_builder_add(b, "other");
        return g_strv_builder_end(b);
}

static Usage usage_of_oid(const char *oid, size_t size)
{
        if (size > 0 && oid[size - 1] == '\0')
                size--;
        if (size == strlen(GNUTLS_KP_TLS_WWW_SERVER) && memcmp(oid, GNUTLS_KP_TLS_WWW_SERVER, size) == 0)
                return USAGE_SERVER;
        if (size == strlen(GNUTLS_KP_TLS_WWW_CLIENT) && memcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT, size) == 0)
                return USAGE_CLIENT;
        return USAGE_OTHER;
}

Usage usage_of_certificate(gnutls_x509_crt_t crt)
{
        Usage set = 0;

        for (unsigned i = 0; i < PURPOSES_MAX; i++) {
                char oid[128];
                size_t size = sizeof(oid);
                int r = gnutls_x509_crt_get_key_purpose_oid(crt, i, oid, &size, NULL);

                if (r == GNUTLS_E_SHORT_MEMORY_BUFFER)
                        set |= USAGE_OTHER;
                else if (r < 0)
                        return set;
                else
                        set |= usage_of_oid(oid, size);
        }
        return set | USAGE_OTHER;
}

Usage usage_of_request(gnutls_x509_crq_t crq)
{
        Usage set = 0;

        for (unsigned i = 0; i < PURPOSES_MAX; i++) {
                char oid[128];
                size_t size = sizeof(oid);
                unsigned critical;
                int r = gnutls_x509_crq_get_key_purpose_oid(crq, i, oid, &size, &critical);

                if (r == GNUTLS_E_SHORT_MEMORY_BUFFER)
                        set |= USAGE_OTHER;
                else if (r < 0)
                        return set;
                else
                        set |= usage_of_oid(oid, size);
        }
        return set | USAGE_OTHER;
}
