/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An import: the answer to a request, as a person brought it. It owns what is outstanding of one, and the judgement that is
 * not the issuer's and not the chain's: whether this certificate is better than what is in place. What it takes is a pending
 * generation, of which the record knows, before anybody hears that it was taken. */

#include "agent/import.h"

#include "agent/agent-private.h"
#include "agent/cert-list.h"
#include "agent/key.h"
#include "agent/leaf.h"
#include "common/filekind.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

/* What is in place is not what is wanted: then one that ends earlier is an improvement. */
#define UNWANTED                                                                                                       \
        (REASON_BIT(REASON_MISSING_CERT) | REASON_BIT(REASON_MISSING_KEY) | REASON_BIT(REASON_UNREADABLE) |            \
         REASON_BIT(REASON_KEY_MISMATCH) | REASON_BIT(REASON_SANS_DIFFER) | REASON_BIT(REASON_SUBJECT_DIFFER) |        \
         REASON_BIT(REASON_USAGE_DIFFER) | REASON_BIT(REASON_KEY_TYPE_DIFFER) | REASON_BIT(REASON_ISSUER_DIFFER) |     \
         REASON_BIT(REASON_MANIFEST_CHANGED) | REASON_BIT(REASON_CONTENT_DRIFT))

struct Import {
        Agent *agent;
        char *name, *digest;         /* what was wanted when it began */
        unsigned waiting, pending;   /* the generations then; 0: none */
        ImportDone done;
        void *userdata;
};

static void import_free(Import *i)
{
        g_hash_table_remove(i->agent->importing, i->name);
        agent_let_go(i->agent);
        g_free(i->name);
        g_free(i->digest);
        g_free(i);
}

G_GNUC_PRINTF(3, 4)
static bool refuse(GError **error, CertError code, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        if (error)
                *error = g_error_new_valist(CERT_ERROR, code, format, arguments);
        va_end(arguments);
        return false;
}

/* ---- What it does not look at ---- */

static bool check_content(const char *name, GBytes *answer, GError **error)
{
        if (g_bytes_get_size(answer) > IMPORT_MAX)
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                              "what was brought for \"%s\" is larger than 1 MiB\nNothing was changed. Import the certificate "
                              "and its chain alone.",
                              name);
        if (file_kind(answer) == FILE_KIND_PRIVATE_KEY)
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                              "what was brought for \"%s\" holds a private key; it was not read\nNothing was changed. A CA needs "
                              "no key, and gives none: import its certificate alone, and see who else has that key.",
                              name);
        return true;
}

static bool check_free(Agent *a, const Certificate *c, GError **error)
{
        if (!c->work && !g_hash_table_contains(a->importing, c->wish->name))
                return true;
        return refuse(error, CERT_ERROR_BUSY, "\"%s\" is being worked on\nNothing was changed. Import it again in a moment.",
                      c->wish->name);
}

static bool check_issuer(const Certificate *c, GError **error)
{
        if (c->record == c->substitute)
                return refuse(error, CERT_ERROR_NOT_SUPPORTED, "the record of \"%s\" cannot be read\n" UNRECORDED_HINT,
                              c->wish->name);
        if (certificate_is_by_hand(c) || certificate_waits_for_person(c))
                return true;
        return refuse(error, CERT_ERROR_NOT_SUPPORTED,
                      "the issuer \"%s\" of \"%s\" takes no certificates by hand\nIt gives them by itself: certctl renew %s",
                      c->wish->issuer, c->wish->name, c->wish->name);
}

bool import_check(const Certificate *c, GBytes *answer, GError **error)
{
        return check_content(c->wish->name, answer, error) && check_issuer(c, error);
}

/* ---- Whether it is an improvement ---- */

static bool same_key(const Generation *a, const Generation *b)
{
        g_auto(CertList) x = {}, y = {};
        g_autofree char *one = NULL, *other = NULL;

        if (!a || !b || !a->cert_pem || !b->cert_pem || !cert_list_of_pem(a->cert_pem, 1, &x) || x.n != 1 ||
            !cert_list_of_pem(b->cert_pem, 1, &y) || y.n != 1)
                return false;
        one = key_digest_of_certificate(x.crt[0], NULL);
        other = key_digest_of_certificate(y.crt[0], NULL);
        return one && g_strcmp0(one, other) == 0;
}

/* With another subject the next pass would ask for another certificate, and that without end. */
static bool check_subject(const Certificate *c, const Generation *g, GError **error)
{
        g_auto(CertList) l = {};
        g_autoptr(GByteArray) packed = NULL;
        g_autofree LeafFacts *leaf = NULL;
        g_autofree char *subject = NULL;
        Unpack u;

        if (!cert_list_of_pem(g->cert_pem, 1, &l) || l.n != 1)
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE, "the certificate for \"%s\" cannot be read", c->wish->name);
        packed = leaf_pack_certificate(l.crt[0], error);
        if (!packed)
                return false;
        u = unpack_new(packed->data, packed->len);
        leaf = leaf_unpack(&u);
        if (!leaf || plan_subject_is_wanted(c->wish, leaf->subject))
                return true;
        subject = cert_error_printable(leaf->subject, 256, "");
        return refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                      "the certificate that was brought for \"%s\" is wrong: its subject is \"%s\" in place of \"%s\"\n"
                      "Nothing was changed. Have the CA sign the request as it is, or write this subject into the manifest, "
                      "and have the request signed that then waits.",
                      c->wish->name, subject, c->wish->subject ?: "");
}

/* For the key that is in place already: the same request was signed twice. */
static bool check_better(const Certificate *c, const Generation *current, const Generation *g, GError **error)
{
        g_autofree char *end = timestamp_format(g->not_after), *later = timestamp_format(current->not_after);

        if (g_strcmp0(c->record->revoked, current->fingerprint) == 0 && !c->wish->key_uri)
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                              "the certificate that was brought for \"%s\" is for the key of the one that was revoked\n"
                              "Nothing was changed. Have the request signed that waits: certctl csr %s",
                              c->wish->name, c->wish->name);
        if (g->not_after < current->not_after && !(c->item.reasons & UNWANTED))
                return refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                              "the certificate that was brought for \"%s\" ends on %s, earlier than the one in place (%s), which "
                              "has the same key\nNothing was changed. The one in place stays.",
                              c->wish->name, end, later);
        return true;
}

static bool is_in_place(const Certificate *c, const Generation *g)
{
        const LeafFacts *leaf = c->facts ? c->facts->leaf : NULL;

        return leaf && leaf->key_matches && g_str_equal(leaf->fingerprint, g->fingerprint);
}

/* ---- Taking it ---- */

/* One for the installed key is no answer to the request that waits; but with it nothing may be due any more. */
static bool renewal_is_due(const Certificate *c, const Generation *g)
{
        return plan_renewal_time(&c->wish->renew_before, g->not_before, g->not_after) <= now_realtime();
}

static bool keep(Agent *a, Certificate *c, Generation *g, bool for_current, GError **error)
{
        Record *r = c->record;

        if (!generation_save(g, c->wish->name, error))
                return false;
        r->pending = g->number;
        g_free(r->pending_digest);
        r->pending_digest = g_strdup(c->wish->request_digest);
        r->pending_imported = true;
        if (!for_current || !renewal_is_due(c, g))
                certificate_end_waiting(c);
        record_succeed(r); /* what failed was another one */
        record_add_event(r, now_realtime(), "imported", 0, g->serial, NULL);
        return agent_save_record(a, c, error);
}

/* Meanwhile it may have left the manifest, been changed there, or been worked on. */
static Certificate *find_again(const Import *i, GError **error)
{
        Certificate *c = agent_find(i->agent, i->name);

        if (!c) {
                refuse(error, CERT_ERROR_NO_SUCH_CERTIFICATE, "The manifest has no certificate \"%s\" any more", i->name);
                return NULL;
        }
        agent_look(i->agent, c);
        if (c->work || !c->record || c->record->token_generation != i->waiting || c->record->pending != i->pending ||
            g_strcmp0(c->wish->request_digest, i->digest) != 0) {
                refuse(error, CERT_ERROR_BUSY,
                       "\"%s\" was worked on while the answer was looked at\nNothing was changed. Import it again.", i->name);
                return NULL;
        }
        return c;
}

/* True with *ret_changed; false with an error. */
static bool take(const Import *i, const IssueResult *result, bool *ret_changed, GError **error)
{
        Certificate *c = find_again(i, error);
        g_autoptr(Generation) current = NULL, pending = NULL;
        Generation *g = result->generation;
        bool for_current;

        if (!c)
                return false;
        if (is_in_place(c, g)) {
                *ret_changed = false;
                return true;
        }
        *ret_changed = true;
        pending = certificate_pending(c, now_realtime());
        if (pending && g_str_equal(pending->fingerprint, g->fingerprint)) /* it is only to be installed */
                return true;
        current = certificate_current(c);
        for_current = result->for_current || (i->waiting == 0 && same_key(current, g));
        if (!check_subject(c, g, error) || (same_key(current, g) && !check_better(c, current, g, error)) ||
            !keep(i->agent, c, g, for_current, error))
                return false;
        i->agent->events->certificate_changed(c, i->agent->events_userdata);
        log_full(LOG_NOTICE,
                 &(LogContext) { .name = i->name, .issuer = c->wish->issuer, .serial = g->serial },
                 "The answer to its request was brought; it is to be installed.");
        return true;
}

/* ---- What was wrong with it ---- */

/* The key of a former request may be gone with it; the history remembers its digest, and the issuer says the digests of the
 * keys that it has found. */
static void explain(const Import *i, GError **error)
{
        Certificate *c = agent_find(i->agent, i->name);
        g_autofree char *when = NULL;
        uint64_t at;

        if (!c || !c->record || !g_error_matches(*error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE))
                return;
        at = certificate_find_former_request(c, (*error)->message);
        if (at == 0)
                return;
        when = timestamp_format(at);
        g_clear_error(error);
        if (i->waiting > 0)
                refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                       "the certificate that was brought for \"%s\" answers its request of %s, which was replaced by another\n"
                       "Nothing was changed. Have the present request signed: certctl csr %s",
                       i->name, when, i->name);
        else
                refuse(error, CERT_ERROR_BAD_CERTIFICATE,
                       "the certificate that was brought for \"%s\" answers its request of %s, which was followed by another\n"
                       "Nothing was changed. The one in place stays; no request waits now.",
                       i->name, when);
}

static void on_answered(const ManifestCertificate *wish, const IssueResult *result, void *userdata)
{
        Import *i = userdata;
        g_autoptr(GError) error = NULL;
        bool changed = false;

        switch (result->outcome) {
        case ISSUE_DONE:
                (void) take(i, result, &changed, &error);
                break;
        case ISSUE_WAITING:
                refuse(&error, CERT_ERROR_ISSUER_PROTOCOL,
                       "issuer \"%s\" was given the answer for \"%s\", and says that it still waits\nIts program takes no "
                       "answers by hand (org.certagent1.Issuer(5)).",
                       wish->issuer, wish->name);
                break;
        case ISSUE_FAILED:
                error = g_error_copy(result->error);
                explain(i, &error);
                break;
        }
        i->done(i->name, changed && !error, error, i->userdata);
        import_free(i);
}

/* ---- The beginning ---- */

bool import_start(Agent *a, Certificate *c, GBytes *answer, ImportDone done, void *userdata, GError **error)
{
        g_autoptr(Generation) waiting = NULL, current = NULL;
        const ManifestIssuer *issuer;
        Import *i;

        agent_look(a, c);
        if (!import_check(c, answer, error) || !check_free(a, c, error))
                return false;
        issuer = manifest_find_issuer(a->manifest, c->wish->issuer);
        if (!issuer)
                return refuse(error, CERT_ERROR_NO_SUCH_ISSUER, "The manifest has no issuer \"%s\"", c->wish->issuer);
        /* What was brought and not taken by the units may be brought anew, signed again. */
        waiting = certificate_waiting_is_wanted(c) ? certificate_waiting(c) : NULL;
        waiting = waiting ?: certificate_pending(c, now_realtime());
        current = certificate_current(c);
        if (!waiting && !current)
                return refuse(error, CERT_ERROR_NOT_SUPPORTED,
                              "no request of \"%s\" waits for an answer\nMake one, and have it signed: certctl renew %s, then "
                              "certctl csr %s",
                              c->wish->name, c->wish->name, c->wish->name);
        i = g_new0(Import, 1);
        i->agent = a;
        i->name = g_strdup(c->wish->name);
        i->digest = g_strdup(c->wish->request_digest);
        i->waiting = c->record->token_generation;
        i->pending = c->record->pending;
        i->done = done;
        i->userdata = userdata;
        g_hash_table_add(a->importing, g_strdup(i->name));
        agent_hold(a);
        (void) issue_import(a->issuers, c->wish, issuer, c->record->token ?: "", waiting, current, answer, on_answered, i);
        return true;
}
