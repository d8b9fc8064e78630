/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the process keeps between calls. A signature costs no opening of the authority: a few stat() tell that
 * it is still the one that was read. */

#include "issuers/local/local.h"

static void destroy_authority(void *a)
{
        authority_free(a);
}

Local *local_new(void)
{
        Local *l = g_new0(Local, 1);

        l->authorities = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, destroy_authority);
        l->lists = revocation_lists_new();
        return l;
}

Local *local_free(Local *l)
{
        if (!l)
                return NULL;
        g_hash_table_unref(l->authorities);
        revocation_lists_free(l->lists);
        folder_watch_free(l->watch);
        g_free(l);
        return NULL;
}

Authority *local_authority(Local *l, const AuthorityOptions *o, GError **error)
{
        g_autofree char *key = g_strconcat(o->name, "\n", o->environment, NULL);
        Authority *a = g_hash_table_lookup(l->authorities, key);

        if (a && authority_is_current(a))
                return a;
        g_hash_table_remove(l->authorities, key);
        a = authority_open(o, error);
        if (a)
                g_hash_table_insert(l->authorities, g_steal_pointer(&key), a);
        return a;
}
