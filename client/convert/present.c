/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is present
 *
 * Owns the way from a path in another program's configuration to the file that the agent can manage, and the reading of
 * a certificate's facts as the agent's plan will compare them.
 */

#include "client/convert/present.h"

#include "client/convert/source.h"
#include "common/dn.h"
#include "common/error.h"
#include "common/path.h"
#include "common/san.h"
#include "common/timespan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX        40 /* as the kernel: path_resolution(7) */
#define CERTIFICATE_MAX  (1024 * 1024)
#define OID_COMMON_NAME  "2.5.4.3"

/* ---- Paths ---- */

/* ".." in a link counts from the folder in which the link really lies; by the text alone that is sure only where no
 * folder on the way is a link. */
static bool is_same_file(const char *a, const char *b)
{
        g_autofree char *first = host_path(a), *second = host_path(b);
        struct stat x, y;

        return stat(first, &x) < 0 || (stat(second, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static char *follow(const char *path, const char **ret_why)
{
        g_autofree char *opened = host_path(path), *folder = g_path_get_dirname(path), *whole = NULL;
        g_autofree char *text = g_file_read_link(opened, NULL);

        if (text)
                whole = g_canonicalize_filename(text, folder);
        if (whole && (g_path_is_absolute(text) || is_same_file(path, whole)))
                return g_steal_pointer(&whole);
        *ret_why = "it is a link that cannot be followed";
        return NULL;
}

char *present_resolve(const char *path, const char **ret_why)
{
        g_autofree char *at = g_strdup(path);

        for (unsigned i = 0; i < LINKS_MAX; i++) {
                g_autofree char *opened = host_path(at);
                struct stat st;
                char *next;

                if (lstat(opened, &st) < 0 || !S_ISLNK(st.st_mode))
                        return g_steal_pointer(&at);
                if (st.st_uid != 0 && st.st_uid != geteuid()) {
                        *ret_why = "it is a link that belongs to another user";
                        return NULL;
                }
                next = follow(at, ret_why);
                if (!next)
                        return NULL;
                g_free(at);
                at = next;
        }
        *ret_why = "its links lead in a circle";
        return NULL;
}

PresentFile present_look(const char *path)
{
        g_autofree char *opened = host_path(path);
        struct stat st;

        if (lstat(opened, &st) < 0)
                return (PresentFile) { .is_hidden = errno == EACCES };
        if (!S_ISREG(st.st_mode))
                return (PresentFile) {};
        return (PresentFile) { .is_there = true, .uid = st.st_uid, .gid = st.st_gid, .mode = st.st_mode & 07777 };
}

/* ---- Certificates ---- */

static bool bad(GError **error, const char *path, int r)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "cannot read the certificate in %s: %s\n%s", path,
                    gnutls_strerror(r), "The first pass of the agent replaces it.");
        return false;
}

/* The common name, where the subject has nothing else. */
static char *only_common_name(gnutls_x509_crt_t crt)
{
        char oid[64], value[512];
        size_t oid_size = sizeof oid, size = sizeof value;

        if (gnutls_x509_crt_get_dn_oid(crt, 1, oid, &oid_size) >= 0)
                return NULL;
        if (gnutls_x509_crt_get_dn_by_oid(crt, OID_COMMON_NAME, 0, 0, value, &size) < 0)
                return NULL;
        if (memchr(value, '\0', size) || !g_utf8_validate(value, (gssize) size, NULL))
                return NULL;
        return dn_value_unescape(g_strndup(value, size));
}

static bool read_subject(PresentCertificate *p, gnutls_x509_crt_t crt, const char *path, GError **error)
{
        gnutls_datum_t name = {};
        int r = gnutls_x509_crt_get_dn3(crt, &name, 0);

        if (r < 0 && r != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                return bad(error, path, r);
        p->subject = name.data ? g_strndup((const char *) name.data, name.size) : g_strdup("");
        gnutls_free(name.data);
        p->common_name = only_common_name(crt);
        return true;
}

static uint64_t usec_of(time_t t)
{
        return t > 0 ? (uint64_t) t * USEC_PER_SEC : 0;
}

static void read_key_type(PresentCertificate *p, gnutls_x509_crt_t crt)
{
        gnutls_pubkey_t key;

        p->key_type = _KEY_TYPE_INVALID;
        if (gnutls_pubkey_init(&key) < 0)
                return;
        if (gnutls_pubkey_import_x509(key, crt, 0) >= 0)
                p->key_type = key_type_of(key);
        gnutls_pubkey_deinit(key);
}

static PresentCertificate *read_certificate(gnutls_x509_crt_t crt, const char *path, GError **error)
{
        g_autoptr(PresentCertificate) p = g_new0(PresentCertificate, 1);

        if (!read_subject(p, crt, path, error))
                return NULL;
        p->sans = san_list_of_certificate(crt, error);
        if (!p->sans)
                return NULL;
        p->usage = usage_of_certificate(crt);
        p->not_before = usec_of(gnutls_x509_crt_get_activation_time(crt));
        p->not_after = usec_of(gnutls_x509_crt_get_expiration_time(crt));
        read_key_type(p, crt);
        return g_steal_pointer(&p);
}

PresentCertificate *present_read(const char *path, GError **error)
{
        g_autofree char *opened = host_path(path), *text = NULL;
        PresentCertificate *p = NULL;
        gnutls_x509_crt_t crt;
        gnutls_datum_t pem;
        size_t size;
        int r;

        if (access(opened, F_OK) < 0 && errno == ENOENT)
                return NULL;
        if (!source_read(opened, path, SOURCE_REFUSE, CERTIFICATE_MAX, &text, &size, error))
                return NULL;
        pem = (gnutls_datum_t) { (unsigned char *) text, (unsigned) size };
        r = gnutls_x509_crt_init(&crt);
        if (r < 0) {
                bad(error, path, r);
                return NULL;
        }
        r = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
        if (r < 0)
                bad(error, path, r);
        else
                p = read_certificate(crt, path, error);
        gnutls_x509_crt_deinit(crt);
        return p;
}

PresentCertificate *present_free(PresentCertificate *p)
{
        if (!p)
                return NULL;
        g_free(p->subject);
        g_free(p->common_name);
        g_strfreev(p->sans);
        g_free(p);
        return NULL;
}
