/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/keytype.h"
#include "common/renewal.h"
#include "common/san.h"
#include "common/usage.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The manifest: what the administrator wants. A Manifest is checked as a whole and immutable; it is made of
 * manifest.json and the drop-ins (agent/manifest.c), read by common/json.c, checked by agent/manifest-check.c. */

typedef enum UnitAction {
        UNIT_ACTION_RELOAD,
        UNIT_ACTION_RESTART,
        UNIT_ACTION_RELOAD_OR_RESTART,
        UNIT_ACTION_TRY_RESTART,
        UNIT_ACTION_TRY_RELOAD_OR_RESTART,
        UNIT_ACTION_SIGNAL, /* "signal:SIGUSR2": to the main process */
        UNIT_ACTION_NONE,   /* the service reads its files anew by itself */
        _UNIT_ACTION_MAX,
        _UNIT_ACTION_INVALID = -EINVAL,
} UnitAction;

const char *unit_action_to_string(UnitAction action); /* "signal" without the signal's name */
UnitAction unit_action_from_string(const char *s);

typedef struct UnitRef {
        char *unit;
        UnitAction action;
        int signal; /* with UNIT_ACTION_SIGNAL */
} UnitRef;

typedef enum KeyRotation {
        KEY_ROTATION_ALWAYS, /* a new key with each certificate */
        KEY_ROTATION_REUSE,
} KeyRotation;

typedef enum Starttls {
        STARTTLS_NONE, /* TLS on connect */
        STARTTLS_SMTP,
        STARTTLS_IMAP,
        STARTTLS_POSTGRESQL,
        _STARTTLS_MAX,
        _STARTTLS_INVALID = -EINVAL,
} Starttls;

const char *starttls_to_string(Starttls s); /* "none" "smtp" "imap" "postgresql" */
Starttls starttls_from_string(const char *s);

/* "verify": how to see what is served. "connect" is "HOST:PORT", "[V6]:PORT" or "/path/of/a/unix/socket". */
typedef struct Verify {
        char *connect;
        char *server_name;     /* SNI; NULL: none is sent */
        Starttls starttls;
        uint64_t timeout_usec; /* the deadline; default 10 s */
        unsigned successes;    /* handshakes in a row; default 3 */
} Verify;

/* "renew_before": a time before the end, or a share of the lifetime. */
typedef struct RenewBefore {
        bool is_percent;
        unsigned percent; /* 1..99 */
        uint64_t usec;
} RenewBefore;

/* The files of one certificate. */
typedef enum ManagedFile {
        MANAGED_FILE_CERT,     /* leaf, then intermediates (what servers call fullchain) */
        MANAGED_FILE_KEY,      /* PKCS#8 PEM */
        MANAGED_FILE_CHAIN,    /* the intermediates alone */
        MANAGED_FILE_CA,       /* the issuer's roots */
        MANAGED_FILE_COMBINED, /* leaf, intermediates, key */
        _MANAGED_FILE_MAX,
        _MANAGED_FILE_INVALID = -EINVAL,
} ManagedFile;

const char *managed_file_to_string(ManagedFile f); /* "certificate" "key" "chain" "CA" "combined" */

typedef struct FileAttributes {
        uid_t uid;
        gid_t gid;
        mode_t mode;
} FileAttributes;

/* What is managed like a certificate: planned, installed, recorded, told to units and rolled back in the same way. */
typedef enum ManifestKind {
        MANIFEST_KIND_CERTIFICATE,
        MANIFEST_KIND_BUNDLE, /* the roots of one or several issuers, PEM, at path[MANAGED_FILE_CA] */
        MANIFEST_KIND_CRL,    /* the revocation lists of one local authority, PEM, at path[MANAGED_FILE_CA] */
        _MANIFEST_KIND_MAX,
        _MANIFEST_KIND_INVALID = -EINVAL,
} ManifestKind;

const char *manifest_kind_to_string(ManifestKind kind); /* "certificate" "bundle" "crl" */

/* What stands before a name of these kinds wherever it is shown beside certificates or becomes a file's. No name of a
 * manifest holds a colon. */
#define MANIFEST_BUNDLE_PREFIX "bundle:"
#define MANIFEST_CRL_PREFIX "crl:" /* + the issuer's name */
#define MANIFEST_AUTHORITY_PREFIX "authority:" /* + the issuer's name: jobs, plan and record of a local authority */

typedef struct ManifestCertificate {
        ManifestKind kind;
        char *name;        /* with its prefix, if it is no certificate */
        char **from;       /* of a bundle or a CRL: names of issuers, in the manifest's order; else NULL */
        char *issuer;      /* the name of an entry of "issuers"; of a bundle or a CRL the first of `from` */
        char *common_name; /* NULL when there is none */
        char *subject;     /* RFC 4514; made from common_name when only that was given; "" for an empty one */
        GPtrArray *sans;   /* San*, sorted by text form, without duplicates */
        char **san_texts;  /* the same as text, for comparing with san_list_of_certificate() */
        unsigned usage;    /* Usage bits; default server */
        uint64_t lifetime_usec; /* 0: the issuer's default; of a CRL until its next update */
        KeyType key_type;
        KeyRotation key_rotation;
        char *key_uri;                 /* pkcs11: URI, or NULL; then there is no key file */
        char *path[_MANAGED_FILE_MAX]; /* absolute, normal; NULL where not wanted; all NULL with directory */
        char *directory;               /* or NULL */
        FileAttributes cert_attributes; /* certificate, chain and CA files */
        FileAttributes key_attributes;  /* key and combined files */
        RenewBefore renew_before;
        GPtrArray *units; /* UnitRef* */
        Verify *verify;   /* or NULL */
        bool watch;
        unsigned keep;    /* generations kept; default 3 */
        char *request_digest; /* manifest_certificate_request_digest(), made once when it is loaded; the plan reads it */
        const char *issuer_digest; /* of all that is said of its issuer; borrowed from that */
        const char *issuer_type;   /* borrowed from that; NULL of what has no issuer */
} ManifestCertificate;

/* The attributes that a managed file must have. */
const FileAttributes *manifest_certificate_attributes(const ManifestCertificate *c, ManagedFile f);

/* What the agent itself reads of an issuer of type "local"; the rest of its object is its process's. */
typedef struct ManifestAuthority {
        RenewBefore renew_before;      /* when its own certificate is replaced; default 33% */
        bool recreate_on_bundle_drift; /* "bundle_drift": "recreate"; default "rewrite" */
        bool recreate_on_stray;        /* "stray": "recreate"; default "resign" */
        uint64_t grace_usec;           /* "rotation_grace": an old one is trusted for so long after its last certificate
                                        * is gone; default 1 day */
        bool watch;                    /* it says so, or a certificate or bundle of it does */
        char *request_digest;          /* of what is written in its certificate: subject, key, path length, names */
} ManifestAuthority;

/* Where the key of an issuer's account is, and what opens it: for the agent and the keyholder, never for the issuer's
 * process. A password in a file or a credential (at most one of the two) opens what the CA keeps for the account, or where
 * there is a key file, with its certificate, that. */
typedef struct ManifestAccount {
        char *password_file;       /* absolute; it may lie on a share that is not there */
        char *password_credential; /* the name of a systemd credential of cert-keyholder@.service */
        char *key_file, *certificate_file; /* PEM; a password may go with them */
} ManifestAccount;

typedef struct ManifestIssuer {
        char *name;
        char *type;        /* "local", or the NAME of an installed cert-issuer-NAME program */
        char *environment; /* the manifest's own: none of another is taken; NULL when it says none */
        ManifestAuthority *authority; /* NULL when it is not local */
        ManifestAccount account;      /* all NULL: none */
        Renewal renewal;              /* RENEWAL_SIGN where the type knows no other */
        unsigned connections;         /* how many calls may be under way at once; 0: the type's default */
        char *config;      /* the issuer's object as JSON text, as given, for the issuer process */
        char *digest;      /* of `config`: SHA-256, lower-case hex */
} ManifestIssuer;

typedef struct Manifest {
        char *environment;        /* NULL when not said */
        GPtrArray *certificates;  /* ManifestCertificate*, sorted by name */
        GPtrArray *bundles;       /* ManifestCertificate* of the other kinds, sorted by name */
        GHashTable *by_name;      /* name (with its prefix) -> ManifestCertificate* of any kind, borrowed */
        GHashTable *issuers;      /* name -> ManifestIssuer* */
        char *digest;             /* SHA-256 of all that was read, lower-case hex */
        GPtrArray *sources;       /* char*: the files that were read, as the host has them */
        GStringChunk *strings;    /* owns every string of the certificates and issuers */
} Manifest;

/* One thing that is wrong. `line` and `column` start at 1, 0 when unknown; `path` is a JSON path such as
 * "certificates.web.sans[1]". */
typedef struct ManifestProblem {
        char *file;
        unsigned line, column;
        char *path;
        char *message;
        char *hint; /* what to do; may be NULL */
} ManifestProblem;

ManifestProblem *manifest_problem_free(ManifestProblem *p);
/* "FILE:LINE: PATH: MESSAGE (HINT)"; caller owns. */
char *manifest_problem_to_string(const ManifestProblem *p);

/* Loads manifest.json and the drop-ins (vendor's masked by an equal name in /etc, applied in the order of
 * their names), and checks everything. On failure every problem is in *ret_problems (ManifestProblem*, owned
 * by the caller, never NULL) and the error is CERT_ERROR_MANIFEST_INVALID with a summary. A missing
 * manifest.json is an empty manifest when drop-ins exist, else a problem that names `certctl init`. */
bool manifest_load(Manifest **ret_manifest, GPtrArray **ret_problems, GError **error);

/* The same from a copy of its files, each below the folder `below` at its own absolute path; problems name the
 * files as the host has them. */
bool manifest_load_below(const char *below, Manifest **ret_manifest, GPtrArray **ret_problems, GError **error);

/* Checks one file as if it were the whole manifest (`certctl validate FILE`). */
bool manifest_load_file(const char *file, Manifest **ret_manifest, GPtrArray **ret_problems, GError **error);

Manifest *manifest_free(Manifest *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manifest, manifest_free)

/* Borrowed; NULL when there is none. */
const ManifestCertificate *manifest_find(const Manifest *m, const char *name);
const ManifestIssuer *manifest_find_issuer(const Manifest *m, const char *name);

/* Whether the manifest says where its account's key is. */
bool manifest_issuer_has_account(const ManifestIssuer *i);

/* What of a certificate's wishes is written in a certificate, as a digest (lower-case hex; caller owns):
 * subject, SANs, usage, lifetime, key type, issuer. Units, paths and thresholds are not in it. Of a bundle: from and
 * path; of a CRL the lifetime, too. */
char *manifest_certificate_request_digest(const ManifestCertificate *c);

/* What a request that waits for its answer was made for: the same, the type of the issuer, and the token that holds the key.
 * When that is another, the answer would be of no use. Caller owns. */
char *manifest_certificate_token_digest(const ManifestCertificate *c);
