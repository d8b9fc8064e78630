/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/generation.h"
#include "agent/manifest.h"
#include "common/reason.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* What the tests of several nouns need: a test root, a certificate of a manifest made by hand, and a CA that
 * signs real certificates. Everything here aborts the test when it fails. */

/* An empty folder that becomes the test root (the state folder below it is made). */
char *fixture_root_new(void);
/* Removes it with all that is in it; frees. Returns NULL. */
char *fixture_root_free(char *root);
/* ROOT + path; caller owns. */
char *fixture_path(const char *root, const char *path);
void fixture_make_folder(const char *root, const char *path, mode_t mode);

/* A certificate as a manifest with the defaults would have it: issuer "site", common name and only SAN
 * "NAME.example", /etc/tls/NAME.pem 0644 and /etc/tls/NAME.key 0640, owned by this process's user and group.
 */
ManifestCertificate *fixture_certificate_new(const char *name);
ManifestCertificate *fixture_certificate_free(ManifestCertificate *c);
/* Replaces the SANs by these texts (NULL ends). */
void fixture_certificate_set_sans(ManifestCertificate *c, const char *const *texts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ManifestCertificate, fixture_certificate_free)

/* A self-signed ECDSA P-256 CA, valid from 2020 to 2120. */
typedef struct FixtureAuthority {
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        GBytes *der;
} FixtureAuthority;

FixtureAuthority *fixture_authority_new(void);
/* With key identifiers, and valid between these two times (seconds since 1970). All have one name. */
FixtureAuthority *fixture_authority_new_between(time_t not_before, time_t not_after);
FixtureAuthority *fixture_authority_free(FixtureAuthority *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FixtureAuthority, fixture_authority_free)

/* A new key of this type as PKCS#8 PEM; caller owns. */
GBytes *fixture_key_new(KeyType type);

/* A leaf for `c` (subject by common name, SANs, usage) over this key, valid between the two times
 * (seconds since 1970), with a random serial. DER; caller owns. */
GBytes *fixture_authority_sign(const FixtureAuthority *a, const ManifestCertificate *c, GBytes *key_pem,
                               time_t not_before, time_t not_after);

/* A revocation list that names nothing, PEM; caller owns. */
GBytes *fixture_authority_crl(const FixtureAuthority *a, time_t next_update);

/* A bundle "bundle:NAME" of issuer "site", at /etc/tls/NAME.pem 0644; the same free function. */
ManifestCertificate *fixture_bundle_new(const char *name);
/* A generation of it: the certificates of `n` new authorities. Not saved. */
Generation *fixture_bundle_generation_new(unsigned n);

/* A generation for `c`, valid from an hour ago for 90 days, with a key of c->key_type. Not saved. */
Generation *fixture_generation_new(const FixtureAuthority *a, const ManifestCertificate *c);

/* What waits for an answer: this key, and a request for it of the certificate "web". Not saved. */
Generation *fixture_request_generation_new(GBytes *key_pem);

/* Whether this is root; if not, the test at hand is skipped, or, where CI is in the environment, failed: what
 * was not tested must not look tested. */
bool fixture_is_root(void);

/* Asserts that a file below the root has this content, owner and mode. */
void fixture_assert_file(const char *root, const char *path, GBytes *content, const FileAttributes *a);
/* Asserts that the certificate file, the key file, and so on, are those of `g`. */
void fixture_assert_installed(const char *root, const ManifestCertificate *c, const Generation *g);
/* Asserts that two sets of reasons are the same, by name. */
void fixture_assert_reasons(ReasonSet got, ReasonSet wanted);
/* How many names in a folder below the root begin with "." and end with ".cert-agent". */
unsigned fixture_count_staged(const char *root, const char *path);
/* How often one of the files that this (non-blocking) instance watches for IN_OPEN was opened since the last question. */
unsigned fixture_count_opened(int inotify);
