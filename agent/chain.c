/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The check of an issuer's answer. Each way of being wrong has its own sentence, because an administrator has
 * to tell the issuer's operator what is wrong. It owns nothing: a generation goes in, a judgement comes out.
 */

#include "agent/chain.h"

#include "agent/key.h"
#include "common/dn.h"
#include "common/error.h"
#include "common/timespan.h"

#include <gnutls/x509.h>
#include <string.h>

#define SLACK_USEC       (5 * USEC_PER_MINUTE) /* clocks differ */
#define LIFETIME_MIN     (1 * USEC_PER_MINUTE) /* shorter than this nothing could be renewed in time */
#define ROOTS_MAX        256
#define WHAT_MAX         4096
#define COMMON_NAMES_MAX 8

/* For who brought the file; an issuer that answers by itself has an operator, who knows what to do. */
#define SIGN_AS_IT_IS "Have the CA sign the request as it is, or change what the manifest asks for."
#define SIGN_FOR_TLS "Have the CA sign the request again, as a certificate of this use and not of a CA."
#define BRING_THE_CHAIN "Import the intermediate certificates with it: certctl import NAME CERTIFICATE CHAIN"
#define SIGN_AGAIN "Have the CA sign the request again."
#define LOOK_AT_ROOTS "Look at \"roots\" of the issuer in the manifest."

/* What is wrong, and what to do about a file; chain_check() makes a message of it. */
G_GNUC_PRINTF(3, 4)
static bool wrong(GError **error, const char *advice, const char *format, ...)
{
        g_autofree char *raw = NULL, *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        raw = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        what = cert_error_printable(raw, WHAT_MAX, ""); /* it quotes a foreign certificate */
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "%s\n%s", what, advice);
        return false;
}

static void complain(const ManifestCertificate *c, ChainOrigin origin, const GError *flaw, GError **error)
{
        g_autofree char *what = cert_error_summary(flaw);

        if (flaw->code != CERT_ERROR_BAD_CERTIFICATE)
                g_propagate_error(error, g_error_copy(flaw));
        else if (origin == CHAIN_OF_PERSON)
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "the certificate that was brought for \"%s\" is wrong: %s\nNothing was changed. %s", c->name, what,
                            cert_error_hint(flaw));
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "issuer \"%s\" gave a wrong certificate for \"%s\": %s\n"
                            "It was not installed. Tell the issuer's operator, or correct what the manifest asks for.",
                            c->issuer, c->name, what);
}

/* ---- The leaf ---- */

static bool check_key(gnutls_x509_crt_t leaf, gnutls_pubkey_t wanted, GError **error)
{
        g_autofree char *want = key_digest(wanted, error), *have = NULL;

        if (!want)
                return false;
        have = key_digest_of_certificate(leaf, NULL);
        if (!have)
                return wrong(error, SIGN_AGAIN, "its public key cannot be read");
        return g_str_equal(want, have) ||
               wrong(error, "Give the CA what \"certctl csr NAME\" prints.",
                     "it is for another key than the one in the request");
}

/* Both lists are sorted. */
static bool check_names(const ManifestCertificate *c, gnutls_x509_crt_t leaf, GError **error)
{
        g_autoptr(GError) unreadable = NULL;
        g_auto(GStrv) have = san_list_of_certificate(leaf, &unreadable);

        if (!have)
                return wrong(error, SIGN_AS_IT_IS, "its names cannot be read (%s)", unreadable->message);
        for (char **name = c->san_texts; name && *name; name++)
                if (!g_strv_contains((const char *const *) have, *name))
                        return wrong(error, SIGN_AS_IT_IS, "it does not name %s", *name);
        for (char **name = have; *name; name++)
                if (!c->san_texts || !g_strv_contains((const char *const *) c->san_texts, *name))
                        return wrong(error, SIGN_AS_IT_IS, "it also names %.256s, which was not asked for", *name);
        return true;
}

static bool subject_is(gnutls_x509_crt_t leaf, const char *wanted)
{
        gnutls_datum_t dn = { 0 };
        bool same = gnutls_x509_crt_get_dn3(leaf, &dn, 0) >= 0 && g_strcmp0((char *) dn.data, wanted) == 0;

        gnutls_free(dn.data);
        return same;
}

static bool is_name(const ManifestCertificate *c, const char *text)
{
        for (char **name = c->san_texts; name && *name; name++)
                if (g_str_equal(san_text_value(*name), text))
                        return true;
        return false;
}

/* Some clients still take a host's name from the common name: each must be one that was asked for. An issuer
 * may drop it (CA/Browser Forum Baseline Requirements, 7.1.4.3). */
static bool check_common_names(const ManifestCertificate *c, gnutls_x509_crt_t leaf, GError **error)
{
        for (unsigned i = 0; i < COMMON_NAMES_MAX; i++) {
                char cn[257];
                size_t size = sizeof(cn);
                int r = gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME, i, 0, cn, &size);

                if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        return true;
                if (r < 0 || strlen(cn) != size)
                        return wrong(error, SIGN_AS_IT_IS, "its common name cannot be read");
                dn_value_unescape(cn);
                if (g_strcmp0(cn, c->common_name) != 0 && !is_name(c, cn) && !subject_is(leaf, c->subject))
                        return wrong(error, SIGN_AS_IT_IS, "its common name is \"%s\", which was not asked for", cn);
        }
        return wrong(error, SIGN_AS_IT_IS, "it has more than %d common names", COMMON_NAMES_MAX);
}

static bool check_dates(gnutls_x509_crt_t crt, const char *which, uint64_t now, GError **error)
{
        g_autofree char *from_text = NULL, *to_text = NULL;
        uint64_t from, to;

        cert_validity(crt, &from, &to);
        from_text = timestamp_format(from);
        to_text = timestamp_format(to);
        if (to <= now)
                return wrong(error, SIGN_AGAIN, "%s expired on %s", which, to_text);
        if (from > now + SLACK_USEC)
                return wrong(error, "Import it again then, or have the CA sign it from now on.",
                             "%s is not valid before %s; check the clocks of both machines", which, from_text);
        if (to <= from || to - from < LIFETIME_MIN)
                return wrong(error, SIGN_AGAIN, "%s is valid from %s to %s, which is no sane time", which, from_text,
                             to_text);
        return true;
}

static bool check_usage(const ManifestCertificate *c, gnutls_x509_crt_t leaf, GError **error)
{
        Usage have = usage_of_certificate(leaf);
        g_auto(GStrv) missing = usage_to_strv(c->usage & ~have);
        g_autofree char *list = g_strjoinv(", ", missing);
        unsigned bits = 0, critical;

        /* RFC 5280, 4.2.1.12: without the extension it is for any use. */
        if (have != 0 && *list)
                return wrong(error, SIGN_FOR_TLS, "it is not for use as: %s", list);
        /* RFC 5280, 4.2.1.3: where the extension is there, TLS needs digitalSignature, or keyEncipherment
         * with RSA. */
        if (gnutls_x509_crt_get_key_usage(leaf, &bits, &critical) >= 0 &&
            !(bits & (GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT)))
                return wrong(error, SIGN_FOR_TLS, "its key usage does not allow signatures");
        return true;
}

/* An administrator who asked for a server's certificate must never hold one that can make others. */
static bool check_no_authority(gnutls_x509_crt_t leaf, GError **error)
{
        unsigned bits = 0, critical;

        if (gnutls_x509_crt_get_version(leaf) != 3)
                return wrong(error, SIGN_AGAIN, "it is not an X.509 certificate of version 3");
        if (gnutls_x509_crt_get_ca_status(leaf, &critical) > 0)
                return wrong(error, SIGN_FOR_TLS, "it is a CA certificate");
        if (gnutls_x509_crt_get_key_usage(leaf, &bits, &critical) >= 0 && (bits & GNUTLS_KEY_KEY_CERT_SIGN))
                return wrong(error, SIGN_FOR_TLS, "its key usage allows it to sign certificates");
        return true;
}

static bool check_leaf(const ManifestCertificate *c, gnutls_x509_crt_t leaf, gnutls_pubkey_t wanted,
                       uint64_t now, GError **error)
{
        return check_no_authority(leaf, error) && check_key(leaf, wanted, error) &&
               check_names(c, leaf, error) && check_common_names(c, leaf, error) &&
               check_dates(leaf, "it", now, error) && check_usage(c, leaf, error);
}

/* ---- The chain ---- */

/* The dates are judged by check_dates(), against the caller's clock. */
static bool check_path(const CertList *chain, const CertList *roots, GError **error)
{
        g_autofree char *why = NULL;

        return cert_list_leads_to(chain, roots, &why) ||
               wrong(error, BRING_THE_CHAIN, "its chain (%u) does not lead to one of the issuer's roots (%u): %s",
                     chain->n, roots->n, why);
}

static bool judge(const ManifestCertificate *c, const Generation *g, gnutls_pubkey_t wanted, uint64_t now, GError **error)
{
        g_auto(CertList) leaf = { 0 }, rest = { 0 }, roots = { 0 };
        gnutls_x509_crt_t all[CHAIN_MAX];
        CertList chain = { all, 0 }; /* borrows */

        if (!cert_list_of_pem(g->cert_pem, 1, &leaf) || leaf.n != 1 ||
            !cert_list_of_pem(g->chain_pem, CHAIN_MAX - 1, &rest))
                return wrong(error, SIGN_AGAIN, "it or its chain cannot be read, or is longer than %d", CHAIN_MAX);
        if (!cert_list_of_pem(g->ca_pem, ROOTS_MAX, &roots))
                return wrong(error, LOOK_AT_ROOTS, "the issuer's roots cannot be read, or are more than %d", ROOTS_MAX);
        if (roots.n == 0)
                return wrong(error, LOOK_AT_ROOTS, "the issuer gave no root certificate to check it against");
        if (!check_leaf(c, leaf.crt[0], wanted, now, error))
                return false;
        all[chain.n++] = leaf.crt[0];
        for (unsigned i = 0; i < rest.n; i++) {
                if (!check_dates(rest.crt[i], "an intermediate certificate of its chain", now, error))
                        return false;
                all[chain.n++] = rest.crt[i];
        }
        return check_path(&chain, &roots, error);
}

bool chain_check(const ManifestCertificate *c, const Generation *g, gnutls_pubkey_t wanted, ChainOrigin origin, uint64_t now,
                 GError **error)
{
        g_autoptr(GError) flaw = NULL;

        if (judge(c, g, wanted, now, &flaw))
                return true;
        complain(c, origin, flaw, error);
        return false;
}

/* ---- Order ---- */

static bool read_answer(GPtrArray *ders, CertList *ret, GError **error)
{
        int r;

        if (ders->len == 0 || ders->len > CHAIN_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "the issuer gave %u certificates; there must be 1 to %d", ders->len, CHAIN_MAX);
                return false;
        }
        r = cert_list_of_der(ders, ret);
        if (r < 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "number %u of the issuer's chain is no certificate: %s", ret->n + 1, gnutls_strerror(r));
        return r >= 0;
}

static int find_leaf(const CertList *l, gnutls_pubkey_t wanted)
{
        g_autofree char *want = key_digest(wanted, NULL);

        for (unsigned i = 0; want && i < l->n; i++) {
                g_autofree char *have = key_digest_of_certificate(l->crt[i], NULL);

                if (g_strcmp0(want, have) == 0)
                        return (int) i;
        }
        return -1;
}

GPtrArray *chain_mend(GPtrArray *chain, gnutls_pubkey_t wanted, GError **error)
{
        g_autoptr(GPtrArray) mended = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_auto(CertList) l = { 0 };
        unsigned path[CHAIN_MAX], n;
        int leaf;

        if (chain->len == 1) /* nothing to order */
                return g_ptr_array_ref(chain);
        if (!read_answer(chain, &l, error))
                return NULL;
        leaf = find_leaf(&l, wanted);
        if (leaf < 0)
                return g_ptr_array_ref(chain);
        n = cert_list_path(&l, (unsigned) leaf, path);
        for (unsigned i = 0; i < n; i++)
                g_ptr_array_add(mended, g_bytes_ref(chain->pdata[path[i]]));
        return g_steal_pointer(&mended);
}
