/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge, of how the handshake went: its protocol, how it was refused, and whom the server wants us to be. */

#include "client/doctor/judge.h"

#include "common/error.h"
#include "common/timespan.h"

#include <gnutls/x509.h>

/* ---- The protocol ---- */

static bool is_too_old(gnutls_protocol_t version)
{
        return version == GNUTLS_SSL3 || version == GNUTLS_TLS1_0 || version == GNUTLS_TLS1_1;
}

static void judge_protocol(const Case *c, GPtrArray *d)
{
        const Session *s = c->session;
        g_autofree char *protocol = words_protocol(s);

        if (is_too_old(s->version))
                diagnosis_add(d, DIAGNOSIS_PROTOCOL_TOO_OLD,
                              "The server speaks %s at most; clients of today refuse everything before TLS 1.2 (RFC 8996).\n"
                              "Allow TLS 1.2 and 1.3 in the server's configuration (nginx: ssl_protocols TLSv1.2 TLSv1.3), or "
                              "replace a server that cannot.",
                              protocol);
}

/* ---- A handshake that did not come to its end ---- */

static void judge_alert(const Case *c, GPtrArray *d)
{
        const Session *s = c->session;
        g_autofree char *alert = words_alert(s->alert);
        g_autofree char *name = cert_error_printable(c->name ?: "", WORDS_MAX, "");

        if (s->alert == GNUTLS_A_PROTOCOL_VERSION)
                diagnosis_add(d, DIAGNOSIS_PROTOCOL_TOO_OLD,
                              "The server speaks no version of TLS from 1.0 to 1.3: %s.\n"
                              "Allow TLS 1.2 and 1.3 in the server's configuration.",
                              alert);
        else if (s->alert == GNUTLS_A_UNRECOGNIZED_NAME)
                diagnosis_add(d, DIAGNOSIS_NAME_MISMATCH,
                              "The server knows nothing of the name \"%s\" and refuses the handshake: %s.\n"
                              "Use a name that the server is configured for (nginx: server_name), or configure it for this one.",
                              name, alert);
        else
                diagnosis_add(d, DIAGNOSIS_HANDSHAKE_FAILED,
                              "The server refuses the handshake: %s.\n"
                              "The reason is in the server's log; most often it is a list of ciphers or curves that has nothing "
                              "in common with clients of today, or a key that does not fit these.",
                              alert);
}

static void judge_failure(const Case *c, GPtrArray *d)
{
        const Session *s = c->session;

        switch (s->end) {
        case SESSION_ALERT:
                judge_alert(c, d);
                break;
        case SESSION_TIMED_OUT:
                if (s->proven)
                        diagnosis_add(d, DIAGNOSIS_UNREACHABLE,
                                      "The handshake began, and then the server fell silent.\n"
                                      "See whether the server is overloaded, and what its log says.");
                break;
        case SESSION_FAILED:
                if (s->error == GNUTLS_E_DH_PRIME_UNACCEPTABLE)
                        diagnosis_add(d, DIAGNOSIS_KEY_TOO_WEAK,
                                      "The server's Diffie-Hellman parameters are too short to be safe.\n"
                                      "Give the server parameters of 2048 bits or more, or let it use elliptic curves alone.");
                else
                        diagnosis_add(d, DIAGNOSIS_HANDSHAKE_FAILED,
                                      "The handshake cannot be finished: %s.\n"
                                      "Look at the server's TLS settings and at its log.",
                                      gnutls_strerror(s->error));
                break;
        default: /* what is no TLS, or was closed, is told by what speaks there instead */
                break;
        }
}

/* ---- Who we are ---- */

bool judge_is_asked_for(const Session *s, gnutls_x509_crt_t crt)
{
        gnutls_datum_t issuer;
        bool found = false;

        if (gnutls_x509_crt_get_raw_issuer_dn(crt, &issuer) < 0)
                return false;
        for (guint i = 0; i < s->asked_for->len && !found; i++) {
                g_autoptr(GBytes) name = g_bytes_new_static(issuer.data, issuer.size);

                found = g_bytes_equal(name, s->asked_for->pdata[i]);
        }
        gnutls_free(issuer.data);
        return found;
}

/* Servers that name CAs take those of these alone (RFC 8446, 4.2.4); a server that names none may take any. */
static bool is_of_another_authority(const Case *c)
{
        const Session *s = c->session;

        if (s->asked_for->len == 0)
                return false;
        for (unsigned i = 0; i < c->identity->chain.n; i++)
                if (judge_is_asked_for(s, c->identity->chain.crt[i]))
                        return false;
        return true;
}

/* True when that alone explains a refusal. */
static bool judge_identity(const Case *c, GPtrArray *d)
{
        gnutls_x509_crt_t leaf = c->identity->chain.crt[0];
        bool told = false;
        uint64_t from, to;

        cert_validity(leaf, &from, &to);
        if (!words_is_for(leaf, GNUTLS_KP_TLS_WWW_CLIENT)) {
                (c->session->refused ? diagnosis_add : diagnosis_warn)(
                        d, DIAGNOSIS_CLIENT_CERTIFICATE_USAGE,
                        "The certificate \"%s\", shown to the server, is not for clients: its extended key usage does not have "
                        "clientAuth%s.\n"
                        "Add \"client\" to its \"usage\" in the manifest; the agent then gets another one.",
                        c->identity->name, c->session->refused ? "" : "; this server takes it all the same, others will not");
                told = true;
        }
        if (to < c->now || from > c->now) {
                g_autofree char *when = timestamp_format(to < c->now ? to : from);

                diagnosis_add(d, to < c->now ? DIAGNOSIS_EXPIRED : DIAGNOSIS_NOT_YET_VALID,
                              "The certificate \"%s\", shown to the server, %s %s.\nRenew it: certctl renew %s",
                              c->identity->name, to < c->now ? "expired at" : "is not valid before", when, c->identity->name);
                told = true;
        }
        return told;
}

static char *refusal_words(const Session *s)
{
        g_autofree char *alert = s->alert >= 0 ? words_alert(s->alert) : NULL;

        if (alert)
                return g_strdup_printf("it says: %s", alert);
        if (s->http_status > 0)
                return g_strdup_printf("it answers with HTTP status %d, and says that it is about certificates", s->http_status);
        return g_strdup("it closes the connection");
}

static void judge_refused_identity(const Case *c, GPtrArray *d)
{
        const Session *s = c->session;
        const CertList *chain = &c->identity->chain;
        g_autofree char *why = refusal_words(s), *cas = words_asked_for(s);
        g_autofree char *issuer = words_issuer(chain->crt[chain->n - 1]);

        if (is_of_another_authority(c))
                diagnosis_add(d, DIAGNOSIS_CLIENT_CERTIFICATE_REFUSED,
                              "The server refuses the certificate \"%s\" (%s): it is signed by %s, and the server takes those "
                              "of %s.\n"
                              "Use a certificate of one of these CAs, or add that of %s to the CAs that the server takes (nginx: "
                              "ssl_client_certificate).",
                              c->identity->name, why, issuer, cas, issuer);
        else
                diagnosis_add(d, DIAGNOSIS_CLIENT_CERTIFICATE_REFUSED,
                              "The server refuses the certificate \"%s\", signed by %s (%s).\n"
                              "The reason is in the server's log: see whether it trusts that CA, whether it gets all "
                              "intermediate certificates, and whether the certificate was revoked.",
                              c->identity->name, issuer, why);
}

static void judge_client(const Case *c, GPtrArray *d, GPtrArray *notes)
{
        const Session *s = c->session;
        g_autofree char *cas = words_asked_for(s), *why = refusal_words(s);

        if (s->refused && !s->presented)
                diagnosis_add(d, DIAGNOSIS_CLIENT_CERTIFICATE_MISSING,
                              "The server lets in only who shows a certificate, signed by %s; without one, %s.\n"
                              "Show one: certctl doctor --cert NAME … with the name of a certificate of this host.",
                              cas, why);
        else if (s->presented && !judge_identity(c, d) && s->refused)
                judge_refused_identity(c, d);
        else if (s->asked && !s->presented)
                g_ptr_array_add(notes, g_strdup_printf("The server asks for a certificate (signed by %s), and lets in those "
                                                       "without one, too.", cas));
        if (c->identity && !s->asked && s->end == SESSION_ESTABLISHED)
                g_ptr_array_add(notes, g_strdup_printf("The server did not ask for a certificate, so \"%s\" was not shown.",
                                                       c->identity->name));
}

void judge_session(const Case *c, GPtrArray *d, GPtrArray *notes)
{
        const Session *s = c->session;

        if (s->end != SESSION_ESTABLISHED && !s->refused)
                judge_failure(c, d);
        if (s->proven)
                judge_protocol(c, d);
        if (s->end == SESSION_ESTABLISHED && s->chain->len == 0)
                diagnosis_add(d, DIAGNOSIS_NO_CERTIFICATE,
                              "The server shows no certificate at all.\n"
                              "Give the server a certificate and its key.");
        judge_client(c, d, notes);
}
