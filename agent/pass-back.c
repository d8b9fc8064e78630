/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way back: what was installed but not taken is replaced by what was there before, and the units are told again.
 * Where several certificates went back together, each is then tried alone, so that one bad one does not hold up the
 * others; not so where the units refuse the previous files as well, for then the certificates are not to blame. */

#include "agent/install.h"
#include "agent/pass.h"
#include "common/log.h"
#include "common/names.h"
#include "common/timespan.h"

/* Going back helps when there is something to go back to that is still good, and still to be trusted. */
static bool item_can_return(const PassItem *item, uint64_t now)
{
        return item->installed && !item->keep && generation_is_usable(item->previous, now) &&
               item_may_return(item);
}

/* The new generation stays, although it was not taken: there is nothing better. */
static void item_settle_degraded(PassItem *item)
{
        item->certificate->record->degraded = item->certificate->record->fingerprint != NULL;
        item_settle(item, JOB_STAGE_FAILED, item->error);
}

/* The record says again what is in place, and keeps what was issued for the next try. */
static void item_record_return(PassItem *item)
{
        Record *r = item->certificate->record;

        r->pending = item->fresh->number;
        r->pending_imported = item->imported;
        g_free(r->pending_digest);
        r->pending_digest = g_steal_pointer(&r->request_digest);
        r->request_digest = g_strdup(item->before_digest);
        g_free(r->authority);
        r->authority = g_strdup(item->before_authority);
        g_free(r->source);
        r->source = g_strdup(item->before_source);
        g_free(r->issuer);
        r->issuer = g_strdup(item->before_issuer);
        r->generation = item->previous->number;
        g_free(r->fingerprint);
        r->fingerprint = g_strdup(item->previous->fingerprint);
        g_free(r->taken);
        r->taken = g_strdup(item->previous->fingerprint);
        record_add_event(r, now_realtime(), "rolled-back", item->reasons, item->fresh->serial, item->error->message);
        item->installed = false;
        agent_record_later(item->pass->agent, item->certificate);
        log_full(LOG_WARNING,
                 &(LogContext) { .message_id = CERT_MESSAGE_ROLLED_BACK,
                                 .name = r->name,
                                 .serial = item->previous->serial },
                 "The new certificate was not taken; the previous one is in place again.");
}

/* Installs the previous generations; returns those (PassItem*) that are back. */
static GPtrArray *items_return(GPtrArray *items)
{
        g_autofree InstallItem *work = g_new0(InstallItem, items->len);
        GPtrArray *back = g_ptr_array_new();

        for (guint i = 0; i < items->len; i++) {
                PassItem *item = g_ptr_array_index(items, i);

                work[i].certificate = item->wish;
                work[i].generation = item->previous;
        }
        install_batch(work, items->len);
        for (guint i = 0; i < items->len; i++) {
                PassItem *item = g_ptr_array_index(items, i);

                if (work[i].error) {
                        log_full(LOG_ERR, &(LogContext) { .name = item->wish->name },
                                 "Cannot put the previous certificate back: %s", work[i].error->message);
                        g_clear_error(&work[i].error);
                        item_settle_degraded(item);
                        continue;
                }
                item_record_return(item);
                g_ptr_array_add(back, item);
        }
        return back;
}

/* One item of the queue alone, as a group of its own. Takes the queue. */
static void try_alone(Pass *pass, GPtrArray *queue)
{
        PassItem *item = g_ptr_array_steal_index(queue, 0);
        g_autoptr(GPtrArray) items = g_ptr_array_new();
        UnitGroup *group = unit_group_new(pass);

        group->queue = queue;
        if (item->settled) { /* canceled meanwhile */
                pass_group_done(group);
                return;
        }
        g_clear_error(&item->error);
        g_ptr_array_add(items, item);
        items_install(pass, items);
        if (item->error) {
                item_settle(item, JOB_STAGE_FAILED, item->error);
                pass_group_done(group);
                return;
        }
        unit_group_add_item(group, item);
        group_tell_units(group);
}

/* The group has done its work; on to the next item that is to be tried alone. */
void pass_group_done(UnitGroup *group)
{
        Pass *pass = group->pass;
        GPtrArray *queue = g_steal_pointer(&group->queue);

        unit_group_discard(group);
        if (queue && queue->len > 0)
                try_alone(pass, queue);
        else
                g_clear_pointer(&queue, g_ptr_array_unref);
}

/* All are back and the units have answered. */
static void group_returned(UnitGroup *group)
{
        bool first_try = !group->queue;

        if (first_try && group->bad->len > 1 && !group->back_refused) {
                group->queue = g_ptr_array_ref(group->bad);
        } else {
                for (guint i = 0; i < group->bad->len; i++) {
                        PassItem *item = g_ptr_array_index(group->bad, i);

                        item_settle(item, JOB_STAGE_FAILED, item->error);
                }
        }
        pass_group_done(group);
}

static void on_unit_told_again(const char *unit, const UnitResult *result, void *userdata)
{
        GroupUnit *u = userdata;

        u->job = NULL;
        if (result->outcome == UNIT_FAILED || result->outcome == UNIT_TIMED_OUT) {
                u->group->back_refused = true;
                log_full(LOG_ERR, &(LogContext) { .unit = unit },
                         "%s fails with the previous certificates as well, so they are not the cause: %s", unit,
                         result->error->message);
        }
        if (--u->group->back_open == 0)
                group_returned(u->group);
}

static bool unit_concerns(const GroupUnit *u, GPtrArray *items)
{
        for (guint i = 0; i < u->items->len; i++)
                if (g_ptr_array_find(items, g_ptr_array_index(u->items, i), NULL))
                        return true;
        return false;
}

static void group_tell_units_again(UnitGroup *group)
{
        UnitManager *manager = agent_unit_manager(group->pass->agent);

        group->back_open = 1;
        for (guint i = 0; i < group->units->len; i++) {
                GroupUnit *u = g_ptr_array_index(group->units, i);

                if (u->timed_out) {
                        group->back_refused = true;
                        continue;
                }
                if (!unit_concerns(u, group->bad))
                        continue;
                group->back_open++;
                u->job = unit_job_start(manager, &u->ref, 0, on_unit_told_again, u);
        }
        if (--group->back_open == 0)
                group_returned(group);
}

void pass_go_back(UnitGroup *group)
{
        g_autoptr(GPtrArray) bad = g_steal_pointer(&group->bad);
        g_autoptr(GPtrArray) returning = g_ptr_array_new();
        uint64_t now = now_realtime();

        /* 1. Those for whom going back makes nothing better stay as they are. */
        for (guint i = 0; i < bad->len; i++) {
                PassItem *item = g_ptr_array_index(bad, i);

                if (item_can_return(item, now))
                        g_ptr_array_add(returning, item);
                else
                        item_settle_degraded(item);
        }
        /* 2. The others' files, then 3. their units. */
        group->bad = items_return(returning);
        if (group->bad->len > 0)
                group_tell_units_again(group);
        else
                pass_group_done(group);
}
