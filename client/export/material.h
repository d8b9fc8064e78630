/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/cert-list.h"
#include "client/client.h"

/* What of a certificate is exported: read from its files, as the caller may read them. */

typedef struct Material {
        CertList chain;        /* leaf first, then the intermediate certificates */
        gnutls_x509_crt_t ca;  /* to which it leads; NULL: not known on this host */
        char *unknown_ca;      /* why not; NULL: it is known */
        GBytes *key;           /* PKCS#8, PEM, secret; NULL: it was not asked for */
} Material;

/* Gets the certificate `name` of this host's agent. `with_key`: its key, too; a key in a token is NOT_SUPPORTED, one that is
 * not the certificate's KEY_STORAGE. */
Material *material_get(const Client *client, const char *name, bool with_key, GError **error);
Material *material_free(Material *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Material, material_free)

/* Certificate, chain and CA, PEM. Caller owns. */
GBytes *material_to_pem(const Material *m, GError **error);
