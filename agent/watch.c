/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The watch: inotify on the folders of watched files, from folder to names, with a short gathering time. A folder, not a file, is watched: watches of files are lost when the file is replaced. */

#include "agent/watch.h"

#include "common/log.h"
#include "common/path.h"
#include "common/timespan.h"

#include <string.h>
#include <sys/inotify.h>

#define GATHER_USEC (100 * USEC_PER_MSEC)
/* IN_MODIFY: truncate(2) closes nothing. */
#define WATCH_MASK                                                                                                   \
        (IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_CREATE |              \
         IN_ONLYDIR | IN_DELETE_SELF | IN_MOVE_SELF)

typedef struct Folder {
        Watch *watch;
        char *path;
        GHashTable *files; /* base name -> certificate's name (owned keys, owned values) */
        bool behind_link; /* reached through the link of a "directory": another folder after each flip */
        bool lost;        /* the kernel dropped the watch */
        sd_event_source *source;
} Folder;

struct Watch {
        sd_event *event;
        WatchChanged changed;
        void *userdata;
        GHashTable *folders; /* path -> Folder* */
        GHashTable *names;   /* set of changed names */
        sd_event_source *timer;
};

static void folder_free(gpointer data)
{
        Folder *f = data;

        sd_event_source_disable_unref(f->source);
        g_hash_table_unref(f->files);
        g_free(f->path);
        g_free(f);
}

Watch *watch_new(sd_event *event, WatchChanged changed, void *userdata)
{
        Watch *w = g_new0(Watch, 1);

        w->event = event;
        w->changed = changed;
        w->userdata = userdata;
        w->folders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, folder_free);
        w->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return w;
}

Watch *watch_free(Watch *w)
{
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        g_hash_table_unref(w->folders);
        g_hash_table_unref(w->names);
        g_free(w);
        return NULL;
}

bool watch_is_active(const Watch *w)
{
        return g_hash_table_size(w->folders) > 0;
}

static void folder_start(Folder *f);

static int on_gathered(sd_event_source *s, uint64_t usec, void *userdata)
{
        Watch *w = userdata;
        g_autoptr(GStrvBuilder) b = g_strv_builder_new();
        g_auto(GStrv) names = NULL;
        GHashTableIter iter;
        gpointer name;

        w->timer = sd_event_source_disable_unref(w->timer);
        g_hash_table_iter_init(&iter, w->names);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                g_strv_builder_add(b, name);
        g_hash_table_remove_all(w->names);
        names = g_strv_builder_end(b);
        w->changed(names, w->userdata);
        watch_mend(w);
        return 0;
}

void watch_tell(Watch *w, const char *name)
{
        g_hash_table_add(w->names, g_strdup(name));
        if (!w->timer)
                (void) sd_event_add_time_relative(w->event, &w->timer, CLOCK_MONOTONIC, GATHER_USEC, 0, on_gathered, w);
}

static void folder_note_all(Folder *f)
{
        GHashTableIter iter;
        gpointer name;

        g_hash_table_iter_init(&iter, f->files);
        while (g_hash_table_iter_next(&iter, NULL, &name))
                watch_tell(f->watch, name);
}

static int on_inotify(sd_event_source *s, const struct inotify_event *event, void *userdata)
{
        Folder *f = userdata;
        const char *name = event->len > 0 ? g_hash_table_lookup(f->files, event->name) : NULL;

        f->lost |= (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0;
        if (event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED))
                folder_note_all(f);
        else if (name)
                watch_tell(f->watch, name);
        return 0;
}

static void folder_start(Folder *f)
{
        g_autofree char *path = host_path(f->path);
        int r;

        f->source = sd_event_source_disable_unref(f->source);
        r = sd_event_add_inotify(f->watch->event, &f->source, path, WATCH_MASK, on_inotify, f);

        if (r < 0 && !f->lost)
                log_warning("Cannot watch the folder %s: %s; what changes there is found by the timer.", f->path,
                            g_strerror(-r));
        f->lost = r < 0;
}

void watch_mend(Watch *w)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, w->folders);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Folder *f = value;

                if (f->lost || f->behind_link)
                        folder_start(f);
        }
}

static Folder *watch_add_file(Watch *w, GHashTable *wanted, const char *file, const char *name)
{
        g_autofree char *folder = g_path_get_dirname(file);
        Folder *f = g_hash_table_lookup(wanted, folder);

        if (!f) {
                f = g_new0(Folder, 1);
                f->watch = w;
                f->path = g_steal_pointer(&folder);
                f->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
                g_hash_table_insert(wanted, f->path, f);
        }
        g_hash_table_insert(f->files, g_path_get_basename(file), g_strdup(name));
        return f;
}

/* A "directory": the link that is flipped, and the files behind it. */
static void watch_add_directory(Watch *w, GHashTable *wanted, const char *directory, const char *name)
{
        static const char *const files[] = { "cert.pem", "key.pem", "chain.pem", "fullchain.pem", "combined.pem",
                                             "ca.pem" };

        watch_add_file(w, wanted, directory, name);
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autofree char *file = g_build_filename(directory, files[i], NULL);

                watch_add_file(w, wanted, file, name)->behind_link = true;
        }
}

/* ---- What is watched ---- */

static void watch_add_wish(Watch *w, GHashTable *wanted, const ManifestCertificate *c)
{
        if (!c->watch)
                return;
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                if (c->path[f])
                        watch_add_file(w, wanted, c->path[f], c->name);
        if (c->directory)
                watch_add_directory(w, wanted, c->directory, c->name);
}

void watch_set(Watch *w, const Manifest *m)
{
        GHashTable *wanted = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, folder_free);
        GHashTableIter iter;
        gpointer value;

        for (guint i = 0; i < m->certificates->len; i++)
                watch_add_wish(w, wanted, g_ptr_array_index(m->certificates, i));
        for (guint i = 0; i < m->bundles->len; i++)
                watch_add_wish(w, wanted, g_ptr_array_index(m->bundles, i));
        /* The old watches go after the new ones stand, so that nothing falls between them. */
        g_hash_table_iter_init(&iter, wanted);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                folder_start(value);
        g_hash_table_unref(w->folders);
        w->folders = wanted;
}
