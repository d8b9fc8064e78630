/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Before a unit is told: can its user read what was put in place for it? One that cannot is not told, for a reload would
 * fail and a restart would end a service that runs. */

#include "agent/agent-private.h"

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

static void add_file(GArray *files, const ManifestCertificate *wish, char *path, ManagedFile i)
{
        AccessFile file = {
                .path = path,
                .certificate = g_strdup(wish->name),
                .is_key = i == MANAGED_FILE_KEY || i == MANAGED_FILE_COMBINED,
        };

        g_array_append_val(files, file);
}

/* Of the folder those that every service reads. */
static void add_files(GArray *files, const ManifestCertificate *wish)
{
        static const ManagedFile order[] = { MANAGED_FILE_KEY, MANAGED_FILE_COMBINED, MANAGED_FILE_CERT, MANAGED_FILE_CHAIN,
                                             MANAGED_FILE_CA };

        for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
                if (wish->path[order[i]])
                        add_file(files, wish, g_strdup(wish->path[order[i]]), order[i]);
        if (wish->directory) {
                add_file(files, wish, g_strconcat(wish->directory, "/key.pem", NULL), MANAGED_FILE_KEY);
                add_file(files, wish, g_strconcat(wish->directory, "/fullchain.pem", NULL), MANAGED_FILE_CERT);
        }
}

/* Of a unit that follows cert@NAME.service by its own word nothing is known but that. */
static GArray *unit_files(const GroupUnit *u)
{
        GArray *files = access_files_new();

        for (guint i = 0; i < u->items->len; i++) {
                const PassItem *item = g_ptr_array_index(u->items, i);

                if (item->wish->kind == MANIFEST_KIND_CERTIFICATE && names_unit(item->wish, u->ref.unit))
                        add_files(files, item->wish);
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

static void on_access(const GError *error, void *userdata)
{
        GroupUnit *u = userdata;

        u->access = NULL;
        if (error)
                u->told(u->ref.unit, &(UnitResult) { UNIT_UNABLE, error }, u);
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
