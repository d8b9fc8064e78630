/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* org.certagent1.Signer from an issuer process's side, on the connection of the call that is being answered: the agent
 * signs, and the process waits. `key`: "new", "current", "account". */

/* Caller owns. The algorithm as Signer's Sign names it. */
GBytes *signer_client_sign(sd_bus *bus, const char *key, const char *algorithm, const void *data, size_t size,
                           GError **error);
GBytes *signer_client_public_key(sd_bus *bus, const char *key, GError **error); /* SubjectPublicKeyInfo, DER */

typedef struct SignerAccount {
        GBytes *public_key; /* SubjectPublicKeyInfo, DER */
        char *algorithm;    /* of Sign, that suits the key */
        char *key_id;       /* or "" */
        GPtrArray *chain;   /* GBytes* of DER; may be empty */
} SignerAccount;

SignerAccount *signer_account_free(SignerAccount *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SignerAccount, signer_account_free)

/* `encrypted_key` "": the manifest's key file. */
SignerAccount *signer_client_open_account(sd_bus *bus, const char *encrypted_key, GError **error);
