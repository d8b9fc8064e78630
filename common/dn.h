/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Distinguished names. */

/* Takes the escapes of RFC 4514, section 2.4, out of one attribute's value, in its own place: GnuTLS gives values
 * (gnutls_x509_crt_get_dn_by_oid() and its like) as they stand in such a string. Returns `value`. */
char *dn_value_unescape(char *value);
