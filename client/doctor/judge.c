/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The judge: what was sent, taken apart, and handed to those who know what is wrong with it. */

#include "client/doctor/judge.h"

#include <string.h>

CertList judge_path(const CertList *sent, gnutls_x509_crt_t ret_path[static CHAIN_MAX])
{
        unsigned places[CHAIN_MAX], n = sent->n > 0 ? cert_list_path(sent, 0, places) : 0;

        for (unsigned i = 0; i < n; i++)
                ret_path[i] = sent->crt[places[i]];
        return (CertList) { ret_path, n };
}

bool judge_is_trusted(const Session *s, const Anchors *trust)
{
        g_auto(CertList) sent = { 0 };
        gnutls_x509_crt_t places[CHAIN_MAX];
        g_autofree char *why = NULL;
        CertList path, first;

        (void) cert_list_of_der(s->chain, &sent);
        first = (CertList) { sent.crt, MIN(sent.n, CHAIN_MAX) };
        path = judge_path(&first, places);
        return anchors_lead(trust, &path, &why) == LEAD_TRUSTED;
}

static void judge_sent(const Case *c, const CertList *sent, GPtrArray *diagnoses)
{
        gnutls_x509_crt_t places[CHAIN_MAX];
        CertList path = judge_path(sent, places);

        judge_chain(c, sent, diagnoses);
        judge_leaf(c, &path, diagnoses);
}

void judge(const Case *c, GPtrArray *diagnoses, GPtrArray *notes)
{
        const Session *s = c->session;
        g_auto(CertList) sent = { 0 };
        CertList first;
        int r;

        judge_session(c, diagnoses, notes);
        r = cert_list_of_der(s->chain, &sent);
        if (r < 0)
                diagnosis_add(diagnoses, DIAGNOSIS_INVALID_CHAIN,
                              "What the server sends as its certificate number %u is no certificate: %s.\n"
                              "Look at the file with the certificates that the server is given.",
                              sent.n + 1, gnutls_strerror(r));
        if (s->chain->len > CHAIN_MAX)
                diagnosis_add(diagnoses, DIAGNOSIS_INVALID_CHAIN,
                              "The server sends %u certificates or more; no client follows more than %d.\n"
                              "Give the server its certificate and the intermediate certificates of its CA, no more.",
                              s->chain->len, CHAIN_MAX);
        if (sent.n == 0)
                return;
        first = (CertList) { sent.crt, MIN(sent.n, CHAIN_MAX) };
        judge_sent(c, &first, diagnoses);
}
