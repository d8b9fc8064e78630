/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The PIN of a token: read from where a URI says, and remembered when the token refused it. It owns the PIN's
 * memory, which is wiped, and the lock on the file of refused ones. What that file keeps of a PIN is which
 * file it was read from (device, inode, mtime, size), or for one in the URI itself a salted digest: never the
 * PIN. */

#include "common/pin.h"

#include "common/error.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIN_MAX    255 /* GNUTLS_PKCS11_MAX_PIN_LEN less one */
#define MEMORY_MAX (64 * 1024)
#define TRIES_MAX  2 /* tokens that lock themselves allow at least three */

struct Pin {
        char *value;
        char *shown;    /* where it came from, for people */
        char *identity; /* "file DEVICE INODE MTIME SIZE"; NULL: it is the URI's own */
};

struct PinMemory {
        char *shown, *path;
        int fd;
        char **lines; /* "TOKEN IDENTITY" */
};

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        g_autofree char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error_literal(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, message);
        return false;
}

/* ---- The URI ---- */

/* An attribute of the URI's query, percent-decoded; NULL when it is not there or cannot be decoded. */
static char *query_attribute(const char *uri, const char *name)
{
        const char *query = strchr(uri, '?');
        g_auto(GStrv) parts = query ? g_strsplit(query + 1, "&", -1) : NULL;
        size_t length = strlen(name);

        for (char **p = parts; p && *p; p++)
                if (strncmp(*p, name, length) == 0 && (*p)[length] == '=')
                        return g_uri_unescape_string(*p + length + 1, NULL);
        return NULL;
}

char *pin_uri_without(const char *uri)
{
        const char *query = strchr(uri, '?');
        g_auto(GStrv) parts = query ? g_strsplit(query + 1, "&", -1) : NULL;
        g_autoptr(GString) bare = g_string_new(NULL);
        char separator = '?';

        g_string_append_len(bare, uri, query ? query - uri : (gssize) strlen(uri));
        for (char **p = parts; p && *p; p++) {
                if (g_str_has_prefix(*p, "pin-"))
                        continue;
                g_string_append_printf(bare, "%c%s", separator, *p);
                separator = '&';
        }
        return g_string_free(g_steal_pointer(&bare), FALSE);
}

/* ---- Reading ---- */

Pin *pin_free(Pin *p)
{
        if (!p)
                return NULL;
        if (p->value)
                gnutls_memset(p->value, 0, strlen(p->value));
        g_free(p->value);
        g_free(p->shown);
        g_free(p->identity);
        g_free(p);
        return NULL;
}

/* The first line, whole. */
static bool take_line(Pin *p, const char *data, size_t size, GError **error)
{
        size_t length = 0;

        while (length < size && data[length] && data[length] != '\n' && data[length] != '\r')
                length++;
        if (length == 0 || length > PIN_MAX)
                return refuse(error, "%s holds no PIN\nWrite the PIN into it, on a line of its own.",
                              p->shown);
        p->value = g_strndup(data, length);
        return true;
}

static bool read_source(Pin *p, int fd, GError **error)
{
        char data[PIN_MAX + 2];
        struct stat st;
        ssize_t n;
        bool good;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return refuse(error, "%s, which holds the PIN, is no regular file", p->shown);
        n = read(fd, data, sizeof(data));
        if (n < 0)
                return refuse(error, "%s, which holds the PIN, cannot be read: %s", p->shown,
                              g_strerror(errno));
        good = take_line(p, data, (size_t) n, error);
        gnutls_memset(data, 0, sizeof(data));
        p->identity = g_strdup_printf("file %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT
                                      ".%09ld %zd",
                                      (guint64) st.st_dev, (guint64) st.st_ino, (gint64) st.st_mtim.tv_sec,
                                      (long) st.st_mtim.tv_nsec, n);
        return good;
}

/* RFC 7512, 2.4 writes pin-source=file:/path; GnuTLS's tools a path. An empty authority is allowed (RFC 8089,
 * 2). */
static bool open_source(Pin *p, const char *source, GError **error)
{
        const char *path = source;
        g_autofree char *host = NULL;
        bool good;
        int fd;

        if (g_str_has_prefix(path, "file:"))
                path += strlen("file:");
        if (g_str_has_prefix(path, "///"))
                path += 2;
        if (*path != '/')
                return refuse(
                        error,
                        "pin-source=%s of the key's URI is no absolute path\nWrite pin-source=file:/path.",
                        source);
        p->shown = g_strdup(path);
        host = host_path(path);
        fd = open(host, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return refuse(error,
                              "%s, which holds the PIN, cannot be opened: %s\nWrite the PIN into it, and let "
                              "the user that "
                              "this runs as (%u) read it, and no other.",
                              path, g_strerror(errno), (unsigned) geteuid());
        good = read_source(p, fd, error);
        close(fd);
        return good;
}

Pin *pin_new(const char *uri, GError **error)
{
        g_autoptr(Pin) p = g_new0(Pin, 1);
        g_autofree char *source = query_attribute(uri, "pin-source");

        p->value = query_attribute(uri, "pin-value");
        if (p->value && *p->value)
                p->shown = g_strdup("pin-value of the key's URI");
        else if (p->value)
                g_clear_pointer(&p->value, g_free);
        else if (source && !open_source(p, source, error))
                return NULL;
        return g_steal_pointer(&p);
}

const char *pin_value(const Pin *p)
{
        return p->value;
}

/* ---- The memory ---- */

static bool memory_error(const PinMemory *m, const char *what, GError **error)
{
        return refuse(error,
                      "%s, which remembers PINs that a token refused, cannot be %s: %s\nWithout it a token "
                      "could be "
                      "locked by trying a wrong PIN again: check the disk.",
                      m->shown, what, g_strerror(errno));
}

static bool memory_lock(PinMemory *m, GError **error)
{
        g_autofree char *parent = g_path_get_dirname(m->path);

        if (g_mkdir_with_parents(parent, 0700) < 0)
                return memory_error(m, "made", error);
        m->fd = open(m->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
        if (m->fd < 0)
                return memory_error(m, "opened", error);
        while (flock(m->fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return memory_error(m, "locked", error);
        return true;
}

/* What is longer than it can be was not written here: only its first part is heeded. */
static bool memory_read(PinMemory *m, GError **error)
{
        g_autofree char *text = g_malloc0(MEMORY_MAX + 1);
        ssize_t n = pread(m->fd, text, MEMORY_MAX, 0);

        if (n < 0)
                return memory_error(m, "read", error);
        m->lines = g_strsplit(text, "\n", -1);
        return true;
}

PinMemory *pin_memory_open(const char *file, GError **error)
{
        g_autoptr(PinMemory) m = g_new0(PinMemory, 1);

        m->fd = -1;
        m->shown = g_strdup(file);
        m->path = host_path(file);
        return memory_lock(m, error) && memory_read(m, error) ? g_steal_pointer(&m) : NULL;
}

PinMemory *pin_memory_free(PinMemory *m)
{
        if (!m)
                return NULL;
        if (m->fd >= 0)
                close(m->fd); /* and the lock */
        g_strfreev(m->lines);
        g_free(m->shown);
        g_free(m->path);
        g_free(m);
        return NULL;
}

static char *salted_digest(const char *salt, const char *value)
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);

        g_checksum_update(sum, (const guchar *) salt, -1);
        g_checksum_update(sum, (const guchar *) value, -1);
        return g_strdup(g_checksum_get_string(sum));
}

/* "value SALT DIGEST" for a PIN that no file holds. */
static bool identity_is(const char *identity, const Pin *p)
{
        g_auto(GStrv) words = NULL;
        g_autofree char *digest = NULL;

        if (p->identity)
                return g_str_equal(identity, p->identity);
        words = g_strsplit(identity, " ", -1);
        if (g_strv_length(words) != 3 || !g_str_equal(words[0], "value"))
                return false;
        digest = salted_digest(words[1], p->value);
        return g_str_equal(digest, words[2]);
}

static char *identity_of(const Pin *p)
{
        unsigned char bytes[16];
        g_autoptr(GString) salt = g_string_new(NULL);
        g_autofree char *digest = NULL;

        if (p->identity)
                return g_strdup(p->identity);
        if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof(bytes)) < 0)
                return NULL;
        for (size_t i = 0; i < sizeof(bytes); i++)
                g_string_append_printf(salt, "%02x", bytes[i]);
        digest = salted_digest(salt->str, p->value);
        return g_strdup_printf("value %s %s", salt->str, digest);
}

/* The rest of a line that is about this token, or NULL. */
static const char *line_of(const char *line, const char *token_digest)
{
        size_t length = strlen(token_digest);

        return strncmp(line, token_digest, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

bool pin_memory_check(const PinMemory *m, const Pin *p, const char *token, GError **error)
{
        g_autofree char *digest = salted_digest("", token);
        unsigned tries = 0;

        for (char **line = m->lines; *line; line++) {
                const char *identity = line_of(*line, digest);

                if (!identity)
                        continue;
                tries++;
                if (identity_is(identity, p))
                        return refuse(error,
                                      "the token refused this PIN (%s) before, and it is not tried "
                                      "again\nGive the right "
                                      "PIN. If it is the token's PIN that has changed, write the file anew, "
                                      "or remove %s.",
                                      p->shown, m->shown);
        }
        return tries < TRIES_MAX || refuse(error,
                                           "the token refused %u PINs, and another wrong one could lock "
                                           "it\nTry the PIN by hand: p11tool --login "
                                           "--list-privkeys. When it is right, remove %s.",
                                           tries, m->shown);
}

static bool memory_write(PinMemory *m, const char *text)
{
        size_t size = strlen(text);

        return pwrite(m->fd, text, size, 0) == (ssize_t) size && ftruncate(m->fd, (off_t) size) >= 0 &&
               fsync(m->fd) >= 0;
}

/* All lines but those of a token, with one more. */
static bool memory_rewrite(PinMemory *m, const char *without, const char *more)
{
        g_autoptr(GString) text = g_string_new(more);

        for (char **line = m->lines; *line; line++)
                if (**line && !(without && line_of(*line, without)) &&
                    text->len + strlen(*line) + 1 < MEMORY_MAX)
                        g_string_append_printf(text, "%s\n", *line);
        return memory_write(m, text->str);
}

bool pin_memory_refused(PinMemory *m, const Pin *p, const char *token, GError **error)
{
        g_autofree char *digest = salted_digest("", token), *identity = identity_of(p), *line = NULL;

        if (!identity)
                return refuse(error, "no randomness to remember a refused PIN with");
        line = g_strdup_printf("%s %s\n", digest, identity);
        return memory_rewrite(m, NULL, line) || memory_error(m, "written", error);
}

void pin_memory_accepted(PinMemory *m, const char *token)
{
        g_autofree char *digest = salted_digest("", token);
        bool known = false;

        for (char **line = m->lines; *line; line++)
                known = known || line_of(*line, digest);
        if (known)
                (void) memory_rewrite(m, digest,
                                      NULL); /* a line too many means only that somebody is asked to look */
}
