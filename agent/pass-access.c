/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Before a unit is told: can its user read what was put in place for it? One that cannot is not told, for a reload would
 * fail and a restart would end a service that runs. */

#include "agent/agent-private.h"
#include "common/error.h"

bool item_tells_units(const PassItem *item)
{
        const ReasonSet telling = REASON_BIT(REASON_CONTENT_DRIFT) | REASON_BIT(REASON_BUNDLE_DIFFER) |
                                  REASON_BIT(REASON_UNIT_NOT_SERVING);

        return item->action != ACTION_REPAIR || (item->reasons & telling);
}

bool item_concerns_units(const PassItem *item)
{
        return item_tells_units(item) ||
               (item->wish->kind == MANIFEST_KIND_CERTIFICATE && item->wish->units->len > 0);
}

/* ---- The files ---- */

static bool names_unit(const ManifestCertificate *wish, const char *unit)
{
        for (guint i = 0; i < wish->units->len; i++)
                if (g_str_equal(((UnitRef *) g_ptr_array_index(wish->units, i))->unit, unit))
                        return true;
        return false;
}

/* Of a unit that follows cert@NAME.service by its own word nothing is known but that. */
static GArray *unit_files(const GroupUnit *u)
{
        GArray *files = access_files_new();

        for (guint i = 0; i < u->items->len; i++) {
                const PassItem *item = g_ptr_array_index(u->items, i);

                if (item->wish->kind == MANIFEST_KIND_CERTIFICATE && names_unit(item->wish, u->ref.unit))
                        access_files_add(files, item->wish);
        }
        return files;
}

/* ---- The unit ---- */

static void group_unit_tell(GroupUnit *u)
{
        UnitRef ref = u->ref;

        ref.action = UNIT_ACTION_NONE;
        for (guint i = 0; i < u->items->len; i++)
                if (item_tells_units(g_ptr_array_index(u->items, i)))
                        ref.action = u->ref.action;
        u->job = unit_job_start(u->group->pass->agent->units, &ref, 0, u->told, u);
}

static void group_unit_refuse(GroupUnit *u, const GError *obstacle)
{
        g_autofree char *summary = cert_error_summary(obstacle);
        g_autoptr(GError) error = g_error_new(CERT_ERROR, obstacle->code, "%s\nThe unit was not told of the new files. %s",
                                              summary, cert_error_hint(obstacle));

        u->told(u->ref.unit, &(UnitResult) { UNIT_UNABLE, error }, u);
}

static void on_access(const GArray *obstacles, void *userdata)
{
        GroupUnit *u = userdata;

        u->access = NULL;
        if (obstacles->len > 0)
                group_unit_refuse(u, g_array_index(obstacles, AccessObstacle, 0).error);
        else
                group_unit_tell(u);
}

void group_unit_start(GroupUnit *u, UnitDone told)
{
        u->told = told;
        u->access = unit_access_start(u->group->pass->agent->access, u->ref.unit, unit_files(u), on_access, u);
        if (!u->access)
                group_unit_tell(u);
}
