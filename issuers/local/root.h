/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* The making of an authority's own certificate over its key; PEM, caller owns. `now` in microseconds since
 * 1970. KEY_STORAGE, or MANIFEST_INVALID for a subject that cannot be written. */
GBytes *root_new_certificate(const AuthorityOptions *o, gnutls_privkey_t key, uint64_t now, GError **error);

/* The hash with which an authority of this certificate signs. */
gnutls_digest_algorithm_t root_digest_of(gnutls_x509_crt_t crt);
