/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The subject of a request from elsewhere, which goes into the certificate as it is: so it must be one that anybody can
 * read, and that means the same to all who do. */

/* `dn`: the Name as DER (RFC 5280, 4.1.2.4); an empty one is fine. ISSUER_REFUSED says what is wrong with it. */
bool request_subject_check(const unsigned char *dn, size_t size, GError **error);
