/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/inventory.h"
#include "agent/pack.h"

#include <gnutls/x509.h>

/* What a leaf says, in one block of memory: thousands are held, and each is read from the cache in one go. */

/* The facts of a certificate, packed; key_matches and derived_match are false. BAD_CERTIFICATE when something in
 * it cannot be read. */
GByteArray *leaf_pack_certificate(gnutls_x509_crt_t crt, GError **error);

void leaf_pack(GByteArray *a, const LeafFacts *leaf);
/* NULL when the bytes are damaged; freed by g_free() in one. */
LeafFacts *leaf_unpack(Unpack *u);
