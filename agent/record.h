/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/error.h"
#include "common/reason.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A record: the facts about a certificate that cannot be read from its files: who issued it, what was asked
 * for, what units took, what failed and when to try again, and the history. One JSON file each
 * (CERT_RECORD_DIR/NAME.json, 0600, replaced atomically and synced). Facts, never progress. */

#define RECORD_HISTORY_MAX 50

typedef struct RecordEvent {
        uint64_t at;     /* microseconds since 1970 */
        char *kind;      /* "renewed" "repaired" "failed" "rolled-back" "waiting" "imported" "units" "recovered" "revoked";
                          * of an authority: its action */
        char *reasons;   /* reason_set_to_string() or NULL */
        char *serial;    /* or NULL */
        char *detail;    /* one line, or NULL; of "waiting": certificate_request_text() */
} RecordEvent;

typedef struct Record {
        char *name;
        char *issuer;          /* the issuer's name that gave the installed certificate; NULL: unknown */
        char *request_digest;  /* manifest_certificate_request_digest() when it was issued */
        unsigned generation;   /* installed generation's number; 0: none of ours */
        char *fingerprint;     /* of the installed leaf, lower-case hex; NULL: none */
        char *revoked;         /* of the leaf that its issuer was last told to revoke; NULL: none */
        char *taken;           /* the fingerprint that the units took last; NULL: none */
        uint64_t last_renewal; /* microseconds since 1970; 0: never */
        char *authority;       /* fingerprint of the authority's certificate that signed the installed leaf; NULL: unknown,
                                * or the issuer is not local */
        char *source;          /* digest of what the installed CA file, bundle or CRL was made from
                                * (authority_facts: trust_digest, crl_digest); NULL: none */
        /* of an authority (MANIFEST_AUTHORITY_PREFIX + name) */
        uint64_t unused_since; /* since when no installed certificate is of an old one; 0: some is, or there is no old one */
        char *answered;        /* fingerprints and digests of what was found changed and answered with a new authority,
                                * separated by spaces; NULL: none */
        /* failure */
        unsigned failures;     /* in a row */
        char *failed_digest;   /* the request digest of the try that failed; another one is tried at once */
        char *failed_issuer;   /* the digest of what was said of its issuer then: when that is another, it is tried at once, too;
                                * NULL: it was not the issuer that failed */
        uint64_t failed_at, retry_at;
        bool retry_told;       /* the issuer itself said when (Retry-After): nothing is tried before */
        CertError error;       /* _CERT_ERROR_INVALID: none */
        char *message, *hint;
        bool blocked;          /* trying again is of no use until an administrator acts */
        bool degraded;         /* good on disk, a unit did not take it */
        /* issued but not taken */
        unsigned pending;      /* generation's number; 0: none */
        char *pending_digest;  /* its request digest */
        bool pending_imported; /* a person brought it: it is installed though nothing else is due */
        /* waiting for the CA */
        char *token;           /* NULL: not waiting */
        char *token_digest;    /* manifest_certificate_token_digest() when the request was made; NULL: unknown */
        unsigned token_generation; /* that holds the request and its key, and no certificate; 0: none */
        uint64_t poll_at;      /* UINT64_MAX: a person brings the answer */
        uint64_t requested_at; /* when the request was made; microseconds since 1970 */
        uint64_t reminded_at;  /* when somebody was last reminded of it; 0: never */
        GPtrArray *history;    /* RecordEvent*, oldest first, at most RECORD_HISTORY_MAX; NULL: on disk only */
} Record;

Record *record_new(const char *name);
Record *record_free(Record *r);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Record, record_free)

/* A missing file gives a new record (*ret_known false). A damaged one is renamed to NAME.json.damaged-TIME,
 * said in the log with CERT_MESSAGE_RECORD_DAMAGED, and gives a new record. Only I/O errors fail. */
bool record_load(const char *name, Record **ret_record, bool *ret_known, GError **error);
bool record_save(Record *r, GError **error);
/* The same for many: each is written, then the file system is synced once. Saves all that it can; the error
 * is the first one's. */
bool record_save_many(Record *const *records, size_t n, GError **error);
/* Reads the history that a record from a RecordStore left on disk; record_add_event() and record_save() do it
 * by themselves. What cannot be read is an empty history. */
void record_load_history(Record *r);
bool record_remove(const char *name, GError **error);
char **record_list(void); /* names that have a record; caller owns */

/* The certificate on disk is `fingerprint`, and the record says another, or none: when it is a stored generation
 * that is newer than the recorded one (or any, with nothing recorded), an install was done that could not be
 * written down, or the record was lost: the record then names that generation, and true is returned (units
 * have still to be told: `taken` stays as it is). When nothing is recorded and no stored generation is it, the files
 * are somebody else's and adopted as they are: fingerprint and taken are set, so that no unit is bothered,
 * generation and issuer stay unknown. False: nothing was changed. */
bool record_adopt(Record *r, const char *fingerprint);

void record_add_event(Record *r, uint64_t at, const char *kind, ReasonSet reasons, const char *serial,
                      const char *detail);

/* A failure: counts it and sets retry_at by record_backoff() with `remaining`, or by `retry_after` (span in microseconds,
 * from now; 0: none said), and error, message, hint from `error`. */
void record_fail(Record *r, uint64_t now, uint64_t remaining, uint64_t retry_after, const GError *error);
void record_succeed(Record *r); /* clears all of the failure */

/* What a certificate that failed still has to live; when it has expired its whole lifetime, so that one that lives for
 * minutes is not left alone for hours. Pure. */
uint64_t record_remaining(uint64_t now, uint64_t not_before, uint64_t not_after);

/* The span to wait after `failures` failures in a row: 1 minute doubled each time up to 8 hours, jittered by
 * ±20% from `random` (any 32 bits), and never more than a third of the remaining lifetime (`remaining`
 * 0: unknown, no such cap), nor less than 10 seconds. Pure. */
uint64_t record_backoff(unsigned failures, uint64_t remaining, uint32_t random);

/* All records that the agent holds. A record is loaded when it is first asked for and then kept; those that did
 * not change since the last pass come from one summary file (CERT_RECORD_SUMMARY_FILE, a cache, checked
 * by the record file's inode, size and times), without their history, so that 10,000 cost 10,000 stat(). */
typedef struct RecordStore RecordStore;

RecordStore *record_store_new(void);
RecordStore *record_store_free(RecordStore *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RecordStore, record_store_free)

/* Borrowed; change it freely, then save it. As record_load(); *ret_known may be NULL. */
bool record_store_get(RecordStore *s, const char *name, Record **ret_record, bool *ret_known, GError **error);
/* Saves records of this store (record_save_many()), and lets their history go from memory. */
bool record_store_save(RecordStore *s, Record *const *records, size_t n, GError **error);
/* Reads one again from its file; the one before is gone. */
bool record_store_reload(RecordStore *s, const char *name, Record **ret_record, GError **error);
/* Removes the record, its file and its place in the store. */
bool record_store_remove(RecordStore *s, const char *name, GError **error);
/* At the end of a pass: writes the summary if it changed. Never fails: it is a cache. */
void record_store_write_summary(RecordStore *s);
