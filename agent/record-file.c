/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A record's file
 *
 * Owns CERT_RECORD_DIR. A record is replaced whole: written beside, synced, renamed, the folder synced. Many
 * are written first, then synced by one syncfs(2), then renamed: no name ever stands for a file whose content
 * is not on disk. What is found and is no record is set aside under another name, never deleted: it may be
 * the only trace of what happened.
 */

#include "agent/record-file.h"

#include "agent/folder.h"
#include "common/log.h"
#include "common/names.h"
#include "common/path.h"
#include "common/timespan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".json"
#define SUFFIX_NEW ".json.new"
#define NAME_BYTES_MAX 200  /* leaves room for ".damaged-TIME" within NAME_MAX */
#define SYNC_EACH_MAX 8     /* up to so many, fsync(2) of each is cheaper than syncfs(2) of everybody's files */

char *record_file_name(const char *name)
{
        if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > NAME_BYTES_MAX)
                return NULL;
        return g_strconcat(name, SUFFIX, NULL);
}

G_GNUC_PRINTF(2, 3)
static bool storage_error(GError **error, const char *format, ...)
{
        g_autofree char *what = NULL;
        int saved = errno;
        va_list args;

        va_start(args, format);
        what = g_strdup_vprintf(format, args);
        va_end(args);
        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                    "%s: %s\nMake " CERT_STATE_DIR " writable and free some space there; the agent keeps its records in it.",
                    what, g_strerror(saved));
        return false;
}

int record_folder_open(bool make, GError **error)
{
        g_autofree char *path = host_path(CERT_RECORD_DIR);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0 || !make)
                return fd;
        if (errno == ENOENT && g_mkdir_with_parents(path, 0700) >= 0)
                fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                storage_error(error, "Cannot open %s", CERT_RECORD_DIR);
        return fd;
}

/* ---- Loading ---- */

static bool set_aside(int folder, const char *name, const char *file, const char *why, GError **error)
{
        g_autofree char *aside = g_strdup_printf("%s.damaged-%" G_GUINT64_FORMAT, file, now_realtime() / USEC_PER_SEC);
        LogContext context = { .message_id = CERT_MESSAGE_RECORD_DAMAGED, .name = name };

        if (renameat(folder, file, folder, aside) < 0 && errno != ENOENT)
                return storage_error(error, "Cannot set the damaged record %s/%s aside", CERT_RECORD_DIR, file);
        log_full(LOG_WARNING, &context,
                 "The record %s/%s is damaged (%s): it was set aside as %s and is made anew from what is on disk",
                 CERT_RECORD_DIR, file, why, aside);
        return true;
}

/* What there is, or why it is no record. False: an I/O error, errno set. */
static bool read_record(int folder, const char *name, const char *file, Record **ret_record, FileIdentity *ret_identity,
                        GError **ret_damage)
{
        g_autoptr(GBytes) content = NULL;
        struct stat st = {};
        const char *data;
        size_t size;

        switch (readfile_at(folder, file, READFILE_MAX, &content, &st)) {
        case READ_DONE:
                data = g_bytes_get_data(content, &size);
                *ret_record = record_from_json(name, data, size, ret_damage);
                *ret_identity = file_identity(&st);
                return true;
        case READ_MISSING:
                return true;
        case READ_UNUSABLE:
                g_set_error(ret_damage, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "not a regular file, or larger than 1 MiB");
                return true;
        case READ_FAILED:
        default:
                return false;
        }
}

bool record_file_load(int folder, const char *name, Record **ret_record, FileIdentity *ret_identity, bool *ret_known,
                      GError **error)
{
        g_autofree char *file = record_file_name(name);
        g_autoptr(GError) damage = NULL;
        FileIdentity identity = {};
        Record *r = NULL;

        if (folder >= 0 && file && !read_record(folder, name, file, &r, &identity, &damage))
                return storage_error(error, "Cannot read the record %s/%s", CERT_RECORD_DIR, file);
        if (damage && !set_aside(folder, name, file, damage->message, error))
                return false;
        *ret_known = r != NULL;
        *ret_identity = r ? identity : (FileIdentity) {};
        *ret_record = r ?: record_new(name);
        return true;
}

bool record_load(const char *name, Record **ret_record, bool *ret_known, GError **error)
{
        FileIdentity identity;
        int folder = record_folder_open(false, NULL);
        bool ok = record_file_load(folder, name, ret_record, &identity, ret_known, error);

        if (folder >= 0)
                close(folder);
        return ok;
}

void record_load_history(Record *r)
{
        g_autoptr(Record) full = NULL;
        bool known;

        if (r->history)
                return;
        if (!record_load(r->name, &full, &known, NULL))
                full = record_new(r->name);
        r->history = g_steal_pointer(&full->history);
}

/* ---- Saving ---- */

static char *staged_name(const char *name)
{
        return g_strconcat(".", name, SUFFIX_NEW, NULL);
}

/* Writes the content beside the record's file. */
static bool stage(int folder, Record *r, bool sync, GError **error)
{
        g_autofree char *file = record_file_name(r->name), *staged = staged_name(r->name), *text = NULL;
        size_t size;
        bool ok;
        int fd;

        if (!file) {
                errno = EINVAL;
                return storage_error(error, "Cannot keep a record of the name \"%s\"", r->name);
        }
        record_load_history(r);
        text = record_to_json(r, &size);
        (void) unlinkat(folder, staged, 0);
        fd = openat(folder, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return storage_error(error, "Cannot make %s/%s", CERT_RECORD_DIR, staged);
        ok = folder_write_all(fd, text, size) >= 0 && (!sync || fsync(fd) >= 0);
        if (!ok)
                storage_error(error, "Cannot write %s/%s", CERT_RECORD_DIR, staged);
        close(fd);
        if (!ok)
                (void) unlinkat(folder, staged, 0);
        return ok;
}

static bool put_in_place(int folder, const Record *r, GError **error)
{
        g_autofree char *file = record_file_name(r->name), *staged = staged_name(r->name);

        if (renameat(folder, staged, folder, file) >= 0)
                return true;
        storage_error(error, "Cannot replace %s/%s", CERT_RECORD_DIR, file);
        (void) unlinkat(folder, staged, 0);
        return false;
}

/* Keeps the first error of several. */
static void keep_first(GError **first, GError *error)
{
        if (!*first)
                *first = error;
        else
                g_clear_error(&error);
}

/* What could not be synced must not take the place of what is. */
static void unstage(int folder, Record *const *records, bool *staged, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                g_autofree char *file = staged_name(records[i]->name);

                if (staged[i])
                        (void) unlinkat(folder, file, 0);
                staged[i] = false;
        }
}

bool record_save_many(Record *const *records, size_t n, GError **error)
{
        g_autofree bool *staged = g_new0(bool, n);
        bool each = n <= SYNC_EACH_MAX;
        GError *first = NULL;
        int folder;

        if (n == 0)
                return true;
        folder = record_folder_open(true, error);
        if (folder < 0)
                return false;
        for (size_t i = 0; i < n; i++) {
                GError *e = NULL;

                staged[i] = stage(folder, records[i], each, &e);
                if (e)
                        keep_first(&first, e);
        }
        if (!each && syncfs(folder) < 0) {
                GError *e = NULL;

                storage_error(&e, "Cannot sync %s", CERT_RECORD_DIR);
                keep_first(&first, e);
                unstage(folder, records, staged, n);
        }
        for (size_t i = 0; i < n; i++) {
                GError *e = NULL;

                if (staged[i] && !put_in_place(folder, records[i], &e))
                        keep_first(&first, e);
        }
        if (fsync(folder) < 0 && !first)
                storage_error(&first, "Cannot sync %s", CERT_RECORD_DIR);
        close(folder);
        if (first)
                g_propagate_error(error, first);
        return !first;
}

bool record_save(Record *r, GError **error)
{
        return record_save_many(&r, 1, error);
}

bool record_remove(const char *name, GError **error)
{
        g_autofree char *file = record_file_name(name);
        int folder = record_folder_open(false, NULL);
        bool ok = true;

        if (folder < 0)
                return true;
        if (file && unlinkat(folder, file, 0) < 0 && errno != ENOENT)
                ok = storage_error(error, "Cannot remove %s/%s", CERT_RECORD_DIR, file);
        close(folder);
        return ok;
}

static int compare_strings(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char **record_list(void)
{
        g_autofree char *path = host_path(CERT_RECORD_DIR);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        GPtrArray *names = g_ptr_array_new();
        const char *file;

        while (dir && (file = g_dir_read_name(dir))) {
                if (*file != '.' && g_str_has_suffix(file, SUFFIX))
                        g_ptr_array_add(names, g_strndup(file, strlen(file) - strlen(SUFFIX)));
        }
        g_ptr_array_sort(names, compare_strings);
        g_ptr_array_add(names, NULL);
        return (char **) g_ptr_array_free(names, FALSE);
}
