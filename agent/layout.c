/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The `directory` layout
 *
 * Owns the hidden folder beside the link. A folder in it is named by the generation's number; should one of
 * that name be there with other content (a crash, a repair of owner or mode), the next is NUMBER.1, NUMBER.2,
 * …: a reader in mid-read must never see a file change.
 */

#include "agent/layout.h"

#include "agent/readfile.h"
#include "agent/stage.h"
#include "common/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES_MAX 1000

/* "cert.pem" is no managed file of the other layout: the leaf alone. */
static const struct {
        const char *name;
        ManagedFile file; /* _MANAGED_FILE_INVALID: the leaf alone */
} layout_files[] = {
        { "cert.pem", _MANAGED_FILE_INVALID },     { "key.pem", MANAGED_FILE_KEY },
        { "chain.pem", MANAGED_FILE_CHAIN },       { "fullchain.pem", MANAGED_FILE_CERT },
        { "combined.pem", MANAGED_FILE_COMBINED }, { "ca.pem", MANAGED_FILE_CA },
};

static GBytes *content_of(const Generation *g, size_t i)
{
        if (layout_files[i].file != _MANAGED_FILE_INVALID)
                return generation_file(g, layout_files[i].file);
        return g_bytes_ref(g->cert_pem);
}

static const FileAttributes *attributes_of(const ManifestCertificate *c, size_t i)
{
        return manifest_certificate_attributes(
                c, layout_files[i].file == _MANAGED_FILE_INVALID ? MANAGED_FILE_CERT : layout_files[i].file);
}

char *layout_file_path(const ManifestCertificate *c, ManagedFile f)
{
        bool holds_key = f == MANAGED_FILE_KEY || f == MANAGED_FILE_COMBINED;

        if (!c->directory || (holds_key && c->key_uri))
                return g_strdup(c->path[f]);
        for (size_t i = 0; i < G_N_ELEMENTS(layout_files); i++)
                if (layout_files[i].file == f)
                        return g_strconcat(c->directory, "/", layout_files[i].name, NULL);
        return NULL;
}

static char *store_name(const ManifestCertificate *c)
{
        g_autofree char *name = g_path_get_basename(c->directory);

        return g_strconcat(".", name, ".cert-agent", NULL);
}

/* ---- Folders ---- */

static bool is_empty(int folder)
{
        int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        bool empty = dir != NULL;

        if (!dir && fd >= 0)
                close(fd);
        for (struct dirent *e; dir && (e = readdir(dir));)
                empty = empty && (g_str_equal(e->d_name, ".") || g_str_equal(e->d_name, ".."));
        if (dir)
                closedir(dir);
        return empty;
}

/* Everyone may enter: each file has its own owner and mode. mkdirat(2) alone would let the umask or a default
 * ACL say otherwise. In a folder that is not root's its owner may have put another one there meanwhile:
 * nothing is done to one that has anything in it. */
static bool open_up(int folder)
{
        if (!is_empty(folder)) {
                errno = ENOTEMPTY;
                return false;
        }
        return fchown(folder, geteuid(), getegid()) >= 0 && fchmod(folder, 0755) >= 0;
}

/* Opens a folder that only the agent may write, made when it is not there. NULL with an error. */
static Folder *open_own(const Folder *parent, const char *name, Labels *labels, GError **error)
{
        g_autofree char *path = g_strconcat(parent->path, "/", name, NULL);
        g_autoptr(Folder) f = NULL;
        struct stat st;
        bool made;
        int fd;

        labels_enter(labels, path, S_IFDIR);
        made = mkdirat(parent->fd, name, 0700) >= 0;
        labels_leave(labels);
        fd = openat(parent->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
                folder_set_error(error, errno, "Opening the folder", path);
                return NULL;
        }
        f = g_new0(Folder, 1);
        *f = (Folder){ .path = g_steal_pointer(&path), .fd = fd };
        if (made && !open_up(fd)) {
                folder_set_error(error, errno, "Making the folder", f->path);
                return NULL;
        }
        if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                            "The folder %s is not the agent's own\nMove it away; the agent makes it anew.",
                            f->path);
                return NULL;
        }
        return g_steal_pointer(&f);
}

/* ---- Content ---- */

static bool file_is_so(const Folder *f, const char *name, GBytes *content, const FileAttributes *a)
{
        g_autoptr(GBytes) present = NULL;
        struct stat st;
        ReadOutcome outcome = readfile_at(f->fd, name, READFILE_MAX, &present, &st);

        if (!content)
                return outcome == READ_MISSING;
        return outcome == READ_DONE && g_bytes_equal(present, content) && st.st_uid == a->uid &&
               st.st_gid == a->gid && (st.st_mode & 07777) == a->mode;
}

static bool folder_is_so(const Folder *f, const ManifestCertificate *c, const Generation *g)
{
        for (size_t i = 0; i < G_N_ELEMENTS(layout_files); i++) {
                g_autoptr(GBytes) content = content_of(g, i);

                if (!file_is_so(f, layout_files[i].name, content, attributes_of(c, i)))
                        return false;
        }
        return true;
}

static bool fill(const Folder *f, const ManifestCertificate *c, const Generation *g, Labels *labels,
                 GError **error)
{
        for (size_t i = 0; i < G_N_ELEMENTS(layout_files); i++) {
                g_autoptr(GBytes) content = content_of(g, i);
                g_autofree char *path = g_strconcat(f->path, "/", layout_files[i].name, NULL);

                if (content && !stage_write(f, layout_files[i].name, path, content, attributes_of(c, i),
                                            labels, false, error))
                        return false;
        }
        return true;
}

static void remove_folder(int store, const char *name)
{
        int fd = openat(store, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        for (size_t i = 0; fd >= 0 && i < G_N_ELEMENTS(layout_files); i++)
                (void) unlinkat(fd, layout_files[i].name, 0);
        if (fd >= 0)
                close(fd);
        (void) unlinkat(store, name, AT_REMOVEDIR);
}

/* Tries one name: false with *ret_taken when there is such a folder with something else in it. */
static bool try_name(const Folder *store, const char *name, const ManifestCertificate *c, const Generation *g,
                     Labels *labels, bool *ret_taken, GError **error)
{
        struct stat st;
        bool is_new = fstatat(store->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
        g_autoptr(Folder) f = open_own(store, name, labels, error);

        *ret_taken = false;
        if (!f)
                return false;
        if (folder_is_so(f, c, g))
                return true;
        if (!is_new) {
                *ret_taken = true;
                return false;
        }
        if (fill(f, c, g, labels, error))
                return true;
        remove_folder(store->fd, name);
        return false;
}

bool layout_write(const Folder *parent, const ManifestCertificate *c, const Generation *g, Labels *labels,
                  char **ret_link, GError **error)
{
        g_autofree char *hidden = store_name(c);
        g_autoptr(Folder) store = open_own(parent, hidden, labels, error);

        for (unsigned i = 0; store && i < TRIES_MAX; i++) {
                g_autofree char *name =
                        i == 0 ? g_strdup_printf("%u", g->number) : g_strdup_printf("%u.%u", g->number, i);
                bool taken;

                if (try_name(store, name, c, g, labels, &taken, error)) {
                        *ret_link = g_strconcat(hidden, "/", name, NULL);
                        return true;
                }
                if (!taken)
                        return false;
        }
        if (store)
                folder_set_error(error, EEXIST, "Making a folder in", store->path);
        return false;
}

/* ---- Pruning ---- */

/* "NUMBER" or "NUMBER.TRY" as one number to sort by; 0 for any other name. */
static guint64 rank_of(const char *name)
{
        guint64 number, try = 0;
        char *end;

        if (!g_ascii_isdigit(*name))
                return 0;
        number = g_ascii_strtoull(name, &end, 10);
        if (*end == '.' && g_ascii_isdigit(end[1]))
                try = g_ascii_strtoull(end + 1, &end, 10);
        if (*end || number >= UINT32_MAX || try >= TRIES_MAX)
                return 0;
        return number * TRIES_MAX + try + 1;
}

static int compare_newest_first(gconstpointer a, gconstpointer b)
{
        guint64 x = rank_of(*(const char *const *) a), y = rank_of(*(const char *const *) b);

        return x > y ? -1 : x < y;
}

static GPtrArray *folders_in(int store)
{
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        int fd = openat(store, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return names;
        }
        for (struct dirent *e; (e = readdir(dir));)
                if (rank_of(e->d_name) > 0)
                        g_ptr_array_add(names, g_strdup(e->d_name));
        closedir(dir);
        g_ptr_array_sort(names, compare_newest_first);
        return names;
}

/* The link's text is STORE/GENERATION; what somebody else made of it leads to none of ours. */
static char *read_current(int parent, const ManifestCertificate *c, const char *hidden)
{
        g_autofree char *name = g_path_get_basename(c->directory);
        char text[NAME_MAX * 2 + 2];
        ssize_t n = readlinkat(parent, name, text, sizeof text - 1);
        size_t length = strlen(hidden);

        if (n <= 0)
                return NULL;
        text[n] = '\0';
        if (strncmp(text, hidden, length) != 0 || text[length] != '/' || rank_of(text + length + 1) == 0)
                return NULL;
        return g_strdup(text + length + 1);
}

int layout_open_store(int parent, const ManifestCertificate *c, GPtrArray **ret_generations, char **ret_current)
{
        g_autofree char *hidden = store_name(c);
        int store = openat(parent, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (store < 0)
                return -1;
        *ret_generations = folders_in(store);
        *ret_current = read_current(parent, c, hidden);
        return store;
}

char *layout_generation_path(const ManifestCertificate *c, const char *generation, const char *file)
{
        g_autofree char *folder = g_path_get_dirname(c->directory), *hidden = store_name(c);

        return g_build_filename(folder, hidden, generation, file, NULL);
}

void layout_prune(const Folder *parent, const ManifestCertificate *c, const char *link, const char *before)
{
        g_autofree char *hidden = store_name(c);
        g_autofree char *current = g_path_get_basename(link);
        g_autofree char *last = g_path_get_basename(before ?: link);
        int store = openat(parent->fd, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        g_autoptr(GPtrArray) names = NULL;

        if (store < 0)
                return;
        names = folders_in(store);
        for (unsigned i = c->keep; i < names->len; i++) {
                const char *name = g_ptr_array_index(names, i);

                if (!g_str_equal(name, current) && !g_str_equal(name, last))
                        remove_folder(store, name);
        }
        close(store);
}
