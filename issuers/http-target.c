/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom a URL names. */

#include "issuers/http-private.h"

#include "common/error.h"

#include <string.h>

#define URL_MAX   2048
#define SHOWN_MAX 256

void http_target_clear(HttpTarget *t)
{
        g_free(t->host);
        g_free(t->port);
        g_free(t->where);
        *t = (HttpTarget){ 0 };
}

/* A part as GLib owns it; NULL when there is none. */
static char *part(CURLU *u, CURLUPart which, unsigned flags)
{
        char *text = NULL, *copy;

        if (curl_url_get(u, which, &text, flags) != CURLUE_OK)
                return NULL;
        copy = g_strdup(text);
        curl_free(text);
        return copy;
}

/* Why it is none, or NULL. */
static const char *read_parts(CURLU *u, const char *url, HttpTarget *t)
{
        g_autofree char *scheme = NULL, *user = NULL;
        CURLUcode code =
                strlen(url) > URL_MAX ? CURLUE_MALFORMED_INPUT : curl_url_set(u, CURLUPART_URL, url, 0);

        if (code != CURLUE_OK)
                return curl_url_strerror(code);
        scheme = part(u, CURLUPART_SCHEME, 0);
        user = part(u, CURLUPART_USER, 0);
        t->tls = g_strcmp0(scheme, "https") == 0;
        if (!t->tls && g_strcmp0(scheme, "http") != 0)
                return "it is neither of https nor of http";
        if (user)
                return "it holds a user's name, and none is sent";
        t->host = part(u, CURLUPART_HOST, 0);
        t->port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        return t->host && *t->host && t->port ? NULL : "it names no host";
}

/* Fit for a log; without the password that somebody may have put in it. */
static char *shown_url(const char *url)
{
        const char *begin = strstr(url, "://"), *end = strrchr(url, '@');
        g_autofree char *start = NULL, *whole = NULL;

        begin = begin ? begin + 3 : url;
        if (!end || end < begin)
                return cert_error_printable(url, SHOWN_MAX, "");
        start = g_strndup(url, (gsize) (begin - url));
        whole = g_strconcat(start, "…", end, NULL);
        return cert_error_printable(whole, SHOWN_MAX, "");
}

bool http_target_read(const char *url, HttpTarget *ret_target, GError **error)
{
        g_auto(HttpTarget) t = { 0 };
        CURLU *u = curl_url();
        const char *wrong = u ? read_parts(u, url, &t) : "out of memory";
        size_t length;

        curl_url_cleanup(u);
        if (wrong) {
                g_autofree char *shown = shown_url(url);

                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "\"%s\" is no URL that can be asked: %s\n"
                            "Write it as https://HOST:PORT in the manifest.",
                            shown, wrong);
                return false;
        }
        t.where = g_strconcat(t.host, ":", t.port, NULL);
        length = strlen(t.host);
        if (t.host[0] == '[' && length > 2) { /* RFC 3986, section 3.2.2 */
                memmove(t.host, t.host + 1, length - 2);
                t.host[length - 2] = '\0';
        }
        *ret_target = t;
        t = (HttpTarget){ 0 };
        return true;
}
