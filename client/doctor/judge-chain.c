/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge, of the chain: whether all is sent that must be, in the order of RFC 8446, 4.4.2, and where it leads. */

#include "client/doctor/judge.h"

#include "common/error.h"

#include <string.h>

#define SUPERFLUOUS_TOLD 3
#define KNOWN_TOLD       3

/* ---- What is sent ---- */

static bool is_in(const CertList *l, gnutls_x509_crt_t crt)
{
        for (unsigned i = 0; i < l->n; i++)
                if (l->crt[i] == crt)
                        return true;
        return false;
}

/* True: each certificate is followed by that of its issuer, as far as the chain goes. */
static bool judge_order(const CertList *sent, const CertList *path, GPtrArray *d)
{
        g_autofree char *there = NULL, *wanted = NULL;
        unsigned i = 0;

        while (i < path->n && sent->crt[i] == path->crt[i])
                i++;
        if (i == path->n)
                return true;
        there = words_subject(sent->crt[i]);
        wanted = words_subject(path->crt[i]);
        diagnosis_add(d, DIAGNOSIS_CHAIN_ORDER,
                      "The server sends its chain in the wrong order: %s comes where %s should be. Each certificate must be "
                      "followed by that of its issuer (RFC 5246, 7.4.2); some clients refuse anything else.\n"
                      "Put them in order in the server's certificate file: its own first, then the one that signed that, and so on, "
                      "without the root.",
                      there, wanted);
        return false;
}

/* Whoever sends many has one reason for all of them. */
static void judge_superfluous(const CertList *sent, const CertList *path, GPtrArray *d)
{
        for (unsigned i = path->n; i < sent->n && i < path->n + SUPERFLUOUS_TOLD; i++) {
                g_autofree char *name = words_subject(sent->crt[i]);

                if (words_is_self_issued(sent->crt[i]))
                        diagnosis_warn(d, DIAGNOSIS_SUPERFLUOUS_CERTIFICATE,
                                       "The server also sends the root %s, which no client believes from a server: those who trust "
                                       "it have it.\nTake it out of the server's certificate file; each handshake gets shorter.",
                                       name);
                else
                        diagnosis_warn(d, DIAGNOSIS_SUPERFLUOUS_CERTIFICATE,
                                       "The server also sends %s, which has nothing to do with its certificate.\n"
                                       "Take it out of the server's certificate file.",
                                       name);
        }
}

/* ---- What is missing ---- */

/* The path with what this host knows above it; borrows. */
typedef struct Extended {
        gnutls_x509_crt_t places[CHAIN_MAX];
        CertList path;
        unsigned sent;        /* of the path */
        const Anchors *known; /* where the first one that was not sent is */
} Extended;

static const Anchors *find_intermediate(const Case *c, gnutls_x509_crt_t below, gnutls_x509_crt_t *ret)
{
        for (guint i = 0; i <= (c->others ? c->others->len : 0); i++) {
                const Anchors *a = i == 0 ? c->trust : c->others->pdata[i - 1];

                for (unsigned n = 0; n < a->list.n; n++)
                        if (gnutls_x509_crt_check_issuer(below, a->list.crt[n]) && !words_is_self_issued(a->list.crt[n])) {
                                *ret = a->list.crt[n];
                                return a;
                        }
        }
        return NULL;
}

static void extend(const Case *c, const CertList *path, Extended *e)
{
        memcpy(e->places, path->crt, path->n * sizeof *path->crt);
        e->sent = path->n;
        e->known = NULL;
        e->path = (CertList) { e->places, path->n };
        while (e->path.n > 0 && e->path.n < CHAIN_MAX && !words_is_self_issued(e->places[e->path.n - 1])) {
                gnutls_x509_crt_t next = NULL;
                const Anchors *where = find_intermediate(c, e->places[e->path.n - 1], &next);

                if (!where || is_in(&e->path, next))
                        break;
                e->known = e->known ?: where;
                e->places[e->path.n++] = next;
        }
}

static void say_incomplete(const Extended *e, bool works_here, GPtrArray *d)
{
        g_autofree char *missing = words_subject(e->places[e->sent]);

        (works_here ? diagnosis_warn : diagnosis_add)(
                d, DIAGNOSIS_INCOMPLETE_CHAIN,
                "The server does not send the intermediate certificate %s, which this host has in %s. Clients that do not have it "
                "cannot find the way from the server's certificate to the root.\n"
                "Append it to the server's certificate file, after its own certificate, and reload the server. (The agent's "
                "\"cert_path\" and \"directory\"/fullchain.pem have the chain in them.)",
                missing, e->known->what);
}

static char *issuer_url(gnutls_x509_crt_t crt)
{
        gnutls_datum_t url = { 0 };
        char *text = NULL;

        for (unsigned i = 0; i < 16 && !text; i++) {
                int r = gnutls_x509_crt_get_authority_info_access(crt, i, GNUTLS_IA_CAISSUERS_URI, &url, NULL);

                if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                        return NULL;
                if (r < 0)
                        continue;
                {
                        g_autofree char *copy = g_strndup((const char *) url.data, url.size);

                        text = cert_error_printable(copy, WORDS_MAX, "");
                }
                gnutls_free(url.data);
        }
        return text;
}

/* ---- Who is not known ---- */

/* Sets of this host that would know it, with how to use each. A host may have one CA file for each of its certificates. */
static char *who_knows(const Case *c, const CertList *path, GString *use)
{
        GString *s = g_string_new(NULL);
        unsigned n = 0;

        for (guint i = 0; c->others && i < c->others->len; i++) {
                const Anchors *a = c->others->pdata[i];
                g_autofree char *why = NULL;

                if (!a->use || anchors_lead(a, path, &why) != LEAD_TRUSTED)
                        continue;
                if (++n > KNOWN_TOLD)
                        continue;
                g_string_append_printf(s, "%s%s", s->len > 0 ? "; " : "", a->what);
                g_string_append_printf(use, "%s%s", use->len > 0 ? " " : "", a->use);
        }
        if (n > KNOWN_TOLD)
                g_string_append_printf(s, " and %u more", n - KNOWN_TOLD);
        return g_string_free(s, FALSE);
}

static bool has_namesake(const Anchors *a, gnutls_x509_crt_t crt)
{
        gnutls_datum_t issuer, subject;
        bool same = false;

        if (gnutls_x509_crt_get_raw_issuer_dn(crt, &issuer) < 0)
                return false;
        for (unsigned i = 0; i < a->list.n && !same; i++)
                if (gnutls_x509_crt_get_raw_dn(a->list.crt[i], &subject) >= 0) {
                        same = subject.size == issuer.size && memcmp(subject.data, issuer.data, issuer.size) == 0;
                        gnutls_free(subject.data);
                }
        gnutls_free(issuer.data);
        return same;
}

static void say_unknown(const Case *c, const Extended *e, GPtrArray *d)
{
        gnutls_x509_crt_t last = e->places[e->path.n - 1];
        g_autofree char *issuer = words_issuer(last), *knows = NULL;
        g_autoptr(GString) use = g_string_new(NULL);
        const char *namesake = has_namesake(c->trust, last) ? "; it knows a CA of that name, but with another key" : "";

        knows = who_knows(c, &e->path, use);
        if (*knows)
                diagnosis_add(d, DIAGNOSIS_UNKNOWN_AUTHORITY,
                              "The certificate is signed by %s, which %s does not know%s. It is known by: %s.\n%s", issuer,
                              c->trust->what, namesake, knows, use->str);
        else if (e->path.n == 1 && words_is_self_issued(last))
                diagnosis_add(d, DIAGNOSIS_UNKNOWN_AUTHORITY,
                              "The certificate is signed by itself (%s) and by no CA, and %s does not have it.\n"
                              "Give the server a certificate of a CA that its clients trust.",
                              issuer, c->trust->what);
        else
                diagnosis_add(d, DIAGNOSIS_UNKNOWN_AUTHORITY,
                              "The certificate is signed by %s, which neither %s nor anything else on this host knows%s.\n"
                              "If this CA can be trusted, get its root certificate from those who run it, and use it with --ca or "
                              "add it to what clients trust%s.",
                              issuer, c->trust->what, namesake,
                              e->path.n == 1 ? "; if it is an intermediate of a CA that is trusted, the server must send it" : "");
}

/* ---- Where it leads ---- */

static bool leads(const Anchors *a, const CertList *path)
{
        g_autofree char *why = NULL;

        return anchors_lead(a, path, &why) == LEAD_TRUSTED;
}

static bool has_root(const Anchors *a, gnutls_x509_crt_t crt)
{
        for (unsigned i = 0; i < a->list.n; i++)
                if (words_is_self_issued(a->list.crt[i]) && gnutls_x509_crt_check_issuer(crt, a->list.crt[i]))
                        return true;
        return false;
}

/* The set holds an intermediate and its root: whoever has the root alone is at a loss. */
static bool works_by_intermediate(const Case *c, const CertList *path, const Extended *e)
{
        return e->path.n > path->n && e->known == c->trust && !has_root(c->trust, path->crt[path->n - 1]) &&
               has_root(c->trust, e->places[e->path.n - 1]);
}

/* The set does not know the end of the path: what is missing, or who is unknown? */
static void judge_stranger(const Case *c, const CertList *path, const Extended *e, GPtrArray *d)
{
        g_autoptr(GString) use = g_string_new(NULL);
        g_autofree char *url = path->n == 1 ? issuer_url(path->crt[0]) : NULL;
        g_autofree char *issuer = words_issuer(path->crt[0]), *knows = who_knows(c, path, use);

        if (leads(c->trust, &e->path)) {
                say_incomplete(e, false, d);
                return;
        }
        /* It cannot be told from a root that nobody knows; but a CA that says where its certificate is to be had (RFC 5280,
         * 4.2.2.1) is hardly one, and a client that was told what to trust was told it for this server. */
        if ((url || c->trust_is_chosen) && e->path.n == 1 && !*knows && !words_is_self_issued(path->crt[0])) {
                diagnosis_add(d, DIAGNOSIS_INCOMPLETE_CHAIN,
                              "The server sends its own certificate alone, and not that of its issuer %s, which neither %s nor "
                              "anything else on this host has%s.\n"
                              "If that is an intermediate certificate, append it to the server's certificate file%s%s; if it is a "
                              "root, this is not the server of that CA, or clients must be given the root.",
                              issuer, c->trust->what, has_namesake(c->trust, path->crt[0]) ? " (but one of that name)" : "",
                              url ? ": its CA offers it at " : "", url ?: "");
                return;
        }
        if (e->path.n > path->n && !*knows)
                say_incomplete(e, false, d);
        say_unknown(c, e, d);
}

void judge_chain(const Case *c, const CertList *sent, GPtrArray *d)
{
        gnutls_x509_crt_t places[CHAIN_MAX];
        g_autofree char *why = NULL;
        CertList path = judge_path(sent, places);
        Extended extended;

        if (judge_order(sent, &path, d))
                judge_superfluous(sent, &path, d);
        if (!c->trust)
                return;
        extend(c, &path, &extended);
        switch (anchors_lead(c->trust, &path, &why)) {
        case LEAD_TRUSTED:
                if (works_by_intermediate(c, &path, &extended))
                        say_incomplete(&extended, true, d);
                break;
        case LEAD_BROKEN:
                diagnosis_add(d, DIAGNOSIS_INVALID_CHAIN,
                              "The chain ends at a CA that %s knows, but is not valid: %s\n"
                              "Get another certificate from the CA; with names, see what its certificates allow it to sign.",
                              c->trust->what, why);
                break;
        case LEAD_NOWHERE:
                judge_stranger(c, &path, &extended, d);
                break;
        }
}
