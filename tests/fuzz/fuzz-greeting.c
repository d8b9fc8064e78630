/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever a server greets with is told apart without reading beyond it, and the same bytes are read as an answer of HTTP. */

#include "client/doctor/greeting.h"
#include "client/doctor/session.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree uint8_t *copy = g_memdup2(data, size); /* so that a byte too many is seen */
        g_autoptr(Session) s = session_new();
        Greeting g = greeting_of_words(copy, size);

        g_assert_cmpint(g, >=, 0);
        g_assert_cmpint(g, <, _GREETING_MAX);
        g_assert_true(!greeting_starttls(g) || greeting_to_string(g));
        session_read_http(s, (const char *) copy, size);
        g_assert_true(s->http_status == 0 || (s->http_status >= 100 && s->http_status <= 999));
        g_assert_true(s->is_http || (s->server_time == 0 && !s->http_speaks_of_certificates));
        return 0;
}
