/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority-facts.h"
#include "agent/manifest.h"

/* Trust: what a bundle must hold. The certificates of its issuers, in the order in which the manifest names these, of one
 * issuer in the order of authority-facts.h (local) or as they were heard last (roots.h), each certificate once. */

/* NULL with no error set: the roots of an issuer are not known yet; *ret_unknown (borrowed from the manifest) is the first
 * of these. `facts` maps the names of local issuers to AuthorityFacts*; what is left of one that lost its certificate or
 * key is not known, so that the old trust stays in force until there is a new one. Caller owns the PEM.
 * BAD_CERTIFICATE, NO_SUCH_ISSUER. */
GBytes *trust_compose(const ManifestCertificate *bundle, const Manifest *m, GHashTable *facts,
                      const ManifestIssuer **ret_unknown, GError **error);

/* SHA-256, lower-case hex; caller owns. */
char *trust_digest(GBytes *pem);

/* Whether a chain that was served (GBytes* DER, leaf first) leads to one of the certificates of the bundle now (RFC 5280,
 * 6.1), whatever its names. BAD_CERTIFICATE says why not. */
bool trust_check_chain(GBytes *bundle_pem, GPtrArray *chain, uint64_t now, GError **error);
