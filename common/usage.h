/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/x509.h>

/* What a certificate is for: the extended key usages that a manifest may name (RFC 5280, 4.2.1.12). */

typedef enum Usage {
        USAGE_SERVER = 1 << 0,
        USAGE_CLIENT = 1 << 1,
        USAGE_OTHER = 1 << 2, /* seen in a certificate only: any further purpose */
} Usage;

Usage usage_from_string(const char *s);   /* "server", "client"; 0 when unknown */
char **usage_to_strv(Usage set);          /* caller owns */
Usage usage_of_certificate(gnutls_x509_crt_t crt); /* none at all: 0 */
Usage usage_of_request(gnutls_x509_crq_t crq);
