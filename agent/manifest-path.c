/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Paths of managed files: their form, and whether another user could put something in their way. Owns what is
 * known of the folders of one load: each is looked at once, however many certificates lie in it. This look
 * warns early and names the line; what protects at the time of writing is the install's own walk. */

#include "agent/manifest-read.h"

#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX   40   /* as the kernel: path_resolution(7) */
#define ENTRIES_MAX 4096 /* on the way to one file: links that lead to links could make a maze */

/* ---- Form ---- */

/* Where nothing that is managed belongs: the kernel's trees, and what the agent itself reads and writes. */
static const char *const reserved[] = {
        "/proc",
        "/sys",
        "/dev",
        CERT_STATE_DIR,
        CERT_AUTHORITY_DIR,
        CERT_RUNTIME_DIR,
        CERT_PROGRAM_DIR,
        CERT_MANIFEST_FILE,
        CERT_MANIFEST_DROPIN_DIR,
};

/* Where every user may write on any host (file-hierarchy(7)). */
static const char *const everybodys[] = { "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/var/lock" };

/* The one of these places in which a path lies, or NULL. */
static const char *place_of(const char *path, const char *const *places, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                size_t length = strlen(places[i]);

                if (strncmp(path, places[i], length) == 0 && (path[length] == '/' || path[length] == '\0'))
                        return places[i];
        }
        return NULL;
}

/* What is wrong with a component, or NULL. */
static const char *component_fault(const char *start, size_t length)
{
        if (length == 0)
                return "has a doubled or trailing slash";
        if (length > NAME_MAX)
                return "has a part longer than 255 bytes";
        if ((length == 1 && start[0] == '.') || (length == 2 && start[0] == '.' && start[1] == '.'))
                return "has a part \".\" or \"..\"";
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) start[i] < 0x20 || start[i] == 0x7f)
                        return "has a control character";
        return NULL;
}

static const char *path_fault(const char *path)
{
        if (path[0] != '/')
                return "is not absolute";
        if (strlen(path) >= PATH_MAX)
                return "is longer than any path can be";
        for (const char *start = path + 1;;) {
                size_t length = strcspn(start, "/");
                const char *wrong = component_fault(start, length);

                if (wrong || start[length] == '\0')
                        return wrong;
                start += length + 1;
        }
}

/* Absolute and in normal form; borrowed. */
static const char *read_plain(ManifestReading *r, const JsonValue *v)
{
        const char *path = manifest_read_string(r, v), *wrong = path ? path_fault(path) : NULL;

        if (wrong)
                manifest_complain(r, v, "Write the whole path in its plain form: \"/etc/nginx/tls/web.pem\".",
                                  "the path \"%s\" %s", path, wrong);
        return wrong ? NULL : path;
}

char *manifest_read_path(ManifestReading *r, const JsonValue *v)
{
        const char *path = read_plain(r, v), *whose;

        if (!path)
                return NULL;
        whose = place_of(path, reserved, G_N_ELEMENTS(reserved));
        if (whose) {
                manifest_complain(r, v, "Choose a folder of the service's own, such as /etc/nginx/tls.",
                                  "\"%s\" lies in %s, which is no place for a file that is managed", path,
                                  whose);
                return NULL;
        }
        return manifest_keep_string(r, path);
}

char *manifest_read_source_path(ManifestReading *r, const JsonValue *v)
{
        const char *path = read_plain(r, v), *where;

        if (!path)
                return NULL;
        where = place_of(path, everybodys, G_N_ELEMENTS(everybodys));
        if (where) {
                manifest_complain(r, v, "Choose a folder that root alone can write in, such as " CERT_CONFIG_DIR ".",
                                  "every user can write in %s and so could put something else in the place of \"%s\"",
                                  where, path);
                return NULL;
        }
        return manifest_keep_string(r, path);
}

/* ---- Folders ---- */

/* A folder or a link to one, by one way to it: all entries on the way are kept, since each is a place where
 * somebody could turn off. */
typedef struct Folder Folder;
struct Folder {
        char *path;           /* as it was named */
        char *real;           /* without a link in it but perhaps the last part */
        const Folder *parent; /* as it was named; NULL for "/" */
        const Folder *next;   /* what a link leads to, perhaps another link; NULL for a folder */
        const Folder *final;  /* the folder after all links; itself for a folder */
        struct stat st;
        bool is_there;
        int error; /* what is wrong on the way to it, as errno; 0 when it is there */
};

struct ManifestFolders {
        GHashTable *by_path;   /* Folder.path -> Folder */
        const char *last_path; /* the folder last checked, which is often the next one too */
        size_t last_length;
        const Folder *last;
        unsigned entries; /* seen on the way to the file that is being checked */
};

static void folder_free(void *data)
{
        Folder *f = data;

        g_free(f->path);
        g_free(f->real);
        g_free(f);
}

ManifestFolders *manifest_folders_new(void)
{
        ManifestFolders *f = g_new0(ManifestFolders, 1);

        f->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, folder_free);
        return f;
}

ManifestFolders *manifest_folders_free(ManifestFolders *f)
{
        if (f)
                g_hash_table_unref(f->by_path);
        g_free(f);
        return NULL;
}

static const Folder *folder_find(ManifestFolders *folders, const char *path, unsigned links);

/* Returns what is wrong as an errno. A relative target counts from the folder in which the link really lies.
 */
static int link_follow(ManifestFolders *folders, Folder *link, unsigned links)
{
        g_autofree char *opened = host_path(link->real), *text = g_file_read_link(opened, NULL),
                        *whole = NULL;

        if (!text)
                return ENOENT;
        if (links >= LINKS_MAX)
                return ELOOP;
        whole = g_canonicalize_filename(text, link->parent->final->real);
        link->next = folder_find(folders, whole, links + 1);
        link->final = link->next->final;
        return link->next->error;
}

/* The look is at the last part of a path whose other parts are folders, so no unseen link is followed. */
static int folder_look(ManifestFolders *folders, Folder *f, unsigned links)
{
        g_autofree char *opened = NULL;

        if (f->parent && f->parent->error)
                return f->parent->error;
        f->real = f->parent ? g_build_filename(f->parent->final->real, strrchr(f->path, '/') + 1, NULL)
                            : g_strdup("/");
        opened = host_path(f->real);
        if (lstat(opened, &f->st) < 0)
                return errno;
        f->is_there = true;
        if (S_ISLNK(f->st.st_mode))
                return link_follow(folders, f, links);
        f->final = f;
        return S_ISDIR(f->st.st_mode) ? 0 : ENOTDIR;
}

static const Folder *folder_find(ManifestFolders *folders, const char *path, unsigned links)
{
        g_autofree char *dirname = NULL;
        Folder *f = g_hash_table_lookup(folders->by_path, path);

        if (f)
                return f;
        f = g_new0(Folder, 1);
        /* Known before it is looked at, as a circle: a link that leads back here finds it so. */
        *f = (Folder){ .path = g_strdup(path), .error = ELOOP };
        g_hash_table_insert(folders->by_path, f->path, f);
        if (!g_str_equal(path, "/")) {
                dirname = g_path_get_dirname(path);
                f->parent = folder_find(folders, dirname, links);
        }
        f->error = folder_look(folders, f, links);
        return f;
}

/* Builds made for tests run as the user who builds. */
static bool is_trusted(uid_t uid, uid_t owner)
{
        return uid == 0 || uid == owner || (TEST_ROOT && uid == geteuid());
}

static void complain_owner(ManifestReading *r, const JsonValue *v, const char *path, const Folder *f)
{
        g_autofree char *hint = g_strdup_printf("chown %sroot %s, or choose another folder.",
                                                S_ISLNK(f->st.st_mode) ? "-h " : "", f->real);

        manifest_complain(r, v, hint,
                          "the user %u owns the %s %s and could put something else in the place of \"%s\"",
                          f->st.st_uid, S_ISLNK(f->st.st_mode) ? "link" : "folder", f->real, path);
}

/* One folder on the way; a sticky one keeps others from moving what is in it, but not from making the file
 * before us. */
static bool folder_check(ManifestReading *r, const JsonValue *v, const char *path, const Folder *f,
                         uid_t owner, bool is_last)
{
        g_autofree char *hint = NULL;

        if (!is_trusted(f->st.st_uid, owner)) {
                complain_owner(r, v, path, f);
                return false;
        }
        if (!(f->st.st_mode & S_IWOTH) || (!is_last && (f->st.st_mode & S_ISVTX)))
                return true;
        hint = g_strdup_printf(is_last && (f->st.st_mode & S_ISVTX)
                                       ? "Make a folder in it that only root can write, "
                                         "or choose another than %s."
                                       : "chmod o-w %s, or choose another folder.",
                               f->real);
        manifest_complain(r, v, hint,
                          "every user can write in the folder %s and so could put something else in the "
                          "place of \"%s\"",
                          f->real, path);
        return false;
}

/* A link may be root's, the file owner's, or made by the one who could change all in its folder anyway. */
static bool link_check(ManifestReading *r, const JsonValue *v, const char *path, const Folder *link,
                       uid_t owner)
{
        if (is_trusted(link->st.st_uid, owner) || link->st.st_uid == link->parent->final->st.st_uid)
                return true;
        complain_owner(r, v, path, link);
        return false;
}

static void complain_circle(ManifestReading *r, const JsonValue *v, const char *path)
{
        manifest_complain(r, v, "Name the folder itself.", "the links on the way to \"%s\" lead in a circle",
                          path);
}

/* Every entry on the way that is there; each link's own folder and where it leads. */
static bool way_check(ManifestReading *r, const JsonValue *v, const char *path, const Folder *f, uid_t owner,
                      bool is_last)
{
        for (; f; f = f->parent, is_last = false) {
                if (!f->is_there)
                        continue;
                if (r->folders->entries++ == ENTRIES_MAX)
                        complain_circle(r, v, path);
                if (r->folders->entries > ENTRIES_MAX)
                        return false;
                if (!S_ISLNK(f->st.st_mode)) {
                        if (!folder_check(r, v, path, f, owner, is_last))
                                return false;
                } else if (!link_check(r, v, path, f, owner) ||
                           (f->next && !way_check(r, v, path, f->next, owner, is_last)))
                        return false;
        }
        return true;
}

/* The nearest entry that is there. */
static const Folder *folder_there(const Folder *f)
{
        while (f && !f->is_there)
                f = f->parent;
        return f;
}

static const Folder *folder_of(ManifestFolders *folders, const char *path)
{
        size_t length = (size_t) (strrchr(path, '/') - path);
        g_autofree char *dirname = NULL;

        if (folders->last && folders->last_length == length && memcmp(folders->last_path, path, length) == 0)
                return folders->last;
        dirname = length == 0 ? g_strdup("/") : g_strndup(path, length);
        folders->last = folder_find(folders, dirname, 0);
        folders->last_path = path;
        folders->last_length = length;
        return folders->last;
}

void manifest_check_folder(ManifestReading *r, const JsonValue *v, const char *path, uid_t owner)
{
        const Folder *f = folder_of(r->folders, path);

        r->folders->entries = 0;
        switch (f->error) {
        case 0:
        case ENOENT:
                /* Whoever can make a missing folder owns what will be in it, so the last that is there
                 * counts. */
                way_check(r, v, path, folder_there(f), owner, true);
                break;
        case ENOTDIR:
                manifest_complain(r, v, "Choose another path.", "%s, on the way to \"%s\", is no folder",
                                  folder_there(f)->real, path);
                break;
        case ELOOP:
                complain_circle(r, v, path);
                break;
        default:
                break;
        }
}

const char *manifest_resolved_path(ManifestReading *r, char *path)
{
        const Folder *f = folder_of(r->folders, path);
        const char *name = strrchr(path, '/');
        g_autofree char *real = NULL;

        if (f->error || g_str_equal(f->final->real, f->path))
                return path;
        real = g_build_filename(f->final->real, name + 1, NULL);
        return manifest_keep_string(r, real);
}
