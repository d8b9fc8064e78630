/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Imports: from what a person brought to the chain of the certificate that was asked for. The agent judges
 * names, dates and usages afterwards, as of every issuer; here it is found out which of the certificates is
 * meant, and whether a CA that is trusted here has signed it. It owns nothing but its result.
 */

#include "issuers/csr/import.h"

#include "agent/key.h"
#include "common/error.h"
#include "common/log.h"
#include "common/timespan.h"
#include "issuers/csr/collect.h"
#include "issuers/csr/path.h"
#include "issuers/csr/roots.h"

#include <string.h>

#define ANSWER_MAX     (1024 * 1024)
#define SUBJECTS_SHOWN 3

ImportedChain *imported_chain_free(ImportedChain *c)
{
        if (!c)
                return NULL;
        g_clear_pointer(&c->chain, g_ptr_array_unref);
        g_clear_pointer(&c->roots, g_ptr_array_unref);
        g_free(c);
        return NULL;
}

/* ---- Which certificate is meant ---- */

/* The certificates of one key; none of a CA's own, which somebody may have made with that key. */
static GArray *find_leaves(const CertList *found, gnutls_pubkey_t key)
{
        GArray *leaves = g_array_new(FALSE, FALSE, sizeof(unsigned));
        g_autofree char *want = key ? key_digest(key, NULL) : NULL;

        for (unsigned i = 0; want && i < found->n; i++) {
                g_autofree char *have = key_digest_of_certificate(found->crt[i], NULL);

                if (g_strcmp0(want, have) == 0)
                        g_array_append_val(leaves, i);
        }
        return leaves;
}

/* With its key's digest, by which the agent knows the answer to one of its former requests. */
static char *describe_other(gnutls_x509_crt_t crt)
{
        g_autofree char *name = certificate_subject(crt), *key = key_digest_of_certificate(crt, NULL);

        return g_strdup_printf("\"%s\" (%skey %s)", name, certificate_is_self_issued(crt) ? "signed by itself, " : "",
                               key ?: "unknown");
}

/* The first few that are no CAs'; if all are, of them. */
static char *subjects_of(const CertList *found)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *all = NULL;
        unsigned n = 0;

        for (int with_ca = 0; with_ca < 2 && n == 0; with_ca++)
                for (unsigned i = 0; i < found->n; i++) {
                        g_autofree char *name = NULL;

                        if (!with_ca && gnutls_x509_crt_get_ca_status(found->crt[i], NULL) > 0)
                                continue;
                        if (n++ >= SUBJECTS_SHOWN)
                                continue;
                        name = describe_other(found->crt[i]);
                        g_ptr_array_add(names, g_steal_pointer(&name));
                }
        g_ptr_array_add(names, NULL);
        all = g_strjoinv(", ", (char **) names->pdata);
        return n <= SUBJECTS_SHOWN ? g_steal_pointer(&all)
                                   : g_strdup_printf("%s and %u more", all, n - SUBJECTS_SHOWN);
}

static void refuse_other_keys(const CertList *found, GError **error)
{
        g_autofree char *subjects = subjects_of(found);

        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "there is no certificate for the key of this request in it, only for other keys: %s\n"
                    "It may be the answer to another request, or to an older one. The request that waits now, if one does: "
                    "certctl csr NAME",
                    subjects);
}

/* ---- The way to a root ---- */

static GBytes *der_of(gnutls_x509_crt_t crt)
{
        gnutls_datum_t der;

        if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) < 0)
                return NULL;
        return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

static void add_der(GPtrArray *ders, gnutls_x509_crt_t crt)
{
        GBytes *der = der_of(crt);

        if (der)
                g_ptr_array_add(ders, der);
}

/* Of the issuer's own file all roots are given, for CA files and bundles: while its CA changes from one to another, peers
 * still have certificates of either. Of the host's trust store only the one that counts here. */
static ImportedChain *chain_new(const CsrOptions *o, const CertList *found, const CertList *roots, const CertPath *path,
                                uint64_t now)
{
        ImportedChain *c = g_new0(ImportedChain, 1);

        c->chain = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        for (unsigned i = 0; i < path->n; i++)
                add_der(c->chain, found->crt[path->index[i]]);
        if (o->roots) {
                c->roots = csr_roots_to_hand_on(o, roots, now);
        } else {
                c->roots = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
                add_der(c->roots, roots->crt[path->root]);
        }
        return c;
}

static bool check_not_self_signed(gnutls_x509_crt_t leaf, GError **error)
{
        g_autofree char *name = NULL;

        if (!certificate_is_self_issued(leaf))
                return true;
        name = certificate_subject(leaf);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                    "the certificate of \"%s\" is signed by itself, and by no CA\n"
                    "Have the request signed by a CA whose answers are taken here: certctl csr NAME",
                    name);
        return false;
}

static void tell_which(const CsrOptions *o, const CertList *found, GArray *leaves, unsigned chosen)
{
        g_autofree char *name = certificate_subject(found->crt[chosen]), *when = NULL;
        uint64_t from, to;

        if (leaves->len < 2)
                return;
        cert_validity(found->crt[chosen], &from, &to);
        when = timestamp_format(to);
        log_full(LOG_NOTICE, &(LogContext){ .issuer = o->name },
                 "there are %u certificates for the key of this request, taking that of \"%s\" which ends at %s",
                 leaves->len, name, when);
}

/* The list is in order: the one that ends last is tried first, and what is wrong with that one is told. */
static ImportedChain *choose(const CsrOptions *o, const CertList *found, GArray *leaves,
                             const CertList *roots, GError **error)
{
        g_autoptr(GError) first = NULL;
        uint64_t now = now_realtime();

        for (unsigned i = 0; i < leaves->len; i++) {
                unsigned leaf = g_array_index(leaves, unsigned, i);
                GError **wrong = first ? NULL : &first;
                CertPath path;

                if (check_not_self_signed(found->crt[leaf], wrong) &&
                    cert_path_find(o, found, leaf, roots, now, &path, wrong)) {
                        tell_which(o, found, leaves, leaf);
                        return chain_new(o, found, roots, &path, now);
                }
        }
        g_propagate_error(error, g_steal_pointer(&first));
        return NULL;
}

ImportedChain *import_read(const CsrOptions *o, GBytes *answer, gnutls_pubkey_t request_key,
                           gnutls_pubkey_t current_key, GError **error)
{
        g_auto(CertList) found = { 0 }, roots = { 0 };
        g_autoptr(GArray) leaves = NULL;
        ImportedChain *c;
        bool is_current;

        if (g_bytes_get_size(answer) > ANSWER_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "it is larger than 1 MiB\nTake what is needed: the certificate and its chain.");
                return NULL;
        }
        if (!collect_certificates(answer, IMPORT_CERTIFICATES_MAX, &found, error) ||
            !csr_roots_read(o, &roots, error))
                return NULL;
        leaves = find_leaves(&found, request_key);
        is_current = leaves->len == 0;
        if (is_current) {
                g_array_unref(leaves);
                leaves = find_leaves(&found, current_key);
        }
        if (leaves->len == 0) {
                refuse_other_keys(&found, error);
                return NULL;
        }
        c = choose(o, &found, leaves, &roots, error);
        if (c)
                c->is_current = is_current;
        return c;
}
