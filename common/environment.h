/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/x509.h>
#include <glib.h>
#include <stdbool.h>

/* Of which environment an authority is, as its own certificate says it: a comment (the extension nsComment,
 * 2.16.840.1.113730.1.13, IA5String, never critical) of exactly "cert-agent environment: NAME". The mark travels with the
 * certificate, so that a host of another environment knows it. */

#define ENVIRONMENT_OID "2.16.840.1.113730.1.13"

/* Sets the mark on a certificate that is being made. A GnuTLS error. `environment` is ASCII, at most 64 bytes. */
int environment_mark(gnutls_x509_crt_t crt, const char *environment);

/* The environment that a certificate names; NULL: none, or a comment of another kind. Caller owns. */
char *environment_of_certificate(gnutls_x509_crt_t crt);
