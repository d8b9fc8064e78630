/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The address that a credential is asked from: whatever is read from it must be what it says, byte for byte,
 * and fit to be shown in the journal. */

#include "agent/credential.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const char *text)
{
        for (; *text; text++)
                g_assert_true(g_ascii_isprint(*text) && *text != '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *unit = NULL, *id = NULL, *tail = NULL;
        size_t path = offsetof(struct sockaddr_un, sun_path) + 1;
        g_autoptr(GError) error = NULL;
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        size_t n = MIN(size, sizeof(un) - path);

        if (n > 0)
                memcpy(un.sun_path + 1, data, n);
        if (!credential_read_address((struct sockaddr *) &un, (socklen_t) (path + n), &unit, &id, &error)) {
                g_assert_nonnull(error);
                return 0;
        }
        g_assert_no_error(error);
        check_shown(unit);
        check_shown(id);
        tail = g_strconcat("/unit/", unit, "/", id, NULL);
        g_assert_cmpuint(strlen(tail), <, n);
        g_assert_cmpmem(tail, strlen(tail), data + n - strlen(tail), strlen(tail));
        return 0;
}
