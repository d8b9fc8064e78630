/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HTTP for issuers: one request and its answer, by libcurl. It owns the connections that are kept between
 * requests, and the roots that vouched for them: what is kept for some roots is never used for others. */

#include "issuers/http-private.h"

#include "common/error.h"
#include "common/timespan.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MAX_USEC (10 * USEC_PER_SEC)
#define HEADERS_MAX      (64 * 1024) /* bytes of all */
#define CONNECTIONS_MAX  8L
/* Where a connection that was kept is closed by the server while a request is on its way, curl sends that
 * again: a POST, too (RFC 9112, section 9.3.1). Servers keep idle ones longer than this. */
#define IDLE_SECONDS 2L

struct Http {
        CURL *curl;
        GPtrArray *roots; /* sets of them, http-roots.c */
        bool connected;   /* one of the sockets closed since the last request began was connected */
};

/* One request on its way. */
typedef struct Transfer {
        const HttpRequest *request;
        GByteArray *body;
        HttpAnswer *answer; /* of its headers */
        char *retry_after;
        size_t header_bytes;
        char words[CURL_ERROR_SIZE];
        HttpFailure failure;
        HttpIdentity *identity; /* or NULL */
} Transfer;

/* ---- The library ---- */

bool http_check_library(GError **error)
{
        const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;

        if (tls && g_str_has_prefix(tls, "GnuTLS/"))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                    "libcurl is built with %s, and its connections could not be held to the roots of the "
                    "manifest\n"
                    "Install the libcurl that is built with GnuTLS (Debian: libcurl3-gnutls or "
                    "libcurl3t64-gnutls).",
                    tls ?: "no TLS");
        return false;
}

Http *http_new(void)
{
        Http *h = g_new0(Http, 1);

        h->roots = http_roots_new();
        return h;
}

Http *http_free(Http *h)
{
        if (!h)
                return NULL;
        if (h->curl)
                curl_easy_cleanup(h->curl); /* with its connections */
        g_ptr_array_unref(h->roots);
        g_free(h);
        return NULL;
}

/* ---- What comes in ---- */

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
        Transfer *t = userdata;

        size *= count;
        if (size > t->request->answer_max - t->body->len) {
                t->failure.too_large = true;
                return CURL_WRITEFUNC_ERROR;
        }
        g_byte_array_append(t->body, (const guint8 *) data, (guint) size);
        return size;
}

static size_t on_header(char *data, size_t size, size_t count, void *userdata)
{
        Transfer *t = userdata;

        size *= count;
        t->header_bytes += size;
        if (t->header_bytes > HEADERS_MAX) {
                t->failure.too_many_headers = true;
                return CURL_WRITEFUNC_ERROR;
        }
        http_answer_take_header(t->answer, &t->retry_after, data, size);
        return size;
}

/* While it waits for TLS, curl says of a connection that was taken and of one that was not the same: none.
 * The kernel knows. Sockets may outlive their request, so this is noted in `h`. */
static int on_close(void *userdata, curl_socket_t fd)
{
        Http *h = userdata;
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);

        h->connected = h->connected || getpeername(fd, (struct sockaddr *) &address, &length) == 0;
        return close(fd);
}

/* ---- What goes out ---- */

static void set_method(CURL *curl, const HttpRequest *request)
{
        gsize size = 0;
        const void *data = request->body ? g_bytes_get_data(request->body, &size) : NULL;

        if (g_str_equal(request->method, "POST")) {
                curl_easy_setopt(curl, CURLOPT_POST, 1L);
                curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) size);
                curl_easy_setopt(curl, CURLOPT_POSTFIELDS, data ?: ""); /* borrowed */
        } else if (g_str_equal(request->method, "HEAD"))
                curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        else
                curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
}

static struct curl_slist *headers_new(const HttpRequest *request)
{
        /* Without it curl waits a second for permission to send a large body. */
        struct curl_slist *list = curl_slist_append(NULL, "Expect:");

        for (const char *const *h = request->headers; h && *h; h++)
                list = curl_slist_append(list, *h);
        return list;
}

/* A new set of roots may end the handle. */
static int roots_fd(Http *h, GBytes *pem, GError **error)
{
        if (!http_roots_have_room(h->roots, pem)) {
                g_clear_pointer(&h->curl, curl_easy_cleanup);
                g_ptr_array_set_size(h->roots, 0);
        }
        return http_roots_fd(h->roots, pem, error);
}

/* Who may vouch for the server: these roots and nobody else, neither the system's (CURLOPT_CAPATH has a
 * default) nor those of another request. */
static bool set_trust(Http *h, const HttpRequest *request, GError **error)
{
        char path[sizeof("/proc/self/fd/") + 10];
        int fd;

        curl_easy_setopt(h->curl, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(h->curl, CURLOPT_CAINFO, NULL);
        if (!request->roots) { /* a connection that nobody vouched for serves this request alone */
                curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 0L);
                curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 0L);
                curl_easy_setopt(h->curl, CURLOPT_FRESH_CONNECT, 1L);
                curl_easy_setopt(h->curl, CURLOPT_FORBID_REUSE, 1L);
                return true;
        }
        fd = roots_fd(h, request->roots, error);
        if (fd < 0)
                return false;
        g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        curl_easy_setopt(h->curl, CURLOPT_CAINFO, path);
        curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 2L);
        return true;
}

/* What curl would do of its own accord, and is not to: ask a proxy of the environment, follow, keep. Cookies,
 * .netrc, HSTS and Alt-Svc are off unless asked for. */
static void set_manners(CURL *curl, const HttpTarget *target)
{
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, target->tls ? "https" : "http");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
        curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, CONNECTIONS_MAX);
        curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "cert-agent/" PROJECT_VERSION);
}

static long milliseconds(uint64_t usec)
{
        return (long) MIN(MAX(usec / USEC_PER_MSEC, 1),
                          G_MAXINT32); /* 0 would mean: curl's own five minutes */
}

static void set_callbacks(Http *h, Transfer *t)
{
        CURL *curl = h->curl;

        curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, on_close);
        curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, h);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->words);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
}

static bool prepare(Http *h, const HttpTarget *target, Transfer *t, struct curl_slist *headers,
                    GError **error)
{
        const HttpRequest *request = t->request;

        if (h->curl)
                curl_easy_reset(h->curl); /* keeps the connections */
        /* Roots first: a new set of them may end the handle. */
        if (request->roots && roots_fd(h, request->roots, error) < 0)
                return false;
        if (!h->curl)
                h->curl = curl_easy_init();
        if (!h->curl) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "libcurl cannot be initialised");
                return false;
        }
        set_manners(h->curl, target);
        set_callbacks(h, t);
        curl_easy_setopt(h->curl, CURLOPT_URL, request->url);
        curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, milliseconds(request->timeout_usec));
        curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS,
                         milliseconds(MIN(request->connect_usec ?: CONNECT_MAX_USEC, CONNECT_MAX_USEC)));
        curl_easy_setopt(h->curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) request->answer_max);
        set_method(h->curl, request);
        if (!set_trust(h, request, error))
                return false;
        t->identity = request->client ? http_identity_new(request->client, error) : NULL;
        if (t->identity)
                http_identity_set(t->identity, h->curl);
        return t->identity || !request->client;
}

/* ---- One request ---- */

static void take_failure(const Http *h, CURLcode code, Transfer *t)
{
        CURL *curl = h->curl;
        HttpFailure *f = &t->failure;
        curl_off_t resolved = 0, connected = 0, shaken = 0, sent = 0, spent = 0;
        long number = 0;

        curl_easy_getinfo(curl, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
        curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
        curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &shaken);
        curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &sent); /* on a connection that was kept, too */
        curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &spent);
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
        f->code = code;
        f->text = t->words;
        f->number = (int) number;
        f->resolved = resolved > 0;
        f->connected = connected > 0 || sent > 0 || h->connected;
        f->shaken = shaken > 0 || sent > 0;
        f->shown = http_identity_shown(t->identity);
        f->begun = t->header_bytes > 0;
        f->received = t->body->len;
        f->spent_usec = (uint64_t) MAX(spent, 0);
}

static HttpAnswer *finish(CURL *curl, Transfer *t)
{
        HttpAnswer *a = g_steal_pointer(&t->answer);
        long status = 0;

        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        a->status = (unsigned) status;
        a->body = g_byte_array_free_to_bytes(g_steal_pointer(&t->body));
        a->retry_after_usec = http_answer_retry_after(t->retry_after, a->date_usec ?: now_realtime());
        return a;
}

static void transfer_clear(Transfer *t)
{
        g_clear_pointer(&t->body, g_byte_array_unref);
        http_answer_free(t->answer);
        http_identity_free(t->identity);
        g_free(t->retry_after);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Transfer, transfer_clear)

HttpAnswer *http_send(Http *h, const HttpRequest *request, GError **error)
{
        g_auto(HttpTarget) target = { 0 };
        g_auto(Transfer) t = { .request = request };
        struct curl_slist *headers;
        HttpAnswer *answer = NULL;
        CURLcode code;

        if (!http_target_read(request->url, &target, error))
                return NULL;
        t.body = g_byte_array_new();
        t.answer = g_new0(HttpAnswer, 1);
        headers = headers_new(request);
        if (prepare(h, &target, &t, headers, error)) {
                h->connected = false;
                code = curl_easy_perform(h->curl);
                if (code == CURLE_OK)
                        answer = finish(h->curl, &t);
                else if (!http_identity_failed(t.identity, error)) {
                        take_failure(h, code, &t);
                        http_failure_set(&target, request, &t.failure, error);
                }
                curl_easy_reset(h->curl); /* nothing of the request is borrowed any longer */
        }
        curl_slist_free_all(headers);
        return answer;
}
