/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/export/material.h"
#include "common/secret.h"

/* PKCS#12 (RFC 7292), DER: the key and the certificate under the friendly name `name`, then chain and CA. Keys and
 * certificates are encrypted by PBES2 with AES-256-CBC and PBKDF2 (RFC 8018), its integrity is HMAC-SHA256: what OpenSSL 3,
 * NSS and Java write by themselves, and read. `password` ends in NUL, and is UTF-8. Takes a second or so: that is what
 * guessing costs. Caller owns. */
GBytes *pkcs12_make(const Material *m, const char *name, const Secret *password, GError **error);
