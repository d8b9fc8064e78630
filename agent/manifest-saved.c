/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last good manifest: its files, copied below one folder at their own paths. The copy is made beside the
 * old one and put in its place by one rename, so that there is always a whole one; it is checked anew when it
 * is needed, so a file that changed between being read and being copied does no harm. */

#include "agent/manifest-saved.h"

#include "common/log.h"
#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST_NAME "digest"

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static void remove_tree(const char *path)
{
        (void) nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool is_kept(const char *folder, const Manifest *manifest)
{
        g_autofree char *file = g_build_filename(folder, DIGEST_NAME, NULL), *digest = NULL;

        return g_file_get_contents(file, &digest, NULL, NULL) && g_str_equal(digest, manifest->digest);
}

static bool copy_file(const char *folder, const char *name, GError **error)
{
        g_autofree char *from = host_path(name), *to = g_strconcat(folder, name, NULL);
        g_autofree char *parent = g_path_get_dirname(to), *text = NULL;
        gsize size;

        if (!g_file_get_contents(from, &text, &size, error))
                return false;
        if (g_mkdir_with_parents(parent, 0700) < 0) {
                g_set_error(error, G_FILE_ERROR, (int) g_file_error_from_errno(errno), "%s: %s", parent,
                            g_strerror(errno));
                return false;
        }
        return g_file_set_contents_full(to, text, (gssize) size, G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

static bool copy_all(const char *folder, const Manifest *manifest, GError **error)
{
        g_autofree char *digest = g_build_filename(folder, DIGEST_NAME, NULL);

        for (guint i = 0; i < manifest->sources->len; i++)
                if (!copy_file(folder, g_ptr_array_index(manifest->sources, i), error))
                        return false;
        return g_file_set_contents_full(digest, manifest->digest, -1, G_FILE_SET_CONTENTS_DURABLE, 0600,
                                        error);
}

/* The new copy takes the old one's place in one step where there is an old one (renameat2(2)). */
static bool put_in_place(const char *fresh, const char *folder)
{
        if (renameat2(AT_FDCWD, fresh, AT_FDCWD, folder, RENAME_EXCHANGE) == 0) {
                remove_tree(fresh);
                return true;
        }
        return errno == ENOENT && rename(fresh, folder) == 0;
}

void manifest_saved_keep(const Manifest *manifest)
{
        g_autofree char *folder = host_path(CERT_MANIFEST_SAVED_DIR),
                        *fresh = g_strconcat(folder, ".new", NULL);
        g_autoptr(GError) error = NULL;

        if (is_kept(folder, manifest))
                return;
        remove_tree(fresh);
        if (!copy_all(fresh, manifest, &error))
                log_warning("Cannot keep the manifest as the last good one: %s, ignoring.", error->message);
        else if (!put_in_place(fresh, folder))
                log_warning("Cannot keep the manifest as the last good one in %s: %s, ignoring.", folder,
                            g_strerror(errno));
}

Manifest *manifest_saved_load(void)
{
        g_autofree char *folder = host_path(CERT_MANIFEST_SAVED_DIR);
        g_autoptr(GError) error = NULL;
        Manifest *manifest = NULL;

        if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
                return NULL;
        if (!manifest_load_below(CERT_MANIFEST_SAVED_DIR, &manifest, NULL, &error))
                log_warning("The last good manifest is no longer good, ignoring: %s", error->message);
        return manifest;
}
