/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/cert-list.h"

#include <gnutls/abstract.h>

/* Whom the doctor is for a server that asks: a certificate of this host with its key, read as the caller may. */

typedef struct Identity {
        char *name; /* of the certificate, as the manifest names it */
        CertList chain;
        gnutls_pcert_st *certificates; /* the same, as a session takes them */
        gnutls_privkey_t key;
} Identity;

/* `chain_path` may be NULL: what is beside the leaf in the file `cert_path` is shown. `key_path` may be a pkcs11: URI.
 * NOT_AUTHORIZED: the caller may not read one of them. */
Identity *identity_load(const char *name, const char *cert_path, const char *chain_path, const char *key_path,
                        GError **error);

Identity *identity_free(Identity *i);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)
