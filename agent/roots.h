/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The roots last heard from an issuer (CERT_ROOTS_DIR/ISSUER.pem), for the answers that come without. May be called
 * from any thread. */

/* DER (GBytes*) to one PEM text; caller owns. NULL with BAD_CERTIFICATE when one of them is no certificate. */
GBytes *roots_to_pem(GPtrArray *roots, GError **error);

/* Writes them when they differ from what is there: atomically, synced, 0644 in a folder of 0700. */
bool roots_keep(const char *issuer, GPtrArray *roots, GError **error);

/* What came with a certificate: kept unless all of it is kept already. It may be less than all there is (an issuer that could
 * not ask its CA for the others gives those that it knows), so that it takes none away; only GetRoots does. */
bool roots_learn(const char *issuer, GPtrArray *roots, GError **error);

/* GBytes* of DER; empty when none are kept (or what is there cannot be read); caller owns. */
GPtrArray *roots_load(const char *issuer);
