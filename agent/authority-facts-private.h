/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority-facts.h"
#include "common/bounds.h"

/* What the files around an authority's facts share. */

#define AUTHORITY_CERTIFICATES_MAX 16
#define AUTHORITY_CERTIFICATE_MAX (64 * 1024) /* bytes */
#define AUTHORITY_REVOKED_MAX CERT_REVOKED_MAX
#define AUTHORITY_SERIAL_MAX 128 /* characters; RFC 5280, 4.1.2.2 allows 40 */

/* Lower-case hex of a sane length. */
bool authority_serial_is_sane(const char *serial);

/* Whether two crl_digests are of the same certificates: then it is what is revoked that differs. */
bool authority_crl_digest_same_signers(const char *a, const char *b);

/* Before the facts are given to anybody; a fingerprint of none of its certificates is passed over. */
void authority_facts_set_issued_until(AuthorityFacts *f, const char *fingerprint, uint64_t until);

/* As JSON, and back; NULL when it is none. */
char *authority_facts_to_json(const AuthorityFacts *f, size_t *ret_size);
AuthorityFacts *authority_facts_from_json(const char *text, size_t size);
