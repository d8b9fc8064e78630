/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers that an issuer and the agent must agree on. */

/* Of one authority, revoked and not past their end. More could no longer be listed: an entry of a revocation list takes some
 * 53 bytes, and GnuTLS's reading of a list grows with the square of its entries (100,000 take minutes). */
#define CERT_REVOKED_MAX 16384

/* Bytes of one revocation list (DER): so many entries fit. */
#define CERT_CRL_SIZE_MAX (1024 * 1024)
