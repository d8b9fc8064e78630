/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A credential
 *
 * Who asks for what, which certificate that is, and what is given for it. The files are read anew each time:
 * they are what the other readers of the certificate see, and a pass that went back has put them back.
 */

#include "agent/credential.h"

#include "agent/generation.h"
#include "common/error.h"

#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#define RANDOM_MAX 16 /* hex digits of 64 bits, without leading zeros */

/* ---- Who asks for what ---- */

static bool is_random(const char *s)
{
        size_t n = strspn(s, "0123456789abcdef");

        return n > 0 && n <= RANDOM_MAX && s[n] == '\0';
}

/* As systemd's unit_name_is_valid(): a type at the end, and none but these characters. */
static bool is_unit(const char *s)
{
        const char *dot = strrchr(s, '.');

        return dot && dot > s && dot[1] != '\0' && s[0] != '@' &&
               strspn(s, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ":-_.\\@") == strlen(s);
}

/* As systemd's credential_name_valid(): a file's name, and that of a descriptor. */
static bool is_credential(const char *s)
{
        if (s[0] == '\0' || g_str_equal(s, ".") || g_str_equal(s, ".."))
                return false;
        for (; *s; s++)
                if (!g_ascii_isprint(*s) || *s == ':')
                        return false;
        return true;
}

bool credential_read_address(const struct sockaddr *address, socklen_t size, char **ret_unit, char **ret_id,
                             GError **error)
{
        const struct sockaddr_un *un = (const struct sockaddr_un *) address;
        size_t path = offsetof(struct sockaddr_un, sun_path);
        g_autofree char *name = NULL;
        g_auto(GStrv) parts = NULL;

        /* An abstract name is as long as the address says, and may hold anything, NUL among it (unix(7)). */
        if (size > path + 1 && size <= sizeof(*un) && un->sun_family == AF_UNIX && un->sun_path[0] == '\0' &&
            !memchr(un->sun_path + 1, '\0', size - path - 1)) {
                name = g_strndup(un->sun_path + 1, size - path - 1);
                parts = g_strsplit(name, "/", 5);
        }
        if (!parts || g_strv_length(parts) != 4 || !is_random(parts[0]) || !g_str_equal(parts[1], "unit") ||
            !is_unit(parts[2]) || !is_credential(parts[3])) {
                g_set_error(
                        error, CERT_ERROR, CERT_ERROR_NOT_AUTHORIZED,
                        "Who connected does not say, as systemd does, for which unit and which credential\n"
                        "Only LoadCredential= of a system unit can ask here; see cert-agent(8).");
                return false;
        }
        *ret_unit = g_strdup(parts[2]);
        *ret_id = g_strdup(parts[3]);
        return true;
}

/* ---- Which certificate ---- */

static bool names_unit(const ManifestCertificate *c, const char *unit)
{
        for (guint i = 0; c->units && i < c->units->len; i++)
                if (g_str_equal(((const UnitRef *) g_ptr_array_index(c->units, i))->unit, unit))
                        return true;
        return false;
}

static bool find_by_unit(const Manifest *m, const char *unit, const ManifestCertificate **ret_certificate,
                         GError **error)
{
        const ManifestCertificate *first = NULL;

        for (guint i = 0; i < m->certificates->len; i++) {
                const ManifestCertificate *c = g_ptr_array_index(m->certificates, i);

                if (!names_unit(c, unit))
                        continue;
                if (first) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                                    "\"%s\" and \"%s\" both name %s in \"units\"\n"
                                    "Say in the unit which one it is: LoadCredential=%s:…",
                                    first->name, c->name, unit, first->name);
                        return false;
                }
                first = c;
        }
        if (!first) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                            "No certificate of the manifest names %s in \"units\", and none is named \"%s\"\n"
                            "Name the unit in \"units\" of its certificate, with the action \"restart\" or "
                            "\"try-restart\", then: certctl reload",
                            unit, CREDENTIAL_OF_UNIT);
                return false;
        }
        *ret_certificate = first;
        return true;
}

bool credential_find(const Manifest *m, const char *unit, const char *id,
                     const ManifestCertificate **ret_certificate, GError **error)
{
        const ManifestCertificate *c = m ? manifest_find(m, id) : NULL;

        if (c && c->kind != MANIFEST_KIND_CERTIFICATE)
                c = NULL; /* a bundle has no key, and is read from its path */
        if (!m) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                            "No manifest is in force\nSee what is wrong with it: certctl validate");
                return false;
        }
        if (!c && g_str_equal(id, CREDENTIAL_OF_UNIT))
                return find_by_unit(m, unit, ret_certificate, error);
        if (!c) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_CERTIFICATE,
                            "The manifest has no certificate \"%s\"\n"
                            "The credential's name must be the certificate's (see: certctl status), or "
                            "\"%s\" for the "
                            "one whose \"units\" name %s.",
                            id, CREDENTIAL_OF_UNIT, unit);
                return false;
        }
        *ret_certificate = c;
        return true;
}

/* ---- What is given ---- */

/* The files were the cause: what to do with them, unless the error knows better. */
static void set_hint(GError **error, const char *name)
{
        g_autofree char *message = NULL;

        if (!error || strchr((*error)->message, '\n'))
                return;
        message = g_strdup_printf("%s\nMake it good with: certctl renew %s; a unit with Requires= and "
                                  "After=cert@%s.service waits for it.",
                                  (*error)->message, name, name);
        g_free((*error)->message);
        (*error)->message = g_steal_pointer(&message);
}

bool credential_content(const ManifestCertificate *c, GBytes **ret_content, GError **error)
{
        g_autoptr(Generation) g = NULL;
        g_autoptr(GBytes) content = NULL;

        if (c->key_uri) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "The key is held by a token, which does not give it away\n"
                            "Let the service use the token itself, or take \"uri\" out of the certificate's "
                            "\"key\".");
                return false;
        }
        g = generation_from_files(c, error);
        if (!g) {
                set_hint(error, c->name);
                return false;
        }
        content = generation_file(g, MANAGED_FILE_COMBINED);
        if (g_bytes_get_size(content) > CREDENTIAL_SIZE_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "Certificate, chain and key are larger than 1 MiB, the most that a credential "
                            "can be\n"
                            "Let the service read the files.");
                return false;
        }
        *ret_content = g_steal_pointer(&content);
        return true;
}
