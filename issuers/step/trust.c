/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust: the roots that may vouch for the CA's servers. They are named by the manifest, as a file or by what
 * the SHA-256 of each is, and by nobody else. It owns what is kept of them on disk. */

#include "issuers/step/step-private.h"

#include "agent/cert-list.h"
#include "agent/readfile.h"
#include "common/error.h"
#include "common/names.h"
#include "common/path.h"
#include "common/timespan.h"
#include "issuers/root-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define ROOT_FILE_MAX  (1024 * 1024)
#define HASH_SIZE      32
#define FETCH_MAX      (64 * 1024)
#define NAME_SHOWN_MAX 256

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_propagate_error(
                error, g_error_new_valist(CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION, format, arguments));
        va_end(arguments);
        return false;
}

/* ---- One root ---- */

static char *name_of(gnutls_x509_crt_t crt)
{
        gnutls_datum_t text = { 0 };
        char *name;

        if (gnutls_x509_crt_get_dn3(crt, &text, 0) < 0)
                return g_strdup("(no name)");
        name = cert_error_printable((const char *) text.data, NAME_SHOWN_MAX, "");
        gnutls_free(text.data);
        return name;
}

bool step_root_check(gnutls_x509_crt_t crt, const char *where, GError **error)
{
        g_autofree char *name = name_of(crt), *when = NULL;
        uint64_t from, to;

        if (gnutls_x509_crt_get_ca_status(crt, NULL) <= 0)
                return refuse(
                        error,
                        "%s: \"%s\" is no CA's certificate\n"
                        "The root of the CA belongs there (step ca root), not a certificate that it signed.",
                        where, name);
        cert_validity(crt, &from, &to);
        if (now_realtime() <= to)
                return true;
        when = timestamp_format(to);
        return refuse(error,
                      "%s: the root \"%s\" expired at %s\n"
                      "Nothing that it signed is good any longer: the CA needs a new root; then change the "
                      "manifest. If the "
                      "time is wrong, set this host's clock.",
                      where, name, when);
}

static bool has_fingerprint(gnutls_x509_crt_t crt, const char *fingerprint)
{
        unsigned char hash[HASH_SIZE];
        char hex[2 * HASH_SIZE + 1];
        size_t size = sizeof(hash);

        if (gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &size) < 0 || size != sizeof(hash))
                return false;
        for (size_t i = 0; i < size; i++)
                g_snprintf(hex + 2 * i, 3, "%02x", hash[i]);
        return strlen(fingerprint) == 2 * HASH_SIZE && gnutls_memcmp(hex, fingerprint, 2 * HASH_SIZE) == 0;
}

/* ---- A file ---- */

static bool refuse_file(const char *path, int number, GError **error)
{
        switch (number) {
        case ENOENT:
        case ENOTDIR:
                return refuse(error,
                              "the root file %s is not there, so it cannot be known who the CA is\n"
                              "Put the CA's root certificate there (on the CA: step ca root), or name it by "
                              "root_fingerprint.",
                              path);
        case EACCES:
        case EPERM:
                return refuse(error,
                              "the root file %s may not be read by cert-issuer-step\n"
                              "It holds nothing secret: chmod 0644 %s, and its folders 0755; files in home "
                              "directories are "
                              "out of reach.",
                              path, path);
        case EFBIG:
                return refuse(error,
                              "the root file %s is no regular file of at most 1 MiB\n"
                              "Put the CA's root certificate there.",
                              path);
        default:
                return refuse(error, "reading the root file %s: %s\nCheck the file.", path,
                              g_strerror(number));
        }
}

static GBytes *read_root_file(const char *path, GError **error)
{
        GBytes *content = NULL;
        struct stat st;
        int r = root_file_read(path, ROOT_FILE_MAX, &content, &st);

        if (r < 0)
                refuse_file(path, -r, error);
        return content;
}

static bool check_root_file(GBytes *pem, const char *path, GError **error)
{
        g_autofree char *where = g_strconcat("the root file ", path, NULL);
        g_auto(CertList) list = { 0 };
        size_t size;
        const char *text = g_bytes_get_data(pem, &size);

        if (memmem(text, size, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")))
                return refuse(error,
                              "%s holds a private key\n"
                              "Only the CA's root certificate belongs there. Whoever could read the file has "
                              "the key: make a "
                              "new one.",
                              where);
        if (!cert_list_of_pem(pem, STEP_ROOTS_MAX, &list) || list.n == 0)
                return refuse(error,
                              "%s holds no certificate, or more than %d\nPut the CA's root there, as PEM.",
                              where, STEP_ROOTS_MAX);
        for (unsigned i = 0; i < list.n; i++)
                if (!step_root_check(list.crt[i], where, error))
                        return false;
        return true;
}

static GBytes *trust_file(StepCall *c, GError **error)
{
        const char *path = c->options->root_file;
        g_autoptr(GBytes) pem = read_root_file(path, error);

        if (!pem || !check_root_file(pem, path, error))
                return NULL;
        g_hash_table_replace(c->process->trusted, g_strdup(path), g_bytes_ref(pem));
        return g_hash_table_lookup(c->process->trusted, path);
}

/* ---- Fingerprints: what is kept ---- */

static char *cache_path(const char *fingerprint)
{
        g_autofree char *path = g_strconcat(CERT_STEP_CACHE_DIR, "/", fingerprint, ".pem", NULL);

        return host_path(path);
}

GBytes *step_root_accept(const char *pem, size_t size, const char *fingerprint)
{
        g_autoptr(GBytes) bytes = g_bytes_new(pem, size);
        g_auto(CertList) list = { 0 };
        gnutls_datum_t out;

        if (!cert_list_of_pem(bytes, 1, &list) || list.n != 1 || !has_fingerprint(list.crt[0], fingerprint) ||
            gnutls_x509_crt_export2(list.crt[0], GNUTLS_X509_FMT_PEM, &out) < 0)
                return NULL;
        return g_bytes_new_with_free_func(out.data, out.size, gnutls_free, out.data);
}

/* Bounded, and never a FIFO: a process that was taken over could have left one, and it is another now. */
static GBytes *read_kept(const char *fingerprint)
{
        g_autofree char *path = cache_path(fingerprint);
        g_autoptr(GBytes) kept = NULL;

        if (readfile_at(AT_FDCWD, path, FETCH_MAX, &kept, NULL) != READ_DONE)
                return NULL;
        return step_root_accept(g_bytes_get_data(kept, NULL), g_bytes_get_size(kept), fingerprint);
}

/* A cache: what cannot be kept is asked for again. GLib writes beside it, and renames. */
static void keep(const char *fingerprint, GBytes *pem)
{
        g_autofree char *path = cache_path(fingerprint);
        gsize size;
        const char *text = g_bytes_get_data(pem, &size);

        (void) g_file_set_contents_full(path, text, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0644,
                                        NULL);
}

/* ---- Fingerprints: what is asked for ---- */

/* The one request to a server that nobody vouches for: its answer is held against the fingerprint. */
static HttpAnswer *ask_root(StepCall *c, const char *url, const char *fingerprint, GError **error)
{
        g_autofree char *whole = g_strconcat(url, "/root/", fingerprint, NULL);
        uint64_t left = step_call_left(c);
        const HttpRequest request = { .method = "GET",
                                      .url = whole,
                                      .answer_max = FETCH_MAX,
                                      .timeout_usec = MAX(left, 1),
                                      .connect_usec = left / g_strv_length(c->options->urls) };

        return http_send(c->process->http, &request, error);
}

/* *ret NULL with success: the server does not know it. */
static bool fetch_root(StepCall *c, const char *url, const char *fingerprint, GBytes **ret, GError **error)
{
        g_autoptr(HttpAnswer) a = ask_root(c, url, fingerprint, error);
        g_autoptr(JsonObject) o = NULL;
        const char *pem;

        *ret = NULL;
        if (!a)
                return false;
        if (a->status == 404)
                return true;
        if (a->status != 200 && a->status != 201) {
                StepCall asked = *c; /* nobody vouches for it: what it says of later (Retry-After) ends with this */

                asked.url = url;
                step_refusal(&asked, a, "asking for the root certificate", error);
                return false;
        }
        o = step_json_parse(a->body);
        pem = o ? step_json_string(o, "ca") : NULL;
        *ret = pem ? step_root_accept(pem, strlen(pem), fingerprint) : NULL;
        if (*ret) {
                keep(fingerprint, *ret);
                return true;
        }
        if (pem)
                return refuse(
                        error,
                        "%s was asked for the root with the fingerprint %s and gave another certificate\n"
                        "This is not the CA, or somebody is in between. Nothing was trusted.",
                        url, fingerprint);
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                    "%s gave no root certificate: its answer is not that of a step-ca\n"
                    "Check that \"url\" in the manifest is the CA's.",
                    url);
        return false;
}

/* Adds a root to `all` if there is one with this fingerprint. */
static bool add_root(StepCall *c, const char *url, const char *fingerprint, GString *all, GError **error)
{
        g_autofree char *where = g_strconcat("the root with the fingerprint ", fingerprint, NULL);
        g_autoptr(GBytes) pem = read_kept(fingerprint);
        g_auto(CertList) list = { 0 };
        gsize size;
        const char *text;

        if (!pem && !fetch_root(c, url, fingerprint, &pem, error))
                return false;
        if (!pem)
                return true;
        if (!cert_list_of_pem(pem, 1, &list) || !step_root_check(list.crt[0], where, error))
                return false;
        text = g_bytes_get_data(pem, &size);
        g_string_append_len(all, text, (gssize) size);
        return true;
}

static char *fingerprints_key(const StepCall *c)
{
        return g_strjoinv(" ", c->options->fingerprints);
}

/* One of several may have expired, or not be there yet: the others do. */
static GBytes *trust_fingerprints(StepCall *c, const char *url, GError **error)
{
        g_autofree char *key = fingerprints_key(c);
        GBytes *known = g_hash_table_lookup(c->process->trusted, key);
        g_autoptr(GString) all = NULL;
        g_autoptr(GError) wrong = NULL;

        if (known)
                return known;
        all = g_string_new(NULL);
        for (char **f = c->options->fingerprints; *f; f++) {
                g_clear_error(&wrong);
                if (!add_root(c, url, *f, all, &wrong) &&
                    !g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION))
                        break; /* the server is not there: no use in asking for the next */
        }
        if (all->len > 0) {
                known = g_bytes_new(all->str, all->len);
                g_hash_table_replace(c->process->trusted, g_steal_pointer(&key), known);
                return known;
        }
        if (wrong)
                g_propagate_error(error, g_steal_pointer(&wrong));
        else
                refuse(error,
                       "%s has no root with the fingerprint %s: the CA's root changed, or this is another "
                       "CA\n"
                       "Nothing was trusted anew. Ask the CA itself, on its own host: step certificate "
                       "fingerprint $(step "
                       "path)/certs/root_ca.crt; if it did change, put that into root_fingerprint of the "
                       "manifest.",
                       url, key);
        return NULL;
}

GBytes *step_trust(StepCall *c, const char *url, GError **error)
{
        return c->options->root_file ? trust_file(c, error) : trust_fingerprints(c, url, error);
}

void step_trust_forget(StepCall *c)
{
        g_autofree char *key = c->options->fingerprints ? fingerprints_key(c) : NULL;

        if (key)
                g_hash_table_remove(c->process->trusted, key);
}
