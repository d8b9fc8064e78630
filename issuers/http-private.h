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

/* How a request ended without an answer. */
typedef struct HttpFailure {
        CURLcode code;
        const char *text;  /* curl's own words; may be "" */
        int number;        /* errno of the connection; 0: none */
        bool resolved;     /* the host's name */
        bool connected;    /* TCP */
        bool shaken;       /* TLS, or there is none */
        uint64_t received; /* bytes of the body */
        uint64_t spent_usec;
        bool too_large;    /* more than answer_max */
        bool too_many_headers;
} HttpFailure;

/* In words, with a hint. */
void http_failure_set(const HttpTarget *t, const HttpRequest *request, const HttpFailure *f, GError **error);

/* The same where TLS did not come about: looks at the server once more, to say what is wrong with its certificate. */
void http_tls_failure_set(const HttpTarget *t, const HttpRequest *request, const HttpFailure *f, GError **error);
