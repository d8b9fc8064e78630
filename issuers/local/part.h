/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/local/options.h"
#include "issuers/local/store.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* What a local authority is made of: certificates with their keys, in the files STEM.pem and STEM.key of its
 * folder. The current one (ca), the next one (next), and old ones (old-FINGERPRINT). */

typedef enum PartRole {
        PART_CURRENT, /* it signs */
        PART_NEXT,    /* it is trusted, and will sign when all trust it */
        PART_OLD,     /* it is still trusted, and signs nothing but its revocation list */
        _PART_ROLE_MAX,
        _PART_ROLE_INVALID = -EINVAL,
} PartRole;

const char *part_role_to_string(PartRole role); /* "current" "next" "old" */
PartRole part_role_from_string(const char *s);

#define PART_CURRENT_STEM   "ca"
#define PART_NEXT_STEM      "next"
#define PART_MADE_STEM      "made"      /* complete, but not in its place yet: all else is to be put aside */
#define PART_RECREATED_STEM "recreated" /* the same, and the keys of all else are to be destroyed */
#define PART_OLD_PREFIX     "old-"
#define PART_OLD_MAX        8
#define PART_FINGERPRINT    16 /* hex digits of the SHA-256 of the DER, in names of files */

typedef struct Part {
        PartRole role;
        char *stem;
        char fingerprint[PART_FINGERPRINT + 1];
        gnutls_x509_crt_t crt;
        GBytes *der;
        GBytes *key; /* the key file's content */
} Part;

/* All parts, judged; the current one first. */
typedef struct Parts {
        bool missing;    /* of the current one the certificate or the key is not there */
        bool is_cut_off; /* a change was cut off after its point of no return; `list` is then empty */
        GPtrArray *list; /* Part* */
} Parts;

/* Reads and judges them; opens no key that is in a token. Where the current one is missing, the list holds
 * what is left and can be read. KEY_STORAGE names the file, and says what to do. */
Parts *parts_read(const Store *s, const AuthorityOptions *o, GError **error);
Parts *parts_free(Parts *p);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Parts, parts_free)

const Part *parts_in_role(const Parts *p, PartRole role); /* the first; borrowed, NULL: none */

/* Which of them signed a certificate; borrowed, NULL: none. Times are not looked at. */
const Part *parts_signer_of(const Parts *p, gnutls_x509_crt_t crt);

/* Sets the error for an authority that is missing; returns false. */
bool parts_fail_missing(const AuthorityOptions *o, GError **error);

/* Opens the part's key, which fits its certificate; the caller deinits. */
bool part_open_key(const Part *part, const Store *s, const AuthorityOptions *o, gnutls_privkey_t *ret_key,
                   GError **error);

/* The fingerprint of a certificate file's content, or false. */
bool part_fingerprint(GBytes *pem, char ret[PART_FINGERPRINT + 1]);

/* STEM.pem and STEM.key; caller owns. */
char *part_certificate_file(const char *stem);
char *part_key_file(const char *stem);

/* "old-0123456789abcdef" of its certificate's or key's file, when `file` is one; caller owns, NULL. */
char *part_old_stem(const char *file);
