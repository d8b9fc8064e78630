/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <glib.h>
#include <systemd/sd-bus.h>

/* What can go wrong, as the bus names it: one GError domain, one table from code to D-Bus name and
 * default hint. A message's first line says what happened and to what; what follows the first newline,
 * if anything, is the hint: what the administrator should do. */

typedef enum CertError {
        CERT_ERROR_MANIFEST_INVALID,
        CERT_ERROR_NO_SUCH_CERTIFICATE,
        CERT_ERROR_NO_SUCH_ISSUER,
        CERT_ERROR_BUSY,
        CERT_ERROR_ISSUER_UNREACHABLE,
        CERT_ERROR_ISSUER_AUTHENTICATION,
        CERT_ERROR_ISSUER_REFUSED,
        CERT_ERROR_ISSUER_PROTOCOL,
        CERT_ERROR_ISSUER_TIMEOUT,
        CERT_ERROR_BAD_CERTIFICATE,
        CERT_ERROR_KEY_STORAGE,
        CERT_ERROR_INSTALL_FAILED,
        CERT_ERROR_UNIT_FAILED,
        CERT_ERROR_NOT_SERVING,
        CERT_ERROR_NOT_AUTHORIZED,
        CERT_ERROR_NOT_SUPPORTED,
        _CERT_ERROR_MAX,
        _CERT_ERROR_INVALID = -EINVAL,
} CertError;

#define CERT_ERROR (cert_error_quark())
GQuark cert_error_quark(void);

/* "org.certagent1.Error.NotServing" for a code; static. NULL when it is none. */
const char *cert_error_to_name(CertError code);

/* The code for a D-Bus error name, or _CERT_ERROR_INVALID. */
CertError cert_error_from_name(const char *name);

/* The code of any GError: its own in our domain, INSTALL_FAILED for G_FILE_ERROR, else _CERT_ERROR_INVALID. */
CertError cert_error_code(const GError *error);

/* The first line of the message; the caller owns it. */
char *cert_error_summary(const GError *error);

/* What to do: the message's part after the first newline, or the code's default. Never NULL; borrowed. */
const char *cert_error_hint(const GError *error);

/* From GError to a reply: sets `ret_error` to the D-Bus name and "summary\nhint", returns -errno for the
 * sd-bus callback to return. The only place where the two kinds of error meet. */
int cert_error_to_bus(const GError *error, sd_bus_error *ret_error);

/* What somebody else wrote, fit for a log, a terminal and D-Bus: of its first `max` bytes, "?" for each character
 * that cannot be printed (C0, C1, the ones that turn the direction of writing) and is not in `keep`. Caller owns. */
char *cert_error_printable(const char *text, size_t max, const char *keep);

/* From a failed call to GError; `what` says what was tried ("asking the issuer \"site\" to issue"), or is NULL where the
 * other side says that itself. Names outside our own become `fallback`. Messages from the other side are cut to 1 KiB and made printable. */
void cert_error_set_from_bus(GError **error, const sd_bus_error *bus_error, int r, CertError fallback,
                             const char *what);
