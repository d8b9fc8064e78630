/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was put aside in a local authority's folder, and the keys in it that are to be destroyed. It owns
 * nothing. */

#include "issuers/local/aside.h"

#include "common/error.h"
#include "common/log.h"
#include "issuers/local/authority-key.h"

#include <string.h>

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

        log_warning("the keys of what was put aside: %s, ignoring", summary);
}

static void finish_folder(Store *s, const AuthorityOptions *o, const char *const *names, const char *folder)
{
        g_autofree char *kept = name_to_keep(s, folder);
        g_autoptr(GError) error = NULL;

        if (!destroy_keys(s, o, names, folder, &error) || !store_rename(s, folder, kept, &error))
                warn(error);
}

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
        if (error)
                warn(error);
}
