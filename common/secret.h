/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that is wiped before it is freed: for what may hold a key. */

typedef struct Secret {
        size_t size;
        uint8_t data[];
} Secret;

/* Not initialised; the caller fills it. */
Secret *secret_new(size_t size);
Secret *secret_free(Secret *s); /* NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, secret_free)

/* The first `size` bytes of it as GBytes, which own it from then on. */
GBytes *secret_to_bytes(Secret *s, size_t size);

/* The same from a copy. */
GBytes *secret_bytes_new(const void *data, size_t size);
