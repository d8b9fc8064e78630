/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Environments
 *
 * The mark by which a CA's certificate says of which environment it is. A comment is what every tool shows in
 * plain text, no verifier acts on it (it is not critical, RFC 5280, 4.2), and it needs no number of our own.
 * It owns nothing.
 */

#include "common/environment.h"

#include <string.h>

#define PREFIX          "cert-agent environment: "
#define ENVIRONMENT_MAX 64 /* bytes */
#define TAG_IA5_STRING  0x16

int environment_mark(gnutls_x509_crt_t crt, const char *environment)
{
        g_autofree char *der = NULL;
        size_t size = strlen(PREFIX) + strlen(environment);

        if (strlen(environment) > ENVIRONMENT_MAX || !g_str_is_ascii(environment))
                return GNUTLS_E_INVALID_REQUEST;
        /* Less than 128 bytes, so the length takes one (X.690, 8.1.3.4). */
        der = g_strdup_printf("%c%c" PREFIX "%s", TAG_IA5_STRING, (int) size, environment);
        return gnutls_x509_crt_set_extension_by_oid(crt, ENVIRONMENT_OID, der, 2 + size, 0);
}

char *environment_of_certificate(gnutls_x509_crt_t crt)
{
        unsigned char der[2 + sizeof(PREFIX) + ENVIRONMENT_MAX];
        size_t size = sizeof(der), prefix = 2 + strlen(PREFIX);
        unsigned critical;

        /* Longer ones are comments of another kind. */
        if (gnutls_x509_crt_get_extension_by_oid(crt, ENVIRONMENT_OID, 0, der, &size, &critical) < 0)
                return NULL;
        if (size <= prefix || der[0] != TAG_IA5_STRING || der[1] != size - 2 ||
            memcmp(der + 2, PREFIX, strlen(PREFIX)) != 0 || memchr(der + prefix, '\0', size - prefix))
                return NULL;
        return g_strndup((const char *) der + prefix, size - prefix);
}
