/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of an item that must wait: what is kept of its request, and what is said of it. */

#include "agent/agent-private.h"
#include "common/names.h"
#include "common/timespan.h"

static uint64_t poll_time(uint64_t now, uint64_t after)
{
        return after == UINT64_MAX ? UINT64_MAX : now + after;
}

/* The issuer was asked again, and has still not decided. */
static void waits_on(Record *r, uint64_t now, const IssueResult *result)
{
        g_free(r->token);
        r->token = g_strdup(result->token);
        r->poll_at = poll_time(now, result->poll_after);
}

/* 1. The request and its key are on disk, 2. the record that names them, 3. what it named before goes. */
static bool begins_to_wait(PassItem *item, uint64_t now, const IssueResult *result, GError **error)
{
        Certificate *c = item->certificate;
        g_autofree char *text = certificate_request_text(result->request);
        unsigned replaced;

        if (!certificate_set_waiting(c, result->token, poll_time(now, result->poll_after), result->key_pem, result->request,
                                     now, &replaced, error))
                return false;
        record_succeed(c->record); /* what was wrong with the issuer is so no longer */
        record_add_event(c->record, now, "waiting", item->reasons, NULL, text);
        if (!agent_save_record(item->pass->agent, c, error))
                return false;
        if (replaced > 0)
                generation_remove(c->wish->name, replaced);
        return true;
}

void item_keep_waiting(PassItem *item, const IssueResult *result)
{
        uint64_t now = now_realtime();

        if (item->action == ACTION_POLL)
                waits_on(item->certificate->record, now, result);
        else if (!begins_to_wait(item, now, result, &item->error)) {
                item_settle(item, JOB_STAGE_FAILED, item->error);
                return;
        }
        item_settle(item, JOB_STAGE_WAITING, NULL);
}

/* It is there, which may soon be seen again: another request would make it worth nothing. */
static bool is_unreadable(const Certificate *c)
{
        const Record *r = c->record;
        g_autoptr(Generation) g = NULL;

        if (g_strcmp0(r->pending_digest, c->wish->request_digest) != 0 ||
            !generation_has_file(r->name, r->pending, "cert.pem"))
                return false;
        g = generation_load(r->name, r->pending, NULL);
        return !g;
}

/* Else the next pass would find it again, and the one after that. */
bool item_forget_brought(PassItem *item)
{
        const Certificate *c = item->certificate;
        Record *r = c->record;

        if (!r->pending_imported)
                return false;
        if (!(item->pass->flags & PLAN_FORCED) && is_unreadable(c)) {
                g_set_error(&item->error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "what was brought for \"%s\" cannot be read from the state folder\n"
                            "It is tried again. If that is of no use, bring it once more: certctl import %s FILE",
                            r->name, r->name);
                item_settle(item, JOB_STAGE_FAILED, item->error);
                return true;
        }
        log_full(LOG_WARNING, &(LogContext) { .name = r->name }, "What was brought for it can no longer be installed.");
        r->pending = 0;
        r->pending_imported = false;
        g_clear_pointer(&r->pending_digest, g_free);
        agent_record_later(item->pass->agent, item->certificate);
        if ((item->pass->flags & PLAN_FORCED) || !certificate_waits_for_person(c) || !certificate_waiting_is_wanted(c))
                return false;
        item_settle(item, JOB_STAGE_WAITING, NULL);
        return true;
}

bool item_waits_on(PassItem *item)
{
        const Certificate *c = item->certificate;

        if (item->action == ACTION_POLL || (item->pass->flags & PLAN_FORCED) || !certificate_waits_for_person(c) ||
            !certificate_waiting_is_wanted(c))
                return false;
        item_settle(item, JOB_STAGE_WAITING, NULL);
        return true;
}

void item_log_waiting(const PassItem *item, LogContext *context)
{
        const ManifestCertificate *wish = item->wish;

        context->message_id = CERT_MESSAGE_WAITING;
        if (certificate_waits_for_person(item->certificate))
                log_full(LOG_NOTICE, context,
                         "Its request waits to be signed by hand.\n"
                         "Take it to the CA: certctl csr %s > %s.csr; then bring the answer: certctl import %s FILE",
                         wish->name, wish->name, wish->name);
        else
                log_full(LOG_INFO, context, "The issuer %s has not decided yet; it is asked again.", wish->issuer);
}
