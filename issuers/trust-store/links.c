/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hash links: owns how one is taken away while others read. The link of the highest number takes the place of the one that
 * goes, by rename, and only then its old name goes: the count has no hole at any time. (rehash leaves a link to nothing
 * where it is as long as its hash has other certificates: these are not found then.) */

#include "issuers/trust-store/links.h"

#include "common/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_LENGTH 8
#define PASSING_NAME ".cert-agent-link~"

static bool fail(GError **error, const char *what, const char *name)
{
        int code = errno;

        g_set_error(error, G_FILE_ERROR, (int) g_file_error_from_errno(code), "Cannot %s the hash link %s: %s", what, name,
                    g_strerror(code));
        return false;
}

static bool is_hash_link(const char *name)
{
        const char *number = name + HASH_LENGTH + 1;

        return strspn(name, "0123456789abcdef") == HASH_LENGTH && name[HASH_LENGTH] == '.' && *number &&
               number[strspn(number, "0123456789")] == '\0';
}

static char *read_target(int folder, const char *name)
{
        char target[PATH_MAX];
        ssize_t n = readlinkat(folder, name, target, sizeof target - 1);

        return n > 0 ? g_strndup(target, (size_t) n) : NULL;
}

/* Whether it must go: it leads to that file, or nowhere. */
static bool is_stale(int folder, const char *name, const char *file)
{
        g_autofree char *target = is_hash_link(name) ? read_target(folder, name) : NULL;
        struct stat st;

        return target && (g_str_equal(target, file) || (fstatat(folder, name, &st, 0) < 0 && errno == ENOENT));
}

/* The link of the same hash with the highest number; caller owns. */
static char *last_of_hash(int folder, const char *name)
{
        g_autofree char *last = g_strdup(name);
        struct stat st;

        for (unsigned i = (unsigned) strtoul(name + HASH_LENGTH + 1, NULL, 10) + 1;; i++) {
                g_autofree char *next = g_strdup_printf("%.*s.%u", HASH_LENGTH, name, i);

                if (fstatat(folder, next, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return g_steal_pointer(&last);
                g_free(last);
                last = g_steal_pointer(&next);
        }
}

static bool drop(int folder, const char *name, GError **error)
{
        g_autofree char *last = last_of_hash(folder, name), *target = read_target(folder, last);

        if (target && !g_str_equal(last, name)) {
                if (unlinkat(folder, PASSING_NAME, 0) < 0 && errno != ENOENT)
                        return fail(error, "replace", name);
                if (symlinkat(target, folder, PASSING_NAME) < 0 || renameat(folder, PASSING_NAME, folder, name) < 0)
                        return fail(error, "replace", name);
        }
        return unlinkat(folder, last, 0) == 0 || fail(error, "remove", last);
}

/* One that is stale, or NULL; caller owns. */
static char *find_stale(DIR *listing, const char *file)
{
        const struct dirent *entry;

        rewinddir(listing);
        while ((entry = readdir(listing)))
                if (is_stale(dirfd(listing), entry->d_name, file))
                        return g_strdup(entry->d_name);
        return NULL;
}

bool links_drop(int folder, const char *file, GError **error)
{
        int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *listing = copy < 0 ? NULL : fdopendir(copy);
        bool ok = listing || fail(error, "look for", file);
        char *name;

        /* what takes a stale one's place may be stale as well: each is looked for anew */
        while (ok && (name = find_stale(listing, file))) {
                ok = drop(folder, name, error);
                g_free(name);
        }
        if (listing)
                closedir(listing);
        return ok;
}
