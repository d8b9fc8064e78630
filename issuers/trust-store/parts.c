/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Parts: owns the files cert-agent-FINGERPRINT.pem of a folder with hash links, and how bundles are cut into them. */

#include "issuers/trust-store/parts.h"

#include "common/error.h"
#include "common/log.h"
#include "common/path.h"
#include "issuers/trust-store/links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "cert-agent-"
#define SUFFIX ".pem"
#define FILE_MAX (UINT32_C(8) << 20)
#define DEPTH_MAX 8

static bool fail(GError **error, const char *what, const char *path)
{
        int code = errno;

        g_set_error(error, G_FILE_ERROR, (int) g_file_error_from_errno(code), "Cannot %s %s: %s", what, path,
                    g_strerror(code));
        return false;
}

/* ---- Reading ---- */

/* NULL without an error for what is no file that can hold certificates. */
static GBytes *read_file(int folder, const char *name, GError **error)
{
        int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        g_autofree char *data = NULL;
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                goto failed;
        if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
                close(fd);
                return NULL;
        }
        data = g_malloc((size_t) st.st_size + 1);
        n = read(fd, data, (size_t) st.st_size);
        if (n >= 0) {
                close(fd);
                return g_bytes_new_take(g_steal_pointer(&data), (size_t) n);
        }
failed:
        fail(error, "read", name);
        if (fd >= 0)
                close(fd);
        return NULL;
}

static char *fingerprint_of(gnutls_x509_crt_t crt)
{
        unsigned char digest[32];
        size_t size = sizeof digest;
        GString *s = g_string_new(NULL);

        if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &size) == 0)
                for (size_t i = 0; i < size; i++)
                        g_string_append_printf(s, "%02x", digest[i]);
        return g_string_free(s, FALSE);
}

static void add_certificate(GHashTable *parts, gnutls_x509_crt_t crt)
{
        gnutls_datum_t pem = { 0 };

        if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) < 0)
                return;
        g_hash_table_insert(parts, fingerprint_of(crt), g_strndup((const char *) pem.data, pem.size));
        gnutls_free(pem.data);
}

static void add_file(GHashTable *parts, GBytes *content, const char *name)
{
        gnutls_datum_t text = { (unsigned char *) g_bytes_get_data(content, NULL), (unsigned) g_bytes_get_size(content) };
        gnutls_x509_crt_t *list = NULL;
        unsigned n = 0;

        if (gnutls_x509_crt_list_import2(&list, &n, &text, GNUTLS_X509_FMT_PEM, 0) < 0) {
                log_warning("%s: There are no certificates in PEM in it, ignoring", name);
                return;
        }
        for (unsigned i = 0; i < n; i++) {
                add_certificate(parts, list[i]);
                gnutls_x509_crt_deinit(list[i]);
        }
        gnutls_free(list);
}

static bool read_folder(GHashTable *parts, int fd, const char *suffix, unsigned depth, GError **error);

static bool read_entry(GHashTable *parts, int folder, const char *name, const char *suffix, unsigned depth, GError **error)
{
        g_autoptr(GBytes) content = NULL;
        g_autoptr(GError) e = NULL;
        struct stat st;

        /* gone meanwhile, or a link to nothing: the distribution's tool does not see it either */
        if (name[0] == '.' || fstatat(folder, name, &st, 0) < 0)
                return true;
        if (S_ISDIR(st.st_mode)) {
                int fd = depth < DEPTH_MAX ? openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

                return fd < 0 || read_folder(parts, fd, suffix, depth + 1, error);
        }
        if (!g_str_has_suffix(name, suffix))
                return true;
        content = read_file(folder, name, &e);
        if (content)
                add_file(parts, content, name);
        if (e)
                g_propagate_error(error, g_steal_pointer(&e));
        return content || !error || !*error;
}

/* Takes the descriptor. */
static bool read_folder(GHashTable *parts, int fd, const char *suffix, unsigned depth, GError **error)
{
        DIR *listing = fdopendir(fd);
        const struct dirent *entry;
        bool ok = true;

        if (!listing) {
                close(fd);
                return true;
        }
        while (ok && (entry = readdir(listing)))
                ok = read_entry(parts, fd, entry->d_name, suffix, depth, error);
        closedir(listing);
        return ok;
}

GHashTable *parts_read(const char *folder, const char *suffix, GError **error)
{
        g_autoptr(GHashTable) parts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autofree char *path = host_path(folder);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno != ENOENT) {
                fail(error, "open", folder);
                return NULL;
        }
        if (fd >= 0 && !read_folder(parts, fd, suffix, 0, error))
                return NULL;
        return g_steal_pointer(&parts);
}

/* ---- What must be trusted in the end ---- */

static bool is_authority(const char *pem)
{
        gnutls_datum_t text = { (unsigned char *) pem, (unsigned) strlen(pem) };
        gnutls_x509_crt_t crt;
        bool is = false;

        if (gnutls_x509_crt_init(&crt) < 0)
                return false;
        if (gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM) == 0)
                is = gnutls_x509_crt_get_ca_status(crt, NULL) > 0;
        gnutls_x509_crt_deinit(crt);
        return is;
}

bool parts_are_in(GHashTable *parts, const char *bundle, GError **error)
{
        g_autoptr(GHashTable) trusted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autofree char *path = host_path(bundle);
        g_autoptr(GBytes) content = read_file(AT_FDCWD, path, error);
        GHashTableIter i;
        gpointer fingerprint, pem;

        if (!content)
                return false;
        add_file(trusted, content, bundle);
        g_hash_table_iter_init(&i, parts);
        while (g_hash_table_iter_next(&i, &fingerprint, &pem))
                if (!g_hash_table_contains(trusted, fingerprint) && is_authority(pem)) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE,
                                    "The certificate with the SHA-256 fingerprint %s is not in %s\n"
                                    "Run the distribution's tool by hand and see what it says.",
                                    (char *) fingerprint, bundle);
                        return false;
                }
        return true;
}

/* ---- A file for each ---- */

static int open_folder(const char *folder, GError **error)
{
        g_autofree char *path = host_path(folder);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                fail(error, "open", folder);
        return fd;
}

static bool write_part(int folder, const char *name, const char *pem, GError **error)
{
        g_autofree char *passing = g_strconcat(".", name, "~", NULL);
        size_t size = strlen(pem);
        int fd = openat(folder, passing, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        bool ok = fd >= 0 && write(fd, pem, size) == (ssize_t) size && fchmod(fd, 0644) == 0 && fsync(fd) == 0;

        if (fd >= 0 && close(fd) < 0)
                ok = false;
        if (ok && renameat(folder, passing, folder, name) == 0)
                return true;
        fail(error, "write", name);
        unlinkat(folder, passing, 0);
        return false;
}

bool parts_write(GHashTable *parts, const char *folder, GError **error)
{
        int fd = open_folder(folder, error);
        GHashTableIter i;
        gpointer fingerprint, pem;
        bool ok = fd >= 0;

        g_hash_table_iter_init(&i, parts);
        while (ok && g_hash_table_iter_next(&i, &fingerprint, &pem)) {
                g_autofree char *name = g_strconcat(PREFIX, fingerprint, SUFFIX, NULL);

                if (faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                        ok = write_part(fd, name, pem, error);
        }
        if (fd >= 0)
                close(fd);
        return ok;
}

static bool is_of_others(GHashTable *parts, const char *name)
{
        g_autofree char *fingerprint = NULL;

        if (!g_str_has_prefix(name, PREFIX) || !g_str_has_suffix(name, SUFFIX))
                return true;
        fingerprint = g_strndup(name + strlen(PREFIX), strlen(name) - strlen(PREFIX) - strlen(SUFFIX));
        return g_hash_table_contains(parts, fingerprint);
}

bool parts_prune(GHashTable *parts, const char *folder, GError **error)
{
        int fd = open_folder(folder, error), copy = fd < 0 ? -1 : dup(fd);
        DIR *listing = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;
        bool ok = listing != NULL;

        while (ok && (entry = readdir(listing))) {
                if (is_of_others(parts, entry->d_name))
                        continue;
                /* the links first: one to nothing would hide others */
                ok = links_drop(fd, entry->d_name, error) &&
                     (unlinkat(fd, entry->d_name, 0) == 0 || fail(error, "remove", entry->d_name));
        }
        /* and those to files that somebody else removed */
        ok = ok && links_drop(fd, "", error);
        if (listing)
                closedir(listing);
        if (fd >= 0)
                close(fd);
        return ok;
}
