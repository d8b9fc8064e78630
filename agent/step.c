/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A step of an install: one name. Owns what stood there before, as far as it can be put back. */

#include "agent/step.h"

#include "agent/generation.h"
#include "agent/readfile.h"
#include "agent/stage.h"
#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* ---- What stands there ---- */

static bool look_at_link(Step *s)
{
        char text[PATH_MAX];
        ssize_t n = readlinkat(s->folder->fd, s->name, text, sizeof text);

        if (n <= 0 || n == sizeof text)
                return false;
        s->before_link = g_strndup(text, (size_t) n);
        return true;
}

static bool look(Step *s, const char *path, GError **error)
{
        struct stat st;

        if (fstatat(s->folder->fd, s->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT || folder_set_error(error, errno, "Looking at", path);
        s->before_type = st.st_mode & S_IFMT;
        if (S_ISDIR(st.st_mode)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "A folder stands at %s\nMove it away; the agent removes no folder that it did "
                            "not make.",
                            path);
                return false;
        }
        if (S_ISLNK(st.st_mode))
                (void) look_at_link(s);
        else if (readfile_at(s->folder->fd, s->name, GENERATION_CONTENT_MAX, &s->before_content, &st) == READ_DONE)
                s->before_attributes = (FileAttributes){ st.st_uid, st.st_gid, st.st_mode & 07777 };
        return true;
}

static Step *step_new(Folder *folder, const char *path, GError **error)
{
        Step *s = g_new0(Step, 1);

        s->folder = folder;
        s->name = g_path_get_basename(path);
        return look(s, path, error) ? s : step_free(s);
}

static Change *change_new(const char *path, ManagedFile file, char *staged)
{
        Change *c = g_new0(Change, 1);

        c->file = file;
        c->path = g_strdup(path);
        c->staged = staged;
        return c;
}

/* ---- Staging ---- */

static bool is_as_it_should_be(const Step *s, GBytes *content, const FileAttributes *a)
{
        const FileAttributes *b = &s->before_attributes;

        return s->before_content && g_bytes_equal(s->before_content, content) && a->uid == b->uid &&
               a->gid == b->gid && a->mode == b->mode;
}

bool step_new_file(Folder *folder, const char *path, ManagedFile file, GBytes *content,
                   const FileAttributes *a, Labels *labels, bool sync, Step **ret_step, GError **error)
{
        Step *s = step_new(folder, path, error);
        char *staged;

        if (!s)
                return false;
        if (is_as_it_should_be(s, content, a)) {
                *ret_step = step_free(s);
                return true;
        }
        if (!stage_file(folder, s->name, path, content, a, labels, sync, &staged, error)) {
                step_free(s);
                return false;
        }
        s->change = change_new(path, file, staged);
        s->change->digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, content);
        s->change->attributes = *a;
        *ret_step = s;
        return true;
}

bool step_new_link(Folder *folder, const char *path, const char *text, Labels *labels, Step **ret_step,
                   GError **error)
{
        Step *s = step_new(folder, path, error);
        char *staged;

        if (!s)
                return false;
        if (g_strcmp0(s->before_link, text) == 0) {
                *ret_step = step_free(s);
                return true;
        }
        if (!stage_link(folder, s->name, path, text, labels, &staged, error)) {
                step_free(s);
                return false;
        }
        s->change = change_new(path, _MANAGED_FILE_INVALID, staged);
        s->change->link = g_strdup(text);
        *ret_step = s;
        return true;
}

Step *step_free(Step *s)
{
        if (!s)
                return NULL;
        g_free(s->name);
        g_clear_pointer(&s->before_content, g_bytes_unref);
        g_free(s->before_link);
        g_free(s);
        return NULL;
}

/* ---- Doing and undoing ---- */

bool step_do(Step *s, GError **error)
{
        s->done = stage_rename(s->folder, s->change->staged, s->name, s->change->path, error);
        return s->done;
}

static bool put_back(Step *s, GError **error)
{
        const char *path = s->change->path;
        g_autofree char *staged = NULL;

        if (s->before_type == 0)
                return unlinkat(s->folder->fd, s->name, 0) >= 0 || errno == ENOENT ||
                       folder_set_error(error, errno, "Removing", path);
        if (s->before_link) {
                if (!stage_link(s->folder, s->name, path, s->before_link, NULL, &staged, error))
                        return false;
        } else if (s->before_content) {
                if (!stage_file(s->folder, s->name, path, s->before_content, &s->before_attributes, NULL,
                                true, &staged, error))
                        return false;
        } else {
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "What stood at %s before was not a file of at most 8 MiB and cannot be put back",
                            path);
                return false;
        }
        if (stage_rename(s->folder, staged, s->name, path, error))
                return true;
        (void) unlinkat(s->folder->fd, staged, 0);
        return false;
}

bool step_undo(Step *s, GError **error)
{
        if (!s->done) {
                (void) unlinkat(s->folder->fd, s->change->staged, 0);
                return true;
        }
        s->done = false;
        return put_back(s, error);
}
