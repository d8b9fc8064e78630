/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The generations that are kept
 *
 * Owns CERT_GENERATION_DIR: NAME/NUMBER/{key,cert,chain,ca,request}.pem, files 0600 in folders 0700; a file that
 * would be empty is not there. A generation is made in a hidden folder, synced, and gets its number by a
 * rename: a number never stands for half a generation, whenever the power fails.
 */

#include "agent/generation-private.h"

#include "agent/folder.h"
#include "agent/readfile.h"
#include "common/error.h"
#include "common/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEW_FOLDER    ".new"
#define FOLDERS_MAX   256 /* open at once: a service may have 1,024 descriptors */
#define SYNC_EACH_MAX 2   /* generations up to which fsync(2) of each file is cheaper than syncfs(2) */

typedef struct StoredFile {
        const char *name;
        size_t offset; /* of the GBytes in Generation */
} StoredFile;

static const StoredFile stored_files[] = {
        { "key.pem", offsetof(Generation, key_pem) },
        { "cert.pem", offsetof(Generation, cert_pem) },
        { "chain.pem", offsetof(Generation, chain_pem) },
        { "ca.pem", offsetof(Generation, ca_pem) },
        { "request.pem", offsetof(Generation, request_pem) },
};

static void close_fd(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}
#define _cleanup_close_ __attribute__((cleanup(close_fd)))

/* The folder of one certificate's generations. Caller owns. */
static char *path_of(const char *name)
{
        return g_strconcat(CERT_GENERATION_DIR "/", name, NULL);
}

static bool name_is_fit(const char *name)
{
        return folder_name_is_safe(name) && *name != '.';
}

/* -1 when there is none. */
static int open_folder(const char *name)
{
        g_autofree char *path = path_of(name);

        return name_is_fit(name) ? folder_open_state(path, false, NULL) : -1;
}

/* ---- Numbers ---- */

/* A number as this file writes it; 0 for any other name. */
static unsigned number_of(const char *name)
{
        char *end;
        unsigned long n;

        if (*name < '1' || *name > '9')
                return 0;
        errno = 0;
        n = strtoul(name, &end, 10);
        return errno == 0 && *end == '\0' && n < UINT32_MAX ? (unsigned) n : 0;
}

static int compare_numbers(gconstpointer a, gconstpointer b)
{
        guint x = *(const guint *) a, y = *(const guint *) b;

        return x < y ? -1 : x > y;
}

static GArray *numbers_in(int folder)
{
        GArray *numbers = g_array_new(FALSE, FALSE, sizeof(guint));
        int fd = folder >= 0 ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        if (!dir) {
                if (fd >= 0)
                        close(fd);
                return numbers;
        }
        for (struct dirent *e; (e = readdir(dir));) {
                guint n = number_of(e->d_name);

                if (n > 0)
                        g_array_append_val(numbers, n);
        }
        closedir(dir);
        g_array_sort(numbers, compare_numbers);
        return numbers;
}

GArray *generation_list(const char *name)
{
        _cleanup_close_ int folder = open_folder(name);

        return numbers_in(folder);
}

char **generation_names(void)
{
        _cleanup_close_ int base = folder_open_state(CERT_GENERATION_DIR, false, NULL);
        int fd = base >= 0 ? openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();

        if (!dir && fd >= 0)
                close(fd);
        for (struct dirent *e; dir && (e = readdir(dir));)
                if (name_is_fit(e->d_name))
                        g_strv_builder_add(names, e->d_name);
        if (dir)
                closedir(dir);
        return g_strv_builder_end(names);
}

/* ---- Who gets in ---- */

typedef struct Exposure {
        guint n, keys;
        char *path; /* of the first */
        mode_t mode;
} Exposure;

static void exposure_look(Exposure *e, int folder, const char *name, const char *shown)
{
        mode_t wrong = S_IRWXG | S_IRWXO;
        struct stat st;

        if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode) || !(st.st_mode & wrong))
                return;
        if (e->n++ == 0) {
                e->path = g_strdup(shown);
                e->mode = st.st_mode & 07777;
        }
}

static void exposure_look_at_number(Exposure *e, int folder, unsigned number, const char *path)
{
        g_autofree char *name = g_strdup_printf("%u", number);
        g_autofree char *shown = g_strconcat(path, "/", name, NULL), *key = g_strconcat(shown, "/key.pem", NULL);
        _cleanup_close_ int fd = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 || faccessat(fd, "key.pem", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        e->keys++;
        exposure_look(e, fd, "key.pem", key);
        exposure_look(e, folder, name, shown);
}

guint generation_find_exposed(const char *name, char **ret_path, mode_t *ret_mode)
{
        _cleanup_close_ int folder = open_folder(name);
        g_autofree char *path = path_of(name);
        g_autoptr(GArray) numbers = numbers_in(folder);
        Exposure e = {};

        for (guint i = 0; i < numbers->len; i++)
                exposure_look_at_number(&e, folder, g_array_index(numbers, guint, i), path);
        if (e.keys > 0)
                exposure_look(&e, folder, ".", path);
        if (e.n > 0) {
                *ret_path = e.path;
                *ret_mode = e.mode;
        }
        return e.n;
}

/* ---- Removing ---- */

static void remove_one(int folder, const char *name)
{
        _cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        for (size_t i = 0; fd >= 0 && i < G_N_ELEMENTS(stored_files); i++)
                (void) unlinkat(fd, stored_files[i].name, 0);
        (void) unlinkat(folder, name, AT_REMOVEDIR);
}

static void remove_number(int folder, unsigned number)
{
        char name[16];

        (void) g_snprintf(name, sizeof name, "%u", number);
        remove_one(folder, name);
}

static bool is_needed(unsigned number, const unsigned *needed)
{
        for (; needed && *needed; needed++)
                if (*needed == number)
                        return true;
        return false;
}

void generation_prune(const char *name, unsigned keep, const unsigned *needed)
{
        _cleanup_close_ int folder = open_folder(name);
        g_autoptr(GArray) numbers = numbers_in(folder);

        for (unsigned i = 0; i + keep < numbers->len; i++)
                if (!is_needed(g_array_index(numbers, guint, i), needed))
                        remove_number(folder, g_array_index(numbers, guint, i));
}

void generation_remove(const char *name, unsigned number)
{
        _cleanup_close_ int folder = open_folder(name);

        if (folder >= 0)
                remove_number(folder, number);
}

void generation_forget(const char *name)
{
        _cleanup_close_ int folder = open_folder(name);
        _cleanup_close_ int parent = folder >= 0 ? folder_open_state(CERT_GENERATION_DIR, false, NULL) : -1;
        g_autoptr(GArray) numbers = numbers_in(folder);

        for (unsigned i = 0; i < numbers->len; i++)
                remove_number(folder, g_array_index(numbers, guint, i));
        if (folder >= 0)
                remove_one(folder, NEW_FOLDER);
        if (parent >= 0)
                (void) unlinkat(parent, name, AT_REMOVEDIR);
}

/* ---- Saving ---- */

static int write_file(int folder, const char *name, GBytes *content, bool sync)
{
        size_t size;
        const void *data = g_bytes_get_data(content, &size);
        int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), r;

        if (fd < 0)
                return -errno;
        r = folder_write_all(fd, data, size);
        if (r >= 0 && sync && fsync(fd) < 0)
                r = -errno;
        close(fd);
        return r;
}

static GBytes *content_of(const Generation *g, const StoredFile *f)
{
        GBytes *content = G_STRUCT_MEMBER(GBytes *, g, f->offset);

        return content && g_bytes_get_size(content) > 0 ? content : NULL;
}

/* Fills NEW_FOLDER; what an earlier crash left in it goes first. */
static int write_new(int folder, const Generation *g, bool sync)
{
        _cleanup_close_ int fd = -1;
        int r = 0;

        if (mkdirat(folder, NEW_FOLDER, 0700) < 0) {
                if (errno != EEXIST)
                        return -errno;
                remove_one(folder, NEW_FOLDER);
                if (mkdirat(folder, NEW_FOLDER, 0700) < 0)
                        return -errno;
        }
        fd = openat(folder, NEW_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS(stored_files); i++)
                if (content_of(g, &stored_files[i]))
                        r = write_file(fd, stored_files[i].name, content_of(g, &stored_files[i]), sync);
        if (r >= 0 && sync && fsync(fd) < 0)
                r = -errno;
        return r;
}

/* From NEW_FOLDER to the next number. */
static int give_number(int folder, unsigned *ret_number)
{
        g_autoptr(GArray) numbers = numbers_in(folder);
        unsigned number = numbers->len > 0 ? g_array_index(numbers, guint, numbers->len - 1) + 1 : 1;
        char name[16];

        (void) g_snprintf(name, sizeof name, "%u", number);
        if (renameat(folder, NEW_FOLDER, folder, name) < 0)
                return -errno;
        *ret_number = number;
        return 0;
}

/* One generation on its way to the disk. */
typedef struct Saving {
        GenerationSave *item;
        int folder; /* -1: failed, or nothing to do */
} Saving;

static void saving_fail(Saving *s, int number)
{
        g_autofree char *path = path_of(s->item->name);

        if (s->folder >= 0) {
                remove_one(s->folder, NEW_FOLDER);
                close(s->folder);
                s->folder = -1;
        }
        folder_set_error(&s->item->error, number, "Keeping the new generation in", path);
}

static void saving_write(Saving *s, GenerationSave *item, int base, bool sync)
{
        int r;

        *s = (Saving){ .item = item, .folder = -1 };
        if (item->generation->number > 0) /* it is there already */
                return;
        r = name_is_fit(item->name) ? folder_open_below(base, item->name, true, sync) : -EINVAL;
        if (r >= 0) {
                s->folder = r;
                r = write_new(s->folder, item->generation, sync);
        }
        if (r < 0)
                saving_fail(s, -r);
}

static void saving_number(Saving *s, bool sync)
{
        int r;

        if (s->folder < 0)
                return;
        r = give_number(s->folder, &s->item->generation->number);
        if (r >= 0 && sync && fsync(s->folder) < 0)
                r = -errno;
        if (r < 0) {
                s->item->generation->number = 0;
                saving_fail(s, -r);
        }
}

static void sync_all(Saving *savings, size_t n, int base)
{
        int r = syncfs(base) < 0 ? -errno : 0;

        for (size_t i = 0; r < 0 && i < n; i++)
                if (savings[i].folder >= 0)
                        saving_fail(&savings[i], -r);
}

/* In parts: each has a descriptor open for each generation. */
static void save_some(GenerationSave *items, size_t n, int base)
{
        g_autofree Saving *savings = g_new(Saving, n);
        bool each = n <= SYNC_EACH_MAX;

        for (size_t i = 0; i < n; i++)
                saving_write(&savings[i], &items[i], base, each);
        if (!each)
                sync_all(savings, n, base);
        for (size_t i = 0; i < n; i++)
                saving_number(&savings[i], each);
        if (!each)
                sync_all(savings, n, base);
        for (size_t i = 0; i < n; i++)
                if (savings[i].folder >= 0)
                        close(savings[i].folder);
}

void generation_save_many(GenerationSave *items, size_t n)
{
        g_autoptr(GError) error = NULL;
        _cleanup_close_ int base = folder_open_state(CERT_GENERATION_DIR, true, &error);

        for (size_t i = 0; base < 0 && i < n; i++)
                items[i].error = g_error_copy(error);
        for (size_t i = 0; base >= 0 && i < n; i += FOLDERS_MAX)
                save_some(items + i, MIN(n - i, FOLDERS_MAX), base);
}

bool generation_save(Generation *g, const char *name, GError **error)
{
        GenerationSave item = { .generation = g, .name = name };

        generation_save_many(&item, 1);
        if (item.error)
                g_propagate_error(error, item.error);
        return !item.error;
}

/* ---- Loading ---- */

bool generation_read_file(int folder, const char *name, const char *shown, size_t max, GBytes **ret_content,
                          GError **error)
{
        switch (readfile_at(folder, name, max, ret_content, NULL)) {
        case READ_DONE:
        case READ_MISSING:
                return true;
        case READ_UNUSABLE:
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                            "%s/%s is not a regular file of at most %zu MiB", shown, name, max >> 20);
                return false;
        case READ_FAILED:
        default: {
                g_autofree char *path = g_strconcat(shown, "/", name, NULL);

                return folder_set_error(error, errno, "Reading", path);
        }
        }
}

static Generation *load_from(int folder, const char *path, GError **error)
{
        g_autoptr(GBytes) key = NULL, cert = NULL, chain = NULL, ca = NULL, request = NULL;
        g_autoptr(Generation) g = NULL;

        if (!generation_read_file(folder, "key.pem", path, READFILE_MAX, &key, error) ||
            !generation_read_file(folder, "cert.pem", path, READFILE_MAX, &cert, error) ||
            !generation_read_file(folder, "chain.pem", path, READFILE_MAX, &chain, error) ||
            !generation_read_file(folder, "ca.pem", path, GENERATION_CONTENT_MAX, &ca, error) ||
            (!cert && !generation_read_file(folder, "request.pem", path, READFILE_MAX, &request, error)))
                return NULL;
        if (!key && !cert && ca) {
                g = generation_new_content_as(ca, CONTENT_EXPLAINED, error);
                if (!g)
                        g_prefix_error(error, "%s/ca.pem: ", path);
                return g_steal_pointer(&g);
        }
        if (!key && !cert && !request) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "%s holds nothing", path);
                return NULL;
        }
        g = generation_new_from_pem(key, cert, chain, ca, error);
        if (g)
                g->request_pem = g_steal_pointer(&request);
        return g && generation_check_pair(g, error) ? g_steal_pointer(&g) : NULL;
}

bool generation_has_file(const char *name, unsigned number, const char *file)
{
        g_autofree char *path = g_strdup_printf(CERT_GENERATION_DIR "/%s/%u", name, number);
        g_autoptr(GError) error = NULL;
        _cleanup_close_ int folder = folder_open_state(path, false, &error);

        if (folder < 0)
                return error != NULL;
        return faccessat(folder, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

Generation *generation_load(const char *name, unsigned number, GError **error)
{
        g_autofree char *path = g_strdup_printf(CERT_GENERATION_DIR "/%s/%u", name, number);
        _cleanup_close_ int folder = name_is_fit(name) ? folder_open_state(path, false, error) : -1;
        Generation *g;

        if (folder < 0) {
                if (error && !*error)
                        g_set_error(error, CERT_ERROR, CERT_ERROR_INSTALL_FAILED,
                                    "There is no generation %u of \"%s\" any more", number, name);
                return NULL;
        }
        g = load_from(folder, path, error);
        if (g)
                g->number = number;
        return g;
}
