/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is exported: owns the parsed files of one certificate. They may be replaced while they are read, so that certificate
 * and key are of different generations: then they are read again. */

#include "client/export/material.h"

#include "agent/key.h"
#include "client/doctor/file.h"
#include "client/doctor/host.h"
#include "common/error.h"
#include "common/secret.h"
#include "common/timespan.h"

#define FILE_SIZE_MAX (UINT32_C(1) << 20)
#define TRIES_MAX 5
#define TRY_USEC (100 * USEC_PER_MSEC)

Material *material_free(Material *m)
{
        if (!m)
                return NULL;
        cert_list_clear(&m->chain);
        if (m->ca)
                gnutls_x509_crt_deinit(m->ca);
        g_free(m->unknown_ca);
        g_clear_pointer(&m->key, g_bytes_unref);
        g_free(m);
        return NULL;
}

/* It is the manifest that names them: what is to be done about one that is missing is not to name another. */
static GBytes *read_managed(const CertDetail *d, const char *path, GError **error)
{
        g_autoptr(GError) e = NULL;
        g_autofree char *summary = NULL;
        GBytes *content = file_read(path, FILE_SIZE_MAX, &e);

        if (content)
                return content;
        if (!g_error_matches(e, CERT_ERROR, CERT_ERROR_INSTALL_FAILED)) {
                g_propagate_error(error, g_steal_pointer(&e));
                return NULL;
        }
        summary = cert_error_summary(e);
        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, "%s; \"%s\" is %s\nSee: certctl status %s", summary, d->name,
                    d->state, d->name);
        return NULL;
}

/* ---- The certificate ---- */

static bool read_chain(Material *m, const CertDetail *d, GError **error)
{
        g_autoptr(GBytes) pem = NULL;

        if (!*d->cert_path) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "The certificate \"%s\" has no file", d->name);
                return false;
        }
        pem = read_managed(d, d->cert_path, error);
        if (!pem)
                return false;
        if (cert_list_of_pem(pem, CHAIN_MAX, &m->chain) && m->chain.n > 0)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "What is in %s is no certificate\nHave it made again: certctl renew %s", d->cert_path, d->name);
        return false;
}

/* Only the one that the chain leads to: whoever is to trust more has a bundle. */
static bool find_ca(Material *m, HostView *host, const CertDetail *d, GError **error)
{
        g_autoptr(GError) e = NULL;
        g_autoptr(Anchors) anchors = host_view_trust_for(host, d, &e);
        gnutls_x509_crt_t found = anchors ? anchors_issuer(anchors, m->chain.crt[m->chain.n - 1]) : NULL;
        g_autoptr(GPtrArray) der = NULL;
        CertList copy = {};

        if (!found) {
                m->unknown_ca = anchors ? g_strdup_printf("%s does not hold it", anchors->what) : cert_error_summary(e);
                return true;
        }
        der = cert_list_to_der(&(CertList) { &found, 1 });
        if (cert_list_of_der(der, &copy) < 0) {
                cert_list_clear(&copy);
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "The certificate of the CA cannot be parsed");
                return false;
        }
        m->ca = g_steal_pointer(&copy.crt[0]);
        copy.n = 0;
        cert_list_clear(&copy);
        return true;
}

/* ---- The key ---- */

static bool check_key_path(const CertDetail *d, GError **error)
{
        if (!g_str_has_prefix(d->key_path, "pkcs11:"))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "The key of \"%s\" is in a token, which does not give it out\n"
                    "Without --pkcs12 the certificate is exported alone; programs use the key by its URI: %s",
                    d->name, d->key_path);
        return false;
}

static bool is_pair(const Key *key, gnutls_x509_crt_t leaf)
{
        g_autofree char *of_key = key_digest(key_public(key), NULL), *of_leaf = key_digest_of_certificate(leaf, NULL);

        return of_key && of_leaf && g_str_equal(of_key, of_leaf);
}

/* *ret_pair false: there is a key, and it is another's. */
static bool read_key(Material *m, const CertDetail *d, bool *ret_pair, GError **error)
{
        g_autoptr(GBytes) pem = read_managed(d, d->key_path, error);
        g_autoptr(Key) key = pem ? key_new_from_pem(pem, error) : NULL;

        if (!key) {
                if (pem)
                        g_prefix_error(error, "%s: ", d->key_path);
                return false;
        }
        *ret_pair = is_pair(key, m->chain.crt[0]);
        m->key = g_bytes_ref(key_pem(key));
        return true;
}

static bool not_a_pair(const CertDetail *d, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "The key in %s is not the one of the certificate in %s: nothing is exported\n"
                    "See what is wrong with: certctl status %s; and have it mended: certctl renew %s",
                    d->key_path, d->cert_path, d->name, d->name);
        return false;
}

static bool read_pair(Material *m, const CertDetail *d, bool with_key, GError **error)
{
        bool is_a_pair = true;

        for (unsigned i = 0; i < TRIES_MAX; i++) {
                cert_list_clear(&m->chain);
                m->chain = (CertList) {};
                g_clear_pointer(&m->key, g_bytes_unref);
                if (!read_chain(m, d, error))
                        return false;
                if (with_key && !read_key(m, d, &is_a_pair, error))
                        return false;
                if (is_a_pair)
                        return true;
                g_usleep(TRY_USEC);
        }
        return not_a_pair(d, error);
}

Material *material_get(const Client *client, const char *name, bool with_key, GError **error)
{
        g_autoptr(HostView) host = host_view_new(client);
        g_autoptr(CertDetail) d = host_view_certificate(host, name, error);
        g_autoptr(Material) m = g_new0(Material, 1);

        if (!d || (with_key && !check_key_path(d, error)))
                return NULL;
        if (!read_pair(m, d, with_key, error) || !find_ca(m, host, d, error))
                return NULL;
        return g_steal_pointer(&m);
}

/* ---- PEM ---- */

/* Made anew of what was parsed: what else is in the file, a key above all, is not handed on. */
static bool append_pem(GString *text, gnutls_x509_crt_t crt, GError **error)
{
        gnutls_datum_t pem = {};
        int r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);

        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "The certificate cannot be written: %s",
                            gnutls_strerror(r));
                return false;
        }
        g_string_append_len(text, (char *) pem.data, pem.size);
        gnutls_free(pem.data);
        return true;
}

GBytes *material_to_pem(const Material *m, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < m->chain.n; i++)
                if (!append_pem(text, m->chain.crt[i], error))
                        return NULL;
        if (m->ca && !append_pem(text, m->ca, error))
                return NULL;
        return g_string_free_to_bytes(g_steal_pointer(&text));
}
