/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of an audit
 *
 * Owns what is asked of each file and what is said of it. A file is looked at through its folder's descriptor and never
 * opened for reading: a FIFO, a device or a link in its place neither holds the audit up nor leads it elsewhere, and is not
 * the key (that is for the inventory to find).
 */

#include "agent/audit-files.h"

#include "agent/acl.h"
#include "agent/folder-cache.h"
#include "agent/generation.h"
#include "agent/layout.h"
#include "agent/surroundings.h"
#include "agent/unit-reader.h"
#include "common/names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct AuditFiles {
        FolderCache *folders;
        SurroundingsCache *surroundings;
};

AuditFiles *audit_files_new(void)
{
        AuditFiles *f = g_new(AuditFiles, 1);

        f->folders = folder_cache_new();
        f->surroundings = surroundings_cache_new();
        return f;
}

AuditFiles *audit_files_free(AuditFiles *f)
{
        if (!f)
                return NULL;
        folder_cache_free(f->folders);
        surroundings_cache_free(f->surroundings);
        g_free(f);
        return NULL;
}

/* A regular file, looked at where it is; descriptor (O_PATH), caller closes, or -1. */
static int open_file(int folder, const char *name, struct stat *ret_st)
{
        int fd = folder >= 0 ? openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;

        if (fd >= 0 && fstat(fd, ret_st) == 0 && S_ISREG(ret_st->st_mode))
                return fd;
        if (fd >= 0)
                close(fd);
        return -1;
}

/* ---- Whom a key lets read ---- */

static char *hint_for_mode(const ManifestCertificate *wish)
{
        return g_strdup_printf("\"certctl renew %s\" gives it mode %04o again. If others may have read it, have a new key made: "
                               "certctl renew %s --force",
                               wish->name, (unsigned) wish->key_attributes.mode, wish->name);
}

static void judge_mode(const ManifestCertificate *wish, const char *path, const struct stat *st, bool is_closed,
                       GArray *findings)
{
        unsigned mode = st->st_mode & 07777;
        char *message = is_closed ? g_strdup_printf("The key in %s is readable by all (mode %04o); only a folder above it keeps "
                                                    "others out",
                                                    path, mode)
                                  : g_strdup_printf("Every user of this host can read the key in %s (mode %04o)", path, mode);

        findings_add(findings, FINDING_KEY_READABLE, wish->name, message, hint_for_mode(wish));
}

static char *hint_for_list(const char *path, int folder)
{
        g_autofree char *parent = g_path_get_dirname(path);

        return acl_is_inherited(folder)
                       ? g_strdup_printf("The folder gives such a list to each new file. Unless that is meant: setfacl -k %s; "
                                         "setfacl -b %s",
                                         parent, path)
                       : g_strdup_printf("Unless that is meant: setfacl -b %s. Whoever is to read it can have it by \"owner\" and "
                                         "\"permissions\" in the manifest.",
                                         path);
}

static void judge_list(const ManifestCertificate *wish, const char *path, const AclReader *reader, int folder,
                       GArray *findings)
{
        g_autofree char *who = reader->is_group ? unit_reader_group_name(reader->id) : unit_reader_user_name(reader->id);

        findings_add(findings, FINDING_KEY_READABLE, wish->name,
                     g_strdup_printf("An access list lets the %s \"%s\" read the key in %s", reader->is_group ? "group" : "user",
                                     who, path),
                     hint_for_list(path, folder));
}

static void judge_key(AuditFiles *f, const ManifestCertificate *wish, int folder, const char *name, const char *path,
                      GArray *findings)
{
        const Surroundings *around;
        AclReader reader;
        struct stat st;
        int fd = open_file(folder, name, &st);

        if (fd < 0)
                return;
        around = surroundings_of(f->surroundings, folder);
        if (st.st_mode & S_IROTH)
                judge_mode(wish, path, &st, around && around->is_closed, findings);
        else if (acl_find_reader_of_file(fd, st.st_uid, st.st_gid, &reader))
                judge_list(wish, path, &reader, folder, findings);
        close(fd);
}

/* ---- Checkouts ---- */

/* `folder` is where the file lies, or the link to its folder. */
static void judge_place(AuditFiles *f, const ManifestCertificate *wish, int folder, const char *path, GArray *findings)
{
        const Surroundings *around = surroundings_of(f->surroundings, folder);

        if (!around || !around->system || !around->checkout)
                return;
        findings_add(findings, FINDING_KEY_IN_CHECKOUT, wish->name,
                     g_strdup_printf("The key in %s lies within a checkout of %s, %s", path, around->system, around->checkout),
                     g_strdup_printf("Move it: name a path outside of %s in the manifest, and remove the file here. If it was "
                                     "ever committed others have it; then a new key is needed: certctl renew %s --force",
                                     around->checkout, wish->name));
}

/* ---- The layouts ---- */

static void look_at_paths(AuditFiles *f, const ManifestCertificate *wish, GArray *findings)
{
        static const ManagedFile holding[] = { MANAGED_FILE_KEY, MANAGED_FILE_COMBINED };

        for (size_t i = 0; i < G_N_ELEMENTS(holding); i++) {
                const char *path = wish->path[holding[i]], *name;
                struct stat st;
                int folder;

                if (!path)
                        continue;
                folder = folder_cache_find(f->folders, path, &name);
                judge_key(f, wish, folder, name, path, findings);
                if (folder >= 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        judge_place(f, wish, folder, path, findings);
        }
}

/* A generation that the link does not lead to any more. */
static void look_at_former(const ManifestCertificate *wish, int store, const char *generation, GArray *findings)
{
        static const char *const holding[] = { "key.pem", "combined.pem" };
        int folder = openat(store, generation, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        for (size_t i = 0; folder >= 0 && i < G_N_ELEMENTS(holding); i++) {
                g_autofree char *path = NULL;
                struct stat st;
                int fd = open_file(folder, holding[i], &st);

                if (fd < 0)
                        continue;
                close(fd);
                if (!(st.st_mode & S_IROTH))
                        continue;
                path = layout_generation_path(wish, generation, holding[i]);
                findings_add(findings, FINDING_GENERATION_READABLE, wish->name,
                             g_strdup_printf("The key of an earlier generation is readable by all: %s (mode %04o)", path,
                                             (unsigned) st.st_mode & 07777),
                             g_strdup_printf("Run: chmod o= %s", path));
        }
        if (folder >= 0)
                close(folder);
}

/* The link leads to the present generation; the earlier ones are beside it, and readers find them too. */
static void look_at_directory(AuditFiles *f, const ManifestCertificate *wish, GArray *findings)
{
        g_autofree char *key = layout_file_path(wish, MANAGED_FILE_KEY), *combined = layout_file_path(wish, MANAGED_FILE_COMBINED);
        g_autofree char *current = NULL;
        g_autoptr(GPtrArray) generations = NULL;
        const char *name;
        int parent = folder_cache_find(f->folders, wish->directory, &name), store, folder;

        if (parent < 0 || !key || !combined)
                return;
        store = layout_open_store(parent, wish, &generations, &current);
        if (store < 0)
                return;
        folder = current ? openat(store, current, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (folder >= 0) {
                judge_key(f, wish, folder, "key.pem", key, findings);
                judge_key(f, wish, folder, "combined.pem", combined, findings);
                judge_place(f, wish, folder, key, findings);
                close(folder);
        }
        for (guint i = 0; i < generations->len; i++)
                if (g_strcmp0(g_ptr_array_index(generations, i), current) != 0)
                        look_at_former(wish, store, g_ptr_array_index(generations, i), findings);
        close(store);
}

void audit_files_look(AuditFiles *f, const ManifestCertificate *wish, GArray *findings)
{
        if (wish->directory)
                look_at_directory(f, wish, findings);
        else
                look_at_paths(f, wish, findings);
}

/* ---- What the agent keeps ---- */

void audit_generations_look(const char *name, GArray *findings)
{
        g_autofree char *path = NULL;
        mode_t mode;
        guint more = generation_find_exposed(name, &path, &mode);
        g_autofree char *others = NULL;

        if (more == 0)
                return;
        others = more > 1 ? g_strdup_printf(", and %u more", more - 1) : g_strdup("");
        findings_add(findings, FINDING_GENERATION_READABLE, name,
                     g_strdup_printf("A kept generation lets others in: %s (mode %04o)%s", path, (unsigned) mode, others),
                     g_strdup_printf("Run: chmod -R go= " CERT_GENERATION_DIR "/%s. If others may have read the key that is in use, "
                                     "have a new one made: certctl renew %s --force",
                                     name, name));
}
