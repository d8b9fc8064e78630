/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests that wait for a person: given out, and brought to mind again. */

#include "agent/agent-private.h"
#include "agent/reminder.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

bool agent_save_record(Agent *a, Certificate *c, GError **error)
{
        g_hash_table_remove(a->unrecorded, c);
        if (record_store_save(a->records, &c->record, 1, error))
                return true;
        c->record = NULL;
        (void) record_store_reload(a->records, c->wish->name, &c->record, NULL);
        agent_look(a, c);
        return false;
}

/* ---- Given out ---- */

/* What there is to do when no request of it waits. */
static void none_waits(const Certificate *c, GError **error)
{
        const char *name = c->wish->name;
        const LeafFacts *leaf = c->facts ? c->facts->leaf : NULL;
        g_autofree char *end = leaf ? timestamp_format(leaf->not_after) : NULL;

        if (c->record == c->substitute)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "the record of \"%s\" cannot be read\n" UNRECORDED_HINT,
                            name);
        else if (c->record->token && certificate_waiting_is_wanted(c))
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "the request of \"%s\" has gone to the issuer \"%s\" itself\nNobody need bring it: the agent asks "
                            "again. See: certctl show %s",
                            name, c->wish->issuer, name);
        else if (g_strcmp0(c->wish->issuer_type, "csr") != 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "no request of \"%s\" waits to be signed by hand: its issuer \"%s\" is asked by the agent itself\n"
                            "Requests to be signed by hand come from an issuer of the type \"csr\".",
                            name, c->wish->issuer);
        else if (c->record->pending_imported)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "the request of \"%s\" has been answered; what was brought is not installed yet\nTo try again: certctl "
                            "renew %s",
                            name, name);
        else if (leaf)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "no request of \"%s\" waits to be signed: its certificate ends on %s\nThe next one is made in time; "
                            "to make one now: certctl renew --force %s",
                            name, end, name);
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "no request of \"%s\" waits to be signed\nMake one: certctl renew %s", name, name);
}

static bool is_given_out(const Certificate *c)
{
        return c->wish->kind == MANIFEST_KIND_CERTIFICATE && certificate_waits_for_person(c) &&
               certificate_waiting_is_wanted(c);
}

GBytes *agent_request(Agent *a, Certificate *c, GError **error)
{
        g_autoptr(Generation) g = NULL;

        agent_look(a, c);
        if (!is_given_out(c)) {
                none_waits(c, error);
                return NULL;
        }
        g = certificate_waiting(c);
        if (g && g->request_pem)
                return g_bytes_ref(g->request_pem);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "the request of \"%s\" that waits is lost\nMake another one: certctl renew --force %s", c->wish->name,
                    c->wish->name);
        return NULL;
}

/* ---- Brought to mind ---- */

static void remind(const Certificate *c, int level, uint64_t now)
{
        const char *name = c->wish->name;
        const LeafFacts *leaf = c->facts ? c->facts->leaf : NULL;
        g_autofree char *since = timestamp_format(c->record->requested_at);
        g_autofree char *end = leaf ? timestamp_format(leaf->not_after) : NULL;
        g_autofree char *left = leaf && leaf->not_after > now ? timespan_format(leaf->not_after - now) : NULL;
        g_autofree char *what = NULL;

        if (!leaf)
                what = g_strdup("there is no certificate in place");
        else if (!left)
                what = g_strdup_printf("the certificate in place has expired on %s", end);
        else
                what = g_strdup_printf("the certificate in place ends in %s (%s)", left, end);
        log_full(level,
                 &(LogContext) { .message_id = CERT_MESSAGE_REMINDER,
                                 .name = name,
                                 .state = cert_state_to_string(certificate_state(c)),
                                 .issuer = c->wish->issuer },
                 "Its request waits since %s to be signed by hand; %s.\n"
                 "Take it to the CA: certctl csr %s > %s.csr; then bring the answer: certctl import %s FILE",
                 since, what, name, name, name);
}

/* Nobody can answer it any more: the next pass makes another one. Not so where it is there and could not be read, which may
 * be over soon: with its key the answer that is on its way would be worth nothing. */
static void forget_lost(Agent *a, Certificate *c)
{
        if (generation_has_file(c->wish->name, c->record->token_generation, "request.pem")) {
                log_full(LOG_ERR, &(LogContext) { .name = c->wish->name },
                         "The request that waits cannot be read from the state folder; it is tried again.");
                return;
        }
        log_full(LOG_ERR, &(LogContext) { .name = c->wish->name },
                 "The request that waits is lost from the state folder; another one is made.");
        certificate_end_waiting(c);
        agent_record_later(a, c);
}

static void remind_of(Agent *a, Certificate *c)
{
        const LeafFacts *leaf = c->facts ? c->facts->leaf : NULL;
        ReminderCase reminder = {
                .now = a->clock.now,
                .requested_at = c->record->requested_at,
                .not_after = leaf ? leaf->not_after : 0,
                .reminded_at = c->record->reminded_at,
        };
        g_autoptr(Generation) g = NULL;
        int level;

        if (!reminder_is_due(&reminder, &level))
                return;
        g = certificate_waiting(c);
        if (!g || !g->request_pem) {
                forget_lost(a, c);
                return;
        }
        remind(c, level, a->clock.now);
        c->record->reminded_at = a->clock.now;
        agent_record_later(a, c);
}

void agent_remind(Agent *a)
{
        if (a->clock.trust != CLOCK_GOOD)
                return;
        for (guint i = 0; i < a->certificates->len; i++) {
                Certificate *c = g_ptr_array_index(a->certificates, i);

                if (c->record && !c->work && is_given_out(c) && !c->record->pending_imported)
                        remind_of(a, c);
        }
}
