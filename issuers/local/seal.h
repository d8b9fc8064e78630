/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The secret that keys of "protection": "credential" are encrypted with. It is on disk as SEAL_FILE, sealed
 * to this host (and its TPM, where it has one) by systemd-creds(1); PID 1 opens it and gives it to
 * cert-issuer-local alone, as a credential (systemd.exec(5), LoadCredentialEncrypted=).
 * cert-authority-seal.service makes it. */

#define SEAL_CREDENTIAL "cert-authority.seal"
#define SEAL_FILE       "/etc/credstore.encrypted/" SEAL_CREDENTIAL
#define SEAL_UNIT       "cert-authority-seal.service"

typedef struct Seal Seal;

/* KEY_STORAGE when this process did not get it: the hint says how to make it. */
Seal *seal_open(GError **error);
Seal *seal_free(Seal *s); /* wiped; NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Seal, seal_free)

/* The credential's bytes in lower-case hex: what PKCS#8 is encrypted with. Secret, borrowed. */
const char *seal_password(const Seal *s);
