/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/manifest.h"
#include "common/json.h"

/* Reading a manifest: what the manifest-*.c files share while they make a Manifest from JSON, and nobody else
 * includes. Each function complains about what it finds wrong and goes on, so that all problems are found. */

typedef struct ManifestFile {
        char *name; /* as the host has it, for people */
        JsonDocument *json;
        bool is_dropin;
} ManifestFile;

typedef struct ManifestFolders ManifestFolders;

typedef struct ManifestReading {
        Manifest *manifest;
        GPtrArray *problems;      /* ManifestProblem* */
        unsigned suppressed;      /* how many more there are than are kept */
        GPtrArray *files;         /* ManifestFile*, in the order in which they apply */
        const char *below;        /* "", or the folder that holds a copy of the files */
        const ManifestFile *file; /* the one being read */
        ManifestCertificate defaults;
        GArray *drafts;         /* CertificateDraft */
        GPtrArray *authorities; /* AuthorityDraft* */
        GHashTable *owners;     /* text of an owner -> what manifest-owner.c knows about it */
        ManifestFolders *folders;
} ManifestReading;

/* A certificate, a bundle or a revocation list while it is read. */
typedef struct CertificateDraft {
        ManifestCertificate *certificate;
        const ManifestFile *file;
        const JsonValue *value; /* its object; while the defaults are read, theirs; of a revocation list, the
                                   issuer's */
        const JsonValue *sans;  /* or NULL */
        bool rotation_said;
} CertificateDraft;

/* A local issuer while it is read, with what only its process uses and the whole is checked by. */
typedef struct AuthorityDraft {
        ManifestAuthority *authority; /* borrowed from the issuer once there is one */
        const char *name;
        const ManifestFile *file;
        const JsonValue *value;
        KeyType key_type;
        const char *subject, *key_uri, *protection; /* NULL: not said */
        unsigned path_length;
        uint64_t lifetime_usec, certificate_lifetime_usec; /* 0: not said */
        GPtrArray *permitted, *excluded;                   /* Subtree*, as far as they could be read */
        char *crl_path;                                    /* NULL: not said */
        uint64_t crl_lifetime_usec;
        GPtrArray *crl_units; /* UnitRef* */
} AuthorityDraft;

/* ---- manifest-problem.c ---- */

/* Complains about a value of the file being read; `hint` may be NULL. The message needs no position. */
void manifest_complain(ManifestReading *r, const JsonValue *v, const char *hint, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
/* The same about its key. */
void manifest_complain_key(ManifestReading *r, const JsonValue *v, const char *hint, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
/* About a file as a whole. */
void manifest_complain_file(ManifestReading *r, const char *file, const char *hint, const char *format, ...)
        G_GNUC_PRINTF(4, 5);
/* What the JSON reader found in a file. */
void manifest_complain_faults(ManifestReading *r, const ManifestFile *file);
/* A GError's summary and hint about a value. */
void manifest_complain_error(ManifestReading *r, const JsonValue *v, const GError *error);
/* "Did you mean …?" for the candidate (const char*) nearest to a word; NULL when none is near. Caller owns.
 */
char *manifest_did_you_mean(const char *word, const char *const *candidates, size_t n);

/* ---- manifest-value.c ---- */

/* One key that an object may have. */
typedef struct ManifestField {
        const char *key;
        void (*read)(ManifestReading *r, const JsonValue *v, void *target);
        bool no_default; /* may not stand in "defaults" */
} ManifestField;

/* Reads each member by its field; a member without one is a problem. False when it is no object. */
bool manifest_read_object(ManifestReading *r, const JsonValue *v, const ManifestField *fields,
                          size_t n_fields, void *target);
/* Complain and return false (NULL) when the value is of another kind or out of range. Strings are not empty.
 */
const char *manifest_read_string(ManifestReading *r, const JsonValue *v);
bool manifest_read_boolean(ManifestReading *r, const JsonValue *v, bool *ret);
bool manifest_read_unsigned(ManifestReading *r, const JsonValue *v, unsigned min, unsigned max,
                            unsigned *ret);
bool manifest_read_span(ManifestReading *r, const JsonValue *v, uint64_t *ret_usec);
bool manifest_read_span_or_none(ManifestReading *r, const JsonValue *v, uint64_t *ret_usec);
bool manifest_read_lifetime(ManifestReading *r, const JsonValue *v, uint64_t min_usec, uint64_t *ret_usec);
/* "renew_before", and whether it leaves something of a lifetime (0: unknown). */
void manifest_read_renew_before(ManifestReading *r, const JsonValue *v, RenewBefore *ret);
void manifest_check_renew_before(ManifestReading *r, const JsonValue *v, const RenewBefore *b,
                                 uint64_t lifetime_usec);
bool manifest_expect(ManifestReading *r, const JsonValue *v, JsonKind kind);
/* Whether a certificate's, bundle's or issuer's name is one; complains about the key. */
bool manifest_check_name(ManifestReading *r, const JsonValue *v, const char *what);
/* Copies into the manifest's own store; `keep` for what is often repeated. */
char *manifest_keep_string(ManifestReading *r, const char *s);
char *manifest_keep_repeated(ManifestReading *r, const char *s);

/* ---- manifest-owner.c ---- */

/* "owner" and "permissions", each one string or {"cert", "key"}; `target` is a CertificateDraft. */
void manifest_read_owner(ManifestReading *r, const JsonValue *v, void *target);
void manifest_read_permissions(ManifestReading *r, const JsonValue *v, void *target);
/* The same of one file, and of a bundle: one string. */
void manifest_read_file_owner(ManifestReading *r, const JsonValue *v, FileAttributes *a);
void manifest_read_bundle_mode(ManifestReading *r, const JsonValue *v, FileAttributes *a);

/* ---- manifest-key.c ---- */

/* "type"; *ret stays as it is when it is none. */
void manifest_read_key_type(ManifestReading *r, const JsonValue *v, KeyType *ret);
/* "uri", a key in a token (RFC 7512); kept in the manifest. */
char *manifest_read_key_uri(ManifestReading *r, const JsonValue *v);
/* A text that is the same for two ways to write one key's URI; NULL when it says the token alone, in which
 * there may be many. Caller owns. */
char *manifest_key_uri_object(const char *uri);

/* ---- manifest-unit.c ---- */

/* A list of units; *units (UnitRef*) is replaced when it is a list. */
void manifest_read_units(ManifestReading *r, const JsonValue *v, GPtrArray **units);
/* "verify"; NULL when it is no object. */
Verify *manifest_read_verify(ManifestReading *r, const JsonValue *v);
Verify *manifest_verify_free(Verify *v);

/* ---- manifest-subject.c ---- */

/* A subject (RFC 4514) in GnuTLS's spelling, with its common name if it has one; both kept in the manifest.
 */
char *manifest_read_subject(ManifestReading *r, const JsonValue *v, char **ret_common_name);
/* A common name, and the subject that it makes. */
char *manifest_read_common_name(ManifestReading *r, const JsonValue *v, char **ret_subject);
/* Fills in san_texts and sans from "sans" or the common name, and checks that there is a name. */
void manifest_finish_names(ManifestReading *r, CertificateDraft *draft);

/* ---- manifest-path.c ---- */

/* An absolute path in normal form, outside the places that are no place for it; kept in the manifest. */
char *manifest_read_path(ManifestReading *r, const JsonValue *v);
/* The same of a file that is only read, by another process and perhaps from a share that hangs: nothing but the text is
 * looked at, which must not lie where every user may write. */
char *manifest_read_source_path(ManifestReading *r, const JsonValue *v);
/* Whether the folders down to the file are safe from users other than root and `owner`. What does not exist
 * yet is no problem: the install says so if it is still missing then. */
void manifest_check_folder(ManifestReading *r, const JsonValue *v, const char *path, uid_t owner);
/* The same path with the links in its folders followed, so that two ways to one file are known as one; the
 * path itself where there are none. Kept in the manifest. */
const char *manifest_resolved_path(ManifestReading *r, char *path);
ManifestFolders *manifest_folders_new(void);
ManifestFolders *manifest_folders_free(ManifestFolders *f);

/* ---- manifest-certificate.c ---- */

void manifest_read_defaults(ManifestReading *r, const JsonValue *v);
void manifest_read_certificate(ManifestReading *r, const JsonValue *v);
ManifestCertificate *manifest_certificate_free(ManifestCertificate *c);
/* The keys that a certificate may have; for holding the JSON Schema and the manual page against. */
const ManifestField *manifest_certificate_fields(size_t *ret_n);

/* ---- manifest-issuer.c ---- */

void manifest_read_issuer(ManifestReading *r, const JsonValue *v);
ManifestIssuer *manifest_issuer_free(ManifestIssuer *i);

/* ---- manifest-authority.c ---- */

/* The keys of an issuer of type "local"; its draft is kept. Caller owns. NULL when it is no object. */
ManifestAuthority *manifest_read_authority(ManifestReading *r, const JsonValue *v);
ManifestAuthority *manifest_authority_free(ManifestAuthority *a);
AuthorityDraft *manifest_authority_draft_free(AuthorityDraft *d);

/* The keys that its object, its "key" and its "names" may have; as manifest_certificate_fields(). */
const ManifestField *manifest_authority_fields(size_t *ret_n);
const ManifestField *manifest_authority_key_fields(size_t *ret_n);
const ManifestField *manifest_authority_name_fields(size_t *ret_n);

/* ---- manifest-authorities.c ---- */

/* What concerns several: keys that two share, certificates whose names one of them may not sign. */
void manifest_check_authorities(ManifestReading *r);
/* Those watch of whose certificates or bundles one is watched; their revocation lists follow them. */
void manifest_finish_authorities(ManifestReading *r);

/* ---- manifest-step.c ---- */

/* The keys of an issuer of type "step": its account, renewal and connections. */
void manifest_read_step(ManifestReading *r, const JsonValue *v, ManifestIssuer *issuer);
/* The rotation of certificates' keys, as their issuers renew; once all files are read. */
void manifest_check_renewals(ManifestReading *r);
const ManifestField *manifest_step_fields(size_t *ret_n);

/* ---- manifest-csr.c ---- */

/* The keys of an issuer of type "csr"; none of them is the agent's. */
void manifest_read_csr(ManifestReading *r, const JsonValue *v);
const ManifestField *manifest_csr_fields(size_t *ret_n);

/* ---- manifest-bundle.c ---- */

void manifest_read_bundle(ManifestReading *r, const JsonValue *v);
/* The revocation list that an authority's "crl_path" asks for. */
void manifest_add_crl(ManifestReading *r, const AuthorityDraft *authority);
const ManifestField *manifest_bundle_fields(size_t *ret_n);

/* ---- manifest.c ---- */

/* manifest_load_file() with the text at hand, which is taken over; `name` is for people. */
bool manifest_load_text(const char *name, char *text, size_t size, Manifest **ret_manifest,
                        GPtrArray **ret_problems, GError **error);

/* ---- manifest-check.c ---- */

/* What concerns the whole: known issuers, environments, names and targets that are there twice. */
void manifest_check(ManifestReading *r);
/* Whether there is an issuer of this name; complains with the nearest one. */
bool manifest_check_issuer(ManifestReading *r, const JsonValue *v, const char *name);

/* ---- manifest-source.c ---- */

/* Reads manifest.json and the drop-ins, or the one file; what cannot be read is a problem. Sets the
 * manifest's digest. */
void manifest_source_all(ManifestReading *r, const char *below);
void manifest_source_one(ManifestReading *r, const char *file);
void manifest_source_text(ManifestReading *r, const char *name, char *text, size_t size);
