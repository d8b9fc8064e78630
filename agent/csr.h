/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/key.h"
#include "agent/manifest.h"

/* A certificate request (PKCS#10, RFC 2986) that asks for exactly what the manifest says: subject, subject
 * alternative names, key usage and extended key usage, signed with the digest that fits the key. DER; the
 * caller owns it. Signs with the key, so call it on a thread. Errors: KEY_STORAGE, MANIFEST_INVALID (a subject or
 * name that cannot be written). */
GBytes *csr_new(const ManifestCertificate *c, const Key *key, GError **error);
