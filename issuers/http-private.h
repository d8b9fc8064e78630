/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "issuers/http.h"

#include <curl/curl.h>

/* Between the files of HTTP for issuers. */

/* Whom a request goes to, for messages and for a look of our own. */
typedef struct HttpTarget {
        bool tls;
        char *host;  /* an IPv6 address without its brackets */
        char *port;
        char *where; /* "HOST:PORT", "[V6]:PORT" */
} HttpTarget;

/* MANIFEST_INVALID when it is no URL of http or https. */
bool http_target_read(const char *url, HttpTarget *ret_target, GError **error);
void http_target_clear(HttpTarget *t);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpTarget, http_target_clear)

/* ---- Roots (http-roots.c) ---- */

/* Sets of roots, each with a file of its own. */
GPtrArray *http_roots_new(void);

/* The descriptor of this set's file, borrowed; made when there is none. -1: an error. */
int http_roots_fd(GPtrArray *sets, GBytes *pem, GError **error);

/* Whether this set is there or may be added. Where not, all are to be dropped, and before them what was connected by them:
 * their numbers are used again. */
bool http_roots_have_room(const GPtrArray *sets, GBytes *pem);

/* ---- Answers (http-answer.c) ---- */

/* Notes what a header says. What Retry-After says is kept as text (owned) until it is known what Date says. */
void http_answer_take_header(HttpAnswer *a, char **retry_after, const char *line, size_t length);

/* Microseconds from `server_now`, by the server's own clock; at most a week, 0: nothing of use (RFC 9110, section 10.2.3). */
uint64_t http_answer_retry_after(const char *text, uint64_t server_now);

/* ---- Failures (http-failure.c, http-tls.c) ---- */

/* How a request ended without an answer. */
typedef struct HttpFailure {
        CURLcode code;
        const char *text;  /* curl's own words; may be "" */
        int number;        /* errno of the connection; 0: none */
        bool resolved;     /* the host's name */
        bool connected;    /* TCP */
        bool shaken;       /* TLS, or there is none */
        bool shown;        /* the client certificate, in a handshake */
        bool begun;        /* the answer: a header came */
        uint64_t received; /* bytes of the body */
        uint64_t spent_usec;
        bool too_large;    /* more than answer_max */
        bool too_many_headers;
} HttpFailure;

/* In words, with a hint. */
void http_failure_set(const HttpTarget *t, const HttpRequest *request, const HttpFailure *f, GError **error);

/* The same where TLS did not come about: looks at the server once more, to say what is wrong with its certificate. */
void http_tls_failure_set(const HttpTarget *t, const HttpRequest *request, const HttpFailure *f, GError **error);

/* ---- The client certificate ---- */

/* Of one request, while it is under way; `client` is borrowed. BAD_CERTIFICATE when there is none to show. */
typedef struct HttpIdentity HttpIdentity;

HttpIdentity *http_identity_new(const HttpClient *client, GError **error);
HttpIdentity *http_identity_free(HttpIdentity *i);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpIdentity, http_identity_free)

void http_identity_set(const HttpIdentity *i, CURL *curl);

/* Whether a handshake was signed for. NULL is fine. */
bool http_identity_shown(const HttpIdentity *i);

/* Whether a signature was refused, with the error of client->sign(): that is why, whatever curl says. NULL is fine. */
bool http_identity_failed(HttpIdentity *i, GError **error);
