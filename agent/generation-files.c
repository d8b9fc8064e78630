/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A generation from the managed files
 *
 * What stands on the host before the agent's first install, or after somebody's own: read as it is, and taken
 * only when key and certificate make a pair.
 */

#include "agent/generation-private.h"

#include "agent/cert-list.h"
#include "agent/folder.h"
#include "agent/readfile.h"
#include "common/error.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

/* In a `directory`, the names of the files are given. */
static char *live_path(const ManifestCertificate *c, ManagedFile f)
{
        static const char *const names[_MANAGED_FILE_MAX] = {
                [MANAGED_FILE_CERT] = "fullchain.pem",    [MANAGED_FILE_KEY] = "key.pem",
                [MANAGED_FILE_CHAIN] = "chain.pem",       [MANAGED_FILE_CA] = "ca.pem",
                [MANAGED_FILE_COMBINED] = "combined.pem",
        };

        return c->directory ? g_strconcat(c->directory, "/", names[f], NULL) : g_strdup(c->path[f]);
}

static bool read_live(const ManifestCertificate *c, ManagedFile f, size_t max, GBytes **ret_content, GError **error)
{
        g_autofree char *path = live_path(c, f);
        g_autofree char *parent = path ? g_path_get_dirname(path) : NULL;
        g_autofree char *name = path ? g_path_get_basename(path) : NULL;
        g_autoptr(Folder) folder = NULL;

        if (!path)
                return true;
        folder = folder_open(parent, error);
        return folder && generation_read_file(folder->fd, name, parent, max, ret_content, error);
}

/* The certificates in PEM as DER; empty when there are none, or more than `max`. */
static GPtrArray *certificates_in(GBytes *pem, unsigned max)
{
        g_auto(CertList) l = { 0 };

        if (!cert_list_of_pem(pem, max, &l))
                cert_list_clear(&l);
        return cert_list_to_der(&l);
}

/* The key alone, as PKCS#8: a combined file has certificates around it. */
static GBytes *key_in(GBytes *pem, GError **error)
{
        gnutls_datum_t d = { .size = (unsigned) g_bytes_get_size(pem) }, out = { 0 };
        gnutls_x509_privkey_t key;
        GBytes *bytes = NULL;
        int r = gnutls_x509_privkey_init(&key);

        if (r < 0)
                goto finish;
        d.data = (unsigned char *) g_bytes_get_data(pem, NULL);
        r = gnutls_x509_privkey_import2(key, &d, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
        if (r >= 0)
                r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                      &out);
        if (r >= 0) {
                bytes = secret_bytes_new(out.data, out.size);
                gnutls_memset(out.data, 0, out.size);
                gnutls_free(out.data);
        }
        gnutls_x509_privkey_deinit(key);
finish:
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "The key file holds no key that can be read: %s", gnutls_strerror(r));
        return bytes;
}

/* What stands in the first of the two files that the manifest wants and that is there. */
static bool read_either(const ManifestCertificate *c, ManagedFile f, GBytes **ret_content, GError **error)
{
        if (!read_live(c, f, READFILE_MAX, ret_content, error))
                return false;
        if (*ret_content)
                return true;
        return read_live(c, MANAGED_FILE_COMBINED, READFILE_MAX, ret_content, error);
}

/* The file of a bundle or a CRL, as it is. */
static Generation *content_from_file(const ManifestCertificate *c, GError **error)
{
        g_autoptr(GBytes) text = NULL;
        Generation *g;

        if (!read_live(c, MANAGED_FILE_CA, GENERATION_CONTENT_MAX, &text, error))
                return NULL;
        if (!text) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "There is no file %s",
                            c->path[MANAGED_FILE_CA]);
                return NULL;
        }
        g = generation_new_content_as(text, CONTENT_EXPLAINED, error);
        if (!g)
                g_prefix_error(error, "%s: ", c->path[MANAGED_FILE_CA]);
        return g;
}

static Generation *pair_from_files(const ManifestCertificate *c, GError **error)
{
        g_autoptr(GBytes) cert_file = NULL, key_file = NULL, ca_file = NULL, key = NULL;
        g_autoptr(GPtrArray) chain = NULL, roots = NULL;
        g_autoptr(Generation) g = NULL;

        if (!read_either(c, MANAGED_FILE_CERT, &cert_file, error) ||
            !read_live(c, MANAGED_FILE_CA, READFILE_MAX, &ca_file, error) ||
            (!c->key_uri && !read_either(c, MANAGED_FILE_KEY, &key_file, error)))
                return NULL;
        chain = certificates_in(cert_file, CHAIN_MAX);
        roots = certificates_in(ca_file, G_MAXUINT);
        if (chain->len == 0 || (!c->key_uri && !key_file)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "The files of \"%s\" hold no %s",
                            c->name, chain->len == 0 ? "certificate" : "key");
                return NULL;
        }
        if (key_file) {
                key = key_in(key_file, error);
                if (!key)
                        return NULL;
        }
        g = generation_new(key, chain, roots, error);
        return g && generation_check_pair(g, error) ? g_steal_pointer(&g) : NULL;
}

Generation *generation_from_files(const ManifestCertificate *c, GError **error)
{
        return c->kind == MANIFEST_KIND_CERTIFICATE ? pair_from_files(c, error) : content_from_file(c, error);
}
