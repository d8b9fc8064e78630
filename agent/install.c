/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Installing
 *
 * The order of effects, for a batch of certificates:
 *
 *  1. Each folder is walked to once, and what earlier crashes left staged in it is removed.
 *  2. What differs from what is there is staged beside it, with its final owner, mode and label.
 *  3. One intent is written for all that could be staged. Staged files and intent are made durable.
 *  4. The renames, one certificate after the other. The certificate goes before its key, back to back:
 *     servers read them in this order, and a reader is misled only when both of its reads fall between the
 *     two renames, or one before and one after; the other order would mislead it for longer.
 *  5. The folders are made durable, then the intent is removed.
 *
 * An item that fails is undone by itself. A few files are synced one by one; for many, one syncfs(2) a file
 * system costs less (measured on ext4: 0.3 ms for the fsync(2) of a file, 0.5 ms for the syncfs(2) of 8, 18
 * ms of 1,000).
 */

#include "agent/install.h"

#include "agent/folder.h"
#include "agent/intent.h"
#include "agent/label.h"
#include "agent/layout.h"
#include "agent/stage.h"
#include "agent/step.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SYNC_EACH_MAX 8    /* files */
#define FOLDERS_MAX   256  /* open at once: a service may have 1,024 descriptors */
#define WORKS_MAX     2000 /* in one intent */

/* The certificate before its key: see above. */
static const ManagedFile rename_order[] = {
        MANAGED_FILE_CERT, MANAGED_FILE_KEY, MANAGED_FILE_COMBINED, MANAGED_FILE_CHAIN, MANAGED_FILE_CA,
};

/* One item at work. */
typedef struct Work {
        InstallItem *item;
        GPtrArray *steps;   /* Step* */
        GPtrArray *changes; /* Change*, of the steps */
} Work;

/* What is committed together: all of a batch, or as much as descriptors allow. */
typedef struct Chunk {
        GHashTable *folders; /* path (the Folder's) -> Folder* */
        GHashTable *targets; /* names of all targets of the batch; for sweeping */
        GPtrArray *works;
        Labels *labels; /* borrowed */
        bool sync_each;
        bool sweep;
} Chunk;

/* ---- Work ---- */

static void step_destroy(gpointer p)
{
        step_free(p);
}

static void change_destroy(gpointer p)
{
        change_free(p);
}

static Work *work_new(InstallItem *item)
{
        Work *w = g_new0(Work, 1);

        w->item = item;
        w->steps = g_ptr_array_new_with_free_func(step_destroy);
        w->changes = g_ptr_array_new_with_free_func(change_destroy);
        return w;
}

static void work_destroy(gpointer p)
{
        Work *w = p;

        g_ptr_array_unref(w->steps);
        g_ptr_array_unref(w->changes);
        g_free(w);
}

static void work_add(Work *w, Step *s)
{
        if (!s) /* nothing differs */
                return;
        g_ptr_array_add(w->steps, s);
        g_ptr_array_add(w->changes, s->change);
}

/* Puts everything back, last rename first. What cannot be put back is added to the item's error. */
static void work_undo(Work *w)
{
        for (unsigned i = w->steps->len; i > 0; i--) {
                g_autoptr(GError) error = NULL;

                if (!step_undo(g_ptr_array_index(w->steps, i - 1), &error))
                        log_full(LOG_ERR, &(LogContext){ .name = w->item->certificate->name },
                                 "Cannot put back what was there before: %s", error->message);
        }
        g_ptr_array_set_size(w->steps, 0);
        w->item->changed = false;
}

/* Takes the error; the first one counts. */
static void work_fail(Work *w, GError *error)
{
        if (w->item->error)
                g_error_free(error);
        else
                w->item->error = error;
        work_undo(w);
}

static bool work_is_on(const Work *w, dev_t device)
{
        for (unsigned i = 0; i < w->steps->len; i++)
                if (((Step *) g_ptr_array_index(w->steps, i))->folder->device == device)
                        return true;
        return false;
}

static bool work_is_in(const Work *w, const Folder *folder)
{
        for (unsigned i = 0; i < w->steps->len; i++)
                if (((Step *) g_ptr_array_index(w->steps, i))->folder == folder)
                        return true;
        return false;
}

/* ---- Staging ---- */

static void folder_destroy(gpointer p)
{
        folder_free(p);
}

/* The folder of `path`; borrowed from the chunk. */
static Folder *chunk_folder(Chunk *k, const char *path, uid_t owner, GError **error)
{
        g_autofree char *parent = g_path_get_dirname(path);
        Folder *f = g_hash_table_lookup(k->folders, parent);

        if (!f) {
                f = folder_open(parent, error);
                if (!f)
                        return NULL;
                g_hash_table_insert(k->folders, f->path, f);
                if (k->sweep)
                        stage_sweep(f, k->targets);
        }
        return folder_check_owner(f, owner, error) ? f : NULL;
}

static bool stage_managed_file(Chunk *k, Work *w, ManagedFile f, GError **error)
{
        const ManifestCertificate *c = w->item->certificate;
        const FileAttributes *a = manifest_certificate_attributes(c, f);
        g_autoptr(GBytes) content = c->path[f] ? generation_file(w->item->generation, f) : NULL;
        Folder *folder;
        Step *step;

        if (!content)
                return true;
        folder = chunk_folder(k, c->path[f], a->uid, error);
        if (!folder ||
            !step_new_file(folder, c->path[f], f, content, a, k->labels, k->sync_each, &step, error))
                return false;
        work_add(w, step);
        return true;
}

static bool stage_directory(Chunk *k, Work *w, GError **error)
{
        const ManifestCertificate *c = w->item->certificate;
        Folder *folder = chunk_folder(k, c->directory, c->key_attributes.uid, error);
        g_autofree char *link = NULL;
        Step *step;

        if (!folder || !layout_write(folder, c, w->item->generation, k->labels, &link, error) ||
            !step_new_link(folder, c->directory, link, k->labels, &step, error))
                return false;
        work_add(w, step);
        return true;
}

/* A key that waits for its certificate cannot be installed; a certificate is no bundle. */
static bool check_kind(const ManifestCertificate *c, const Generation *g, GError **error)
{
        bool is_certificate = c->kind == MANIFEST_KIND_CERTIFICATE;

        if (is_certificate ? g->cert_pem != NULL : generation_is_content(g))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, "Generation %u of \"%s\" holds no %s", g->number,
                    c->name, is_certificate ? "certificate" : "bundle");
        return false;
}

static bool stage_all(Chunk *k, Work *w, GError **error)
{
        if (!check_kind(w->item->certificate, w->item->generation, error))
                return false;
        if (w->item->certificate->directory)
                return stage_directory(k, w, error);
        for (size_t i = 0; i < G_N_ELEMENTS(rename_order); i++)
                if (!stage_managed_file(k, w, rename_order[i], error))
                        return false;
        return true;
}

static void chunk_add(Chunk *k, InstallItem *item)
{
        Work *w = work_new(item);
        GError *error = NULL;

        g_ptr_array_add(k->works, w);
        item->changed = false;
        if (!stage_all(k, w, &error))
                work_fail(w, error);
}

/* ---- Making it durable ---- */

static void fail_all(Chunk *k, const GError *error)
{
        for (unsigned i = 0; i < k->works->len; i++) {
                Work *w = g_ptr_array_index(k->works, i);

                if (w->steps->len > 0)
                        work_fail(w, g_error_copy(error));
        }
}

/* One syncfs(2) for each file system that something was written on; what is on one that fails, fails. */
static void sync_file_systems(Chunk *k)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
        GHashTableIter iter;
        gpointer p;

        g_hash_table_iter_init(&iter, k->folders);
        while (g_hash_table_iter_next(&iter, NULL, &p)) {
                const Folder *f = p;
                GError *error = NULL;

                if (!g_hash_table_add(seen, GSIZE_TO_POINTER((gsize) f->device)) || syncfs(f->fd) >= 0)
                        continue;
                folder_set_error(&error, errno, "Syncing the file system of", f->path);
                for (unsigned i = 0; i < k->works->len; i++)
                        if (work_is_on(g_ptr_array_index(k->works, i), f->device))
                                work_fail(g_ptr_array_index(k->works, i), g_error_copy(error));
                g_error_free(error);
        }
}

static bool sync_state(GError **error)
{
        int fd = folder_open_state(CERT_INTENT_DIR, false, error);
        bool done = fd >= 0 && syncfs(fd) >= 0;

        if (fd >= 0 && !done)
                folder_set_error(error, errno, "Syncing", CERT_INTENT_DIR);
        if (fd >= 0)
                close(fd);
        return done;
}

static void sync_folders(Chunk *k)
{
        GHashTableIter iter;
        gpointer p;

        if (g_hash_table_size(k->folders) > SYNC_EACH_MAX) {
                sync_file_systems(k);
                return;
        }
        g_hash_table_iter_init(&iter, k->folders);
        while (g_hash_table_iter_next(&iter, NULL, &p)) {
                GError *error = NULL;

                if (folder_sync(p, &error))
                        continue;
                for (unsigned i = 0; i < k->works->len; i++)
                        if (work_is_in(g_ptr_array_index(k->works, i), p))
                                work_fail(g_ptr_array_index(k->works, i), g_error_copy(error));
                g_error_free(error);
        }
}

/* ---- Committing ---- */

static Intent *intent_of(Chunk *k)
{
        Intent *intent = intent_new();

        for (unsigned i = 0; i < k->works->len; i++) {
                const Work *w = g_ptr_array_index(k->works, i);

                if (w->steps->len > 0)
                        g_ptr_array_add(intent->items,
                                        intent_item_new(w->item->certificate, w->item->generation->number,
                                                        w->changes));
        }
        return intent;
}

static bool write_intent(Chunk *k, Intent *intent)
{
        g_autoptr(GError) error = NULL;
        bool done = intent_write(intent, k->sync_each, &error);

        if (done && !k->sync_each) {
                sync_file_systems(k);
                done = sync_state(&error);
        }
        if (!done)
                fail_all(k, error);
        return done;
}

static void rename_all(Work *w)
{
        GError *error = NULL;

        for (unsigned i = 0; i < w->steps->len; i++) {
                if (!step_do(g_ptr_array_index(w->steps, i), &error)) {
                        work_fail(w, error);
                        return;
                }
                w->item->changed = true;
        }
}

/* Old folders of a `directory` go last: until the flip is durable a power cut may bring the old link back. */
static void prune(const Work *w)
{
        const Step *s;

        if (!w->item->certificate->directory || w->steps->len == 0)
                return;
        s = g_ptr_array_index(w->steps, 0);
        layout_prune(s->folder, w->item->certificate, s->change->link, s->before_link);
}

static void chunk_commit(Chunk *k)
{
        g_autoptr(Intent) intent = intent_of(k);
        g_autoptr(GError) error = NULL;

        if (intent->items->len == 0)
                return;
        if (write_intent(k, intent)) {
                for (unsigned i = 0; i < k->works->len; i++)
                        rename_all(g_ptr_array_index(k->works, i));
                sync_folders(k);
        }
        if (!intent_remove(intent, &error))
                log_warning("The intent stays until the next start, ignoring: %s", error->message);
        for (unsigned i = 0; i < k->works->len; i++)
                prune(g_ptr_array_index(k->works, i));
}

static void chunk_clear(Chunk *k)
{
        g_ptr_array_set_size(k->works, 0); /* their steps borrow the folders */
        g_hash_table_remove_all(k->folders);
}

/* ---- Batches ---- */

static void add_target(GHashTable *targets, const char *path)
{
        if (path)
                g_hash_table_add(targets, g_path_get_basename(path));
}

/* The names of all targets; whether they are few enough to be synced one by one. */
static bool find_targets(const InstallItem *items, size_t n, GHashTable *targets)
{
        size_t n_files = 0;

        for (size_t i = 0; i < n; i++) {
                const ManifestCertificate *c = items[i].certificate;

                for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++) {
                        n_files += c->path[f] != NULL;
                        add_target(targets, c->path[f]);
                }
                n_files += c->directory ? SYNC_EACH_MAX : 0; /* six files and three folders */
                add_target(targets, c->directory);
        }
        return n_files <= SYNC_EACH_MAX;
}

void install_batch(InstallItem *items, size_t n_items)
{
        g_autoptr(GHashTable) targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) folders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, folder_destroy);
        g_autoptr(GPtrArray) works = g_ptr_array_new_with_free_func(work_destroy);
        g_autoptr(Labels) labels = labels_new();
        g_autoptr(GPtrArray) intents = NULL;
        Chunk k = { .folders = folders, .targets = targets, .works = works, .labels = labels };

        k.sync_each = find_targets(items, n_items, targets);
        intents = intent_list(NULL);
        k.sweep = intents && intents->len == 0; /* else what is staged may still be wanted */
        for (size_t i = 0; i < n_items; i++) {
                chunk_add(&k, &items[i]);
                if (g_hash_table_size(folders) < FOLDERS_MAX && works->len < WORKS_MAX)
                        continue;
                chunk_commit(&k);
                chunk_clear(&k);
        }
        chunk_commit(&k);
        chunk_clear(&k);
}

bool install_repair(const ManifestCertificate *c, const Generation *g, GError **error)
{
        InstallItem item = { .certificate = c, .generation = g };

        install_batch(&item, 1);
        if (item.error)
                g_propagate_error(error, item.error);
        return !item.error;
}

bool install_is_cut_off(void)
{
        return intent_is_there();
}
