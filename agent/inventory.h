/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/authority-facts.h"
#include "agent/manifest.h"
#include "agent/record.h"

/* The inventory: what is present. For each certificate of the manifest the facts of its managed files, read
 * without following links that others could have made and without blocking. What a file's content says is
 * cached by (device, inode, size, mtime, ctime) in CERT_FACTS_FILE, so that a pass in which nothing changed
 * parses nothing. */

typedef enum FileState {
        FILE_STATE_ABSENT, /* the manifest wants none */
        FILE_STATE_MISSING,
        FILE_STATE_UNREADABLE, /* not a regular file, larger than 1 MiB (bundles and CRLs: 8 MiB), I/O error, or not
                            * what it should hold */
        FILE_STATE_PRESENT,
        _FILE_STATE_MAX,
} FileState;

typedef struct FileFacts {
        FileState state;
        uint64_t dev, ino, size, mtime_ns, ctime_ns;
        uid_t uid;
        gid_t gid;
        mode_t mode; /* permission bits */
} FileFacts;

/* What the certificate file's leaf says, and whether the other files belong to it. */
typedef struct LeafFacts {
        char *fingerprint; /* SHA-256 of the DER, lower-case hex */
        char *serial;
        char *subject;     /* RFC 4514 */
        char *issuer;      /* RFC 4514 */
        char **sans;       /* san_list_of_certificate() */
        unsigned usage;
        KeyType key_type;  /* _KEY_TYPE_INVALID: none that a manifest can name */
        uint64_t not_before, not_after;
        char *signed_by;   /* fingerprint of the authority's certificate that verifies the leaf's signature; NULL: none of
                            * those that are known, or the issuer is not local */
        char *not_signed_by; /* with signed_by NULL: the trust_digest of the authority none of whose certificates does; NULL:
                              * nobody looked. Both belong to the inventory */
        bool key_matches;     /* the key file (or combined file, or pkcs11: object) holds the leaf's key */
        bool derived_match;   /* chain, CA and combined files are what the certificate file and generation say */
} LeafFacts;

typedef struct CertificateFacts {
        const ManifestCertificate *certificate; /* borrowed from the manifest */
        FileFacts file[_MANAGED_FILE_MAX];
        LeafFacts *leaf;  /* NULL when there is no readable certificate, and for the other kinds */
        char *content;    /* of a bundle or a CRL: SHA-256 of the file, lower-case hex; NULL when it cannot be read */
        uint64_t content_until; /* of a CRL: the earliest nextUpdate in it, microseconds since 1970; else 0 */
        char *served;     /* fingerprint that the service was last seen to serve in this pass; NULL: not looked */
} CertificateFacts;

typedef struct Inventory Inventory;

/* Opens the cache; a damaged or foreign one is dropped silently (it is a cache). */
Inventory *inventory_new(void);
Inventory *inventory_free(Inventory *i);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)

/* The facts of one certificate now; borrowed, valid until the next look at the same certificate. The record
 * gives the installed generation for derived files; may be NULL. `authority` is what is known of its issuer when that is
 * a local one, else NULL; who signed a leaf is found out again only while it is unknown and the authority has
 * certificates that it was not tried with. Never fails: what cannot be read is a fact. */
const CertificateFacts *inventory_look(Inventory *i, const ManifestCertificate *c, const Record *r,
                                       const AuthorityFacts *authority);

/* What identifies the installed content of any kind: the leaf's fingerprint, or the content's digest; NULL: none. */
const char *facts_fingerprint(const CertificateFacts *facts);

/* What the probe saw; kept until the files change. */
void inventory_set_served(Inventory *i, const char *name, const char *fingerprint);

/* Drops what the manifest no longer names, writes the cache if it changed. The cache holds no secret. */
void inventory_save(Inventory *i, const Manifest *m);
