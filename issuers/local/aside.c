/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was put aside in a local authority's folder, and the keys in it that are to be destroyed. It owns
 * nothing. */

#include "issuers/local/aside.h"

#include "common/error.h"
#include "common/log.h"
#include "issuers/local/authority-key.h"
#include "issuers/local/part.h"
#include "issuers/local/revoked.h"

#include <string.h>

/* What was trusted once is of use to people who look into what happened, and so are the last few before it;
 * but a change is made as often as somebody edits a file ("bundle_drift": "recreate"), and the folder must
 * not fill. */
#define KEPT_MAX 16

bool aside_takes(const char *name)
{
        static const char *const names[] = { "ca.pem", "ca.key", "next.pem", "next.key", REVOKED_FILE, NULL };
        g_autofree char *stem = part_old_stem(name);

        return stem || g_strv_contains(names, name);
}

/* ---- Keys ---- */

/* Two names may be of one key: the current one's is linked to the old one's before a promotion. */
static bool is_in_use(const Store *s, const char *const *names, GBytes *key)
{
        for (; *names; names++) {
                g_autoptr(GBytes) other = NULL;

                if (g_str_has_suffix(*names, STORE_SUFFIX_KEY) &&
                    store_read(s, *names, STORE_FILE_MAX, &other, NULL) && other && g_bytes_equal(other, key))
                        return true;
        }
        return false;
}

/* What cannot be read is no key that a token could know. */
bool aside_destroy_key(Store *s, const AuthorityOptions *o, const char *const *names, const char *file,
                       GError **error)
{
        g_autoptr(GBytes) key = NULL;
        g_autoptr(GError) wrong = NULL;

        if (!store_read(s, file, STORE_FILE_MAX, &key, &wrong)) {
                g_autofree char *summary = cert_error_summary(wrong);

                log_warning("%s; it is removed all the same", summary);
        }
        if (key && !is_in_use(s, names, key))
                authority_key_destroy(o, key);
        return store_remove(s, file, error);
}

/* ---- Folders ---- */

/* The name without the suffix, or with a number, where somebody has taken it. */
static char *name_to_keep(const Store *s, const char *folder)
{
        g_autofree char *plain = g_strndup(folder, strlen(folder) - strlen(ASIDE_DESTROY));
        char *name = g_strdup(plain);

        for (unsigned n = 2; store_file(s, name).inode != 0; n++) {
                g_free(name);
                name = g_strdup_printf("%s-%u", plain, n);
        }
        return name;
}

/* One key that stays keeps no other; the error is of the first. */
static bool destroy_keys(Store *s, const AuthorityOptions *o, const char *const *names, const char *folder,
                         GError **error)
{
        g_auto(GStrv) files = store_list_in(s, folder, error);
        bool good = files != NULL;

        for (char **file = files; file && *file; file++) {
                g_autofree char *path = g_build_filename(folder, *file, NULL);

                if (g_str_has_suffix(*file, STORE_SUFFIX_KEY) &&
                    !aside_destroy_key(s, o, names, path, good ? error : NULL))
                        good = false;
        }
        return good;
}

static void warn(const GError *error)
{
        g_autofree char *summary = cert_error_summary(error);

        log_warning("what was put aside: %s, ignoring", summary);
}

static void finish_folder(Store *s, const AuthorityOptions *o, const char *const *names, const char *folder)
{
        g_autofree char *kept = name_to_keep(s, folder);
        g_autoptr(GError) error = NULL;

        if (!destroy_keys(s, o, names, folder, &error) || !store_rename(s, folder, kept, &error))
                warn(error);
}

/* ---- How many are kept ---- */

typedef struct Aside {
        const char *folder; /* borrowed */
        int64_t modified_ns;
} Aside;

static int compare_newest_first(const void *a, const void *b)
{
        const Aside *x = a, *y = b;

        return x->modified_ns != y->modified_ns ? (x->modified_ns > y->modified_ns ? -1 : 1)
                                                : strcmp(x->folder, y->folder);
}

/* A key that is not to be destroyed is all that there is of it: of an authority whose certificate was lost,
 * for one. Such a folder stays, and so does one that somebody put a thing of his own into. */
static bool may_go(const Store *s, const char *folder)
{
        g_auto(GStrv) files = store_list_in(s, folder, NULL);
        bool good = files != NULL;

        for (char **file = files; good && *file; file++)
                good = aside_takes(*file) && !g_str_has_suffix(*file, STORE_SUFFIX_KEY);
        return good;
}

static bool remove_folder(Store *s, const char *folder, GError **error)
{
        g_auto(GStrv) files = store_list_in(s, folder, error);

        for (char **file = files; file && *file; file++) {
                g_autofree char *path = g_build_filename(folder, *file, NULL);

                if (!store_remove(s, path, error))
                        return false;
        }
        return files && store_remove_folder(s, folder, error);
}

static bool is_kept_folder(const char *name)
{
        return (g_str_has_prefix(name, "before-") || g_str_has_prefix(name, "retired-")) &&
               !g_str_has_suffix(name, ASIDE_DESTROY);
}

static bool keep_the_newest(Store *s, GError **error)
{
        g_autoptr(GArray) folders = g_array_new(false, false, sizeof(Aside));
        g_auto(GStrv) names = store_list(s, error);
        bool good = names != NULL;

        for (char **name = names; good && *name; name++) {
                Aside aside = { .folder = *name, .modified_ns = store_file(s, *name).modified_ns };

                if (is_kept_folder(*name) && may_go(s, *name))
                        g_array_append_val(folders, aside);
        }
        g_array_sort(folders, compare_newest_first);
        for (unsigned i = KEPT_MAX; good && i < folders->len; i++)
                good = remove_folder(s, g_array_index(folders, Aside, i).folder, error);
        return good;
}

/* ---- All of it ---- */

bool aside_is_left(const Store *s, bool *ret, GError **error)
{
        g_auto(GStrv) names = store_list(s, error);

        if (!names)
                return false;
        *ret = false;
        for (char **name = names; *name && !*ret; name++)
                *ret = g_str_has_suffix(*name, ASIDE_DESTROY);
        return true;
}

void aside_finish(Store *s, const AuthorityOptions *o)
{
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) names = store_list(s, &error);

        for (char **name = names; name && *name; name++)
                if (g_str_has_suffix(*name, ASIDE_DESTROY))
                        finish_folder(s, o, (const char *const *) names, *name);
        if (error || !keep_the_newest(s, &error))
                warn(error);
}
