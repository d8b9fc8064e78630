/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge, of the certificate: its time, its names, what it is for, how strong it and those above it are, and whether it
 * is the one that should be served. */

#include "client/doctor/judge.h"

#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"
#include "issuers/probe/handshake.h"

#include <arpa/inet.h>
#include <string.h>

#define CLOCK_SLACK   (5 * USEC_PER_MINUTE)
#define SOON_USEC     (14 * USEC_PER_DAY)
#define SOON_PART     5 /* of a short life: the last fifth */
#define RSA_BITS_MIN  2048
#define EC_BITS_MIN   224

/* What is to be done: about one that the agent keeps, about another one that is served in its place, or anybody's. */
static const char *choose(const Case *c, const char *kept, const char *anybodys)
{
        return c->is_another    ? "Have the server serve the certificate that the agent keeps for it: see old-certificate."
               : c->certificate ? kept
                                : anybodys;
}

/* ---- Time ---- */

static char *clock_words(uint64_t now)
{
        g_autofree char *time = timestamp_format(now);

        return g_strdup_printf("This host's clock says %s", time);
}

/* Something here bears a later time than the clock shows: the clock stands. */
static bool clock_is_behind(const Case *c)
{
        return c->seen > c->now + CLOCK_SLACK;
}

static void say_early(const Case *c, const char *name, uint64_t from, GPtrArray *d)
{
        g_autofree char *when = timestamp_format(from), *here = clock_words(c->now);
        uint64_t theirs = c->session->server_time;
        g_autofree char *seen = timestamp_format(c->seen), *there = timestamp_format(theirs);

        if (clock_is_behind(c))
                diagnosis_add(d, DIAGNOSIS_CLOCK,
                              "%s, which is wrong: %s is of %s. That is why the certificate of %s seems not to be valid yet (it is "
                              "from %s on).\nSet this host's clock; see: timedatectl",
                              here, c->seen_where, seen, name, when);
        else if (theirs >= from)
                diagnosis_add(d, DIAGNOSIS_CLOCK,
                              "%s, the server's %s, and the certificate of %s, valid from %s on, agrees with the server: it is this "
                              "host's clock that is behind.\nSet this host's clock; see: timedatectl",
                              here, there, name, when);
        else
                diagnosis_add(d, DIAGNOSIS_NOT_YET_VALID,
                              "The certificate of %s is not valid before %s. %s.\n"
                              "Either this clock is behind (see: timedatectl), or that of the CA was ahead when it signed.",
                              name, when, here);
}

static void say_expired(const Case *c, const char *name, uint64_t to, GPtrArray *d)
{
        g_autofree char *when = timestamp_format(to), *here = clock_words(c->now);
        uint64_t theirs = c->session->server_time;
        g_autofree char *there = timestamp_format(theirs);
        g_autofree char *renew = g_strdup_printf("Renew it: certctl renew %s", c->certificate ?: "");
        bool differs = theirs > 0 && theirs < to && theirs + CLOCK_SLACK < c->now;

        if (differs && c->seen < to)
                diagnosis_add(d, DIAGNOSIS_EXPIRED,
                              "The certificate of %s expired at %s. %s, but the server's says %s: one of the two is wrong.\n"
                              "Compare both with a third (timedatectl). If it is this host's, set it; else the server needs a new "
                              "certificate.",
                              name, when, here, there);
        else
                diagnosis_add(d, DIAGNOSIS_EXPIRED, "The certificate of %s expired at %s. %s%s%s.\n%s", name, when, here,
                              differs ? "; the server's clock is behind, at " : "", differs ? there : "",
                              choose(c, renew,
                                     "Whoever runs the server must renew it; if this host's clock is ahead, set that."));
}

static void judge_time(const Case *c, const CertList *path, GPtrArray *d)
{
        /* A clock that is wrong is said to be so once, however many certificates it makes seem so. */
        for (unsigned i = 0; i < path->n && !diagnosis_list_has(d, DIAGNOSIS_CLOCK); i++) {
                g_autofree char *name = words_subject(path->crt[i]);
                uint64_t from, to;

                cert_validity(path->crt[i], &from, &to);
                if (from > c->now)
                        say_early(c, name, from, d);
                else if (to < c->now)
                        say_expired(c, name, to, d);
        }
}

static void judge_soon(const Case *c, gnutls_x509_crt_t leaf, GPtrArray *d)
{
        g_autofree char *left = NULL, *when = NULL;
        uint64_t from, to;

        cert_validity(leaf, &from, &to);
        if (from > c->now || to <= c->now || to - c->now > MIN(SOON_USEC, (to - from) / SOON_PART))
                return;
        if (c->certificate && c->next_renewal > 0 && c->next_renewal < to)
                return;
        left = timespan_format(to - c->now);
        when = timestamp_format(to);
        if (c->certificate)
                diagnosis_warn(d, DIAGNOSIS_EXPIRES_SOON,
                               "The certificate expires in %s, at %s, and no renewal is planned before that.\n"
                               "See why: certctl status %s",
                               left, when, c->certificate);
        else
                diagnosis_warn(d, DIAGNOSIS_EXPIRES_SOON,
                               "The certificate expires in %s, at %s, and this host does not renew it.\n"
                               "Whoever runs the server should have renewed it by now.",
                               left, when);
}

/* ---- Names ---- */

static bool has_kind(char *const *names, bool of_addresses)
{
        for (; names && *names; names++)
                if (of_addresses ? g_str_has_prefix(*names, "ip:") : !strchr(*names, ':'))
                        return true;
        return false;
}

/* Clients do not look at common names any more (RFC 9525, 2); GnuTLS still does where there is no name in the SANs. */
static bool is_for_host(gnutls_x509_crt_t leaf, char *const *names, const char *name)
{
        return has_kind(names, false) && gnutls_x509_crt_check_hostname2(leaf, name, 0) != 0;
}

static bool is_common_name(gnutls_x509_crt_t leaf, const char *name)
{
        char cn[256];
        size_t size = sizeof cn;

        return gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size) >= 0 &&
               g_ascii_strcasecmp(cn, name) == 0;
}

static bool is_for_address(gnutls_x509_crt_t leaf, const char *text)
{
        unsigned char address[sizeof(struct in6_addr)];
        bool is_v4 = inet_pton(AF_INET, text, address) == 1;

        return (is_v4 || inet_pton(AF_INET6, text, address) == 1) &&
               gnutls_x509_crt_check_ip(leaf, address, is_v4 ? 4 : 16, 0) != 0;
}

static const char *how_to_add(const Case *c)
{
        return c->is_another    ? "have the server serve the one that the agent keeps for it (see old-certificate)"
               : c->certificate ? "add the name to \"sans\" in the manifest; the agent then gets another certificate"
                                : "have the server's certificate made anew with this name as a subject alternative name";
}

static void judge_name(const Case *c, gnutls_x509_crt_t leaf, GPtrArray *d)
{
        g_auto(GStrv) names = san_list_of_certificate(leaf, NULL);
        g_autofree char *have = words_names(leaf), *name = NULL;

        if (!c->name)
                return;
        name = cert_error_printable(c->name, WORDS_MAX, "");
        if (probe_is_address(c->name)) {
                if (!is_for_address(leaf, c->name))
                        diagnosis_add(d, DIAGNOSIS_ADDRESS_MISMATCH,
                                      "The certificate is not for the address %s; it is for: %s.\n"
                                      "Connect by one of these names (certctl doctor --server-name NAME checks another one), or %s.",
                                      name, have, how_to_add(c));
                return;
        }
        if (is_for_host(leaf, names, c->name))
                return;
        if (!has_kind(names, false) && is_common_name(leaf, c->name))
                diagnosis_add(d, DIAGNOSIS_NAME_MISMATCH,
                              "The certificate has the name \"%s\" only as its common name, at which clients do not look any more "
                              "(RFC 9525); its subject alternative names are: %s.\nTo mend it, %s.",
                              name, have, how_to_add(c));
        else
                diagnosis_add(d, DIAGNOSIS_NAME_MISMATCH,
                              "The certificate is not for \"%s\"; it is for: %s.\n"
                              "Connect by one of these names, see whether the server has another certificate for this name, or %s.",
                              name, have, how_to_add(c));
}

/* ---- What it is for ---- */

/* RFC 5280, 4.2.1.3: where the extension is there, the key must be allowed to sign, or (RSA key exchange) to be
 * encrypted to. */
static bool may_be_used(gnutls_x509_crt_t leaf)
{
        unsigned bits = 0, critical;

        return gnutls_x509_crt_get_key_usage(leaf, &bits, &critical) < 0 ||
               (bits & (GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT | GNUTLS_KEY_KEY_AGREEMENT));
}

static void judge_usage(const Case *c, gnutls_x509_crt_t leaf, GPtrArray *d)
{
        if (!c->is_for_servers)
                return;
        if (!words_is_for(leaf, GNUTLS_KP_TLS_WWW_SERVER))
                diagnosis_add(d, DIAGNOSIS_SERVER_USAGE,
                              "The certificate is not for servers: its extended key usage does not have serverAuth.\n%s",
                              choose(c, "Add \"server\" to its \"usage\" in the manifest; the agent then gets another one.",
                                     "Give the server a certificate that is made for servers."));
        else if (!may_be_used(leaf))
                diagnosis_add(d, DIAGNOSIS_SERVER_USAGE,
                              "The certificate's key usage allows its key neither to sign nor to be encrypted to, so that no TLS "
                              "can be made with it.\nGive the server a certificate with the key usage digitalSignature.");
}

/* ---- Strength ---- */

static char *weak_key(gnutls_x509_crt_t crt)
{
        unsigned bits = 0;
        int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);

        switch (algorithm) {
        case GNUTLS_PK_RSA:
        case GNUTLS_PK_RSA_PSS:
                return bits < RSA_BITS_MIN ? g_strdup_printf("an RSA key of %u bits", bits) : NULL;
        case GNUTLS_PK_DSA:
                return g_strdup_printf("a DSA key (%u bits)", bits);
        case GNUTLS_PK_ECDSA:
                return bits < EC_BITS_MIN ? g_strdup_printf("an elliptic key of %u bits", bits) : NULL;
        default:
                return NULL;
        }
}

static char *weak_signature(gnutls_x509_crt_t crt)
{
        int algorithm = gnutls_x509_crt_get_signature_algorithm(crt);

        if (algorithm <= 0 || gnutls_sign_is_secure2((gnutls_sign_algorithm_t) algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
                return NULL;
        return g_strdup_printf("the signature %s", gnutls_sign_get_name((gnutls_sign_algorithm_t) algorithm) ?: "of an unknown kind");
}

/* The signature of a certificate that signs itself proves nothing, so it can be as weak as it likes. */
static void judge_strength(const CertList *path, GPtrArray *d)
{
        for (unsigned i = 0; i < path->n; i++) {
                g_autofree char *name = words_subject(path->crt[i]), *key = weak_key(path->crt[i]);
                g_autofree char *signature = words_is_self_issued(path->crt[i]) ? NULL : weak_signature(path->crt[i]);

                if (!key && !signature)
                        continue;
                diagnosis_add(d, DIAGNOSIS_KEY_TOO_WEAK,
                              "The certificate of %s has %s%s%s, which clients of today refuse.\n"
                              "%s: RSA of 2048 bits or more, or ECDSA, and SHA-256.",
                              name, key ?: "", key && signature ? " and " : "", signature ?: "",
                              i == 0 ? "Have it made anew with a new key" : "Its CA must be replaced by one that is stronger");
        }
}

/* ---- Which one it is ---- */

static void judge_revocation(const Case *c, const CertList *path, GPtrArray *d)
{
        for (unsigned i = 0; i < path->n && c->n_crls > 0; i++) {
                g_autofree char *name = words_subject(path->crt[i]);
                g_autofree char *renew = g_strdup_printf("Get another one: certctl renew --force %s", c->certificate ?: "");

                if (gnutls_x509_crt_check_revocation(path->crt[i], c->crls, c->n_crls) != 1)
                        continue;
                diagnosis_add(d, DIAGNOSIS_REVOKED,
                              "The certificate of %s was revoked by its CA.\n%s", name,
                              choose(c, renew, "Give the server another certificate, with another key."));
        }
}

static bool is_another(const Case *c, gnutls_x509_crt_t leaf)
{
        g_autofree char *served = words_fingerprint(leaf);

        return c->certificate && c->fingerprint && *c->fingerprint && g_ascii_strcasecmp(served, c->fingerprint) != 0;
}

static void judge_served(const Case *c, gnutls_x509_crt_t leaf, GPtrArray *d)
{
        g_autofree char *served = words_fingerprint(leaf), *units = NULL;
        bool has_units = c->units && *c->units;

        if (!c->is_another)
                return;
        units = has_units ? g_strjoinv(" ", (char **) c->units) : NULL;
        diagnosis_add(d, DIAGNOSIS_OLD_CERTIFICATE,
                      "The server serves another certificate than the one that is in the files of \"%s\": %s on the wire, %s on "
                      "disk. It was not told of the new one, or did not take it.\n%s%s%s",
                      c->certificate, served, c->fingerprint,
                      has_units ? "Tell it: systemctl reload " : "Reload or restart the service, and name its unit in \"units\" of the "
                                                                 "manifest so that the agent does it.",
                      units ?: "",
                      has_units ? " (or restart, where it cannot reload); if it goes on, see whether it reads these files at all." : "");
}

void judge_leaf(const Case *asked, const CertList *path, GPtrArray *d)
{
        gnutls_x509_crt_t leaf = path->crt[0];
        Case c = *asked;

        c.is_another = is_another(&c, leaf);
        judge_served(&c, leaf, d);
        judge_time(&c, path, d);
        judge_name(&c, leaf, d);
        judge_usage(&c, leaf, d);
        judge_strength(path, d);
        judge_revocation(&c, path, d);
        judge_soon(&c, leaf, d);
}
