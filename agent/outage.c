/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An outage
 *
 * Owns what follows from an issuer that is away, and from its return: which certificate finds out that it is back, and
 * which others then need not wait for their own retries. It asks nobody and changes nothing; agent/pass-outage.c does.
 */

#include "agent/outage.h"

bool outage_is_cause(const Record *r)
{
        return r && r->failures > 0 && !r->blocked && !r->retry_told &&
               (r->error == CERT_ERROR_ISSUER_UNREACHABLE || r->error == CERT_ERROR_ISSUER_TIMEOUT);
}

bool outage_is_over(const GError *error, uint64_t retry_after)
{
        if (!error)
                return true;
        return retry_after == 0 && (g_error_matches(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED) ||
                                    g_error_matches(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE));
}

static bool is_waiting_it_out(const OutageCase *c)
{
        return c->issuer && c->waits && !c->tried && outage_is_cause(c->record);
}

GArray *outage_scouts(const OutageCase *cases, guint n)
{
        g_autoptr(GHashTable) asked = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(GHashTable) scouts = g_hash_table_new(g_str_hash, g_str_equal); /* issuer -> OutageCase */
        GArray *indices = g_array_new(FALSE, FALSE, sizeof(guint));

        for (guint i = 0; i < n; i++)
                if (cases[i].issuer && cases[i].tried)
                        g_hash_table_add(asked, (gpointer) cases[i].issuer);
        for (guint i = 0; i < n; i++) {
                const OutageCase *best;

                if (!is_waiting_it_out(&cases[i]) || g_hash_table_contains(asked, cases[i].issuer))
                        continue;
                best = g_hash_table_lookup(scouts, cases[i].issuer);
                if (!best || cases[i].record->retry_at < best->record->retry_at)
                        g_hash_table_insert(scouts, (gpointer) cases[i].issuer, (gpointer) &cases[i]);
        }
        for (guint i = 0; i < n; i++)
                if (cases[i].issuer && g_hash_table_lookup(scouts, cases[i].issuer) == &cases[i])
                        g_array_append_val(indices, i);
        return indices;
}

GArray *outage_followers(const OutageCase *cases, guint n)
{
        g_autoptr(GHashTable) back = g_hash_table_new(g_str_hash, g_str_equal);
        GArray *indices = g_array_new(FALSE, FALSE, sizeof(guint));

        for (guint i = 0; i < n; i++)
                if (cases[i].issuer && cases[i].answered)
                        g_hash_table_add(back, (gpointer) cases[i].issuer);
        for (guint i = 0; i < n; i++)
                if (is_waiting_it_out(&cases[i]) && g_hash_table_contains(back, cases[i].issuer))
                        g_array_append_val(indices, i);
        return indices;
}
