/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Roots of a csr issuer. It owns nothing: whose answers are taken is the administrator's word, as it is on
 * disk now. */

#include "issuers/csr/roots.h"

#include "common/environment.h"
#include "common/error.h"
#include "common/path.h"
#include "issuers/csr/collect.h"
#include "issuers/root-file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ROOTS_SIZE_MAX (1024 * 1024)
#define STORE_SIZE_MAX (8 * 1024 * 1024)
#define STORE_MAX      1024 /* certificates */

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(
                error, g_error_new_valist(CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION, format, arguments));
        va_end(arguments);
        return false;
}

/* ---- The issuer's file ---- */

static bool refuse_file(const char *path, int number, GError **error)
{
        switch (number) {
        case ENOENT:
        case ENOTDIR:
                return refuse(
                        error,
                        "the roots file %s is not there, so it cannot be known whose answers are taken\n"
                        "Put the CA's root certificate there, as PEM, after comparing its fingerprint with the CA's "
                        "operator.",
                        path);
        case EACCES:
        case EPERM:
                return refuse(error,
                              "the roots file %s may not be read by cert-issuer-csr\n"
                              "It holds nothing secret: chmod 0644 %s, and its folders 0755; files in home directories are "
                              "out of reach.",
                              path, path);
        case EFBIG:
                return refuse(error,
                              "the roots file %s is no regular file of at most 1 MiB\n"
                              "Put the CA's root certificate there, as PEM.",
                              path);
        default:
                return refuse(error, "reading the roots file %s: %s\nCheck the file.", path,
                              g_strerror(number));
        }
}

static bool check_roots(const char *path, const CertList *roots, GError **error)
{
        for (unsigned i = 0; i < roots->n; i++) {
                g_autofree char *name = certificate_subject(roots->crt[i]);
                /* Some old roots are of version 1 and cannot say that they are CAs. */
                bool is_ca = gnutls_x509_crt_get_ca_status(roots->crt[i], NULL) > 0 ||
                             (gnutls_x509_crt_get_version(roots->crt[i]) == 1 &&
                              certificate_is_self_issued(roots->crt[i]));

                if (!is_ca)
                        return refuse(error,
                                      "the roots file %s: \"%s\" is no CA's certificate\n"
                                      "The root of the CA belongs there, not a certificate that it signed.",
                                      path, name);
        }
        return true;
}

static bool read_file(const char *path, CertList *ret, GError **error)
{
        g_autoptr(GBytes) content = NULL;
        g_autoptr(GError) wrong = NULL;
        struct stat st;
        int r = root_file_read(path, ROOTS_SIZE_MAX, &content, &st);

        if (r < 0)
                return refuse_file(path, -r, error);
        /* Whoever may write to it says which CAs this host believes. */
        if (st.st_mode & S_IWOTH)
                return refuse(error,
                              "the roots file %s can be written by everybody, so it says nothing\n"
                              "Check what is in it, then: chmod 0644 %s",
                              path, path);
        if (!collect_certificates(content, ROOTS_FILE_MAX, ret, &wrong))
                return refuse(error, "the roots file %s: %.*s\nPut the CA's root certificate there, as PEM.",
                              path, (int) strcspn(wrong->message, "\n"), wrong->message);
        return check_roots(path, ret, error);
}

/* ---- The host's trust store ---- */

static const char *const stores[] = {
        "/etc/ssl/certs/ca-certificates.crt",     /* Debian, Arch */
        "/etc/pki/tls/certs/ca-bundle.crt",       /* Fedora */
        "/var/lib/ca-certificates/ca-bundle.pem", /* openSUSE */
};

static bool read_store(CertList *ret, GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(stores); i++) {
                g_autoptr(GBytes) content = NULL;
                struct stat st;
                int r = root_file_read(stores[i], STORE_SIZE_MAX, &content, &st);

                if (r == -ENOENT || r == -ENOTDIR)
                        continue;
                if (r < 0)
                        return refuse_file(stores[i], -r, error);
                if (cert_list_of_pem(content, STORE_MAX, ret) && ret->n > 0)
                        return true;
                return refuse(error,
                              "this host's trust store %s cannot be read, or is empty\n"
                              "Run: update-ca-certificates --fresh (update-ca-trust on Fedora); or name the CA's file as "
                              "\"roots\" of the issuer.",
                              stores[i]);
        }
        return refuse(error, "this host has no trust store, so it cannot be known whose answers are taken\n"
                             "Name a file with the CA's root certificate as \"roots\" of the issuer, or "
                             "install ca-certificates.");
}

bool csr_roots_read(const CsrOptions *o, CertList *ret, GError **error)
{
        *ret = (CertList){ 0 };
        return o->roots ? read_file(o->roots, ret, error) : read_store(ret, error);
}

const char *csr_roots_where(const CsrOptions *o)
{
        return o->roots ?: "this host's trust store";
}

/* ---- For others ---- */

bool csr_environment_is_ours(const CsrOptions *o, gnutls_x509_crt_t ca)
{
        g_autofree char *marked = environment_of_certificate(ca);

        return !marked || g_strcmp0(marked, o->environment) == 0;
}

GPtrArray *csr_roots_to_hand_on(const CsrOptions *o, const CertList *roots, uint64_t now)
{
        gnutls_x509_crt_t *crts = g_new(gnutls_x509_crt_t, roots->n);
        CertList ours = { crts, 0 }; /* borrows */
        GPtrArray *ders;

        for (unsigned i = 0; i < roots->n; i++) {
                uint64_t from, to;

                cert_validity(roots->crt[i], &from, &to);
                if (to > now && csr_environment_is_ours(o, roots->crt[i]))
                        crts[ours.n++] = roots->crt[i];
        }
        ders = cert_list_to_der(&ours);
        g_free(crts);
        return ders;
}
