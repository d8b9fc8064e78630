/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A local authority: looked at, or opened for signing. It owns the parts and the opened key, and remembers
 * which files they were. Its files are changed in issuers/local/change.c. */

#include "issuers/local/authority.h"

#include "common/error.h"
#include "issuers/local/aside.h"
#include "issuers/local/change.h"
#include "issuers/local/owner.h"
#include "issuers/local/root.h"

struct Authority {
        StoreMark *mark;
        Parts *parts;
        const Part *current; /* borrowed from the parts */
        gnutls_privkey_t key;
        gnutls_digest_algorithm_t digest;
        GPtrArray *roots;
};

/* ---- Looking ---- */

static bool is_marked(const char *file)
{
        g_autofree char *old = part_old_stem(file);

        return g_str_equal(file, PART_CURRENT_STEM STORE_SUFFIX_KEY) ||
               g_str_equal(file, PART_CURRENT_STEM ".pem") || g_str_equal(file, PART_NEXT_STEM ".pem") ||
               (old && g_str_has_suffix(file, ".pem"));
}

/* What comes or goes is seen by the folder. */
static StoreMark *mark_of(const Store *s, GError **error)
{
        g_autoptr(GPtrArray) files = g_ptr_array_new();
        g_auto(GStrv) names = store_list(s, error);

        if (!names)
                return NULL;
        for (char **name = names; *name; name++)
                if (is_marked(*name))
                        g_ptr_array_add(files, *name);
        g_ptr_array_add(files, NULL);
        return store_mark_new(s, (const char *const *) files->pdata);
}

/* The mark before the files: who edits them takes no lock, and what was read must not be older than the mark.
 */
static bool read_parts(AuthorityLook *l, const AuthorityOptions *o, GError **error)
{
        parts_free(g_steal_pointer(&l->parts));
        store_mark_free(g_steal_pointer(&l->mark));
        l->mark = mark_of(l->store, error);
        l->parts = l->mark ? parts_read(l->store, o, error) : NULL;
        return l->parts != NULL;
}

static Parts *nothing(void)
{
        Parts *p = g_new0(Parts, 1);

        p->missing = true;
        p->list = g_ptr_array_new();
        return p;
}

static bool finish(AuthorityLook *l, const AuthorityOptions *o, GError **error)
{
        if (!store_lock(l->store, true, error) || !change_finish(l->store, o, error))
                return false;
        aside_finish(l->store, o);
        return read_parts(l, o, error);
}

/* The keys that a cut-off change was to destroy wait neither for the next change, nor for the repair of what
 * is damaged. */
static bool finish_aside(AuthorityLook *l, const AuthorityOptions *o, GError **error)
{
        bool left;

        if (!aside_is_left(l->store, &left, error) || (left && !store_lock(l->store, true, error)))
                return false;
        if (left)
                change_finish_aside(l->store, o);
        return true;
}

AuthorityLook *authority_look(const AuthorityOptions *o, bool exclusive, GError **error)
{
        g_autoptr(AuthorityLook) l = g_new0(AuthorityLook, 1);
        bool claimed;

        if (!store_open(o->name, false, &l->store, error))
                return NULL;
        if (!l->store) {
                l->parts = nothing();
                return g_steal_pointer(&l);
        }
        if (!store_lock(l->store, exclusive, error) || !owner_check(l->store, o, &claimed, error) ||
            !finish_aside(l, o, error))
                return NULL;
        if (!read_parts(l, o, error) || (l->parts->is_cut_off && !finish(l, o, error)))
                return NULL;
        return g_steal_pointer(&l);
}

AuthorityLook *authority_look_free(AuthorityLook *l)
{
        if (!l)
                return NULL;
        store_free(l->store);
        parts_free(l->parts);
        store_mark_free(l->mark);
        g_free(l);
        return NULL;
}

AuthorityLook *authority_look_at_present(const AuthorityOptions *o, bool exclusive, GError **error)
{
        g_autoptr(AuthorityLook) l = authority_look(o, exclusive, error);

        if (!l || (l->parts->missing && !parts_fail_missing(o, error)))
                return NULL;
        return g_steal_pointer(&l);
}

static GPtrArray *roots_of(const Parts *parts)
{
        GPtrArray *roots = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);

        for (unsigned i = 0; i < parts->list->len; i++)
                g_ptr_array_add(roots, g_bytes_ref(((const Part *) g_ptr_array_index(parts->list, i))->der));
        return roots;
}

GPtrArray *authority_trusted(const AuthorityOptions *o, GError **error)
{
        g_autoptr(AuthorityLook) l = authority_look_at_present(o, false, error);

        return l ? roots_of(l->parts) : NULL;
}

/* ---- Opening ---- */

/* Whoever signs with it first says whose it is; what was read before has to be read again then. */
static bool claim(AuthorityLook *l, const AuthorityOptions *o, GError **error)
{
        bool claimed;

        return owner_check(l->store, o, &claimed, error) &&
               (claimed || (store_lock(l->store, true, error) && owner_claim(l->store, o, error) &&
                            finish(l, o, error)));
}

Authority *authority_open(const AuthorityOptions *o, GError **error)
{
        g_autoptr(AuthorityLook) look = authority_look_at_present(o, false, error);
        g_autoptr(Authority) a = NULL;

        if (!look || !claim(look, o, error) || (look->parts->missing && !parts_fail_missing(o, error)))
                return NULL;
        a = g_new0(Authority, 1);
        a->mark = g_steal_pointer(&look->mark);
        a->parts = g_steal_pointer(&look->parts);
        a->current = parts_in_role(a->parts, PART_CURRENT);
        a->digest = root_digest_of(a->current->crt);
        a->roots = roots_of(a->parts);
        return part_open_key(a->current, look->store, o, &a->key, error) ? g_steal_pointer(&a) : NULL;
}

Authority *authority_free(Authority *a)
{
        if (!a)
                return NULL;
        if (a->key)
                gnutls_privkey_deinit(a->key);
        g_clear_pointer(&a->roots, g_ptr_array_unref);
        parts_free(a->parts);
        store_mark_free(a->mark);
        g_free(a);
        return NULL;
}

bool authority_is_current(const Authority *a)
{
        return store_mark_is_current(a->mark);
}

gnutls_x509_crt_t authority_certificate(const Authority *a)
{
        return a->current->crt;
}

gnutls_privkey_t authority_key(const Authority *a)
{
        return a->key;
}

gnutls_digest_algorithm_t authority_digest(const Authority *a)
{
        return a->digest;
}

GBytes *authority_der(const Authority *a)
{
        return a->current->der;
}

GPtrArray *authority_roots(const Authority *a)
{
        return a->roots;
}
