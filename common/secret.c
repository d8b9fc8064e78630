/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets in memory
 *
 * A block that knows its size, so that whoever frees it last can wipe all of it.
 */

#include "common/secret.h"

#include <string.h>

Secret *secret_new(size_t size)
{
        Secret *s = g_malloc(sizeof(Secret) + size);

        s->size = size;
        return s;
}

Secret *secret_free(Secret *s)
{
        if (!s)
                return NULL;
        explicit_bzero(s->data, s->size);
        g_free(s);
        return NULL;
}

static void secret_destroy(gpointer p)
{
        secret_free(p);
}

GBytes *secret_to_bytes(Secret *s, size_t size)
{
        return g_bytes_new_with_free_func(s->data, size, secret_destroy, s);
}

GBytes *secret_bytes_new(const void *data, size_t size)
{
        Secret *s = secret_new(size);

        if (size > 0)
                memcpy(s->data, data, size);
        return secret_to_bytes(s, size);
}
