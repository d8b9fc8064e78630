/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An intent's file
 *
 * Owns CERT_INTENT_DIR. A file gets its name by a rename once it is whole, so that half an intent is never
 * taken for one. Its form stands in agent/intent-json.c.
 */

#include "agent/intent-private.h"

#include "agent/folder.h"
#include "agent/readfile.h"
#include "common/error.h"
#include "common/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX     ".json"
#define SUFFIX_NEW ".new"
#define INTENT_MAX (UINT32_C(16) << 20) /* bytes; a batch of 1,000 certificates takes 1 MiB */

/* ---- In memory ---- */

Change *change_free(Change *c)
{
        if (!c)
                return NULL;
        g_free(c->path);
        g_free(c->staged);
        g_free(c->digest);
        g_free(c->link);
        g_free(c);
        return NULL;
}

IntentItem *intent_item_new(const ManifestCertificate *c, unsigned generation, GPtrArray *changes)
{
        IntentItem *item = g_new0(IntentItem, 1);

        item->kind = c->kind;
        item->name = g_strdup(c->name);
        item->generation = generation;
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                item->path[f] = g_strdup(c->path[f]);
        item->directory = g_strdup(c->directory);
        item->cert_attributes = c->cert_attributes;
        item->key_attributes = c->key_attributes;
        item->keep = c->keep;
        item->changes = g_ptr_array_ref(changes);
        return item;
}

IntentItem *intent_item_free(IntentItem *item)
{
        if (!item)
                return NULL;
        g_free(item->name);
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                g_free(item->path[f]);
        g_free(item->directory);
        g_clear_pointer(&item->changes, g_ptr_array_unref);
        g_free(item);
        return NULL;
}

static void item_destroy(gpointer p)
{
        intent_item_free(p);
}

Intent *intent_new(void)
{
        Intent *intent = g_new0(Intent, 1);

        intent->items = g_ptr_array_new_with_free_func(item_destroy);
        return intent;
}

Intent *intent_free(Intent *intent)
{
        if (!intent)
                return NULL;
        g_free(intent->file);
        g_ptr_array_unref(intent->items);
        g_free(intent);
        return NULL;
}

/* ---- Its file ---- */

static bool fail(GError **error, int number, const char *doing, const char *file)
{
        g_autofree char *path = g_strconcat(CERT_INTENT_DIR "/", file, NULL);

        return folder_set_error(error, number, doing, path);
}

static int write_file(int folder, const char *name, const char *text, size_t size, bool sync)
{
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), r;

        if (fd < 0)
                return -errno;
        r = folder_write_all(fd, text, size);
        if (r >= 0 && sync && fsync(fd) < 0)
                r = -errno;
        close(fd);
        return r;
}

/* Written under another name, then renamed: half of it is never taken for an intent. */
static int write_whole(int folder, const char *file, const char *text, size_t size, bool sync)
{
        g_autofree char *new = g_strconcat(file, SUFFIX_NEW, NULL);
        int r = write_file(folder, new, text, size, sync);

        if (r >= 0 && renameat(folder, new, folder, file) < 0)
                r = -errno;
        if (r >= 0 && sync && fsync(folder) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(folder, new, 0);
                (void) unlinkat(folder, file, 0);
        }
        return r;
}

bool intent_write(Intent *intent, bool sync, GError **error)
{
        g_autofree char *text = NULL;
        uint64_t random;
        size_t size;
        int folder, r;

        folder = folder_open_state(CERT_INTENT_DIR, true, error);
        if (folder < 0)
                return false;
        (void) gnutls_rnd(GNUTLS_RND_NONCE, &random, sizeof random);
        g_free(intent->file);
        intent->file = g_strdup_printf("%016" G_GINT64_MODIFIER "x" SUFFIX, random);
        text = intent_to_json(intent, &size);
        r = size > INTENT_MAX ? -EFBIG : write_whole(folder, intent->file, text, size, sync);
        close(folder);
        if (r < 0) {
                fail(error, -r, "Writing the intent", intent->file);
                g_clear_pointer(&intent->file, g_free);
        }
        return r >= 0;
}

bool intent_remove(Intent *intent, GError **error)
{
        int folder, r = 0;

        if (!intent->file)
                return true;
        folder = folder_open_state(CERT_INTENT_DIR, false, error);
        if (folder < 0)
                return !error || !*error;
        if (unlinkat(folder, intent->file, 0) < 0 && errno != ENOENT)
                r = -errno;
        /* One that came back by a power cut would be judged again, against newer files. */
        if (r >= 0 && fsync(folder) < 0)
                r = -errno;
        close(folder);
        return r >= 0 || fail(error, -r, "Removing the intent", intent->file);
}

GPtrArray *intent_list(GError **error)
{
        g_autoptr(GError) refused = NULL;
        GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
        int fd = folder_open_state(CERT_INTENT_DIR, false, &refused);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        if (refused) {
                g_propagate_error(error, g_steal_pointer(&refused));
                g_ptr_array_unref(files);
                return NULL;
        }
        if (!dir) { /* no folder: no install yet */
                if (fd >= 0)
                        close(fd);
                return files;
        }
        for (struct dirent *e; (e = readdir(dir));) {
                if (g_str_has_suffix(e->d_name, SUFFIX))
                        g_ptr_array_add(files, g_strdup(e->d_name));
                else if (g_str_has_suffix(e->d_name, SUFFIX_NEW))
                        (void) unlinkat(dirfd(dir), e->d_name, 0);
        }
        closedir(dir);
        return files;
}

bool intent_is_there(void)
{
        int fd = folder_open_state(CERT_INTENT_DIR, false, NULL);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        bool found = false;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return false;
        }
        for (struct dirent *e; !found && (e = readdir(dir));)
                found = g_str_has_suffix(e->d_name, SUFFIX);
        closedir(dir);
        return found;
}

Intent *intent_read(const char *file, bool *ret_damaged, GError **error)
{
        int folder = folder_open_state(CERT_INTENT_DIR, true, error);
        g_autoptr(GBytes) content = NULL;
        ReadOutcome outcome;
        Intent *intent;
        int saved;

        if (folder < 0)
                return NULL;
        outcome = readfile_at(folder, file, INTENT_MAX, &content, NULL);
        saved = errno;
        close(folder);
        if (outcome == READ_FAILED || outcome == READ_MISSING) {
                fail(error, outcome == READ_FAILED ? saved : ENOENT, "Reading the intent", file);
                return NULL;
        }
        intent = outcome == READ_DONE ? intent_from_json(content) : NULL;
        if (intent)
                intent->file = g_strdup(file);
        *ret_damaged = !intent;
        return intent;
}

bool intent_set_aside(const char *file, GError **error)
{
        g_autofree char *aside = g_strconcat(file, ".damaged", NULL);
        int from = folder_open_state(CERT_INTENT_DIR, true, error);
        int to = from >= 0 ? folder_open_state(CERT_STATE_DIR, true, error) : -1;
        bool done = to >= 0;

        /* Out of the folder: cert-agent-recover.service runs as long as there is anything in it. */
        if (done && renameat(from, file, to, aside) < 0)
                done = fail(error, errno, "Setting aside the damaged intent", file);
        if (from >= 0)
                close(from);
        if (to >= 0)
                close(to);
        return done;
}
