/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust
 *
 * What a bundle must hold, made anew from what is known each time: it owns nothing. And the other side of it, whether
 * what a service serves is trusted by a bundle.
 */

#include "agent/trust.h"

#include "agent/cert-list.h"
#include "agent/chain.h"
#include "agent/roots.h"
#include "common/error.h"
#include "common/timespan.h"

#include <string.h>

/* ---- What a bundle holds ---- */

static GPtrArray *ders_new(void)
{
        return g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
}

/* A local authority whose certificate or key is lost is about to be made anew: what is left of it is no trust, and the
 * bundle stays as it is until there is one again. */
static GPtrArray *local_roots(const AuthorityFacts *facts)
{
        GPtrArray *ders = ders_new();

        for (guint i = 0; facts && !facts->missing && i < facts->certificates->len; i++) {
                const AuthorityCertificate *c = g_ptr_array_index(facts->certificates, i);

                g_ptr_array_add(ders, g_bytes_ref(c->der));
        }
        return ders;
}

static GPtrArray *roots_of(const ManifestIssuer *issuer, GHashTable *facts)
{
        return issuer->authority ? local_roots(g_hash_table_lookup(facts, issuer->name)) : roots_load(issuer->name);
}

/* Each certificate once, where it comes first. */
static void add_new_ones(GPtrArray *all, GHashTable *seen, GPtrArray *ders)
{
        for (guint i = 0; i < ders->len; i++) {
                GBytes *der = g_ptr_array_index(ders, i);

                if (g_hash_table_add(seen, der))
                        g_ptr_array_add(all, g_bytes_ref(der));
        }
}

GBytes *trust_compose(const ManifestCertificate *bundle, const Manifest *m, GHashTable *facts,
                      const ManifestIssuer **ret_unknown, GError **error)
{
        g_autoptr(GPtrArray) all = ders_new();
        g_autoptr(GHashTable) seen = g_hash_table_new(g_bytes_hash, g_bytes_equal); /* borrows from `all` */

        for (char **name = bundle->from; name && *name; name++) {
                const ManifestIssuer *issuer = manifest_find_issuer(m, *name);
                g_autoptr(GPtrArray) ders = issuer ? roots_of(issuer, facts) : NULL;

                if (!issuer) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_NO_SUCH_ISSUER,
                                    "\"%s\" is made from issuer \"%s\", which the manifest does not have", bundle->name,
                                    *name);
                        return NULL;
                }
                if (ders->len == 0) {
                        *ret_unknown = issuer;
                        return NULL;
                }
                add_new_ones(all, seen, ders);
        }
        return roots_to_pem(all, error);
}

char *trust_digest(GBytes *pem)
{
        return g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, pem);
}

/* ---- Whether a chain is trusted ---- */

G_GNUC_PRINTF(2, 3)
static bool distrust(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        if (error)
                *error = g_error_new_valist(CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, format, arguments);
        va_end(arguments);
        return false;
}

/* The certificates of a bundle that are valid now: with their dates judged here, GnuTLS needs no clock. RFC 5280, 6.1.1 (d) has no dates for a trust anchor, but every client looks at them. */
static void keep_valid(CertList *valid, const CertList *all, uint64_t now)
{
        for (unsigned i = 0; i < all->n; i++) {
                uint64_t from, to;

                cert_validity(all->crt[i], &from, &to);
                if (from <= now && now < to)
                        valid->crt[valid->n++] = all->crt[i];
        }
}

static bool has_same_key(gnutls_x509_crt_t a, gnutls_x509_crt_t b)
{
        uint8_t id_a[64], id_b[64];
        size_t size_a = sizeof id_a, size_b = sizeof id_b;

        return gnutls_x509_crt_get_key_id(a, GNUTLS_KEYID_USE_SHA256, id_a, &size_a) >= 0 &&
               gnutls_x509_crt_get_key_id(b, GNUTLS_KEYID_USE_SHA256, id_b, &size_b) >= 0 && size_a == size_b &&
               memcmp(id_a, id_b, size_a) == 0;
}

/* A trust anchor is a name and a key (RFC 5280, 6.1.1 (d)), in whatever certificate. */
static bool is_anchor(gnutls_x509_crt_t crt, const CertList *roots)
{
        gnutls_datum_t name = { 0 }, other = { 0 };
        bool found = false;

        if (gnutls_x509_crt_get_raw_dn(crt, &name) < 0)
                return false;
        for (unsigned i = 0; i < roots->n && !found; i++) {
                if (gnutls_x509_crt_get_raw_dn(roots->crt[i], &other) < 0)
                        continue;
                found = name.size == other.size && memcmp(name.data, other.data, name.size) == 0 &&
                        has_same_key(crt, roots->crt[i]);
                gnutls_free(other.data);
        }
        gnutls_free(name.data);
        return found;
}

/* The path from the leaf to below the first of the bundle's certificates, borrowed. Servers send more than that, and in
 * any order (RFC 8446, 4.4.2, asks clients to bear it): their root, or a path from there to another, older one. */
static void find_path(CertList *path, const CertList *served, const CertList *roots)
{
        unsigned at[CHAIN_MAX], n = cert_list_path(served, 0, at);

        for (unsigned i = 0; i < n; i++) {
                if (i > 0 && is_anchor(served->crt[at[i]], roots))
                        return;
                path->crt[path->n++] = served->crt[at[i]];
        }
}

static bool check_dates(const CertList *chain, uint64_t now, GError **error)
{
        for (unsigned i = 0; i < chain->n; i++) {
                const char *which = i == 0 ? "the certificate" : "an intermediate certificate";
                g_autofree char *from_text = NULL, *to_text = NULL;
                uint64_t from, to;

                cert_validity(chain->crt[i], &from, &to);
                from_text = timestamp_format(from);
                to_text = timestamp_format(to);
                if (to <= now)
                        return distrust(error, "%s that is served expired on %s", which, to_text);
                if (from > now)
                        return distrust(error, "%s that is served is not valid before %s", which, from_text);
        }
        return true;
}

static bool check_path(const CertList *served, const CertList *roots, uint64_t now, GError **error)
{
        g_autofree gnutls_x509_crt_t *crts = g_new(gnutls_x509_crt_t, roots->n);
        gnutls_x509_crt_t part[CHAIN_MAX];
        CertList valid = { crts, 0 }, path = { part, 0 };
        g_autofree char *why = NULL;

        keep_valid(&valid, roots, now);
        if (valid.n == 0)
                return distrust(error, "none of the %u certificates of the bundle is valid now", roots->n);
        find_path(&path, served, &valid);
        if (!check_dates(&path, now, error))
                return false;
        return cert_list_leads_to(&path, &valid, &why) ||
               distrust(error,
                        "the chain that is served (%u) leads to none of the bundle's certificates that are valid now "
                        "(%u of %u): %s",
                        served->n, valid.n, roots->n, why);
}

bool trust_check_chain(GBytes *bundle_pem, GPtrArray *chain, uint64_t now, GError **error)
{
        g_auto(CertList) roots = { 0 }, served = { 0 };
        int r;

        if (!cert_list_of_pem(bundle_pem, G_MAXUINT, &roots) || roots.n == 0)
                return distrust(error, "the bundle holds no certificate that can be read");
        if (chain->len == 0 || chain->len > CHAIN_MAX)
                return distrust(error, "%u certificates are served; there must be 1 to %d", chain->len, CHAIN_MAX);
        r = cert_list_of_der(chain, &served);
        if (r < 0)
                return distrust(error, "number %u of the chain that is served is no certificate: %s", served.n + 1,
                                gnutls_strerror(r));
        return check_path(&served, &roots, now, error);
}
