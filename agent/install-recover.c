/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Recovery of installs that were cut off
 *
 * Forward, where that can be done: what is still staged is renamed in. Where something staged is lost (a
 * power cut, a folder that is gone), the pair decides: if what stands there matches (a bundle or a revocation
 * list: if it can be read), it is left as it is;
 * else the new generation is installed again from the state folder, else an older one, else an older one in
 * those folders that can still be reached. Doing it twice, or being cut off in it, changes nothing.
 */

#include "agent/install.h"

#include "agent/folder.h"
#include "agent/intent.h"
#include "agent/readfile.h"
#include "agent/stage.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

typedef enum ChangeState {
        CHANGE_READY, /* staged, to be renamed in */
        CHANGE_DONE,  /* it is in */
        CHANGE_LOST,  /* neither */
} ChangeState;

/* ---- One change ---- */

static bool link_is(const Folder *f, const char *name, const char *text)
{
        char present[PATH_MAX];
        ssize_t n = readlinkat(f->fd, name, present, sizeof present);

        return n >= 0 && (size_t) n == strlen(text) && memcmp(present, text, (size_t) n) == 0;
}

/* With its owner and mode: in a folder that is not root's, its owner could have put another file there. */
static bool file_is(const Folder *f, const char *name, const Change *c)
{
        g_autoptr(GBytes) content = NULL;
        g_autofree char *digest = NULL;
        struct stat st;

        if (readfile_at(f->fd, name, GENERATION_CONTENT_MAX, &content, &st) != READ_DONE ||
            st.st_uid != c->attributes.uid || st.st_gid != c->attributes.gid ||
            (st.st_mode & 07777) != c->attributes.mode)
                return false;
        digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, content);
        return g_str_equal(digest, c->digest);
}

static bool name_is(const Folder *f, const char *name, const Change *c)
{
        return c->link ? link_is(f, name, c->link) : file_is(f, name, c);
}

static Folder *change_folder(const Change *c, GError **error)
{
        g_autofree char *parent = g_path_get_dirname(c->path);
        g_autoptr(Folder) f = folder_open(parent, error);

        return f && folder_check_owner(f, c->attributes.uid, error) ? g_steal_pointer(&f) : NULL;
}

static ChangeState change_state(const Change *c, GError **error)
{
        g_autofree char *name = g_path_get_basename(c->path);
        g_autoptr(Folder) f = change_folder(c, error);

        if (!f)
                return CHANGE_LOST;
        if (name_is(f, c->staged, c))
                return CHANGE_READY;
        if (name_is(f, name, c))
                return CHANGE_DONE;
        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED, "What was staged for %s is lost", c->path);
        return CHANGE_LOST;
}

/* Renames it in, unless that was done. */
static bool change_finish(const Change *c, GError **error)
{
        g_autofree char *name = g_path_get_basename(c->path);
        g_autoptr(Folder) f = change_folder(c, error);

        if (!f)
                return false;
        if (name_is(f, c->staged, c) && !stage_rename(f, c->staged, name, c->path, error))
                return false;
        return folder_sync(f, error);
}

static void change_drop(const Change *c)
{
        g_autoptr(Folder) f = change_folder(c, NULL);

        if (f)
                (void) unlinkat(f->fd, c->staged, 0);
}

/* ---- One certificate ---- */

/* As much of the manifest as installing needs, borrowed from the intent. */
static ManifestCertificate certificate_of(const IntentItem *item)
{
        ManifestCertificate c = {
                .kind = item->kind,
                .name = item->name,
                .directory = item->directory,
                .cert_attributes = item->cert_attributes,
                .key_attributes = item->key_attributes,
                .keep = item->keep,
        };

        memcpy(c.path, item->path, sizeof c.path);
        return c;
}

static bool can_be_reached(const char *path)
{
        g_autofree char *parent = g_path_get_dirname(path);
        g_autoptr(Folder) f = folder_open(parent, NULL);

        return f != NULL;
}

static bool install_number(const ManifestCertificate *c, unsigned number, GError **error)
{
        g_autoptr(Generation) g = generation_load(c->name, number, error);

        return g && install_repair(c, g, error);
}

/* The newest that is kept but for `not_this` (0: any). */
static bool install_newest(const ManifestCertificate *c, unsigned not_this)
{
        g_autoptr(GArray) numbers = generation_list(c->name);

        for (unsigned i = numbers->len; i > 0; i--)
                if (g_array_index(numbers, guint, i - 1) != not_this &&
                    install_number(c, g_array_index(numbers, guint, i - 1), NULL))
                        return true;
        return false;
}

/* Key or certificate cannot be put where it belongs: then at least what can be reached goes back to what was
 * there, which is what the rest will match when its folder comes back. */
static bool install_where_possible(ManifestCertificate c, unsigned not_this)
{
        bool any = false;

        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++) {
                if (c.path[f] && !can_be_reached(c.path[f]))
                        c.path[f] = NULL;
                any = any || c.path[f];
        }
        return any && install_newest(&c, not_this);
}

/* Something staged is lost. True when a pair, or a whole bundle, stands there in the end. */
static bool item_mend(const IntentItem *item, const GError *lost)
{
        const LogContext context = { .message_id = CERT_MESSAGE_RECOVERED, .name = item->name };
        ManifestCertificate c = certificate_of(item);
        g_autoptr(Generation) present = NULL;
        g_autoptr(GError) error = NULL;

        for (unsigned i = 0; i < item->changes->len; i++)
                change_drop(g_ptr_array_index(item->changes, i));
        present = generation_from_files(&c, NULL);
        if (present) {
                log_full(LOG_WARNING, &context,
                         "An install that was cut off could not be finished (%s): %s",
                         lost->message,
                         item->kind == MANIFEST_KIND_CERTIFICATE ? "the files are a pair, and stay"
                                                                 : "what is there is whole, and stays");
                return true;
        }
        if (install_number(&c, item->generation, &error))
                return true;
        if (install_newest(&c, item->generation)) {
                log_full(LOG_WARNING, &context,
                         "An install that was cut off could not be finished (%s): the previous generation is "
                         "back",
                         error->message);
                return true;
        }
        if (install_where_possible(c, item->generation))
                log_full(LOG_ERR, &context,
                         "An install that was cut off could not be finished (%s): the previous generation is "
                         "back where it could be put",
                         error->message);
        else
                log_full(LOG_ERR, &context, "An install that was cut off could not be finished: %s",
                         error->message);
        return false;
}

static bool item_finish(const IntentItem *item)
{
        g_autoptr(GError) error = NULL;
        bool lost = false;

        for (unsigned i = 0; i < item->changes->len && !lost; i++)
                lost = change_state(g_ptr_array_index(item->changes, i), &error) == CHANGE_LOST;
        for (unsigned i = 0; i < item->changes->len && !lost; i++)
                lost = !change_finish(g_ptr_array_index(item->changes, i), &error);
        return lost ? item_mend(item, error) : true;
}

/* ---- All of them ---- */

/* A damaged one says nothing that could be relied upon: the next pass looks at the files themselves. */
static void set_aside(const char *file)
{
        const LogContext context = { .message_id = CERT_MESSAGE_RECOVERED };
        g_autoptr(GError) error = NULL;

        if (intent_set_aside(file, &error))
                log_full(LOG_ERR, &context,
                         "The intent of an install that was cut off is damaged; it was set aside "
                         "as " CERT_STATE_DIR "/%s.damaged. "
                         "The files are judged as they are: see certctl status",
                         file);
        else
                log_error("%s", error->message);
}

static bool finish_file(const char *file, GPtrArray *names, GError **error)
{
        bool damaged = false;
        g_autoptr(Intent) intent = intent_read(file, &damaged, error);

        if (damaged)
                set_aside(file);
        if (!intent)
                return damaged;
        for (unsigned i = 0; i < intent->items->len; i++) {
                const IntentItem *item = g_ptr_array_index(intent->items, i);

                if (item_finish(item))
                        g_ptr_array_add(names, g_strdup(item->name));
        }
        return intent_remove(intent, error);
}

bool install_recover(GPtrArray **ret_names, GError **error)
{
        g_autoptr(GPtrArray) files = intent_list(error);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        if (!files)
                return false;
        for (unsigned i = 0; i < files->len; i++)
                if (!finish_file(g_ptr_array_index(files, i), names, error))
                        return false;
        *ret_names = g_steal_pointer(&names);
        return true;
}
