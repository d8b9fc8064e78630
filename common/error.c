/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can go wrong: the one table from code to D-Bus name and default hint, and the one place where
 * GError and sd_bus_error are converted into each other. */

#include "common/error.h"

#include "common/names.h"

#include <string.h>

#define MESSAGE_MAX 1024

typedef struct ErrorEntry {
        const char *name;
        const char *hint;
        int number; /* what an sd-bus callback returns */
} ErrorEntry;

static const ErrorEntry entries[_CERT_ERROR_MAX] = {
        [CERT_ERROR_MANIFEST_INVALID] = { CERT_ERROR_PREFIX "ManifestInvalid",
                                          "Correct the manifest, then run: certctl reload", EBADMSG },
        [CERT_ERROR_NO_SUCH_CERTIFICATE] = { CERT_ERROR_PREFIX "NoSuchCertificate",
                                             "See the names that there are with: certctl status", ENOENT },
        [CERT_ERROR_NO_SUCH_ISSUER] = { CERT_ERROR_PREFIX "NoSuchIssuer",
                                        "Name one of the entries of \"issuers\" in the manifest.", ENOENT },
        [CERT_ERROR_BUSY] = { CERT_ERROR_PREFIX "Busy", "Wait for the job at work (certctl watch), then try again.",
                              EBUSY },
        [CERT_ERROR_ISSUER_UNREACHABLE] = { CERT_ERROR_PREFIX "IssuerUnreachable",
                                            "Check that the issuer's service runs and can be reached; the agent "
                                            "tries again by itself.",
                                            EHOSTUNREACH },
        [CERT_ERROR_ISSUER_AUTHENTICATION] = { CERT_ERROR_PREFIX "IssuerAuthentication",
                                               "Check the credentials of this issuer in the manifest.", EACCES },
        [CERT_ERROR_ISSUER_REFUSED] = { CERT_ERROR_PREFIX "IssuerRefused",
                                        "Change the request in the manifest, or the issuer's policy.", EPERM },
        [CERT_ERROR_ISSUER_PROTOCOL] = { CERT_ERROR_PREFIX "IssuerProtocol",
                                         "Look at the issuer's own log: journalctl -u 'cert-issuer-*'", EPROTO },
        [CERT_ERROR_ISSUER_TIMEOUT] = { CERT_ERROR_PREFIX "IssuerTimeout",
                                        "Check that the issuer answers; the agent tries again by itself.",
                                        ETIMEDOUT },
        [CERT_ERROR_BAD_CERTIFICATE] = { CERT_ERROR_PREFIX "BadCertificate",
                                         "The issuer gave a certificate that was not asked for; ask its operator.",
                                         EKEYREJECTED },
        [CERT_ERROR_KEY_STORAGE] = { CERT_ERROR_PREFIX "KeyStorage",
                                     "Check the key's file or token; see: journalctl -u cert-agent", EIO },
        [CERT_ERROR_INSTALL_FAILED] = { CERT_ERROR_PREFIX "InstallFailed",
                                        "Check the folder of the certificate: it must exist, be writable and have "
                                        "space.",
                                        EIO },
        [CERT_ERROR_UNIT_FAILED] = { CERT_ERROR_PREFIX "UnitFailed",
                                     "Look at the unit's own log: journalctl -e -u UNIT", EREMOTEIO },
        [CERT_ERROR_NOT_SERVING] = { CERT_ERROR_PREFIX "NotServing",
                                     "Check that the service reads the files which the manifest names.", EREMOTEIO },
        [CERT_ERROR_NOT_AUTHORIZED] = { CERT_ERROR_PREFIX "NotAuthorized",
                                        "Run it as root, or have an administrator permit it by a polkit rule.",
                                        EACCES },
        [CERT_ERROR_NOT_SUPPORTED] = { CERT_ERROR_PREFIX "NotSupported", "See the manual pages for what is.",
                                       EOPNOTSUPP },
};

G_DEFINE_QUARK(cert-error-quark, cert_error)

const char *cert_error_to_name(CertError code)
{
        return (int) code >= 0 && code < _CERT_ERROR_MAX ? entries[code].name : NULL;
}

CertError cert_error_from_name(const char *name)
{
        for (CertError e = 0; name && e < _CERT_ERROR_MAX; e++)
                if (g_str_equal(entries[e].name, name))
                        return e;
        return _CERT_ERROR_INVALID;
}

CertError cert_error_code(const GError *error)
{
        if (!error)
                return _CERT_ERROR_INVALID;
        if (error->domain == CERT_ERROR && error->code >= 0 && error->code < _CERT_ERROR_MAX)
                return error->code;
        if (error->domain == G_FILE_ERROR)
                return CERT_ERROR_INSTALL_FAILED;
        return _CERT_ERROR_INVALID;
}

/* Valid in any case: it becomes a property, and one string that D-Bus refuses would hide all of them. */
char *cert_error_summary(const GError *error)
{
        return g_utf8_make_valid(error->message, (gssize) strcspn(error->message, "\n"));
}

const char *cert_error_hint(const GError *error)
{
        const char *end = strchr(error->message, '\n');
        CertError code;

        if (end && end[1])
                return end + 1;
        code = cert_error_code(error);
        return code < 0 ? "See: journalctl -u cert-agent" : entries[code].hint;
}

int cert_error_to_bus(const GError *error, sd_bus_error *ret_error)
{
        g_autofree char *summary = cert_error_summary(error);
        CertError code = cert_error_code(error);

        if (code < 0) {
                sd_bus_error_setf(ret_error, SD_BUS_ERROR_FAILED, "%s\n%s", summary, cert_error_hint(error));
                return -EIO;
        }
        sd_bus_error_setf(ret_error, entries[code].name, "%s\n%s", summary, cert_error_hint(error));
        return -entries[code].number;
}

char *cert_error_printable(const char *text, size_t max, const char *keep)
{
        g_autofree char *cut = g_strndup(text, strnlen(text, max));
        g_autofree char *valid = g_utf8_make_valid(cut, -1);
        GString *out = g_string_new(NULL);

        for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);

                g_string_append_unichar(out, g_unichar_isprint(c) || (c < 0x80 && strchr(keep, (int) c)) ? c : '?');
        }
        return g_string_free(out, FALSE);
}

void cert_error_set_from_bus(GError **error, const sd_bus_error *bus_error, int r, CertError fallback,
                             const char *what)
{
        CertError code = bus_error && bus_error->name ? cert_error_from_name(bus_error->name) : _CERT_ERROR_INVALID;
        const char *colon = what ? ": " : "";

        if (bus_error && bus_error->message) {
                g_autofree char *message = cert_error_printable(bus_error->message, MESSAGE_MAX, "\n");

                g_set_error(error, CERT_ERROR, code < 0 ? (int) fallback : (int) code, "%s%s%s", what ?: "", colon,
                            message);
                return;
        }
        g_set_error(error, CERT_ERROR, code < 0 ? (int) fallback : (int) code, "%s%s%s", what ?: "", colon,
                    bus_error && bus_error->name ? bus_error->name : g_strerror(r < 0 ? -r : r));
}
