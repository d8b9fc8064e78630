/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"
#include "issuers/local/constraints.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What the manifest says of a local authority, as its process gets it with each call. Keys of the manifest
 * that only the agent uses (renew_before, watch and others) are known here and passed over. */

typedef enum KeyProtection {
        KEY_PROTECTION_FILE,       /* PEM, mode 0600 */
        KEY_PROTECTION_CREDENTIAL, /* sealed as systemd-creds(1) does */
        KEY_PROTECTION_TOKEN,      /* made and kept in a token; the key's file says where */
        _KEY_PROTECTION_MAX,
        _KEY_PROTECTION_INVALID = -EINVAL,
} KeyProtection;

/* "file" "credential"; a token is not said but follows from key.uri, and is NULL. */
const char *key_protection_to_string(KeyProtection p);
KeyProtection key_protection_from_string(const char *s);

typedef struct AuthorityOptions {
        char *name;                    /* the issuer's name */
        char *environment;             /* the manifest's; NULL: none */
        char *subject;                 /* RFC 4514; NULL: "CN=NAME local authority HOST" */
        KeyType key_type;              /* default ecdsa-p256 */
        KeyProtection key_protection;  /* of keys that are made; those that are there stay as they are */
        char *key_uri;                 /* "pkcs11:…", NULL: no token */
        uint64_t lifetime;             /* microseconds; default 10 years */
        uint64_t certificate_lifetime; /* of what it signs, where the request does not say; default 90 days */
        uint64_t crl_lifetime;         /* from thisUpdate to nextUpdate; default 7 days */
        unsigned path_length;          /* how many authorities may stand below it; default 0 */
        Constraints *names;            /* what it may sign; NULL: all */
} AuthorityOptions;

/* From the `config` of a call. MANIFEST_INVALID. */
AuthorityOptions *authority_options_new(const char *config, GError **error);
AuthorityOptions *authority_options_free(AuthorityOptions *o);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuthorityOptions, authority_options_free)
