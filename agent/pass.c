/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pass: the items of a job, the batch in hand, and the groups of certificates that share units. Data and its
 * release; what happens in which order stands in agent.c. */

#include "agent/pass.h"

static void pass_item_free(gpointer data)
{
        PassItem *item = data;

        issue_discard(item->issue);
        issue_roots_discard(item->roots);
        authority_call_discard(item->lists);
        verify_discard(item->verify);
        unit_job_discard(item->followers);
        if (item->certificate && item->certificate->work == item)
                item->certificate->work = NULL;
        if (item->joined_to)
                g_ptr_array_remove_fast(item->joined_to->joined, item);
        for (guint i = 0; i < item->joined->len; i++)
                ((PassItem *) g_ptr_array_index(item->joined, i))->joined_to = NULL;
        g_ptr_array_unref(item->joined);
        generation_unref(item->fresh);
        generation_unref(item->previous);
        g_strfreev(item->followed_by);
        g_free(item->source);
        g_free(item->authority);
        g_free(item->before_authority);
        g_free(item->before_source);
        g_free(item->before_issuer);
        g_free(item->before_digest);
        g_clear_error(&item->error);
        g_free(item);
}

static void operation_free(gpointer data)
{
        AuthorityOperation *o = data;

        if (o->call)
                o->authority->at_work = false;
        authority_call_discard(o->call);
        g_free(o);
}

Pass *pass_new(Agent *agent, Job *job, PlanFlags flags, const char *const *names)
{
        Pass *pass = g_new0(Pass, 1);

        pass->agent = agent;
        pass->job = job;
        pass->flags = flags;
        pass->names = names ? g_strdupv((char **) names) : g_new0(char *, 1);
        pass->early = g_hash_table_new(NULL, NULL);
        pass->authorities = g_ptr_array_new();
        pass->operations = g_ptr_array_new_with_free_func(operation_free);
        pass->items = g_ptr_array_new_with_free_func(pass_item_free);
        pass->groups = g_ptr_array_new();
        return pass;
}

Pass *pass_free(Pass *pass)
{
        if (!pass)
                return NULL;
        while (pass->groups->len > 0)
                unit_group_discard(g_ptr_array_index(pass->groups, 0));
        g_ptr_array_unref(pass->groups);
        g_clear_pointer(&pass->batch, g_ptr_array_unref);
        g_ptr_array_unref(pass->items);
        inquiry_discard(pass->inquiry);
        g_ptr_array_unref(pass->operations);
        g_ptr_array_unref(pass->authorities);
        g_hash_table_unref(pass->early);
        g_strfreev(pass->names);
        sd_event_source_disable_unref(pass->gather);
        sd_event_source_disable_unref(pass->defer);
        g_free(pass);
        return NULL;
}

PassItem *pass_add(Pass *pass, Certificate *certificate)
{
        PassItem *item = g_new0(PassItem, 1);

        item->pass = pass;
        item->certificate = certificate;
        item->wish = certificate->wish;
        item->joined = g_ptr_array_new();
        g_ptr_array_add(pass->items, item);
        return item;
}

/* ---- Groups ---- */

static void group_unit_free(gpointer data)
{
        GroupUnit *u = data;

        unit_access_discard(u->access);
        unit_job_discard(u->job);
        g_free(u->ref.unit);
        g_ptr_array_unref(u->items);
        g_free(u);
}

UnitGroup *unit_group_new(Pass *pass)
{
        UnitGroup *group = g_new0(UnitGroup, 1);

        group->pass = pass;
        group->items = g_ptr_array_new();
        group->bad = g_ptr_array_new();
        group->units = g_ptr_array_new_with_free_func(group_unit_free);
        g_ptr_array_add(pass->groups, group);
        return group;
}

void unit_group_discard(UnitGroup *group)
{
        g_ptr_array_remove_fast(group->pass->groups, group);
        for (guint i = 0; i < group->items->len; i++) {
                PassItem *item = g_ptr_array_index(group->items, i);

                if (item->group == group)
                        item->group = NULL;
        }
        g_ptr_array_unref(group->units);
        g_ptr_array_unref(group->items);
        g_ptr_array_unref(group->bad);
        g_clear_pointer(&group->queue, g_ptr_array_unref);
        g_free(group);
}

UnitAction unit_action_stronger(UnitAction a, UnitAction b)
{
        static const int strength[_UNIT_ACTION_MAX] = {
                [UNIT_ACTION_NONE] = 0,          [UNIT_ACTION_SIGNAL] = 1,
                [UNIT_ACTION_RELOAD] = 2,        [UNIT_ACTION_TRY_RELOAD_OR_RESTART] = 3,
                [UNIT_ACTION_RELOAD_OR_RESTART] = 4, [UNIT_ACTION_TRY_RESTART] = 5,
                [UNIT_ACTION_RESTART] = 6,
        };

        return strength[b] > strength[a] ? b : a;
}

/* A job that ensures one certificate may itself be part of starting the unit that wants it: it must never start, or
 * wait for, a unit that is not running. */
static UnitAction unit_action_polite(UnitAction action)
{
        if (action == UNIT_ACTION_RESTART)
                return UNIT_ACTION_TRY_RESTART;
        if (action == UNIT_ACTION_RELOAD_OR_RESTART)
                return UNIT_ACTION_TRY_RELOAD_OR_RESTART;
        return action;
}

static GroupUnit *group_find_unit(const UnitGroup *group, const char *unit)
{
        for (guint i = 0; i < group->units->len; i++) {
                GroupUnit *u = g_ptr_array_index(group->units, i);

                if (g_str_equal(u->ref.unit, unit))
                        return u;
        }
        return NULL;
}

static void group_add(UnitGroup *group, PassItem *item, const UnitRef *ref)
{
        GroupUnit *u;
        UnitAction action = group->pass->job->kind == JOB_KIND_ENSURE ? unit_action_polite(ref->action) : ref->action;

        u = group_find_unit(group, ref->unit);
        if (!u) {
                u = g_new0(GroupUnit, 1);
                u->group = group;
                u->ref.unit = g_strdup(ref->unit);
                u->ref.action = action;
                u->ref.signal = ref->signal;
                u->items = g_ptr_array_new();
                g_ptr_array_add(group->units, u);
        } else if (unit_action_stronger(u->ref.action, action) != u->ref.action) {
                u->ref.action = action;
                u->ref.signal = ref->signal;
        }
        if (!g_ptr_array_find(u->items, item, NULL))
                g_ptr_array_add(u->items, item);
}

void unit_group_add_item(UnitGroup *group, PassItem *item)
{
        item->group = group;
        g_ptr_array_add(group->items, item);
        for (guint i = 0; i < item->wish->units->len; i++)
                group_add(group, item, g_ptr_array_index(item->wish->units, i));
        for (char **unit = item->followed_by; unit && *unit; unit++)
                group_add(group, item, &(UnitRef) { .unit = *unit, .action = UNIT_ACTION_RELOAD });
}

/* Union-find over the batch: two items that name one unit get one representative. */
static guint find_root(guint *parent, guint i)
{
        while (parent[i] != i)
                i = parent[i] = parent[parent[i]];
        return i;
}

static void unite_by_unit(GHashTable *first_of_unit, guint *parent, guint i, const char *unit)
{
        gpointer first;

        if (g_hash_table_lookup_extended(first_of_unit, unit, NULL, &first))
                parent[find_root(parent, i)] = find_root(parent, GPOINTER_TO_UINT(first));
        else
                g_hash_table_insert(first_of_unit, (gpointer) unit, GUINT_TO_POINTER(i));
}

void pass_group(Pass *pass, GPtrArray *batch, GPtrArray *ret_groups)
{
        g_autoptr(GHashTable) first_of_unit = g_hash_table_new(g_str_hash, g_str_equal);
        g_autofree guint *parent = g_new(guint, batch->len);
        g_autofree UnitGroup **groups = g_new0(UnitGroup *, batch->len);

        for (guint i = 0; i < batch->len; i++)
                parent[i] = i;
        for (guint i = 0; i < batch->len; i++) {
                const PassItem *item = g_ptr_array_index(batch, i);
                const GPtrArray *units = item->wish->units;

                for (guint k = 0; k < units->len; k++)
                        unite_by_unit(first_of_unit, parent, i, ((UnitRef *) g_ptr_array_index(units, k))->unit);
                for (char **unit = item->followed_by; unit && *unit; unit++)
                        unite_by_unit(first_of_unit, parent, i, *unit);
        }
        for (guint i = 0; i < batch->len; i++) {
                guint root = find_root(parent, i);

                if (!groups[root]) {
                        groups[root] = unit_group_new(pass);
                        g_ptr_array_add(ret_groups, groups[root]);
                }
                unit_group_add_item(groups[root], g_ptr_array_index(batch, i));
        }
}
