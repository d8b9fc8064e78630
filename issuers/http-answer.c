/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An answer, and what of its headers is of use. */

#include "issuers/http-private.h"

#include "common/timespan.h"

#include <string.h>

#define VALUE_MAX      1024 /* of one header */
#define RETRY_MAX_USEC (7 * USEC_PER_DAY)

HttpAnswer *http_answer_free(HttpAnswer *a)
{
        if (!a)
                return NULL;
        g_clear_pointer(&a->body, g_bytes_unref);
        g_free(a->content_type);
        g_free(a->location);
        g_free(a);
        return NULL;
}

/* The value of "Name: value" when the header has this name; caller owns. */
static char *header_value(const char *line, size_t length, const char *name)
{
        size_t n = strlen(name);
        char *value;

        if (length <= n || line[n] != ':' || g_ascii_strncasecmp(line, name, n) != 0)
                return NULL;
        value = g_strndup(line + n + 1, MIN(length - n - 1, VALUE_MAX));
        return g_strstrip(value);
}

static void take_header(char **field, const char *line, size_t length, const char *name)
{
        char *value = header_value(line, length, name);

        if (!value)
                return;
        g_free(*field);
        *field = value;
}

uint64_t http_answer_retry_after(const char *text, uint64_t server_now)
{
        guint64 seconds;
        time_t when;

        if (!text)
                return 0;
        if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &seconds, NULL))
                return MIN(seconds, RETRY_MAX_USEC / USEC_PER_SEC) * USEC_PER_SEC;
        when = *text && strspn(text, "0123456789") == strlen(text) ? G_MAXINT32 : curl_getdate(text, NULL);
        if (when <= 0 || (uint64_t) when * USEC_PER_SEC <= server_now)
                return 0;
        return MIN((uint64_t) when * USEC_PER_SEC - server_now, RETRY_MAX_USEC);
}

static void take_date(HttpAnswer *a, const char *line, size_t length)
{
        g_autofree char *text = header_value(line, length, "Date");
        time_t when = text ? curl_getdate(text, NULL) : -1;

        if (when > 0)
                a->date_usec = (uint64_t) when * USEC_PER_SEC;
}

void http_answer_take_header(HttpAnswer *a, char **retry_after, const char *line, size_t length)
{
        take_header(&a->content_type, line, length, "Content-Type");
        take_header(&a->location, line, length, "Location");
        take_header(retry_after, line, length, "Retry-After");
        take_date(a, line, length);
}
