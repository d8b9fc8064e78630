/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a manifest: which there are, which mask which, and reading them without blocking, without
 * limit or from a hand that could not be root's. Owns the digest of all that was read. */

#include "agent/manifest-read.h"

#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

typedef enum Presence {
        PRESENCE_READ,
        PRESENCE_MISSING,
        PRESENCE_MASKED, /* empty, or a link to /dev/null */
        PRESENCE_BAD,    /* complained of */
} Presence;

/* ---- Reading one file ---- */

/* Whoever can write here commands root. Builds made for tests run as the user who builds. */
static bool check_trusted(ManifestReading *r, const char *name, const struct stat *st)
{
        g_autofree char *hint = NULL;

        if (st->st_uid != 0 && !(TEST_ROOT && st->st_uid == geteuid())) {
                hint = g_strdup_printf("chown root:root %s", name);
                manifest_complain_file(r, name, hint, "the file is owned by the user %u, not by root",
                                       st->st_uid);
                return false;
        }
        if (!(st->st_mode & S_IWOTH))
                return true;
        hint = g_strdup_printf("chmod o-w %s", name);
        manifest_complain_file(r, name, hint, "every user can write to the file");
        return false;
}

static Presence check_kind(ManifestReading *r, const char *name, const struct stat *st, bool is_hosts)
{
        if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3))
                return PRESENCE_MASKED;
        if (!S_ISREG(st->st_mode)) {
                manifest_complain_file(r, name, NULL, "this is no regular file");
                return PRESENCE_BAD;
        }
        if (st->st_size > JSON_SIZE_MAX) {
                manifest_complain_file(r, name, "Split it into drop-ins.", "the file is larger than %d MiB",
                                       JSON_SIZE_MAX >> 20);
                return PRESENCE_BAD;
        }
        return !is_hosts || check_trusted(r, name, st) ? PRESENCE_READ : PRESENCE_BAD;
}

/* Reads to the end, however long the file said it was; one byte too many tells that it grew past the limit.
 */
static bool read_all(int fd, size_t expected, char **ret_text, size_t *ret_size)
{
        size_t space = expected + 1, size = 0;
        g_autofree char *text = g_malloc(space);

        for (;;) {
                ssize_t n = read(fd, text + size, space - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                if (n == 0)
                        break;
                size += (size_t) n;
                if (size > JSON_SIZE_MAX)
                        break;
                if (size == space) {
                        space = MIN(space * 2, (size_t) JSON_SIZE_MAX + 1);
                        text = g_realloc(text, space);
                }
        }
        *ret_text = g_steal_pointer(&text);
        *ret_size = size;
        return true;
}

/* Symbolic links are followed: the folder is root's, and tools that manage configuration use them. O_NONBLOCK
 * keeps a FIFO from blocking until it is seen to be no file. */
static Presence read_file(ManifestReading *r, const char *name, const char *opened, bool is_hosts,
                          char **ret_text, size_t *ret_size)
{
        int fd = open(opened, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        Presence presence = PRESENCE_BAD;
        struct stat st;

        if (fd < 0) {
                if (errno == ENOENT)
                        return PRESENCE_MISSING;
                manifest_complain_file(r, name, NULL, "the file cannot be opened: %s", g_strerror(errno));
                return PRESENCE_BAD;
        }
        if (fstat(fd, &st) == 0)
                presence = check_kind(r, name, &st, is_hosts);
        if (presence == PRESENCE_READ && !read_all(fd, (size_t) st.st_size, ret_text, ret_size)) {
                manifest_complain_file(r, name, NULL, "the file cannot be read: %s", g_strerror(errno));
                presence = PRESENCE_BAD;
        }
        close(fd);
        return presence;
}

/* ---- The files in their order ---- */

typedef struct Digest {
        gnutls_hash_hd_t hash;
} Digest;

static void digest_add(Digest *digest, const char *name, const char *text, size_t size)
{
        uint64_t length = size;

        gnutls_hash(digest->hash, name, strlen(name) + 1);
        gnutls_hash(digest->hash, &length, sizeof(length));
        gnutls_hash(digest->hash, text, size);
}

static void digest_finish(Digest *digest, ManifestReading *r)
{
        unsigned char bytes[32];
        GString *hex = g_string_sized_new(2 * sizeof(bytes));

        gnutls_hash_deinit(digest->hash, bytes);
        for (size_t i = 0; i < sizeof(bytes); i++)
                g_string_append_printf(hex, "%02x", bytes[i]);
        r->manifest->digest = g_string_free(hex, FALSE);
}

/* Takes the text over. */
static void add_file(ManifestReading *r, Digest *digest, const char *name, bool is_dropin, char *text,
                     size_t size)
{
        ManifestFile *file = g_new(ManifestFile, 1);

        digest_add(digest, name, text, size);
        *file = (ManifestFile){ .name = g_strdup(name),
                                .json = json_document_new(text, size),
                                .is_dropin = is_dropin };
        g_ptr_array_add(r->files, file);
        manifest_complain_faults(r, file);
}

static Presence source_file(ManifestReading *r, Digest *digest, const char *name, bool is_dropin)
{
        g_autofree char *copy = g_strconcat(r->below, name, NULL), *opened = host_path(copy);
        char *text = NULL;
        size_t size = 0;
        Presence presence = read_file(r, name, opened, true, &text, &size);

        if (presence == PRESENCE_READ && is_dropin && size == 0) {
                g_free(text);
                return PRESENCE_MASKED;
        }
        if (presence == PRESENCE_READ) {
                add_file(r, digest, name, is_dropin, text, size);
                g_ptr_array_add(r->manifest->sources, g_strdup(name));
        }
        return presence;
}

/* Names ending in .json, hidden ones not; an equal name of an earlier call stays. */
static void list_dropins(ManifestReading *r, const char *folder, GTree *paths)
{
        g_autofree char *copy = g_strconcat(r->below, folder, NULL), *opened = host_path(copy);
        g_autoptr(GError) error = NULL;
        g_autoptr(GDir) dir = g_dir_open(opened, 0, &error);
        const char *name;

        if (!dir && !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                manifest_complain_file(r, folder, NULL, "the folder cannot be read: %s", error->message);
        while (dir && (name = g_dir_read_name(dir)))
                if (name[0] != '.' && g_str_has_suffix(name, ".json") && !g_tree_lookup(paths, name))
                        g_tree_insert(paths, g_strdup(name), g_build_filename(folder, name, NULL));
}

static int compare_names(const void *a, const void *b, void *unused)
{
        return strcmp(a, b);
}

typedef struct DropinWalk {
        ManifestReading *reading;
        Digest *digest;
        unsigned found;
} DropinWalk;

static gboolean source_dropin(void *name, void *path, void *data)
{
        DropinWalk *walk = data;

        if (source_file(walk->reading, walk->digest, path, true) != PRESENCE_MISSING)
                walk->found++;
        return FALSE;
}

void manifest_source_all(ManifestReading *r, const char *below)
{
        g_autoptr(GTree) dropins = g_tree_new_full(compare_names, NULL, g_free, g_free);
        Digest digest;
        DropinWalk walk = { .reading = r, .digest = &digest };
        Presence main_file;

        r->below = below;
        gnutls_hash_init(&digest.hash, GNUTLS_DIG_SHA256);
        main_file = source_file(r, &digest, CERT_MANIFEST_FILE, false);
        list_dropins(r, CERT_MANIFEST_DROPIN_DIR, dropins);
        list_dropins(r, CERT_MANIFEST_VENDOR_DIR, dropins);
        g_tree_foreach(dropins, source_dropin, &walk);
        digest_finish(&digest, r);
        if (main_file == PRESENCE_MISSING && walk.found == 0)
                manifest_complain_file(r, CERT_MANIFEST_FILE, "Run \"certctl init\" to write a first one.",
                                       "there is no manifest yet");
}

/* A file named on a command line is the caller's, wherever it lies: no test root, any owner. */
void manifest_source_one(ManifestReading *r, const char *file)
{
        Digest digest;
        char *text = NULL;
        size_t size = 0;

        gnutls_hash_init(&digest.hash, GNUTLS_DIG_SHA256);
        switch (read_file(r, file, file, false, &text, &size)) {
        case PRESENCE_READ:
                add_file(r, &digest, file, false, text, size);
                break;
        case PRESENCE_MISSING:
                manifest_complain_file(r, file, NULL, "there is no such file");
                break;
        case PRESENCE_MASKED:
                manifest_complain_file(r, file, NULL, "the file is empty");
                break;
        case PRESENCE_BAD:
                break;
        }
        digest_finish(&digest, r);
}

void manifest_source_text(ManifestReading *r, const char *name, char *text, size_t size)
{
        Digest digest;

        gnutls_hash_init(&digest.hash, GNUTLS_DIG_SHA256);
        add_file(r, &digest, name, false, text, size);
        digest_finish(&digest, r);
}
