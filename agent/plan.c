/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plan
 *
 * Judges one certificate: what is wanted (manifest), what is there (facts), what is known (record), what time it
 * is. It owns the meaning of every reason and which action mends it, and reads and writes nothing: the same
 * arguments always give the same answer. What is found is kept apart by what it takes to mend it; the
 * strongest remedy wins, since a new certificate also makes good what a repair would.
 */

#include "agent/plan.h"

#include "common/error.h"
#include "common/timespan.h"

#include <gnutls/x509.h>

#define CLOCK_EARLIEST (UINT64_C(1577836800) * USEC_PER_SEC) /* 2020-01-01: no machine of ours is older */
#define CLOCK_SLACK USEC_PER_DAY
#define RENEW_PERCENT_DEFAULT 33

/* What was found, by what mends it. */
typedef struct Findings {
        ReasonSet issue;
        ReasonSet repair;
        ReasonSet units;
} Findings;

/* All that the judgement is made from. */
typedef struct Case {
        const ManifestCertificate *wanted;
        const CertificateFacts *facts;
        const LeafFacts *leaf;
        const Record *record; /* NULL: nothing is known */
        PlanClock clock;
        PlanFlags flags;
        char *digest; /* owned only when the manifest did not bring it */
} Case;

PlanClock plan_clock(uint64_t now, uint64_t latest_seen)
{
        ClockTrust trust = CLOCK_GOOD;

        if (now < CLOCK_EARLIEST)
                trust = CLOCK_UNSET;
        else if (latest_seen > CLOCK_SLACK && now < latest_seen - CLOCK_SLACK)
                trust = CLOCK_JUMPED_BACK;
        return (PlanClock) { .now = now, .trust = trust };
}

uint64_t plan_renewal_time(const RenewBefore *b, uint64_t not_before, uint64_t not_after)
{
        uint64_t lifetime = not_after > not_before ? not_after - not_before : 0;
        unsigned percent = b->is_percent ? b->percent : RENEW_PERCENT_DEFAULT;

        if (!b->is_percent && b->usec < lifetime)
                return not_after - b->usec;
        return not_after - (lifetime / 100 * percent + lifetime % 100 * percent / 100);
}

/* The one spelling of a name (RFC 4514) for comparing: attribute types, escapes and order as GnuTLS writes
 * them, letters folded, as RFC 5280, 7.1 compares. NULL when it is no name. */
static char *name_normal_form(const char *text)
{
        gnutls_x509_dn_t dn = NULL;
        gnutls_datum_t out = {};
        char *folded = NULL;

        if (gnutls_x509_dn_init(&dn) < 0)
                return NULL;
        if (gnutls_x509_dn_set_str(dn, text, NULL) >= 0 && gnutls_x509_dn_get_str2(dn, &out, 0) >= 0 &&
            g_utf8_validate_len((const char *) out.data, out.size, NULL))
                folded = g_utf8_casefold((const char *) out.data, out.size);
        gnutls_free(out.data);
        gnutls_x509_dn_deinit(dn);
        return folded;
}

static bool name_equal(const char *wanted, const char *present)
{
        g_autofree char *a = NULL, *b = NULL;

        if (g_str_equal(wanted, present))
                return true;
        if (!*wanted || !*present)
                return false;
        a = name_normal_form(wanted);
        b = name_normal_form(present);
        return a && b && g_str_equal(a, b);
}

/* The file that must hold the leaf, and the one that must hold the key (none with a token). */
static ManagedFile leaf_file(const Case *c)
{
        return c->facts->file[MANAGED_FILE_CERT].state != FILE_STATE_ABSENT ? MANAGED_FILE_CERT
                                                                             : MANAGED_FILE_COMBINED;
}

static ManagedFile key_file(const Case *c)
{
        if (c->wanted->key_uri)
                return _MANAGED_FILE_INVALID;
        return c->facts->file[MANAGED_FILE_KEY].state != FILE_STATE_ABSENT ? MANAGED_FILE_KEY
                                                                            : MANAGED_FILE_COMBINED;
}

/* The leaf on disk is the one that the record speaks of. */
static bool leaf_is_recorded(const Case *c)
{
        return c->record && c->leaf && g_strcmp0(c->record->fingerprint, c->leaf->fingerprint) == 0;
}

static const char *wanted_digest(Case *c)
{
        if (c->wanted->request_digest)
                return c->wanted->request_digest;
        if (!c->digest)
                c->digest = manifest_certificate_request_digest(c->wanted);
        return c->digest;
}

static void find_in_files(Case *c, Findings *f)
{
        ManagedFile leaf = leaf_file(c), key = key_file(c);

        for (ManagedFile i = 0; i < _MANAGED_FILE_MAX; i++) {
                const FileFacts *file = &c->facts->file[i];
                const FileAttributes *wanted;

                if (file->state == FILE_STATE_MISSING) {
                        if (i == leaf)
                                f->issue |= REASON_BIT(REASON_MISSING_CERT);
                        if (i == key)
                                f->issue |= REASON_BIT(REASON_MISSING_KEY);
                        if (i != leaf && i != key)
                                f->repair |= REASON_BIT(REASON_CONTENT_DRIFT);
                } else if (file->state == FILE_STATE_UNREADABLE || (i == leaf && !c->leaf)) {
                        if (i == leaf || i == key)
                                f->issue |= REASON_BIT(REASON_UNREADABLE);
                        else
                                f->repair |= REASON_BIT(REASON_CONTENT_DRIFT);
                }
                if (file->state != FILE_STATE_PRESENT)
                        continue;
                wanted = manifest_certificate_attributes(c->wanted, i);
                if (file->uid != wanted->uid || file->gid != wanted->gid)
                        f->repair |= REASON_BIT(REASON_OWNER_DRIFT);
                if (file->mode != wanted->mode)
                        f->repair |= REASON_BIT(REASON_MODE_DRIFT);
        }
        /* What is derived from a certificate that is not there cannot differ from it. */
        if (!c->leaf)
                f->repair &= ~REASON_BIT(REASON_CONTENT_DRIFT);
}

static bool key_is_readable(const Case *c)
{
        ManagedFile key = key_file(c);

        return key == _MANAGED_FILE_INVALID || c->facts->file[key].state == FILE_STATE_PRESENT;
}

static void find_in_leaf(Case *c, Findings *f)
{
        const ManifestCertificate *w = c->wanted;
        const LeafFacts *leaf = c->leaf;

        if (!leaf)
                return;
        if (key_is_readable(c) && !leaf->key_matches)
                f->issue |= REASON_BIT(REASON_KEY_MISMATCH);
        if (!g_strv_equal((const char *const *) w->san_texts, (const char *const *) leaf->sans))
                f->issue |= REASON_BIT(REASON_SANS_DIFFER);
        if (!name_equal(w->subject ?: "", leaf->subject))
                f->issue |= REASON_BIT(REASON_SUBJECT_DIFFER);
        /* More than was asked for is no harm; no extended key usage at all allows everything (RFC 5280, 4.2.1.12). */
        if (leaf->usage != 0 && (leaf->usage & w->usage) != w->usage)
                f->issue |= REASON_BIT(REASON_USAGE_DIFFER);
        if (leaf->key_type != w->key_type)
                f->issue |= REASON_BIT(REASON_KEY_TYPE_DIFFER);
        if (!leaf->derived_match)
                f->repair |= REASON_BIT(REASON_CONTENT_DRIFT);
}

static uint64_t renewal_time(const Case *c)
{
        return c->leaf ? plan_renewal_time(&c->wanted->renew_before, c->leaf->not_before, c->leaf->not_after) : 0;
}

/* A certificate that is not valid yet is left alone: a new one would not be either, if it is the CA's clock
 * that is ahead. The last second of the validity belongs to it (RFC 5280, 4.1.2.5). */
static void find_in_time(Case *c, Findings *f)
{
        if (!c->leaf || c->clock.trust != CLOCK_GOOD)
                return;
        if (c->clock.now > c->leaf->not_after)
                f->issue |= REASON_BIT(REASON_EXPIRED);
        else if (c->clock.now >= renewal_time(c))
                f->issue |= REASON_BIT(REASON_EXPIRING);
}

static void find_in_record(Case *c, Findings *f)
{
        const ReasonSet explained = REASON_BIT(REASON_SANS_DIFFER) | REASON_BIT(REASON_SUBJECT_DIFFER) |
                                    REASON_BIT(REASON_USAGE_DIFFER) | REASON_BIT(REASON_KEY_TYPE_DIFFER) |
                                    REASON_BIT(REASON_ISSUER_DIFFER);
        const Record *r = c->record;

        if (!r || !c->leaf || !r->fingerprint)
                return;
        if (!leaf_is_recorded(c)) {
                if (r->generation != 0)
                        f->issue |= REASON_BIT(REASON_CONTENT_DRIFT);
                return;
        }
        if (r->issuer && g_strcmp0(r->issuer, c->wanted->issuer) != 0)
                f->issue |= REASON_BIT(REASON_ISSUER_DIFFER);
        if (r->request_digest && !(f->issue & explained) && !g_str_equal(r->request_digest, wanted_digest(c)))
                f->issue |= REASON_BIT(REASON_MANIFEST_CHANGED);
}

/* Units that were not told of the certificate on disk (a crash between install and reload), or a service that was
 * seen to serve another one. */
static void find_in_units(Case *c, Findings *f)
{
        const GPtrArray *units = c->wanted->units;

        if (!c->leaf)
                return;
        if (c->facts->served && !g_str_equal(c->facts->served, c->leaf->fingerprint))
                f->units |= REASON_BIT(REASON_UNIT_NOT_SERVING);
        if (units && units->len > 0 && leaf_is_recorded(c) &&
            g_strcmp0(c->record->taken, c->leaf->fingerprint) != 0)
                f->units |= REASON_BIT(REASON_UNIT_NOT_SERVING);
}

/* The last try failed, and what is wanted now is still what was wanted then. */
static bool is_failing(Case *c)
{
        const Record *r = c->record;

        if (!r || (r->failures == 0 && !r->degraded && !r->blocked))
                return false;
        return !r->failed_digest || g_str_equal(r->failed_digest, wanted_digest(c));
}

/* A new certificate was issued on demand and then not taken by a unit: with the old one back there is no other
 * reason left, but what was asked for is not done. */
static void find_in_demand(Case *c, Findings *f)
{
        const Record *r = c->record;

        if (c->flags & PLAN_FORCED)
                f->issue |= REASON_BIT(REASON_FORCED);
        else if (f->issue == 0 && is_failing(c) && r->pending != 0 && r->pending_digest &&
                 g_str_equal(r->pending_digest, wanted_digest(c)))
                f->issue |= REASON_BIT(REASON_FORCED);
}

/* Whether a retry is still to be waited for. When the clock went back to before the failure, the span cannot be
 * judged by it. */
static bool retry_is_waited_for(Case *c)
{
        const Record *r = c->record;

        if ((c->flags & PLAN_IGNORE_RETRY) || !is_failing(c))
                return false;
        return r->blocked || (c->clock.now < r->retry_at && c->clock.now >= r->failed_at);
}

/* Owner, mode and derived files may be mended while a new certificate must wait, if there is a pair to mend them
 * from and mending is not just what failed. */
static bool repair_may_go_on(Case *c)
{
        if (!c->leaf || !c->leaf->key_matches || !key_is_readable(c))
                return false;
        return !is_failing(c) || c->record->error != CERT_ERROR_INSTALL_FAILED;
}

static const char *clock_hint(ClockTrust trust)
{
        switch (trust) {
        case CLOCK_UNSET:
                return "The clock says a time before 2020: start time synchronisation (timedatectl set-ntp true) or "
                       "set the clock; nothing is renewed until then.";
        case CLOCK_JUMPED_BACK:
                return "The clock went back by more than a day: check it and time synchronisation (timedatectl "
                       "status); nothing is renewed until the time is past the latest one seen.";
        case CLOCK_GOOD:
        default:
                return NULL;
        }
}

static bool is_waiting(const Case *c)
{
        return c->record && c->record->token;
}

static Action action_for(Case *c, const Findings *f)
{
        bool issue = f->issue != 0 || is_waiting(c), held = retry_is_waited_for(c), allowed;

        allowed = c->clock.trust == CLOCK_GOOD && !held;
        if (issue && allowed) {
                if (!is_waiting(c))
                        return ACTION_ISSUE;
                if (c->clock.now >= c->record->poll_at || (c->flags & PLAN_IGNORE_RETRY))
                        return ACTION_POLL;
        }
        if (f->repair != 0 && ((!issue && !held) || repair_may_go_on(c)))
                return ACTION_REPAIR;
        if (f->units != 0 && !held)
                return ACTION_UNITS;
        return ACTION_NONE;
}

static CertState state_for(Case *c, const Findings *f)
{
        if (f->issue != 0 && c->clock.trust != CLOCK_GOOD)
                return CERT_STATE_BLOCKED;
        if (is_waiting(c))
                return CERT_STATE_WAITING;
        if ((f->issue | f->repair | f->units) == 0)
                return CERT_STATE_VALID;
        if (!is_failing(c))
                return CERT_STATE_DUE;
        if (c->record->degraded)
                return CERT_STATE_DEGRADED;
        return c->record->blocked ? CERT_STATE_BLOCKED : CERT_STATE_FAILED;
}

static uint64_t due_for(Case *c, const Findings *f, Action action)
{
        const ReasonSet by_time = REASON_BIT(REASON_EXPIRED) | REASON_BIT(REASON_EXPIRING);

        if (is_waiting(c) && action != ACTION_REPAIR && action != ACTION_UNITS)
                return c->record->poll_at;
        if ((f->issue | f->repair | f->units) == 0)
                return renewal_time(c);
        if (action == ACTION_NONE && retry_is_waited_for(c))
                return c->record->blocked ? 0 : c->record->retry_at;
        if (f->issue != 0 && (f->issue & ~by_time) == 0 && f->repair == 0 && f->units == 0)
                return renewal_time(c);
        return c->clock.now;
}

PlanItem plan_certificate(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                          const AuthorityFacts *authority, PlanClock clock, PlanFlags flags)
{
        Case k = {
                .wanted = c, .facts = facts, .leaf = facts->leaf, .record = record, .clock = clock, .flags = flags,
        };
        PlanItem item = { .certificate = c };
        Findings f = {};

        find_in_files(&k, &f);
        find_in_leaf(&k, &f);
        find_in_time(&k, &f);
        find_in_record(&k, &f);
        find_in_units(&k, &f);
        find_in_demand(&k, &f);

        item.reasons = f.issue | f.repair | f.units;
        item.action = action_for(&k, &f);
        item.state = state_for(&k, &f);
        item.due = due_for(&k, &f, item.action);
        if (f.issue != 0)
                item.hint = clock_hint(clock.trust);
        g_free(k.digest);
        return item;
}
