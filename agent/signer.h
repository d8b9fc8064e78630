/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/key.h"
#include "agent/keyholder.h"
#include "agent/manifest.h"
#include "agent/offload.h"

#include <systemd/sd-bus.h>

/* The Signer: what an issuer process may have signed (org.certagent1.Signer) on its connection, only while a call
 * to it is in flight and only with the keys of that very request. No private key leaves the agent, and that of an account
 * never comes to it: the keyholder has it. */

typedef struct Signer Signer;

/* The roles of one request; a NULL one is refused. */
typedef struct SignerKeys {
        Key *new_key;        /* "new": the one that the request is for; held */
        GBytes *current_pem; /* "current": the installed certificate's, PKCS#8 PEM; held */
        Keyholder *keyholder; /* "account", once it was opened, of this issuer; both borrowed, or NULL */
        const ManifestIssuer *issuer;
} SignerKeys;

/* Offers the object on `bus`; it refuses everything until opened. Signing is done on threads of `o` (which may be NULL where
 * no key but the account's is given), and by the keyholder. */
Signer *signer_new(sd_bus *bus, Offload *o);
Signer *signer_free(Signer *s);

/* For the time of one call. signer_close() ends what is still being signed; nothing is answered any more. */
void signer_open(Signer *s, const SignerKeys *keys);
void signer_close(Signer *s);
