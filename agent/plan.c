/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plan
 *
 * Judges one certificate: what is wanted (manifest), what is there (facts), what is known (record, authority), what time
 * it is. It owns the meaning of every reason and which action mends it, and reads and writes nothing: the same
 * arguments always give the same answer. What follows from what is found is said by agent/plan-verdict.c.
 */

#include "agent/plan-private.h"

#include "common/timespan.h"

#include <gnutls/x509.h>
#include <string.h>

#define CLOCK_EARLIEST (UINT64_C(1577836800) * USEC_PER_SEC) /* 2020-01-01: no machine of ours is older */
#define CLOCK_SLACK USEC_PER_DAY
#define RENEW_PERCENT_DEFAULT 33

/* All that a certificate is judged by. */
typedef struct Case {
        PlanCase verdict; /* first: what a verdict is made from */
        const ManifestCertificate *wanted;
        const CertificateFacts *facts;
        const LeafFacts *leaf;
        const Record *record;            /* NULL: nothing is known */
        const AuthorityFacts *authority; /* NULL: the issuer is not local, or nothing is known of it */
        PlanClock clock;
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

/* GnuTLS counts an OID's NUL, or does not. */
static bool is_common_name(const gnutls_x509_ava_st *ava)
{
        size_t length = strnlen((const char *) ava->oid.data, ava->oid.size);

        return length == strlen(GNUTLS_OID_X520_COMMON_NAME) &&
               memcmp(ava->oid.data, GNUTLS_OID_X520_COMMON_NAME, length) == 0;
}

/* The common name of a subject (RFC 4514) that has nothing else; NULL of any other. Caller owns. */
static char *lone_common_name(const char *subject)
{
        gnutls_x509_ava_st ava, further;
        gnutls_x509_dn_t dn;
        char *name = NULL;

        if (!*subject || gnutls_x509_dn_init(&dn) < 0)
                return NULL;
        if (gnutls_x509_dn_set_str(dn, subject, NULL) >= 0 && gnutls_x509_dn_get_rdn_ava(dn, 0, 0, &ava) >= 0 &&
            gnutls_x509_dn_get_rdn_ava(dn, 0, 1, &further) < 0 && gnutls_x509_dn_get_rdn_ava(dn, 1, 0, &further) < 0 &&
            is_common_name(&ava))
                name = g_strndup((const char *) ava.value.data, ava.value.size);
        gnutls_x509_dn_deinit(dn);
        return name;
}

/* Where no subject is wanted, one of the names as common name is none: step-ca, for one, writes it there unasked, and would
 * do so again. */
static bool is_only_a_name(const char *subject, const char *const *san_texts)
{
        g_autofree char *name = lone_common_name(subject);

        for (; name && san_texts && *san_texts; san_texts++)
                if (g_ascii_strcasecmp(san_text_value(*san_texts), name) == 0)
                        return true;
        return false;
}

bool plan_subject_is_wanted(const ManifestCertificate *w, const char *subject)
{
        if (name_equal(w->subject ?: "", subject))
                return true;
        return (!w->subject || !*w->subject) && is_only_a_name(subject, (const char *const *) w->san_texts);
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

static void find_in_files(const Case *c, PlanFindings *f)
{
        ManagedFile leaf = leaf_file(c), key = key_file(c);

        for (ManagedFile i = 0; i < _MANAGED_FILE_MAX; i++) {
                const FileFacts *file = &c->facts->file[i];

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
                if (file->state == FILE_STATE_PRESENT)
                        plan_find_in_attributes(c->wanted, i, file, f);
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

static void find_in_leaf(const Case *c, PlanFindings *f)
{
        const ManifestCertificate *w = c->wanted;
        const LeafFacts *leaf = c->leaf;

        if (!leaf)
                return;
        if (key_is_readable(c) && !leaf->key_matches)
                f->issue |= REASON_BIT(REASON_KEY_MISMATCH);
        if (!g_strv_equal((const char *const *) w->san_texts, (const char *const *) leaf->sans))
                f->issue |= REASON_BIT(REASON_SANS_DIFFER);
        if (!plan_subject_is_wanted(w, leaf->subject))
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
static void find_in_time(const Case *c, PlanFindings *f)
{
        if (!c->leaf || c->clock.trust != CLOCK_GOOD)
                return;
        if (c->clock.now > c->leaf->not_after)
                f->issue |= REASON_BIT(REASON_EXPIRED);
        else if (c->clock.now >= c->verdict.renewal)
                f->issue |= REASON_BIT(REASON_EXPIRING);
}

static void find_in_record(const Case *c, PlanFindings *f)
{
        const ReasonSet explained = REASON_BIT(REASON_SANS_DIFFER) | REASON_BIT(REASON_SUBJECT_DIFFER) |
                                    REASON_BIT(REASON_USAGE_DIFFER) | REASON_BIT(REASON_KEY_TYPE_DIFFER) |
                                    REASON_BIT(REASON_ISSUER_DIFFER);
        const Record *r = c->record;

        if (!r || !c->leaf || !r->fingerprint)
                return;
        if (g_strcmp0(r->revoked, c->leaf->fingerprint) == 0)
                f->issue |= REASON_BIT(REASON_REVOKED);
        if (!leaf_is_recorded(c)) {
                if (r->generation != 0)
                        f->issue |= REASON_BIT(REASON_CONTENT_DRIFT);
                return;
        }
        if (r->issuer && g_strcmp0(r->issuer, c->wanted->issuer) != 0)
                f->issue |= REASON_BIT(REASON_ISSUER_DIFFER);
        if (r->request_digest && !(f->issue & explained) && !g_str_equal(r->request_digest, c->verdict.digest))
                f->issue |= REASON_BIT(REASON_MANIFEST_CHANGED);
}

/* ---- The authority ---- */

/* Whose the leaf in place is: what its signature says, or the record, of the leaf that it speaks of. NULL: of nobody that
 * the authority still knows. */
static const AuthorityCertificate *signer_of(const Case *c)
{
        const AuthorityCertificate *signer = authority_facts_find(c->authority, c->leaf->signed_by);

        return signer || !leaf_is_recorded(c) ? signer : authority_facts_find(c->authority, c->record->authority);
}

/* The leaf is not the current authority's: its own from before a rotation or a new beginning, or somebody else's? */
static Reason reason_not_current(const Case *c, const AuthorityCertificate *signer)
{
        if (signer || (leaf_is_recorded(c) && c->record->generation != 0))
                return REASON_AUTHORITY_ROTATED;
        return REASON_NOT_SIGNED_BY_AUTHORITY;
}

/* Somebody looked whether one of the authority's certificates has signed the leaf, or wrote down which one it was. */
static bool is_judged(const Case *c)
{
        return c->leaf->signed_by || g_strcmp0(c->leaf->not_signed_by, c->authority->trust_digest) == 0 ||
               (leaf_is_recorded(c) && c->record->authority);
}

/* What the next one has signed stays: it is the current one, or will be, before anybody looks again. */
static void find_in_authority(const Case *c, PlanFindings *f)
{
        const AuthorityFacts *a = c->authority;
        const AuthorityCertificate *signer;

        if (!a)
                return;
        if (a->missing) {
                f->issue |= REASON_BIT(REASON_MISSING_AUTHORITY);
                return;
        }
        if (!c->leaf || (f->issue & REASON_BIT(REASON_ISSUER_DIFFER)) || !is_judged(c))
                return;
        signer = signer_of(c);
        /* Serial numbers are one issuer's own (RFC 5280, 4.1.2.2). */
        if (signer && authority_facts_is_revoked(a, c->leaf->serial))
                f->issue |= REASON_BIT(REASON_REVOKED);
        if (!signer || signer->role == AUTHORITY_ROLE_OLD)
                f->issue |= REASON_BIT(reason_not_current(c, signer));
}

/* The roots beside a certificate are the same trust as a bundle, and follow it without a new certificate. Those of a leaf
 * that is not what was installed come anew with the next one. */
static void find_in_roots(const Case *c, PlanFindings *f)
{
        const AuthorityFacts *a = c->authority;

        if (!a || a->missing || (!c->wanted->path[MANAGED_FILE_CA] && !c->wanted->directory))
                return;
        if (!leaf_is_recorded(c) || (f->issue & REASON_BIT(REASON_ISSUER_DIFFER)))
                return;
        if (c->record->generation == 0 && !authority_facts_find(a, c->leaf->signed_by))
                return;
        if (g_strcmp0(c->record->source, a->trust_digest) != 0)
                f->repair |= REASON_BIT(REASON_BUNDLE_DIFFER);
}

bool plan_is_stray(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                   const AuthorityFacts *authority)
{
        const LeafFacts *leaf = facts->leaf;

        if (!leaf || !authority || authority->missing || !record || record->generation == 0 || !record->fingerprint)
                return false;
        if (g_str_equal(record->fingerprint, leaf->fingerprint) || g_strcmp0(record->issuer, c->issuer) != 0)
                return false;
        if (!leaf->signed_by && g_strcmp0(leaf->not_signed_by, authority->trust_digest) != 0) /* nobody looked */
                return false;
        return authority_facts_find(authority, record->authority) && !authority_facts_find(authority, leaf->signed_by);
}

/* ---- Units and demand ---- */

/* Units that were not told of the certificate on disk (a crash between install and reload), or a service that was
 * seen to serve another one. */
static void find_in_units(const Case *c, PlanFindings *f)
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

/* What was issued, or brought, for the present wish is not installed yet. */
static bool has_pending(const Case *c)
{
        return c->record && c->record->pending != 0 && g_strcmp0(c->record->pending_digest, c->verdict.digest) == 0;
}

/* A new certificate was issued on demand and then not taken by a unit: with the old one back there is no other
 * reason left, but what was asked for is not done. Nor is it while what a person brought is not installed. */
static void find_in_demand(const Case *c, PlanFindings *f)
{
        if (c->verdict.flags & PLAN_FORCED)
                f->issue |= REASON_BIT(REASON_FORCED);
        else if (f->issue == 0 && has_pending(c) && (c->verdict.brought || plan_is_failing(&c->verdict)))
                f->issue |= REASON_BIT(REASON_FORCED);
}

/* What a waiting request was made for is compared only where there is one. */
static bool request_is_outdated(const Case *c)
{
        g_autofree char *digest = NULL;

        if (!c->record || !c->record->token || !c->record->token_digest)
                return false;
        digest = manifest_certificate_token_digest(c->wanted);
        return !g_str_equal(digest, c->record->token_digest);
}

/* There is a pair. */
static bool is_mendable(const Case *c)
{
        return c->leaf && c->leaf->key_matches && key_is_readable(c);
}

PlanItem plan_certificate(const ManifestCertificate *c, const CertificateFacts *facts, const Record *record,
                          const AuthorityFacts *authority, PlanClock clock, PlanFlags flags)
{
        g_autofree char *digest = c->request_digest ? NULL : manifest_certificate_request_digest(c);
        Case k = {
                .wanted = c, .facts = facts, .leaf = facts->leaf, .record = record, .authority = authority, .clock = clock,
        };
        PlanFindings f = {};
        PlanItem item;

        k.verdict = (PlanCase) {
                .record = record,
                .digest = c->request_digest ?: digest,
                .issuer_digest = c->issuer_digest,
                .clock = clock,
                .flags = flags,
                .by_clock = true,
                .mendable = is_mendable(&k),
                .renewal = renewal_time(&k),
                .outdated = request_is_outdated(&k),
        };
        k.verdict.brought = has_pending(&k) && record->pending_imported;
        find_in_files(&k, &f);
        find_in_leaf(&k, &f);
        find_in_time(&k, &f);
        find_in_record(&k, &f);
        find_in_authority(&k, &f);
        find_in_roots(&k, &f);
        find_in_units(&k, &f);
        find_in_demand(&k, &f);

        item = plan_verdict(&k.verdict, &f);
        item.certificate = c;
        return item;
}

bool plan_item_is_usable(const PlanItem *item)
{
        return item->action == ACTION_NONE || item->action == ACTION_UNITS;
}
