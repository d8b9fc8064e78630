/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <glib.h>
#include <gnutls/x509.h>
#include <stdbool.h>

/* A subject alternative name (RFC 5280, 4.2.1.6) and its one text form, used in the manifest, in the plan,
 * on the bus and towards issuers: "www.example.org" (also "*.example.org"), "ip:192.0.2.1", "ip:2001:db8::1",
 * "email:a@b.example", "uri:spiffe://x/y". */

typedef enum SanType {
        SAN_DNS,
        SAN_IP,
        SAN_EMAIL,
        SAN_URI,
        _SAN_TYPE_MAX,
        _SAN_TYPE_INVALID = -EINVAL,
} SanType;

typedef struct San {
        SanType type;
        char *value; /* in normal form: DNS lower case A-labels without a final dot, IP as inet_ntop prints it */
} San;

/* Parses one name as a manifest writes it ("dns:" is allowed too, a bare IP address is an IP). On failure
 * CERT_ERROR_MANIFEST_INVALID with the reason in words. Wildcards: only a whole left-most label, at least
 * two labels after it. The caller owns the result. */
San *san_parse(const char *text, GError **error);
San *san_free(San *san);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(San, san_free)

char *san_to_string(const San *san); /* the text form; caller owns */

/* The name alone in a text form: "192.0.2.1" of "ip:192.0.2.1". A part of `text`. */
const char *san_text_value(const char *text);

/* All SANs of a certificate or request in text form, sorted, without duplicates; names of a kind this
 * project does not know appear as "other:TYPE". Caller owns (g_strfreev). NULL with CERT_ERROR_BAD_CERTIFICATE
 * when they cannot be read, hold a NUL byte, or are more than 1,000. */
char **san_list_of_certificate(gnutls_x509_crt_t crt, GError **error);
char **san_list_of_request(gnutls_x509_crq_t crq, GError **error);

/* Adds a name to a request or a certificate. */
bool san_add_to_request(const San *san, gnutls_x509_crq_t crq, GError **error);
bool san_add_to_certificate(const San *san, gnutls_x509_crt_t crt, GError **error);
