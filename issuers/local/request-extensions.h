/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/x509.h>
#include <stdbool.h>

/* The extensions that a request from elsewhere asks for (RFC 2985, 5.4.2). None is ever copied: names and usage are read
 * from them, what no leaf of this authority may have is refused, and the rest is left out. */

#define REQUEST_NAMES_MAX 100

/* What may be asked for, and was not said to be left out by the caller. */
typedef struct RequestExtensions {
        char **names;   /* text forms (common/san.h), sorted; NULL: not wanted */
        unsigned usage; /* Usage bits; 0: it does not say */
} RequestExtensions;

/* Which of them the caller wants: the others may then be of any kind. */
typedef enum RequestExtensionsWanted {
        REQUEST_NAMES = 1 << 0,
        REQUEST_USAGE = 1 << 1,
} RequestExtensionsWanted;

/* Which there are, each once, and not too many: to be called before GnuTLS is asked for anything else of the request, its key
 * included, because that looks for extensions in a time which grows with the square of their number. ISSUER_REFUSED. */
bool request_extensions_check(gnutls_x509_crq_t crq, GError **error);

/* Of a request that was checked. ISSUER_REFUSED says which extension is in the way, and why. */
bool request_extensions_read(gnutls_x509_crq_t crq, RequestExtensionsWanted wanted, RequestExtensions *ret,
                             GError **error);
