/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"

#include <gnutls/x509.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* What a local authority's process says of it (org.certagent1.Authority): its certificates and what it revoked. The agent
 * itself cannot look into the authority's folder. Immutable, counted references, loop only. */

typedef enum AuthorityRole {
        AUTHORITY_ROLE_CURRENT, /* it signs */
        AUTHORITY_ROLE_NEXT,    /* it is trusted, and will sign when all trust it */
        AUTHORITY_ROLE_OLD,     /* it is still trusted, and signs nothing but its revocation list */
        _AUTHORITY_ROLE_MAX,
        _AUTHORITY_ROLE_INVALID = -EINVAL,
} AuthorityRole;

const char *authority_role_to_string(AuthorityRole role); /* "current" "next" "old" */
AuthorityRole authority_role_from_string(const char *s);

typedef struct AuthorityCertificate {
        AuthorityRole role;
        char *fingerprint; /* SHA-256 of the DER, lower-case hex */
        char *serial;      /* lower-case hex */
        char *subject;     /* RFC 4514 */
        KeyType key_type;
        uint64_t not_before, not_after; /* microseconds since 1970 */
        uint64_t issued_until; /* when the last ends that it signed for requests from elsewhere and that is not revoked; 0: none */
        gnutls_x509_crt_t crt;
        GBytes *der;
} AuthorityCertificate;

typedef struct AuthorityFacts {
        unsigned references;
        bool missing;            /* its certificate or key is not there; `certificates` may then hold what is left */
        GPtrArray *certificates; /* AuthorityCertificate*, all that is trusted, by age, then fingerprint: a promotion does not
                                  * change the order */
        char **revoked;          /* serial numbers, lower-case hex without a leading zero octet, sorted, each once */
        size_t n_revoked;
        char *trust_digest;      /* of the fingerprints: another one, another trust */
        char *crl_digest;        /* of the fingerprints and what is revoked */
} AuthorityFacts;

/* Reads the a{sv} that every method of org.certagent1.Authority answers with: State s ("present" "missing"),
 * Certificates a(say) (role, DER), Revoked as, IssuedUntil a{st}. What a process sends is hostile: at most 16 certificates of 64 KiB,
 * CERT_REVOKED_MAX serial numbers, one current and one next. ISSUER_PROTOCOL. `issuer` is for messages. */
AuthorityFacts *authority_facts_read(sd_bus_message *m, const char *issuer, GError **error);
/* From parts, which are copied; `ders` (GBytes*) with their roles, `revoked` may be NULL. BAD_CERTIFICATE. */
AuthorityFacts *authority_facts_new(bool missing, GPtrArray *ders, const AuthorityRole *roles, char **revoked,
                                    GError **error);

AuthorityFacts *authority_facts_ref(AuthorityFacts *f);
AuthorityFacts *authority_facts_unref(AuthorityFacts *f); /* NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuthorityFacts, authority_facts_unref)

/* Borrowed; NULL when there is none in that role (of several old ones: the youngest). */
const AuthorityCertificate *authority_facts_in_role(const AuthorityFacts *f, AuthorityRole role);
/* Until when what is old is needed by certificates that nobody of this host renews; 0: it is not. */
uint64_t authority_facts_old_needed_until(const AuthorityFacts *f);
const AuthorityCertificate *authority_facts_find(const AuthorityFacts *f, const char *fingerprint);

/* Which of its certificates verifies the signature of `leaf` (dates are not looked at); borrowed, NULL: none. */
const AuthorityCertificate *authority_facts_signer(const AuthorityFacts *f, gnutls_x509_crt_t leaf);
bool authority_facts_is_revoked(const AuthorityFacts *f, const char *serial);

/* What is trusted, as PEM in the order of `certificates`; caller owns. */
GBytes *authority_facts_to_pem(const AuthorityFacts *f);

/* The last known facts, kept in CERT_AUTHORITY_FACTS_DIR/ISSUER.json so that a plan can be shown before anything was
 * asked. A cache: what cannot be read is NULL, what cannot be written is logged. */
AuthorityFacts *authority_facts_load(const char *issuer);
void authority_facts_save(const AuthorityFacts *f, const char *issuer);
