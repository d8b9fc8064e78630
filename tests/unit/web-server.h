/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tests/unit/fixture.h"

/* A server of a test's own, in a thread: HTTP over TLS that answers every request with the same bytes, or fails to. */

typedef enum WebFault {
        WEB_FAULT_NONE,
        WEB_FAULT_HANG_IN_TLS,  /* takes the connection and says nothing */
        WEB_FAULT_HANG,         /* shakes hands, reads the request, and says nothing more than `answer` */
        WEB_FAULT_BREAK_OFF,    /* closes after `answer`, without TLS's goodbye */
        WEB_FAULT_DRIP,         /* a byte every tenth of a second */
} WebFault;

typedef struct WebScript {
        bool plain;             /* no TLS */
        const char *answer;     /* the whole of it; may be "" */
        const char *first;      /* instead, and without a fault, to the first request of a connection; or NULL */
        WebFault fault;
        unsigned again;         /* the answer's bytes from the last "\r\n\r\n" on, so many times more */
} WebScript;

typedef struct WebServer WebServer;

/* With this leaf (and its key) on an unused port of 127.0.0.1; all is copied. */
WebServer *web_server_new(GBytes *leaf, GBytes *key_pem, const WebScript *script);
WebServer *web_server_free(WebServer *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebServer, web_server_free)

/* "https://HOST:PORT" + path; caller owns. */
char *web_server_url(const WebServer *s, const char *host, const char *path);

/* What came: how many connections were taken, how many requests, and the text of the last one (caller owns). */
unsigned web_server_connections(WebServer *s);
unsigned web_server_requests(WebServer *s);
char *web_server_last(WebServer *s);
