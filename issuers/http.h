/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* HTTP for issuers (libcurl): one request and its answer, bounded in time and size. Redirects are not followed, no
 * cookie and no password is kept, no proxy and no .netrc is used, nothing but http and https is spoken. It blocks. */

/* Whether libcurl is one to which roots can be given: built with GnuTLS. NOT_SUPPORTED; to be asked once, at the start. */
bool http_check_library(GError **error);

/* Connections are kept between requests of one Http. */
typedef struct Http Http;

Http *http_new(void);
Http *http_free(Http *h);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Http, http_free)

/* A client certificate whose key is elsewhere: what it is to sign is given to `sign` (algorithm as Signer's Sign; the
 * signature as it comes back from there), from within http_send(). */
typedef struct HttpClient {
        GPtrArray *chain; /* GBytes* of DER, leaf first */
        GBytes *(*sign)(const char *algorithm, const void *data, size_t size, void *userdata, GError **error);
        void *userdata;
} HttpClient;

typedef struct HttpRequest {
        const char *method; /* "GET", "POST" */
        const char *url;
        const char *const *headers; /* "Name: value"; or NULL */
        GBytes *body;               /* or NULL */
        GBytes *roots;              /* PEM: who may vouch for the server (https), and nobody else. NULL: the server is
                                     * not verified at all; only for what is checked by its content */
        const HttpClient *client;   /* or NULL */
        size_t answer_max;          /* bytes of the body; more is an error */
        uint64_t timeout_usec;      /* for all of it */
        uint64_t connect_usec;      /* of it, until the server has taken the connection; 0, and at most: 10 s */
} HttpRequest;

typedef struct HttpAnswer {
        unsigned status;
        GBytes *body;
        char *content_type;         /* or NULL */
        char *location;             /* of a redirect; or NULL */
        uint64_t retry_after_usec;  /* span; 0: not said (RFC 9110, section 10.2.3: seconds or a date) */
        uint64_t date_usec;         /* the server's clock, since 1970; 0: not said */
} HttpAnswer;

HttpAnswer *http_answer_free(HttpAnswer *a);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpAnswer, http_answer_free)

/* Any answer of any status is a success. ISSUER_UNREACHABLE: no address, refused, no route, no TLS, broken off, the server's
 * certificate is expired or of another name (each says which); ISSUER_AUTHENTICATION: it is of none of these roots;
 * ISSUER_REFUSED: the server does not take the client certificate; what client->sign() says;
 * ISSUER_TIMEOUT; ISSUER_PROTOCOL: no HTTP, or more than answer_max; MANIFEST_INVALID: no such URL. Each with a hint, and with
 * the host and port that were asked. */
HttpAnswer *http_send(Http *h, const HttpRequest *request, GError **error);
