/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/bundle.h"
#include "client/certificate.h"
#include "client/doctor/anchors.h"
#include "client/doctor/session.h"

/* What this host knows: what the agent says, the files that it writes, and how late it must be at least. */

typedef struct HostView {
        sd_bus *bus;          /* NULL: there is no agent to be asked, */
        GError *no_agent;     /* and why */
        GPtrArray *bundles;   /* Bundle*; revocation lists among them */
        GArray *crls;         /* gnutls_x509_crl_t */
        uint64_t seen;        /* the latest time that something here bears, microseconds since 1970; 0: none, */
        char *seen_where;     /* and what */
        GPtrArray *notes;     /* char*: what could not be looked at */
} HostView;

/* Without an agent there is less to be known; that it is so becomes a note where it would have been asked. */
HostView *host_view_new(const Client *client);

HostView *host_view_free(HostView *v);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostView, host_view_free)

/* ISSUER_UNREACHABLE when there is no agent; NO_SUCH_CERTIFICATE. */
CertDetail *host_view_certificate(HostView *v, const char *name, GError **error);

/* What a client of a certificate's server is to begin with: its CA file, else its issuer's roots. */
Anchors *host_view_trust_for(HostView *v, const CertDetail *d, GError **error);

/* All sets that a client of this host could begin with, and files that hold intermediate certificates (Anchors*); caller
 * owns. Asks much, so it is for when a chain leads nowhere. */
GPtrArray *host_view_others(HostView *v);

/* What the agent finds dangerous about a certificate's files. */
void host_view_findings(HostView *v, const char *name, GPtrArray *diagnoses);

/* The names of this host's certificates for clients that a server which asks for one would take, "app, web"; NULL: none, or
 * the server does not say which CAs it takes. Caller owns. */
char *host_view_clients(HostView *v, const Session *s);
