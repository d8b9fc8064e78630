/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority as the agent knows it: the wish, the facts, the record, the use and the plan of one name in one
 * place, and what is written into record and log when something was done to it. */

#include "agent/authority.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

Authority *agent_authority_new(const ManifestIssuer *issuer)
{
        Authority *a = g_new0(Authority, 1);

        a->issuer = issuer;
        a->name = g_strconcat(MANIFEST_AUTHORITY_PREFIX, issuer->name, NULL);
        a->facts = authority_facts_load(issuer->name);
        a->inquiries = g_ptr_array_new();
        return a;
}

Authority *agent_authority_free(Authority *a)
{
        if (!a)
                return NULL;
        authority_facts_unref(a->facts);
        authority_call_discard(a->inspection);
        authority_watch_free(a->watch);
        g_ptr_array_unref(a->inquiries);
        g_free(a->found);
        g_clear_error(&a->error);
        record_free(a->substitute);
        g_free(a->name);
        g_free(a);
        return NULL;
}

CertState authority_state(const Authority *a)
{
        if (!a->error)
                return a->plan.state;
        return g_error_matches(a->error, CERT_ERROR, CERT_ERROR_KEY_STORAGE) ? CERT_STATE_BLOCKED : CERT_STATE_FAILED;
}

const char *authority_phase(const Authority *a)
{
        if (!a->facts || a->facts->missing)
                return "missing";
        if (authority_facts_in_role(a->facts, AUTHORITY_ROLE_NEXT))
                return "introducing";
        return authority_facts_in_role(a->facts, AUTHORITY_ROLE_OLD) ? "retiring" : "steady";
}

bool authority_concerns(const Authority *a, const ManifestCertificate *wish)
{
        if (wish->kind == MANIFEST_KIND_CERTIFICATE)
                return g_strcmp0(wish->issuer, a->issuer->name) == 0;
        return g_strv_contains((const char *const *) wish->from, a->issuer->name);
}

/* ---- What it says of itself ---- */

static bool same_facts(const AuthorityFacts *a, const AuthorityFacts *b)
{
        const AuthorityCertificate *x, *y;

        if (!a || a->missing != b->missing || !g_str_equal(a->crl_digest, b->crl_digest))
                return false;
        x = authority_facts_in_role(a, AUTHORITY_ROLE_CURRENT);
        y = authority_facts_in_role(b, AUTHORITY_ROLE_CURRENT);
        for (guint i = 0; i < a->certificates->len; i++) /* the same ones, in the same order: the digest says so */
                if (((AuthorityCertificate *) a->certificates->pdata[i])->issued_until !=
                    ((AuthorityCertificate *) b->certificates->pdata[i])->issued_until)
                        return false;
        return g_strcmp0(x ? x->fingerprint : NULL, y ? y->fingerprint : NULL) == 0;
}

void authority_take_facts(Authority *a, AuthorityFacts *facts)
{
        if (!same_facts(a->facts, facts))
                authority_facts_save(facts, a->issuer->name);
        authority_facts_ref(facts);
        authority_facts_unref(a->facts);
        a->facts = facts;
        a->asked = true;
        g_clear_error(&a->error);
}

void authority_take_error(Authority *a, const GError *error)
{
        bool said = a->error && g_str_equal(a->error->message, error->message);

        g_clear_error(&a->error);
        a->error = g_error_copy(error);
        if (!said)
                log_full(LOG_ERR,
                         &(LogContext) { .message_id = CERT_MESSAGE_AUTHORITY_FAILED,
                                         .name = a->name,
                                         .issuer = a->issuer->name },
                         "%s", error->message);
}

/* ---- What was done to it ---- */

static const struct {
        const char *message_id, *text;
} milestones[_AUTHORITY_ACTION_MAX] = {
        [AUTHORITY_ACTION_MAKE] = { CERT_MESSAGE_AUTHORITY_MADE, "A new authority was made" },
        [AUTHORITY_ACTION_BEGIN] = { CERT_MESSAGE_AUTHORITY_ROTATING,
                                     "The next certificate of the authority was made; it signs as soon as all trust it" },
        [AUTHORITY_ACTION_PROMOTE] = { CERT_MESSAGE_AUTHORITY_ROTATED,
                                       "The new certificate of the authority signs from now on; the old one is trusted "
                                       "until nothing of it is in use" },
        [AUTHORITY_ACTION_RETIRE] = { CERT_MESSAGE_AUTHORITY_RETIRED,
                                      "The old certificate of the authority is no longer trusted" },
        [AUTHORITY_ACTION_RECREATE] = { CERT_MESSAGE_AUTHORITY_RECREATED,
                                        "The authority was replaced at once; nothing that the former one signed is "
                                        "trusted any more" },
};

/* The certificate that an action was about. */
static const AuthorityCertificate *subject_of(const Authority *a, AuthorityAction action)
{
        if (!a->facts)
                return NULL;
        return authority_facts_in_role(a->facts, action == AUTHORITY_ACTION_BEGIN ? AUTHORITY_ROLE_NEXT
                                                                                   : AUTHORITY_ROLE_CURRENT);
}

void authority_record_done(Authority *a, AuthorityAction action, ReasonSet reasons, uint64_t now)
{
        const AuthorityCertificate *crt = subject_of(a, action);
        const char *serial = crt ? crt->serial : NULL;
        g_autofree char *why = reason_set_to_string(reasons);
        Record *r = a->record;

        record_succeed(r);
        r->unused_since = 0;
        if (action != AUTHORITY_ACTION_RETIRE) {
                g_free(r->request_digest);
                r->request_digest = g_strdup(a->issuer->authority->request_digest);
                g_free(r->fingerprint);
                r->fingerprint = g_strdup(crt ? crt->fingerprint : NULL);
                r->last_renewal = now;
        }
        record_add_event(r, now, authority_action_to_string(action), reasons, serial, NULL);
        log_full(LOG_NOTICE,
                 &(LogContext) { .message_id = milestones[action].message_id,
                                 .name = a->name,
                                 .issuer = a->issuer->name,
                                 .reason = why,
                                 .serial = serial },
                 "%s (%s).", milestones[action].text, why);
}

void authority_record_failed(Authority *a, AuthorityAction action, ReasonSet reasons, uint64_t now, const GError *error)
{
        const AuthorityCertificate *crt = a->facts ? authority_facts_in_role(a->facts, AUTHORITY_ROLE_CURRENT) : NULL;
        g_autofree char *why = reason_set_to_string(reasons);
        Record *r = a->record;

        record_fail(r, now, crt ? record_remaining(now, crt->not_before, crt->not_after) : 0, 0, error);
        g_free(r->failed_digest);
        r->failed_digest = g_strdup(a->issuer->authority->request_digest);
        record_add_event(r, now, "failed", reasons, NULL, error->message);
        log_full(LOG_ERR,
                 &(LogContext) { .message_id = CERT_MESSAGE_AUTHORITY_FAILED,
                                 .name = a->name,
                                 .issuer = a->issuer->name,
                                 .reason = why },
                 "Cannot %s the authority (%s): %s", authority_action_to_string(action), why, error->message);
}
