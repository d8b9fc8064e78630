/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stdint.h>

/* A certificate request (RFC 2986) put together octet by octet, also as no program would make one, and signed by a real key.
 * Everything here aborts the test when it fails. */

typedef struct RequestDraft {
        gnutls_privkey_t key;
        GByteArray *version;    /* the content of the INTEGER; at first one octet, 0 */
        GByteArray *rdns;       /* the content of the Name; at first empty */
        GByteArray *extensions; /* the content of Extensions; at first empty */
        gnutls_digest_algorithm_t digest; /* that it is signed with; GNUTLS_DIG_UNKNOWN: that of the key */
        GByteArray *exponent;   /* of an RSA key, in place of its own; NULL */
        bool broken;            /* one bit of the signature is another */
} RequestDraft;

RequestDraft *request_draft_new(KeyType type);
RequestDraft *request_draft_free(RequestDraft *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RequestDraft, request_draft_free)

/* A part of the subject; `tag` is that of the string (12: UTF8String, 19: PrintableString). */
void request_draft_add_rdn(RequestDraft *d, const char *oid, uint8_t tag, const void *value, size_t size);
void request_draft_add_common_name(RequestDraft *d, const char *name);

/* An extension, whose value is DER. */
void request_draft_add_extension(RequestDraft *d, const char *oid, bool critical, const void *value, size_t size);

/* What Extensions are made of, DER; caller owns. `names` are of GeneralName: `tag` 0x82 is a dNSName. */
void request_draft_add_name(GByteArray *names, uint8_t tag, const void *value, size_t size);
void request_draft_add_names(RequestDraft *d, bool critical, GByteArray *names);
/* A SAN extension with these DNS names; NULL ends. */
void request_draft_add_dns_names(RequestDraft *d, const char *name, ...) G_GNUC_NULL_TERMINATED;
/* Extended key usage by OIDs; NULL ends. */
void request_draft_add_purposes(RequestDraft *d, const char *oid, ...) G_GNUC_NULL_TERMINATED;

/* DER; caller owns. */
GBytes *request_draft_sign(const RequestDraft *d);
