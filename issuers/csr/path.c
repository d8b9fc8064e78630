/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Paths
 *
 * A search in depth: names and key identifiers say who may have issued a certificate, the signature says
 * whether it did, and GnuTLS judges the whole path once it is at a root (RFC 5280, 6.1), with constraints and
 * path lengths. So of CAs that were cross-signed, or have several certificates, one that leads to a root is
 * found. What a hostile file can make of that is bounded by the number of signatures that are looked at. It
 * owns the search, and why it failed.
 */

#include "issuers/csr/path.h"

#include "common/environment.h"
#include "common/error.h"
#include "common/key-effort.h"
#include "common/timespan.h"
#include "issuers/csr/collect.h"
#include "issuers/csr/roots.h"

#define SIGNATURES_MAX 256
#define SLACK_USEC     (5 * USEC_PER_MINUTE) /* clocks differ; as the agent's own check */

/* What came nearest is what is told: the later of these. */
typedef enum Obstacle {
        OBSTACLE_NONE,
        OBSTACLE_CIRCLE,
        OBSTACLE_LENGTH,
        OBSTACLE_MISSING,
        OBSTACLE_UNKNOWN_ROOT,
        OBSTACLE_SIGNATURE,
        OBSTACLE_DATES,
        OBSTACLE_PATH,
        OBSTACLE_ENVIRONMENT,
} Obstacle;

typedef struct Search {
        const CsrOptions *options;
        const CertList *found, *roots;
        const char *where; /* the roots are from */
        uint64_t now;
        bool *used;
        unsigned signatures; /* looked at */
        CertPath path;
        Obstacle obstacle;
        char *why, *hint;
} Search;

G_GNUC_PRINTF(4, 5)
static void note(Search *s, Obstacle obstacle, const char *hint, const char *format, ...)
{
        va_list arguments;

        if (obstacle <= s->obstacle)
                return;
        va_start(arguments, format);
        g_free(s->why);
        s->why = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_free(s->hint);
        s->hint = g_strdup(hint);
        s->obstacle = obstacle;
}

/* ---- Obstacles ---- */

static char *fingerprint_of(gnutls_x509_crt_t crt)
{
        unsigned char hash[32];
        size_t size = sizeof(hash);
        GString *hex = g_string_new(NULL);

        if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &size) >= 0)
                for (size_t i = 0; i < size; i++)
                        g_string_append_printf(hex, "%02x", hash[i]);
        return g_string_free(hex, FALSE);
}

static void note_missing(Search *s, gnutls_x509_crt_t child)
{
        g_autofree char *subject = certificate_subject(child), *issuer = certificate_issuer(child);

        note(s, OBSTACLE_MISSING,
             "Get that certificate from the CA (its chain, or intermediate), and import it together with this one: certctl "
             "import NAME FILE CHAIN",
             "the certificate of \"%s\", which issued \"%s\", is missing: it is neither in the file nor "
             "among the roots in %s",
             issuer, subject, s->where);
}

static void note_unknown_root(Search *s, gnutls_x509_crt_t root)
{
        g_autofree char *name = certificate_subject(root), *fingerprint = fingerprint_of(root);
        g_autofree char *hint = NULL;

        hint = s->options->roots ? g_strdup_printf("If the answers of this CA are to be taken here, put its "
                                                   "certificate into %s; but "
                                                   "compare the fingerprint with its operator first.",
                                                   s->options->roots)
                                 : g_strdup_printf("If the answers of this CA are to be taken here, put its "
                                                   "certificate into a file, "
                                                   "and name that as \"roots\" of the issuer \"%s\"; but "
                                                   "compare the fingerprint with its operator first.",
                                                   s->options->name);
        note(s, OBSTACLE_UNKNOWN_ROOT, hint,
             "it leads to the root \"%s\" (SHA-256 %s), which is not among those in %s", name, fingerprint,
             s->where);
}

static void note_signature(Search *s, gnutls_x509_crt_t child, gnutls_x509_crt_t issuer, unsigned status)
{
        g_autofree char *name = certificate_subject(child), *of = certificate_subject(issuer);

        if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
                note(s, OBSTACLE_SIGNATURE,
                     "Ask the CA for a certificate that is signed with SHA-256 or better.",
                     "\"%s\" is signed in a way that is no longer safe", name);
        else
                note(s, OBSTACLE_SIGNATURE,
                     "One of them is damaged, or of another CA of the same name; get both again from the CA.",
                     "the signature of \"%s\" is not that of \"%s\", though it names that as its issuer",
                     name, of);
}

static bool check_dates(Search *s, gnutls_x509_crt_t crt)
{
        g_autofree char *name = NULL, *when = NULL;
        uint64_t from, to;

        cert_validity(crt, &from, &to);
        if (from <= s->now + SLACK_USEC && to > s->now)
                return true;
        name = certificate_subject(crt);
        when = timestamp_format(to > s->now ? from : to);
        note(s, OBSTACLE_DATES,
             "Ask the CA for its present certificates; if the time is wrong, set this host's clock.",
             "the certificate of \"%s\", of its chain, %s %s", name,
             to > s->now ? "is not valid before" : "ended at", when);
        return false;
}

/* Test and production do not mix, whoever copies a file. */
static bool check_environment(Search *s, gnutls_x509_crt_t ca)
{
        g_autofree char *marked = environment_of_certificate(ca), *name = NULL, *shown = NULL;
        const char *ours = s->options->environment;

        if (csr_environment_is_ours(s->options, ca))
                return true;
        name = certificate_subject(ca);
        shown = cert_error_printable(marked, 64, "");
        note(s, OBSTACLE_ENVIRONMENT, "Take this request to a CA of this host's own environment.",
             ours ? "the CA \"%s\" is of the environment \"%s\", this host of \"%s\""
                  : "the CA \"%s\" is of the environment \"%s\", and the manifest of this host names none%s",
             name, shown, ours ?: "");
        return false;
}

/* ---- The search ---- */

static void note_key(Search *s, gnutls_x509_crt_t issuer)
{
        g_autofree char *name = certificate_subject(issuer);

        note(s, OBSTACLE_SIGNATURE, "No CA has such a key: ask its operator who made this file.",
             "the key of \"%s\" is too long to be worked with", name);
}

/* Whether `issuer` signed `child`. */
static bool signed_by(Search *s, gnutls_x509_crt_t child, gnutls_x509_crt_t issuer)
{
        unsigned status = 0, flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                     GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |
                                     GNUTLS_VERIFY_DISABLE_CA_SIGN;

        if (s->signatures >= SIGNATURES_MAX)
                return false;
        s->signatures++;
        if (!cert_key_is_quick(issuer)) {
                note_key(s, issuer);
                return false;
        }
        if (gnutls_x509_crt_verify(child, &issuer, 1, flags, &status) >= 0 &&
            !(status & (GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_INSECURE_ALGORITHM |
                        GNUTLS_CERT_SIGNER_NOT_FOUND)))
                return true;
        note_signature(s, child, issuer, status);
        return false;
}

/* The path up to here, and this root: by RFC 5280, and by ours. */
static bool accept(Search *s, unsigned root)
{
        gnutls_x509_crt_t crts[CHAIN_MAX];
        CertList chain = { crts, s->path.n }, trusted = { &s->roots->crt[root], 1 }; /* both borrow */
        g_autofree char *why = NULL;

        if (!check_dates(s, s->roots->crt[root]) || !check_environment(s, s->roots->crt[root]))
                return false;
        for (unsigned i = 0; i < s->path.n; i++) {
                crts[i] = s->found->crt[s->path.index[i]];
                if (i > 0 && !check_environment(s, crts[i]))
                        return false;
        }
        s->path.root = root;
        if (cert_list_leads_to(&chain, &trusted, &why))
                return true;
        note(s, OBSTACLE_PATH, "Ask the CA's operator: the CA may not issue this certificate.",
             "its chain is not valid: %s", why);
        return false;
}

static bool search(Search *s);

static bool is_root(const Search *s, gnutls_x509_crt_t crt)
{
        for (unsigned i = 0; i < s->roots->n; i++)
                if (gnutls_x509_crt_equals(crt, s->roots->crt[i]))
                        return true;
        return false;
}

static bool go_on_with(Search *s, unsigned i)
{
        gnutls_x509_crt_t crt = s->found->crt[i];
        bool done;

        if (s->path.n == CHAIN_MAX)
                note(s, OBSTACLE_LENGTH, "Ask the CA for a shorter chain.",
                     "its chain is longer than %d certificates", CHAIN_MAX);
        if (s->path.n == CHAIN_MAX || !check_dates(s, crt))
                return false;
        s->used[i] = true;
        s->path.index[s->path.n++] = i;
        done = search(s);
        if (!done) {
                s->path.n--;
                s->used[i] = false;
        }
        return done;
}

/* From the last of the path on. */
static bool search(Search *s)
{
        gnutls_x509_crt_t child = s->found->crt[s->path.index[s->path.n - 1]];
        bool named = false;

        for (unsigned i = 0; i < s->roots->n; i++)
                if (gnutls_x509_crt_check_issuer(child, s->roots->crt[i])) {
                        named = true;
                        if (signed_by(s, child, s->roots->crt[i]) && accept(s, i))
                                return true;
                }
        for (unsigned i = 0; i < s->found->n; i++) {
                gnutls_x509_crt_t crt = s->found->crt[i];

                if (!gnutls_x509_crt_check_issuer(child, crt) || is_root(s, crt))
                        continue;
                named = true;
                if (s->used[i] || !signed_by(s, child, crt))
                        continue;
                if (certificate_is_self_issued(crt))
                        note_unknown_root(s, crt);
                else if (go_on_with(s, i))
                        return true;
        }
        if (!named)
                note_missing(s, child);
        else
                note(s, OBSTACLE_CIRCLE, "Ask the CA's operator for the certificates up to its root.",
                     "the certificates in it issue one another, and it does not lead to a root");
        return false;
}

bool cert_path_find(const CsrOptions *o, const CertList *found, unsigned leaf, const CertList *roots,
                    uint64_t now, CertPath *ret, GError **error)
{
        g_autofree bool *used = g_new0(bool, found->n);
        Search s = { .options = o,
                     .found = found,
                     .roots = roots,
                     .where = csr_roots_where(o),
                     .now = now,
                     .used = used };
        bool done;

        used[leaf] = true;
        s.path.index[s.path.n++] = leaf;
        done = search(&s);
        if (done)
                *ret = s.path;
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "%s\n%s", s.why, s.hint);
        g_free(s.why);
        g_free(s.hint);
        return done;
}
