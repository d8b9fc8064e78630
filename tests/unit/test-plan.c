/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plan, as a table: each row is one certificate, described by how it differs from a sound one, and what must be
 * done about it, why, and when. */

#include "agent/plan.h"

#include "common/error.h"
#include "common/timespan.h"
#include "tests/unit/fixture.h"

#define T0 (UINT64_C(1767225600) * USEC_PER_SEC) /* 2026-01-01: the sound certificate's first moment */
#define LIFE (90 * USEC_PER_DAY)
#define END (T0 + LIFE)
#define RENEWAL (T0 + LIFE - LIFE / 100 * 33 - LIFE % 100 * 33 / 100)
#define NOW (T0 + 10 * USEC_PER_DAY)

#define FINGERPRINT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Certificates of a local authority. */
#define CURRENT "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define NEXT "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define OLD "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define GONE "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define NOBODY nobody
#define TRUST "1111111111111111111111111111111111111111111111111111111111111111"

static const char nobody[] = "";

#define BIT(f) (1u << (f))
#define CERT BIT(MANAGED_FILE_CERT)
#define KEY BIT(MANAGED_FILE_KEY)
#define CHAIN BIT(MANAGED_FILE_CHAIN)
#define CA BIT(MANAGED_FILE_CA)
#define COMBINED BIT(MANAGED_FILE_COMBINED)

/* How a certificate differs from a sound one. Sound: certificate and key present, just as wanted, issued by us ten
 * days ago for 90 days, taken by its unit. */
typedef struct Row {
        const char *name;
        /* files, as sets of BIT() */
        unsigned wanted; /* beside certificate and key */
        unsigned missing, unreadable, foreign_owner, foreign_group, wrong_mode;
        bool no_leaf, other_key, derived_differ, combined_only, token_key;
        /* leaf */
        const char *subject, *wanted_subject, *san, *served;
        unsigned usage, wanted_usage;
        bool other_key_type, no_usage;
        uint64_t not_before, not_after;
        /* record */
        bool no_record, other_leaf, no_generation, other_issuer, other_digest, not_taken, no_units, told_to_revoke, other_revoked;
        unsigned failures;
        bool blocked, degraded, pending, pending_differs, imported, changed_since, issuer_changed;
        bool waiting, by_hand, outdated; /* by_hand: with `waiting`, a person brings the answer */
        uint64_t failed_at, retry_at, poll_at;
        CertError error; /* 0: ISSUER_UNREACHABLE */
        /* local issuer; sound: signed by its current certificate, as is recorded, the CA file (if wanted) of its trust */
        bool local, authority_missing, next, old, revoked, directory, not_looked;
        const char *signed_by, *recorded_by, *source; /* NOBODY: NULL */
        /* question */
        uint64_t now;
        ClockTrust trust;
        PlanFlags flags;
        /* answer */
        Action action;
        ReasonSet reasons;
        CertState state;
        uint64_t due; /* 0: now */
        bool never_due, hint, stray;
} Row;

#define R(x) REASON_BIT(REASON_##x)
#define IN_AN_HOUR (NOW + USEC_PER_HOUR)

static const Row rows[] = {
        { "nothing is wrong", .state = CERT_STATE_VALID, .due = RENEWAL },
        /* files */
        { "the certificate is missing", .missing = CERT, .no_leaf = true,
          .action = ACTION_ISSUE, .reasons = R(MISSING_CERT), .state = CERT_STATE_DUE },
        { "the key is missing", .missing = KEY,
          .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_DUE },
        { "both are missing", .missing = CERT | KEY, .no_leaf = true, .no_record = true,
          .action = ACTION_ISSUE, .reasons = R(MISSING_CERT) | R(MISSING_KEY), .state = CERT_STATE_DUE },
        { "the certificate file is a FIFO", .unreadable = CERT, .no_leaf = true,
          .action = ACTION_ISSUE, .reasons = R(UNREADABLE), .state = CERT_STATE_DUE },
        { "the certificate file holds no certificate", .no_leaf = true,
          .action = ACTION_ISSUE, .reasons = R(UNREADABLE), .state = CERT_STATE_DUE },
        { "the key file holds no key", .unreadable = KEY,
          .action = ACTION_ISSUE, .reasons = R(UNREADABLE), .state = CERT_STATE_DUE },
        { "the key is another one", .other_key = true,
          .action = ACTION_ISSUE, .reasons = R(KEY_MISMATCH), .state = CERT_STATE_DUE },
        { "the key in the token is another one", .token_key = true, .other_key = true,
          .action = ACTION_ISSUE, .reasons = R(KEY_MISMATCH), .state = CERT_STATE_DUE },
        { "a key in a token needs no key file", .token_key = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "all is in a combined file alone", .combined_only = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the combined file that holds all is missing", .combined_only = true, .missing = COMBINED, .no_leaf = true,
          .action = ACTION_ISSUE, .reasons = R(MISSING_CERT) | R(MISSING_KEY), .state = CERT_STATE_DUE },
        { "the chain file is missing", .wanted = CHAIN, .missing = CHAIN,
          .action = ACTION_REPAIR, .reasons = R(CONTENT_DRIFT), .state = CERT_STATE_DUE },
        { "the CA file is a folder", .wanted = CA, .unreadable = CA,
          .action = ACTION_REPAIR, .reasons = R(CONTENT_DRIFT), .state = CERT_STATE_DUE },
        { "the combined file was edited", .wanted = COMBINED, .derived_differ = true,
          .action = ACTION_REPAIR, .reasons = R(CONTENT_DRIFT), .state = CERT_STATE_DUE },
        { "a new certificate makes good what a repair would", .wanted = CHAIN, .missing = CHAIN | KEY,
          .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT) | R(MISSING_KEY), .state = CERT_STATE_DUE },
        { "the key's owner is another", .foreign_owner = KEY,
          .action = ACTION_REPAIR, .reasons = R(OWNER_DRIFT), .state = CERT_STATE_DUE },
        { "the certificate's group is another", .foreign_group = CERT,
          .action = ACTION_REPAIR, .reasons = R(OWNER_DRIFT), .state = CERT_STATE_DUE },
        { "mode and owner drifted", .foreign_owner = CERT, .wrong_mode = KEY,
          .action = ACTION_REPAIR, .reasons = R(OWNER_DRIFT) | R(MODE_DRIFT), .state = CERT_STATE_DUE },
        /* what the leaf says */
        { "another name", .san = "other.example",
          .action = ACTION_ISSUE, .reasons = R(SANS_DIFFER), .state = CERT_STATE_DUE },
        { "another subject", .subject = "CN=other.example",
          .action = ACTION_ISSUE, .reasons = R(SUBJECT_DIFFER), .state = CERT_STATE_DUE },
        { "an empty subject where one is wanted", .subject = "",
          .action = ACTION_ISSUE, .reasons = R(SUBJECT_DIFFER), .state = CERT_STATE_DUE },
        { "a subject where none is wanted", .subject = "CN=other.example", .wanted_subject = "",
          .action = ACTION_ISSUE, .reasons = R(SUBJECT_DIFFER), .state = CERT_STATE_DUE },
        { "more of a subject where none is wanted", .subject = "CN=web.example,O=One", .wanted_subject = "",
          .action = ACTION_ISSUE, .reasons = R(SUBJECT_DIFFER), .state = CERT_STATE_DUE },
        { "one of the names as another part of a subject where none is wanted", .subject = "2.5.4.31=#0c0b7765622e6578616d706c65",
          .wanted_subject = "", .action = ACTION_ISSUE, .reasons = R(SUBJECT_DIFFER), .state = CERT_STATE_DUE },
        { "one of the names as subject where none is wanted", .wanted_subject = "", .state = CERT_STATE_VALID,
          .due = RENEWAL },
        { "the same subject in another spelling", .subject = "CN=web.example,O=One\\, Two",
          .wanted_subject = "cn=WEB.example, o=one\\, Two", .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the same parts of a subject in another order", .subject = "CN=web.example,O=One",
          .wanted_subject = "O=One,CN=web.example",
          .action = ACTION_ISSUE, .reasons = R(SUBJECT_DIFFER), .state = CERT_STATE_DUE },
        { "a usage is lacking", .wanted_usage = USAGE_SERVER | USAGE_CLIENT,
          .action = ACTION_ISSUE, .reasons = R(USAGE_DIFFER), .state = CERT_STATE_DUE },
        { "more usages than wanted", .usage = USAGE_SERVER | USAGE_CLIENT | USAGE_OTHER,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "no extended key usage allows every one", .no_usage = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "another type of key", .other_key_type = true,
          .action = ACTION_ISSUE, .reasons = R(KEY_TYPE_DIFFER), .state = CERT_STATE_DUE },
        /* time */
        { "the moment before renewal", .now = RENEWAL - 1, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the moment of renewal", .now = RENEWAL,
          .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "the last moment of the validity", .now = END,
          .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "after the end", .now = END + 1,
          .action = ACTION_ISSUE, .reasons = R(EXPIRED), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "five minutes of life", .not_before = NOW - USEC_PER_MINUTE, .not_after = NOW + 4 * USEC_PER_MINUTE,
          .state = CERT_STATE_VALID, .due = NOW + 4 * USEC_PER_MINUTE - 99 * USEC_PER_SEC },
        { "five minutes of life, nearly over", .not_before = NOW - 4 * USEC_PER_MINUTE, .not_after = NOW + USEC_PER_MINUTE,
          .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE,
          .due = NOW + USEC_PER_MINUTE - 99 * USEC_PER_SEC },
        { "not valid yet", .not_before = NOW + USEC_PER_HOUR, .not_after = NOW + 100 * USEC_PER_HOUR,
          .state = CERT_STATE_VALID, .due = NOW + 100 * USEC_PER_HOUR - 99 * USEC_PER_HOUR * 33 / 100 },
        /* the record */
        { "no record: adopted as it is", .no_record = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a record of another leaf that is not ours", .other_leaf = true, .no_generation = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "our leaf was replaced by another", .other_leaf = true,
          .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT), .state = CERT_STATE_DUE },
        { "another issuer is wanted", .other_issuer = true,
          .action = ACTION_ISSUE, .reasons = R(ISSUER_DIFFER), .state = CERT_STATE_DUE },
        { "something else was asked for", .other_digest = true,
          .action = ACTION_ISSUE, .reasons = R(MANIFEST_CHANGED), .state = CERT_STATE_DUE },
        { "a change that has a name of its own", .other_digest = true, .san = "other.example",
          .action = ACTION_ISSUE, .reasons = R(SANS_DIFFER), .state = CERT_STATE_DUE },
        /* units */
        { "units were not told", .not_taken = true,
          .action = ACTION_UNITS, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DUE },
        { "there are no units to tell", .not_taken = true, .no_units = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "another certificate is served", .served = OTHER,
          .action = ACTION_UNITS, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DUE },
        { "this certificate is served", .served = FINGERPRINT, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a repair comes before the units", .served = OTHER, .wrong_mode = KEY,
          .action = ACTION_REPAIR, .reasons = R(UNIT_NOT_SERVING) | R(MODE_DRIFT), .state = CERT_STATE_DUE },
        /* failures */
        { "failed, the retry is not due", .missing = KEY, .failures = 2, .retry_at = IN_AN_HOUR,
          .reasons = R(MISSING_KEY), .state = CERT_STATE_FAILED, .due = IN_AN_HOUR },
        { "failed, the retry is due", .missing = KEY, .failures = 2, .retry_at = NOW,
          .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_FAILED },
        { "failed, a person asks", .missing = KEY, .failures = 2, .retry_at = IN_AN_HOUR, .flags = PLAN_IGNORE_RETRY,
          .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_FAILED },
        { "failed, but something else is wanted now", .missing = KEY, .failures = 2, .retry_at = IN_AN_HOUR,
          .changed_since = true, .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_DUE },
        { "failed at a time that is still to come", .missing = KEY, .failures = 2, .failed_at = NOW + USEC_PER_MINUTE,
          .retry_at = IN_AN_HOUR, .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_FAILED },
        { "failed, and nothing is wrong any more", .failures = 2, .retry_at = IN_AN_HOUR,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "failed: the mode is mended meanwhile", .now = RENEWAL, .wrong_mode = KEY, .failures = 1,
          .retry_at = RENEWAL + USEC_PER_HOUR, .action = ACTION_REPAIR, .reasons = R(EXPIRING) | R(MODE_DRIFT),
          .state = CERT_STATE_FAILED, .due = RENEWAL },
        { "failed to write: mending waits too", .now = RENEWAL, .wrong_mode = KEY, .failures = 1,
          .retry_at = RENEWAL + USEC_PER_HOUR, .error = CERT_ERROR_INSTALL_FAILED,
          .reasons = R(EXPIRING) | R(MODE_DRIFT), .state = CERT_STATE_FAILED, .due = RENEWAL + USEC_PER_HOUR },
        { "no pair to mend from while a retry is waited for", .wrong_mode = CERT, .other_key = true, .failures = 1,
          .retry_at = IN_AN_HOUR, .reasons = R(MODE_DRIFT) | R(KEY_MISMATCH), .state = CERT_STATE_FAILED,
          .due = IN_AN_HOUR },
        { "blocked until an administrator acts", .missing = KEY, .failures = 1, .blocked = true, .retry_at = NOW - 1,
          .reasons = R(MISSING_KEY), .state = CERT_STATE_BLOCKED, .never_due = true },
        { "blocked, and the administrator corrected the issuer", .missing = KEY, .failures = 1, .blocked = true,
          .issuer_changed = true, .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_DUE },
        { "blocked, and the administrator acted", .missing = KEY, .failures = 1, .blocked = true, .changed_since = true,
          .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_DUE },
        { "blocked, and a person asks", .missing = KEY, .failures = 1, .blocked = true, .flags = PLAN_IGNORE_RETRY,
          .action = ACTION_ISSUE, .reasons = R(MISSING_KEY), .state = CERT_STATE_BLOCKED },
        { "a unit did not take it, the retry is not due", .not_taken = true, .failures = 1, .degraded = true,
          .retry_at = IN_AN_HOUR, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DEGRADED, .due = IN_AN_HOUR },
        { "a unit did not take it, the retry is due", .not_taken = true, .failures = 1, .degraded = true,
          .action = ACTION_UNITS, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DEGRADED },
        { "rolled back after a forced renewal", .failures = 1, .pending = true, .retry_at = IN_AN_HOUR,
          .reasons = R(FORCED), .state = CERT_STATE_FAILED, .due = IN_AN_HOUR },
        { "rolled back after a forced renewal, the retry is due", .failures = 1, .pending = true,
          .action = ACTION_ISSUE, .reasons = R(FORCED), .state = CERT_STATE_FAILED },
        { "rolled back, and what is pending is wanted no more", .failures = 1, .pending = true, .pending_differs = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "a pending one is used where one is due", .now = RENEWAL, .pending = true,
          .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        /* waiting */
        { "the issuer has not decided", .missing = CERT, .no_leaf = true, .waiting = true, .poll_at = IN_AN_HOUR,
          .reasons = R(MISSING_CERT), .state = CERT_STATE_WAITING, .due = IN_AN_HOUR },
        { "the issuer is to be asked again", .missing = CERT, .no_leaf = true, .waiting = true, .poll_at = NOW,
          .action = ACTION_POLL, .reasons = R(MISSING_CERT), .state = CERT_STATE_WAITING },
        { "a person asks the issuer", .waiting = true, .poll_at = IN_AN_HOUR, .flags = PLAN_IGNORE_RETRY,
          .action = ACTION_POLL, .state = CERT_STATE_WAITING, .due = IN_AN_HOUR },
        { "the mode is mended while the issuer decides", .now = RENEWAL, .wrong_mode = KEY, .waiting = true,
          .poll_at = RENEWAL + 1, .action = ACTION_REPAIR, .reasons = R(EXPIRING) | R(MODE_DRIFT),
          .state = CERT_STATE_WAITING, .due = RENEWAL },
        { "asking again failed, the retry is not due", .missing = KEY, .waiting = true, .poll_at = NOW, .failures = 1,
          .retry_at = IN_AN_HOUR, .reasons = R(MISSING_KEY), .state = CERT_STATE_WAITING, .due = NOW },
        { "asked for something else: another request", .missing = CERT, .no_leaf = true, .waiting = true,
          .poll_at = IN_AN_HOUR, .outdated = true, .action = ACTION_ISSUE, .reasons = R(MISSING_CERT), .state = CERT_STATE_DUE },
        { "asked for something else, what is in place is right again", .waiting = true, .by_hand = true, .outdated = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        /* waiting for a person */
        { "a person brings the first one", .missing = CERT | KEY, .no_leaf = true, .no_generation = true, .waiting = true,
          .by_hand = true, .reasons = R(MISSING_CERT) | R(MISSING_KEY), .state = CERT_STATE_WAITING, .never_due = true },
        { "a person brings the next one", .now = RENEWAL, .waiting = true, .by_hand = true, .reasons = R(EXPIRING),
          .state = CERT_STATE_WAITING, .never_due = true },
        { "what is in place is lost while a person brings the next one", .missing = CERT, .no_leaf = true, .waiting = true,
          .by_hand = true, .action = ACTION_ISSUE, .reasons = R(MISSING_CERT), .state = CERT_STATE_WAITING },
        { "what was in place for another wish is lost while a person brings the next one", .missing = CERT, .no_leaf = true,
          .other_digest = true, .waiting = true, .by_hand = true, .reasons = R(MISSING_CERT), .state = CERT_STATE_WAITING,
          .never_due = true },
        { "a person was to bring it, and it has expired", .now = END + USEC_PER_SEC, .waiting = true, .by_hand = true,
          .reasons = R(EXPIRED), .state = CERT_STATE_WAITING, .never_due = true },
        { "renewed by hand while a person brings it: left alone", .now = RENEWAL, .waiting = true, .by_hand = true,
          .flags = PLAN_IGNORE_RETRY, .reasons = R(EXPIRING), .state = CERT_STATE_WAITING, .never_due = true },
        { "forced while a person brings it: another request", .now = RENEWAL, .waiting = true, .by_hand = true,
          .flags = PLAN_FORCED | PLAN_IGNORE_RETRY, .action = ACTION_ISSUE, .reasons = R(EXPIRING) | R(FORCED),
          .state = CERT_STATE_WAITING },
        { "forced while the issuer decides: it is asked again", .waiting = true, .poll_at = IN_AN_HOUR,
          .flags = PLAN_FORCED | PLAN_IGNORE_RETRY, .action = ACTION_POLL, .reasons = R(FORCED),
          .state = CERT_STATE_WAITING, .due = IN_AN_HOUR },
        { "the names were changed while a person brings it", .san = "other.example", .waiting = true, .by_hand = true,
          .outdated = true, .action = ACTION_ISSUE, .reasons = R(SANS_DIFFER), .state = CERT_STATE_DUE },
        { "the mode is mended while a person brings it", .now = RENEWAL, .wrong_mode = KEY, .waiting = true, .by_hand = true,
          .action = ACTION_REPAIR, .reasons = R(EXPIRING) | R(MODE_DRIFT), .state = CERT_STATE_WAITING, .due = RENEWAL },
        { "units are told while a person brings it", .not_taken = true, .waiting = true, .by_hand = true,
          .action = ACTION_UNITS, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_WAITING },
        { "units refuse what is in place while a person brings the next one", .now = RENEWAL, .not_taken = true,
          .waiting = true, .by_hand = true, .failures = 2, .failed_at = RENEWAL - 1, .retry_at = RENEWAL + 9,
          .error = CERT_ERROR_UNIT_FAILED, .reasons = R(EXPIRING) | R(UNIT_NOT_SERVING), .state = CERT_STATE_FAILED,
          .due = RENEWAL + 9 },
        { "what failed before a person was waited for is no failure any more", .now = RENEWAL, .waiting = true,
          .by_hand = true, .failures = 1, .failed_at = NOW, .retry_at = NOW + 1, .reasons = R(EXPIRING),
          .state = CERT_STATE_WAITING, .never_due = true },
        { "the clock went back while a person brings it", .trust = CLOCK_JUMPED_BACK, .waiting = true, .by_hand = true,
          .state = CERT_STATE_WAITING, .never_due = true },
        /* brought */
        { "what was brought is installed though nothing is due", .pending = true, .imported = true,
          .action = ACTION_ISSUE, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "what was brought is installed where one is due", .now = RENEWAL, .pending = true, .imported = true,
          .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE, .due = RENEWAL },
        { "what was brought is installed while another request waits", .now = RENEWAL, .pending = true, .imported = true,
          .waiting = true, .by_hand = true, .action = ACTION_ISSUE, .reasons = R(EXPIRING), .state = CERT_STATE_DUE,
          .due = RENEWAL },
        { "what was brought was refused by a unit: it is tried again", .pending = true, .imported = true, .failures = 1,
          .failed_at = NOW - 2, .retry_at = NOW - 1, .error = CERT_ERROR_UNIT_FAILED, .action = ACTION_ISSUE,
          .reasons = R(FORCED), .state = CERT_STATE_FAILED },
        { "what was brought for something else is not installed", .pending = true, .pending_differs = true, .imported = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "what was issued and not brought is not installed for itself", .pending = true, .state = CERT_STATE_VALID,
          .due = RENEWAL },
        /* force */
        { "forced", .flags = PLAN_FORCED, .action = ACTION_ISSUE, .reasons = R(FORCED), .state = CERT_STATE_DUE },
        { "forced while the retry is not due", .flags = PLAN_FORCED | PLAN_IGNORE_RETRY, .failures = 1,
          .retry_at = IN_AN_HOUR, .action = ACTION_ISSUE, .reasons = R(FORCED), .state = CERT_STATE_FAILED },
        /* local authorities */
        { "signed by the current authority", .local = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "of an authority that was never asked, whoever signed it", .signed_by = GONE,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the authority is missing", .local = true, .authority_missing = true,
          .action = ACTION_ISSUE, .reasons = R(MISSING_AUTHORITY), .state = CERT_STATE_DUE },
        { "the authority and the certificate are missing", .local = true, .authority_missing = true, .missing = CERT,
          .no_leaf = true, .action = ACTION_ISSUE, .reasons = R(MISSING_CERT) | R(MISSING_AUTHORITY),
          .state = CERT_STATE_DUE },
        { "the certificate of an authority is missing", .local = true, .missing = CERT, .no_leaf = true,
          .action = ACTION_ISSUE, .reasons = R(MISSING_CERT), .state = CERT_STATE_DUE },
        { "a next authority is there: nothing is issued for it", .local = true, .next = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "signed by the next authority", .local = true, .next = true, .signed_by = NEXT, .recorded_by = NEXT,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "signed by an old authority", .local = true, .old = true, .signed_by = OLD, .recorded_by = OLD,
          .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_DUE },
        { "signed by an old authority, which was not recorded", .local = true, .old = true, .signed_by = OLD,
          .recorded_by = NOBODY, .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_DUE },
        { "recorded to be an old authority's, but nobody looked", .local = true, .old = true, .signed_by = NOBODY,
          .not_looked = true,
          .recorded_by = OLD, .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_DUE },
        { "recorded to be the current authority's, but nobody looked yet", .local = true, .signed_by = NOBODY,
          .not_looked = true,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "signed by an authority that is gone: made anew, not stray", .local = true, .signed_by = GONE,
          .recorded_by = GONE, .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_DUE },
        { "of an authority that is gone, and nobody can tell by looking", .local = true, .signed_by = NOBODY,
          .recorded_by = GONE, .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_DUE },
        { "of a version that did not record who signed, and signed by the current one", .local = true,
          .recorded_by = NOBODY, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "of a version that did not record who signed, and nobody knows: signed once more", .local = true,
          .signed_by = NOBODY, .recorded_by = NOBODY,
          .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_DUE },
        { "of a version that did not record who signed, and nobody looked yet", .local = true, .signed_by = NOBODY,
          .recorded_by = NOBODY, .not_looked = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "ours was replaced, and nobody looked yet who signed that", .local = true, .other_leaf = true,
          .signed_by = NOBODY, .not_looked = true, .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT),
          .state = CERT_STATE_DUE },
        { "somebody else's that was adopted", .local = true, .signed_by = NOBODY, .recorded_by = NOBODY,
          .no_generation = true, .action = ACTION_ISSUE, .reasons = R(NOT_SIGNED_BY_AUTHORITY),
          .state = CERT_STATE_DUE },
        { "somebody else's, and nothing is recorded", .local = true, .signed_by = NOBODY, .no_record = true,
          .action = ACTION_ISSUE, .reasons = R(NOT_SIGNED_BY_AUTHORITY), .state = CERT_STATE_DUE },
        { "ours was replaced by one that the authority did not sign", .local = true, .other_leaf = true,
          .signed_by = NOBODY, .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT) | R(NOT_SIGNED_BY_AUTHORITY),
          .state = CERT_STATE_DUE, .stray = true },
        { "ours was replaced by one of an authority that is gone", .local = true, .other_leaf = true, .signed_by = GONE,
          .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT) | R(NOT_SIGNED_BY_AUTHORITY), .state = CERT_STATE_DUE,
          .stray = true },
        { "ours was replaced by another that the authority signed", .local = true, .other_leaf = true,
          .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT), .state = CERT_STATE_DUE },
        { "ours was replaced by one of the old authority", .local = true, .old = true, .other_leaf = true,
          .signed_by = OLD, .action = ACTION_ISSUE, .reasons = R(CONTENT_DRIFT) | R(AUTHORITY_ROTATED),
          .state = CERT_STATE_DUE },
        { "a stray one was answered by a new authority: it is not stray again", .local = true, .other_leaf = true,
          .signed_by = NOBODY, .recorded_by = GONE, .action = ACTION_ISSUE,
          .reasons = R(CONTENT_DRIFT) | R(NOT_SIGNED_BY_AUTHORITY), .state = CERT_STATE_DUE },
        { "a foreign one in a place that was never ours is not stray", .local = true, .other_leaf = true,
          .no_generation = true, .signed_by = NOBODY, .action = ACTION_ISSUE, .reasons = R(NOT_SIGNED_BY_AUTHORITY),
          .state = CERT_STATE_DUE },
        { "a foreign one where the record speaks of another issuer is not stray", .local = true, .other_leaf = true,
          .other_issuer = true, .signed_by = NOBODY, .action = ACTION_ISSUE,
          .reasons = R(CONTENT_DRIFT) | R(NOT_SIGNED_BY_AUTHORITY), .state = CERT_STATE_DUE },
        { "that another issuer is wanted says all", .local = true, .other_issuer = true, .signed_by = NOBODY,
          .recorded_by = NOBODY, .wanted = CA, .source = NOBODY,
          .action = ACTION_ISSUE, .reasons = R(ISSUER_DIFFER), .state = CERT_STATE_DUE },
        { "its issuer, elsewhere, was told to revoke it", .told_to_revoke = true,
          .action = ACTION_ISSUE, .reasons = R(REVOKED), .state = CERT_STATE_DUE },
        { "its issuer was told to revoke the one before", .other_revoked = true, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "revoked", .local = true, .revoked = true,
          .action = ACTION_ISSUE, .reasons = R(REVOKED), .state = CERT_STATE_DUE },
        { "the same serial number of another issuer is not revoked", .local = true, .revoked = true, .signed_by = NOBODY,
          .recorded_by = GONE, .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_DUE },
        { "the CA file is of the present trust", .local = true, .wanted = CA, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the CA file lacks the next authority", .local = true, .wanted = CA, .next = true, .source = OTHER,
          .action = ACTION_REPAIR, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "the folder's CA file lacks the next authority", .local = true, .directory = true, .next = true, .source = OTHER,
          .action = ACTION_REPAIR, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a CA file of which nobody knows what it was made from", .local = true, .wanted = CA, .source = NOBODY,
          .action = ACTION_REPAIR, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "no CA file is wanted", .local = true, .source = OTHER, .state = CERT_STATE_VALID, .due = RENEWAL },
        { "the CA file of an adopted certificate follows its authority", .local = true, .wanted = CA, .no_generation = true,
          .recorded_by = NOBODY, .source = NOBODY,
          .action = ACTION_REPAIR, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        { "a new certificate brings the new CA file", .local = true, .wanted = CA, .old = true, .signed_by = OLD,
          .source = OTHER, .action = ACTION_ISSUE, .reasons = R(AUTHORITY_ROTATED) | R(BUNDLE_DIFFER),
          .state = CERT_STATE_DUE },
        { "a CA file that a unit did not take waits for its retry", .local = true, .wanted = CA, .source = OTHER,
          .failures = 1, .retry_at = IN_AN_HOUR, .error = CERT_ERROR_UNIT_FAILED,
          .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_FAILED, .due = IN_AN_HOUR },
        { "a CA file follows its authority though no new certificate is to be had", .local = true, .wanted = CA,
          .source = OTHER, .now = RENEWAL, .failures = 3, .retry_at = RENEWAL + USEC_PER_HOUR,
          .error = CERT_ERROR_ISSUER_REFUSED, .action = ACTION_REPAIR, .reasons = R(EXPIRING) | R(BUNDLE_DIFFER),
          .state = CERT_STATE_FAILED, .due = RENEWAL },
        { "no clock: nothing is signed again for a rotation", .local = true, .old = true, .signed_by = OLD,
          .trust = CLOCK_JUMPED_BACK, .reasons = R(AUTHORITY_ROTATED), .state = CERT_STATE_BLOCKED, .hint = true },
        { "no clock: the CA file follows all the same", .local = true, .wanted = CA, .source = OTHER,
          .trust = CLOCK_JUMPED_BACK, .action = ACTION_REPAIR, .reasons = R(BUNDLE_DIFFER), .state = CERT_STATE_DUE },
        /* the clock */
        { "no clock: nothing is judged by time", .now = 86400 * USEC_PER_SEC, .trust = CLOCK_UNSET,
          .state = CERT_STATE_VALID, .due = RENEWAL },
        { "no clock: a missing key waits", .now = 86400 * USEC_PER_SEC, .trust = CLOCK_UNSET, .missing = KEY,
          .reasons = R(MISSING_KEY), .state = CERT_STATE_BLOCKED, .hint = true },
        { "the clock went back: even force waits", .trust = CLOCK_JUMPED_BACK, .flags = PLAN_FORCED,
          .reasons = R(FORCED), .state = CERT_STATE_BLOCKED, .hint = true },
        { "the clock went back: the mode is mended", .trust = CLOCK_JUMPED_BACK, .wrong_mode = KEY,
          .action = ACTION_REPAIR, .reasons = R(MODE_DRIFT), .state = CERT_STATE_DUE },
        { "the clock went back: the mode is mended beside what must wait", .trust = CLOCK_JUMPED_BACK, .wrong_mode = KEY,
          .san = "other.example", .action = ACTION_REPAIR, .reasons = R(MODE_DRIFT) | R(SANS_DIFFER),
          .state = CERT_STATE_BLOCKED, .hint = true },
        { "the clock went back: units are told", .trust = CLOCK_JUMPED_BACK, .not_taken = true,
          .action = ACTION_UNITS, .reasons = R(UNIT_NOT_SERVING), .state = CERT_STATE_DUE },
        { "the clock went back: the issuer is not asked", .trust = CLOCK_JUMPED_BACK, .waiting = true,
          .state = CERT_STATE_WAITING, .due = 1, .poll_at = 1 },
};

/* ---- A row as the plan's arguments ---- */

typedef struct World {
        ManifestCertificate *wanted;
        CertificateFacts facts;
        LeafFacts leaf;
        char *sans[2];
        Record *record;
        AuthorityFacts authority;
} World;

static void replace(char **place, const char *value)
{
        g_free(*place);
        *place = g_strdup(value);
}

static void world_make_wish(World *w, const Row *row)
{
        ManifestCertificate *c = w->wanted = fixture_certificate_new("web");

        c->issuer_digest = FINGERPRINT;
        if (row->wanted_subject)
                replace(&c->subject, row->wanted_subject);
        if (row->wanted_usage)
                c->usage = row->wanted_usage;
        if (row->directory)
                c->directory = g_strdup("/etc/tls/web");
        if (row->token_key) {
                c->key_uri = g_strdup("pkcs11:token=t;object=web");
                g_clear_pointer(&c->path[MANAGED_FILE_KEY], g_free);
        }
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                if (row->wanted & BIT(f))
                        c->path[f] = g_strdup_printf("/etc/tls/web.%d", (int) f);
        if (row->combined_only) {
                g_clear_pointer(&c->path[MANAGED_FILE_CERT], g_free);
                g_clear_pointer(&c->path[MANAGED_FILE_KEY], g_free);
                c->path[MANAGED_FILE_COMBINED] = g_strdup("/etc/tls/web.all");
        }
        if (!row->no_units)
                g_ptr_array_add(c->units, g_new0(UnitRef, 1));
}

static void world_make_files(World *w, const Row *row)
{
        for (unsigned f = 0; f < _MANAGED_FILE_MAX; f++) {
                const FileAttributes *a = manifest_certificate_attributes(w->wanted, f);
                FileFacts *file = &w->facts.file[f];

                if (!w->wanted->path[f])
                        continue;
                file->state = row->missing & BIT(f)      ? FILE_STATE_MISSING
                              : row->unreadable & BIT(f) ? FILE_STATE_UNREADABLE
                                                         : FILE_STATE_PRESENT;
                file->uid = a->uid + (row->foreign_owner & BIT(f) ? 1 : 0);
                file->gid = a->gid + (row->foreign_group & BIT(f) ? 1 : 0);
                file->mode = row->wrong_mode & BIT(f) ? 0666 : a->mode;
        }
}

/* A certificate of the authority; the current one where nothing else is said. */
static char *fingerprint_of(const Row *row, const char *said)
{
        if (!said)
                return row->local ? (char *) CURRENT : NULL;
        return *said ? (char *) said : NULL;
}

static void world_make_leaf(World *w, const Row *row)
{
        w->sans[0] = (char *) (row->san ?: "web.example");
        w->leaf = (LeafFacts) {
                .fingerprint = (char *) FINGERPRINT,
                .serial = (char *) "01",
                .subject = (char *) (row->subject ?: row->wanted_subject && *row->wanted_subject ? row->wanted_subject
                                                                                                  : "CN=web.example"),
                .issuer = (char *) "CN=Test",
                .sans = w->sans,
                .usage = row->no_usage ? 0 : row->usage ?: USAGE_SERVER,
                .key_type = row->other_key_type ? KEY_TYPE_RSA_2048 : KEY_TYPE_ECDSA_P256,
                .not_before = row->not_before ?: T0,
                .not_after = row->not_after ?: END,
                .key_matches = !row->other_key,
                .derived_match = !row->derived_differ,
                .signed_by = fingerprint_of(row, row->signed_by),
                .not_signed_by = row->signed_by == nobody && !row->not_looked ? (char *) TRUST : NULL,
        };
        w->facts.certificate = w->wanted;
        w->facts.leaf = row->no_leaf ? NULL : &w->leaf;
        w->facts.served = (char *) row->served;
}

static void world_make_record(World *w, const Row *row)
{
        Record *r;

        if (row->no_record)
                return;
        r = w->record = record_new("web");
        r->issuer = g_strdup(row->other_issuer ? "elsewhere" : "site");
        r->request_digest = g_strdup(row->other_digest ? OTHER : w->wanted->request_digest);
        r->generation = row->no_generation ? 0 : 7;
        r->fingerprint = g_strdup(row->other_leaf ? OTHER : FINGERPRINT);
        r->revoked = g_strdup(row->told_to_revoke ? FINGERPRINT : row->other_revoked ? OTHER : NULL);
        r->taken = g_strdup(row->not_taken ? OTHER : FINGERPRINT);
        r->failures = row->failures;
        r->failed_at = row->failed_at;
        r->failed_issuer = row->failures ? g_strdup(row->issuer_changed ? OTHER : FINGERPRINT) : NULL;
        r->failed_digest = g_strdup(row->changed_since ? OTHER : row->failures ? w->wanted->request_digest : NULL);
        r->retry_at = row->retry_at;
        r->error = row->failures ? row->error ?: CERT_ERROR_ISSUER_UNREACHABLE : _CERT_ERROR_INVALID;
        r->blocked = row->blocked;
        r->degraded = row->degraded;
        r->pending = row->pending ? 8 : 0;
        r->pending_digest = g_strdup(row->pending_differs ? OTHER : row->pending ? w->wanted->request_digest : NULL);
        r->token = g_strdup(row->waiting ? "token" : NULL);
        r->poll_at = row->by_hand ? UINT64_MAX : row->poll_at;
        if (row->waiting)
                r->token_digest = row->outdated ? g_strdup(OTHER) : manifest_certificate_token_digest(w->wanted);
        r->pending_imported = row->imported;
        r->authority = g_strdup(fingerprint_of(row, row->recorded_by));
        r->source = row->source ? *row->source ? g_strdup(row->source) : NULL : g_strdup(TRUST);
}

static void add_authority(World *w, AuthorityRole role, const char *fingerprint)
{
        AuthorityCertificate *c = g_new0(AuthorityCertificate, 1);

        c->role = role;
        c->fingerprint = (char *) fingerprint;
        g_ptr_array_add(w->authority.certificates, c);
}

static void world_make_authority(World *w, const Row *row)
{
        static char *none[] = { NULL }, *one[] = { (char *) "01", NULL };

        w->authority = (AuthorityFacts) {
                .missing = row->authority_missing,
                .certificates = g_ptr_array_new_with_free_func(g_free),
                .revoked = row->revoked ? one : none,
                .n_revoked = row->revoked ? 1 : 0,
                .trust_digest = (char *) TRUST,
        };
        if (row->old)
                add_authority(w, AUTHORITY_ROLE_OLD, OLD);
        if (!row->authority_missing)
                add_authority(w, AUTHORITY_ROLE_CURRENT, CURRENT);
        if (row->next)
                add_authority(w, AUTHORITY_ROLE_NEXT, NEXT);
}

static void world_clear(World *w)
{
        g_ptr_array_unref(w->authority.certificates);
        g_ptr_array_set_free_func(w->wanted->units, g_free);
        fixture_certificate_free(w->wanted);
        record_free(w->record);
}

static void test_row(gconstpointer data)
{
        const Row *row = data;
        PlanClock clock = { .now = row->now ?: NOW, .trust = row->trust };
        World w = {};
        const AuthorityFacts *authority = row->local ? &w.authority : NULL;
        PlanItem item;

        world_make_wish(&w, row);
        world_make_files(&w, row);
        world_make_leaf(&w, row);
        world_make_record(&w, row);
        world_make_authority(&w, row);
        item = plan_certificate(w.wanted, &w.facts, w.record, authority, clock, row->flags);

        fixture_assert_reasons(item.reasons, row->reasons);
        g_assert_cmpstr(action_to_string(item.action), ==, action_to_string(row->action));
        g_assert_cmpstr(cert_state_to_string(item.state), ==, cert_state_to_string(row->state));
        g_assert_cmpuint(item.due, ==, row->never_due ? 0 : row->due ?: clock.now);
        g_assert_cmpint(item.hint != NULL, ==, row->hint);
        g_assert_true(item.certificate == w.wanted);
        g_assert_cmpint(plan_is_stray(w.wanted, &w.facts, w.record, authority), ==, row->stray);
        world_clear(&w);
}

/* ---- The clock, the time of renewal ---- */

static void test_clock(void)
{
        g_assert_cmpint(plan_clock(0, 0).trust, ==, CLOCK_UNSET);
        g_assert_cmpint(plan_clock(UINT64_C(1577836799) * USEC_PER_SEC, 0).trust, ==, CLOCK_UNSET);
        g_assert_cmpint(plan_clock(UINT64_C(1577836800) * USEC_PER_SEC, 0).trust, ==, CLOCK_GOOD);
        g_assert_cmpint(plan_clock(NOW, NOW + USEC_PER_DAY).trust, ==, CLOCK_GOOD);
        g_assert_cmpint(plan_clock(NOW, NOW + USEC_PER_DAY + 1).trust, ==, CLOCK_JUMPED_BACK);
        g_assert_cmpint(plan_clock(NOW, 1).trust, ==, CLOCK_GOOD);
        g_assert_cmpuint(plan_clock(NOW, 0).now, ==, NOW);
}

static void test_renewal_time(void)
{
        RenewBefore span = { .usec = 12 * USEC_PER_HOUR }, percent = { .is_percent = true, .percent = 1 };

        g_assert_cmpuint(plan_renewal_time(&span, T0, END), ==, END - 12 * USEC_PER_HOUR);
        g_assert_cmpuint(plan_renewal_time(&percent, T0, END), ==, END - LIFE / 100);
        /* not shorter than the whole life: a third of it */
        g_assert_cmpuint(plan_renewal_time(&span, 1000 * USEC_PER_HOUR, 1012 * USEC_PER_HOUR), ==,
                         1012 * USEC_PER_HOUR - 12 * USEC_PER_HOUR * 33 / 100);
        /* a life that ends before it begins, and one without end (RFC 5280, 4.1.2.5) */
        g_assert_cmpuint(plan_renewal_time(&percent, END, T0), ==, T0);
        percent.percent = 99;
        g_assert_cmpuint(plan_renewal_time(&percent, 0, UINT64_C(253402300799) * USEC_PER_SEC), ==,
                         UINT64_C(253402300799) * USEC_PER_SEC / 100);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/plan/the clock is judged by 2020 and by the latest time seen", test_clock);
        g_test_add_func("/plan/the time of renewal", test_renewal_time);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/plan/certificate/", rows[i].name, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        return g_test_run();
}
