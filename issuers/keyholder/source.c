/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source of an account's key
 *
 * Files and credentials that the manifest names, and reading them. What was read is owned by a SourceContent,
 * whose memory is wiped. These files are the administrator's: a link is followed, and any owner will do. They
 * may lie on a share that is gone, so each failure says which file and what to look at.
 */

#include "issuers/keyholder/source.h"

#include "common/error.h"
#include "common/names.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD_MAX   (4 * 1024)
#define FILE_MAX       (64 * 1024) /* a key, a chain */
#define CREDENTIAL_MAX 255         /* systemd's */
#define WHITE_SPACE    " \t\n\v\f\r"

/* ---- What a source says ---- */

static bool refuse(GError **error, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "the source of an account's key %s", what);
        return false;
}

/* systemd's own rule (LoadCredential= in systemd.exec(5)), without what would have to be quoted. */
static bool is_credential_name(const char *name)
{
        size_t length = strlen(name);

        if (length == 0 || length > CREDENTIAL_MAX || g_str_equal(name, ".") || g_str_equal(name, ".."))
                return false;
        for (const char *p = name; *p; p++)
                if (!g_ascii_isalnum(*p) && !strchr("._-@+", *p))
                        return false;
        return true;
}

bool source_check(const Source *s, GError **error)
{
        const char *const paths[] = { s->password_file, s->key_file, s->certificate_file };

        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
                if (paths[i] && paths[i][0] != '/')
                        return refuse(error, "has a path that is not absolute");
        if (s->credential && !is_credential_name(s->credential))
                return refuse(error,
                              "names a credential that can have no such name: letters, digits and ._-@+");
        if (s->password_file && s->credential)
                return refuse(error, "names two passwords");
        if (!s->encrypted_key == !s->key_file)
                return refuse(error, "must have an encrypted key or a key file");
        if (!s->key_file != !s->certificate_file)
                return refuse(error, "must have a key file with its certificate file");
        if (s->encrypted_key && !s->password_file && !s->credential)
                return refuse(error, "names no password for the encrypted key");
        return true;
}

char *source_password_shown(const Source *s)
{
        if (s->password_file)
                return g_strdup(s->password_file);
        return s->credential ? g_strdup_printf("the credential %s", s->credential) : NULL;
}

/* ---- Reading ---- */

/* One file of a source. */
typedef struct SourceFile {
        const char *what;  /* "password file" */
        const char *shown; /* its path, for people */
        size_t max;
} SourceFile;

G_GNUC_PRINTF(3, 4)
static bool unusable(const SourceFile *f, GError **error, const char *format, ...)
{
        g_autofree char *message = NULL;
        va_list ap;

        va_start(ap, format);
        message = g_strdup_vprintf(format, ap);
        va_end(ap);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "the %s %s %s", f->what, f->shown, message);
        return false;
}

/* By its unit: it has a /tmp of its own, and what other keys are in is none of its business. */
static bool is_hidden(const char *path)
{
        static const char *const folders[] = { "/tmp/", "/var/tmp/", CERT_STATE_DIR "/",
                                               CERT_AUTHORITY_DIR "/" };

        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
                if (g_str_has_prefix(path, folders[i]))
                        return true;
        return false;
}

static bool cannot_open(const SourceFile *f, int number, GError **error)
{
        if (number == ENOENT && is_hidden(f->shown))
                return unusable(
                        f, error,
                        "is not seen by cert-keyholder, from which this folder is hidden\nKeep it elsewhere, "
                        "readable by root alone: in " CERT_CONFIG_DIR ", say.");
        switch (number) {
        case ENOENT:
        case ENOTDIR:
                return unusable(f, error,
                                "does not exist\nPut it there, readable by root alone; if it lies on a "
                                "share, see that "
                                "this is mounted (findmnt -T %s).",
                                f->shown);
        case EACCES:
        case EPERM:
                return unusable(
                        f, error,
                        "must not be read by root: %s\nOn a share that takes root for nobody, let root of "
                        "this "
                        "host read it, or keep it on this host; else see what forbids it (namei -l %s).",
                        g_strerror(number), f->shown);
        default:
                return unusable(f, error,
                                "cannot be read: %s\nSee what is wrong there: findmnt -T %s; journalctl -k",
                                g_strerror(number), f->shown);
        }
}

static bool check_stat(const SourceFile *f, const struct stat *st, GError **error)
{
        if (S_ISDIR(st->st_mode))
                return unusable(f, error, "is a folder\nName the file in it that is meant.");
        if (!S_ISREG(st->st_mode))
                return unusable(f, error,
                                "is no regular file\nNothing else is read, since it could hold up for ever "
                                "whoever does.");
        if (st->st_size == 0)
                return unusable(f, error, "is empty\nWrite into it what it should hold, and nothing else.");
        if ((uint64_t) st->st_size > f->max)
                return unusable(f, error, "is larger than %zu KiB\nIs it the right file?", f->max / 1024);
        return true;
}

/* The size is that of the content: it may have changed since the stat. */
static bool read_open(const SourceFile *f, int fd, Secret **ret, bool *ret_exposed, GError **error)
{
        g_autoptr(Secret) s = secret_new(f->max + 1);
        struct stat st;
        size_t have = 0;
        ssize_t n = 1;

        if (fstat(fd, &st) < 0)
                return cannot_open(f, errno, error);
        if (!check_stat(f, &st, error))
                return false;
        while (n != 0 && have <= f->max) {
                n = read(fd, s->data + have, f->max + 1 - have);
                if (n < 0 && errno != EINTR)
                        return cannot_open(f, errno, error);
                have += n > 0 ? (size_t) n : 0;
        }
        st.st_size = (off_t) have;
        if (!check_stat(f, &st, error))
                return false;
        s->data[have] = '\0';
        s->size = have;
        *ret = g_steal_pointer(&s);
        *ret_exposed = st.st_mode & S_IROTH;
        return true;
}

/* O_NONBLOCK: a FIFO that nobody writes to, or a device, holds up nobody. */
static bool read_file(const SourceFile *f, const char *path, Secret **ret, bool *ret_exposed, GError **error)
{
        g_autofree char *host = host_path(path);
        int fd = open(host, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        bool good;

        if (fd < 0)
                return cannot_open(f, errno, error);
        good = read_open(f, fd, ret, ret_exposed, error);
        close(fd);
        return good;
}

/* ---- Passwords ---- */

/* What is left is still a string. */
static bool trim(const SourceFile *f, Secret *s, GError **error)
{
        size_t size = s->size;

        if (memchr(s->data, '\0', size))
                return unusable(
                        f, error,
                        "holds a NUL byte, which no password has\nWrite the password into it as plain "
                        "text.");
        while (size > 0 && strchr(WHITE_SPACE, s->data[size - 1]))
                size--;
        if (size == 0)
                return unusable(f, error, "is empty\nWrite into it what it should hold, and nothing else.");
        s->data[size] = '\0';
        s->size = size;
        return true;
}

static bool no_credential(const char *name, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "cert-keyholder got no credential %s\nEncrypt the password: install -d -m 0700 "
                    "/etc/credstore.encrypted; systemd-creds encrypt --name=%s - /etc/credstore.encrypted/%s; "
                    "then run \"systemctl edit cert-keyholder@.service\" and write: [Service] and, on a line "
                    "of its own, LoadCredentialEncrypted=%s:/etc/credstore.encrypted/%s; and end the one that "
                    "runs: systemctl stop 'cert-keyholder@*'",
                    name, name, name, name, name);
        return false;
}

static bool read_credential(const char *name, Secret **ret, GError **error)
{
        const char *folder = g_getenv("CREDENTIALS_DIRECTORY");
        g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : NULL;
        SourceFile f = { "credential", name, PASSWORD_MAX };
        g_autoptr(Secret) s = NULL;
        g_autofree char *host = path ? host_path(path) : NULL;
        bool exposed;

        if (!host || access(host, F_OK) < 0)
                return no_credential(name, error);
        if (!read_file(&f, path, &s, &exposed, error) || !trim(&f, s, error))
                return false;
        *ret = g_steal_pointer(&s);
        return true;
}

static bool read_password(const Source *s, SourceContent *c, GError **error)
{
        SourceFile f = { "password file", s->password_file, PASSWORD_MAX };
        bool exposed = false;

        if (s->credential)
                return read_credential(s->credential, &c->password, error);
        if (!s->password_file)
                return true;
        if (!read_file(&f, s->password_file, &c->password, &exposed, error) || !trim(&f, c->password, error))
                return false;
        if (exposed)
                c->exposed = s->password_file;
        return true;
}

/* ---- All of it ---- */

static bool read_bytes(const char *what, const char *path, GBytes **ret, bool *ret_exposed, GError **error)
{
        SourceFile f = { what, path, FILE_MAX };
        Secret *s = NULL;

        if (!read_file(&f, path, &s, ret_exposed, error))
                return false;
        *ret = secret_to_bytes(s, s->size);
        return true;
}

void source_content_clear(SourceContent *c)
{
        c->password = secret_free(c->password);
        g_clear_pointer(&c->key, g_bytes_unref);
        g_clear_pointer(&c->certificates, g_bytes_unref);
}

bool source_read(const Source *s, SourceContent *ret, GError **error)
{
        g_auto(SourceContent) c = { 0 };
        bool exposed = false, ignored;

        if (!read_password(s, &c, error))
                return false;
        if (s->key_file &&
            (!read_bytes("key file", s->key_file, &c.key, &exposed, error) ||
             !read_bytes("certificate file", s->certificate_file, &c.certificates, &ignored, error)))
                return false;
        if (exposed)
                c.exposed = s->key_file;
        *ret = c;
        c = (SourceContent){ 0 };
        return true;
}
