/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuing, from wish to generation: prepare (thread), ask (issuer process), check (thread). An Issue owns
 * what is outstanding of these three, of which there is never more than one. */

#include "agent/issue.h"

#include "agent/answer.h"
#include "agent/issue-work.h"
#include "agent/issuer.h"
#include "agent/offload.h"
#include "agent/roots.h"
#include "common/error.h"
#include "common/message.h"
#include "common/names.h"
#include "common/timespan.h"

#include <string.h>

/* A token that does not answer for so long is given up on; its thread is left to itself. */
#define TOKEN_TIMEOUT (60 * USEC_PER_SEC)

struct IssuePool {
        sd_event *event;
        Offload *offload;
        IssuerPool *issuers;
        GHashTable *issues;  /* Issue* */
        GHashTable *bundles; /* IssueRoots* */
};

struct Issue {
        IssuePool *pool;
        const ManifestCertificate *certificate;
        const ManifestIssuer *issuer;
        char *token; /* asked by Poll; NULL: by Issue */
        IssueWork *work;
        OffloadJob *job;
        IssuerCall *call;
        sd_event_source *token_deadline;
        IssueDone done;
        void *userdata;
};

struct IssueRoots {
        IssuePool *pool;
        const ManifestIssuer *issuer;
        IssuerCall *call;
        IssueRootsDone done;
        void *userdata;
};

/* ---- The end ---- */

static void issue_free(Issue *i)
{
        g_hash_table_remove(i->pool->issues, i);
        sd_event_source_disable_unref(i->token_deadline);
        offload_discard(i->job);
        issuer_call_discard(i->call);
        issue_work_unref(i->work);
        g_free(i->token);
        g_free(i);
}

static void issue_finish(Issue *i, const IssueResult *result)
{
        g_hash_table_remove(i->pool->issues, i);
        i->done(i->certificate, result, i->userdata);
        issue_free(i);
}

static void issue_fail(Issue *i, const GError *error, uint64_t retry_after)
{
        issue_finish(i,
                     &(IssueResult){ .outcome = ISSUE_FAILED, .error = error, .retry_after = retry_after });
}

Issue *issue_discard(Issue *i)
{
        if (i)
                issue_free(i);
        return NULL;
}

static void issue_offload(Issue *i, OffloadKind kind, OffloadFunction work, OffloadFunction done)
{
        i->job = offload_start(i->pool->offload, kind, work, done, issue_work_ref(i->work), issue_work_unref);
}

/* ---- 3. Check ---- */

static void on_checked(void *data)
{
        Issue *i = ((IssueWork *) data)->issue;

        i->job = NULL;
        if (i->work->generation)
                issue_finish(i, &(IssueResult){ .outcome = ISSUE_DONE,
                                                .generation = i->work->generation,
                                                .for_current = i->work->for_current });
        else
                issue_fail(i, i->work->error, 0);
}

/* ---- 2. Ask ---- */

/* The request, as org.certagent1.Issuer(5) describes it; Poll's token after it. */
static int fill(sd_bus_message *m, void *userdata)
{
        const Issue *i = userdata;
        const ManifestCertificate *w = i->work->wish;
        g_auto(GStrv) usage = usage_to_strv(w->usage);
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "Certificate", "s", w->name, "Subject", "s",
                                          w->subject ?: "", "Lifetime", "t", w->lifetime_usec, "KeyType", "s",
                                          key_type_to_string(w->key_type));
        if (r >= 0)
                r = message_append_entry_bytes(m, "CertificateRequest", i->work->csr);
        if (r >= 0)
                r = message_append_entry_strv(m, "SubjectAltNames", w->san_texts);
        if (r >= 0)
                r = message_append_entry_strv(m, "Usage", usage);
        if (r >= 0)
                r = message_append_entry_certificates(m, "Current", i->work->current_chain);
        if (r >= 0 && i->work->answer)
                r = message_append_entry_bytes(m, "Answer", i->work->answer);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0 && i->token)
                r = sd_bus_message_append(m, "s", i->token);
        return r;
}

static void take_answer(Issue *i, Answer *a)
{
        switch (a->status) {
        case ANSWER_ISSUED:
                i->work->chain = g_ptr_array_ref(a->chain);
                i->work->roots = g_ptr_array_ref(a->roots);
                i->work->for_current = a->for_current && i->work->answer;
                issue_offload(i, OFFLOAD_COMPUTE, issue_work_check, on_checked);
                return;
        case ANSWER_WAITING:
                issue_finish(i, &(IssueResult){
                                        .outcome = ISSUE_WAITING,
                                        .token = a->token,
                                        .key_pem = key_pem(i->work->key),
                                        .request = i->work->csr,
                                        .poll_after = a->poll_after,
                                });
                return;
        case ANSWER_LATER:
                issue_fail(i, a->refusal, a->retry_after);
                return;
        }
}

/* What the issuer says of a file that it has looked at is about "it". */
static GError *explain_refusal(const Issue *i, const GError *refusal)
{
        g_autofree char *said = cert_error_summary(refusal), *who = g_strdup_printf("issuer \"%s\": ", i->issuer->name);
        const char *what = g_str_has_prefix(said, who) ? said + strlen(who) : said;

        if (refusal->code != CERT_ERROR_BAD_CERTIFICATE)
                return g_error_copy(refusal);
        return g_error_new(CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                           "what was brought for \"%s\" cannot be taken: %s\nNothing was changed. %s", i->certificate->name, what,
                           cert_error_hint(refusal));
}

static void on_reply(sd_bus_message *reply, const GError *refusal, void *userdata)
{
        Issue *i = userdata;
        g_autoptr(Answer) answer = NULL;
        g_autoptr(GError) error = NULL;

        i->call = NULL;
        if (!reply)
                issue_fail(i, i->work->answer ? (error = explain_refusal(i, refusal)) : refusal, 0);
        else if (!answer_read(reply, i->issuer->name, &answer, &error))
                issue_fail(i, error, 0);
        else
                take_answer(i, answer);
}

/* ---- 1. Prepare ---- */

static void on_prepared(void *data)
{
        Issue *i = ((IssueWork *) data)->issue;
        SignerKeys keys;

        i->job = NULL;
        i->token_deadline = sd_event_source_disable_unref(i->token_deadline);
        if (i->work->error) {
                issue_fail(i, i->work->error, 0);
                return;
        }
        keys = (SignerKeys){ .new_key = i->work->key, .current_pem = i->work->current_key_pem };
        /* Who looks into what a person brought has nothing to sign. */
        i->call = issuer_call(i->pool->issuers, i->issuer, CERT_INTERFACE_ISSUER, i->token ? "Poll" : "Issue", fill,
                              i->work->answer ? NULL : &keys, on_reply, i);
}

static int on_token_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
        Issue *i = userdata;
        g_autofree char *span = timespan_format(TOKEN_TIMEOUT);
        g_autoptr(GError) error = NULL;

        g_set_error(&error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "the token with the key of \"%s\" did not answer within %s\n"
                    "Check the token: p11tool --list-tokens",
                    i->certificate->name, span);
        issue_fail(i, error, 0);
        return 0;
}

static Issue *issue_new(IssuePool *p, const ManifestCertificate *c, const ManifestIssuer *issuer, const Generation *current,
                        const char *token, IssueDone done, void *userdata)
{
        Issue *i = g_new0(Issue, 1);

        i->pool = p;
        i->certificate = c;
        i->issuer = issuer;
        i->token = g_strdup(token);
        i->done = done;
        i->userdata = userdata;
        i->work = issue_work_new(c, issuer->name, current);
        i->work->issue = i;
        g_hash_table_add(p->issues, i);
        return i;
}

static Issue *issue_begin(Issue *i)
{
        bool in_token = i->certificate->key_uri != NULL;

        if (in_token)
                (void) sd_event_add_time_relative(i->pool->event, &i->token_deadline, CLOCK_MONOTONIC,
                                                  TOKEN_TIMEOUT, 0, on_token_deadline, i);
        issue_offload(i, in_token ? OFFLOAD_DEVICE : OFFLOAD_COMPUTE, issue_work_prepare, on_prepared);
        return i;
}

Issue *issue_start(IssuePool *p, const ManifestCertificate *c, const ManifestIssuer *issuer,
                   Generation *current, IssueDone done, void *userdata)
{
        return issue_begin(issue_new(p, c, issuer, current, NULL, done, userdata));
}

Issue *issue_poll(IssuePool *p, const ManifestCertificate *c, const ManifestIssuer *issuer, const char *token,
                  Generation *waiting, IssueDone done, void *userdata)
{
        Issue *i = issue_new(p, c, issuer, NULL, token, done, userdata);

        issue_work_set_waiting(i->work, waiting);
        return issue_begin(i);
}

Issue *issue_import(IssuePool *p, const ManifestCertificate *c, const ManifestIssuer *issuer, const char *token,
                    Generation *waiting, Generation *current, GBytes *answer, IssueDone done, void *userdata)
{
        Issue *i = issue_new(p, c, issuer, current, token, done, userdata);

        issue_work_set_waiting(i->work, waiting ?: current);
        i->work->answer = g_bytes_ref(answer);
        return issue_begin(i);
}

/* ---- Roots ---- */

static void bundle_free(IssueRoots *b)
{
        g_hash_table_remove(b->pool->bundles, b);
        issuer_call_discard(b->call);
        g_free(b);
}

static void on_roots(sd_bus_message *reply, const GError *refusal, void *userdata)
{
        IssueRoots *b = userdata;
        g_autoptr(GPtrArray) roots = NULL;
        g_autoptr(GBytes) pem = NULL;
        g_autoptr(GError) error = NULL;

        b->call = NULL;
        if (reply)
                roots = answer_read_certificates(reply, ANSWER_ROOTS_MAX, b->issuer->name, &error);
        if (roots)
                pem = roots_to_pem(roots, &error);
        if (pem && !roots_keep(b->issuer->name, roots, &error))
                g_clear_pointer(&pem, g_bytes_unref);
        b->done(pem, pem ? NULL : error ?: refusal, b->userdata);
        bundle_free(b);
}

IssueRoots *issue_roots(IssuePool *p, const ManifestIssuer *issuer, IssueRootsDone done, void *userdata)
{
        IssueRoots *b = g_new0(IssueRoots, 1);

        b->pool = p;
        b->issuer = issuer;
        b->done = done;
        b->userdata = userdata;
        g_hash_table_add(p->bundles, b);
        b->call = issuer_call(p->issuers, issuer, CERT_INTERFACE_ISSUER, "GetRoots", NULL, NULL, on_roots, b);
        return b;
}

IssueRoots *issue_roots_discard(IssueRoots *b)
{
        if (b)
                bundle_free(b);
        return NULL;
}

/* ---- The pool ---- */

IssuePool *issue_pool_new(sd_event *event)
{
        IssuePool *p = g_new0(IssuePool, 1);

        p->event = sd_event_ref(event);
        p->issues = g_hash_table_new(NULL, NULL);
        p->bundles = g_hash_table_new(NULL, NULL);
        p->offload = offload_new(event);
        if (p->offload)
                p->issuers = issuer_pool_new(event, p->offload);
        return p->issuers ? p : issue_pool_free(p);
}

static void *any_key(GHashTable *t)
{
        GHashTableIter iter;
        gpointer key;

        g_hash_table_iter_init(&iter, t);
        return g_hash_table_iter_next(&iter, &key, NULL) ? key : NULL;
}

IssuePool *issue_pool_free(IssuePool *p)
{
        void *next;

        if (!p)
                return NULL;
        while ((next = any_key(p->issues)))
                issue_free(next);
        while ((next = any_key(p->bundles)))
                bundle_free(next);
        issuer_pool_free(p->issuers);
        offload_free(p->offload);
        g_hash_table_unref(p->issues);
        g_hash_table_unref(p->bundles);
        sd_event_unref(p->event);
        g_free(p);
        return NULL;
}

Offload *issue_pool_offload(IssuePool *p)
{
        return p->offload;
}

IssuerPool *issue_pool_issuers(IssuePool *p)
{
        return p->issuers;
}

unsigned issue_pool_active(const IssuePool *p)
{
        return g_hash_table_size(p->issues) + g_hash_table_size(p->bundles);
}
