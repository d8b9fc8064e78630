/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/cert-list.h"

/* Certificates that a client may begin with: a CA file, a bundle, an issuer's roots, the system's store. */

#define ANCHORS_MAX       4096 /* certificates of one set */
#define ANCHORS_BYTES_MAX (UINT32_C(8) << 20)

typedef struct Anchors {
        char *what; /* "the file /etc/ssl/site-ca.pem", for sentences */
        char *use;  /* what makes a client begin with it: "Give clients …" */
        CertList list;
} Anchors;

/* `what` and `use` are taken over. INVALID content: BAD_CERTIFICATE; not to be read: INSTALL_FAILED. At least one
 * certificate. */
Anchors *anchors_of_file(const char *path, char *what, char *use, GError **error);
Anchors *anchors_of_pem(GBytes *pem, char *what, char *use, GError **error);

/* What programs of this host trust when nobody tells them otherwise. */
Anchors *anchors_of_system(GError **error);

Anchors *anchors_free(Anchors *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Anchors, anchors_free)

/* How a chain stands to a set. */
typedef enum Lead {
        LEAD_NOWHERE, /* its end is signed by none of them */
        LEAD_BROKEN,  /* it ends at one of them, but breaks a rule; why is told */
        LEAD_TRUSTED,
} Lead;

/* `path` is leaf first, each one's issuer next. Of RFC 5280, 6.1, all but dates, revocation and the strength of keys and
 * hashes, which are judged by themselves. *ret_why of LEAD_BROKEN; caller owns. */
Lead anchors_lead(const Anchors *a, const CertList *path, char **ret_why);

/* One of the set that issued `crt`, by its signature and not by its name alone; borrowed, NULL: none. */
gnutls_x509_crt_t anchors_issuer(const Anchors *a, gnutls_x509_crt_t crt);
