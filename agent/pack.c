/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packed bytes
 *
 * The one binary form that the caches are written in. Fixed-width numbers and length-prefixed strings: what is
 * read can be checked against its bounds with one comparison each, and nothing is allocated for reading.
 */

#include "agent/pack.h"

#include <string.h>

#define STRING_NULL UINT32_MAX

void pack_u8(GByteArray *a, uint8_t v)
{
        g_byte_array_append(a, &v, 1);
}

void pack_u32(GByteArray *a, uint32_t v)
{
        v = GUINT32_TO_LE(v);
        g_byte_array_append(a, (const uint8_t *) &v, sizeof(v));
}

void pack_u64(GByteArray *a, uint64_t v)
{
        v = GUINT64_TO_LE(v);
        g_byte_array_append(a, (const uint8_t *) &v, sizeof(v));
}

void pack_string(GByteArray *a, const char *s)
{
        size_t n = s ? strlen(s) : 0;

        pack_u32(a, s ? (uint32_t) n : STRING_NULL);
        if (s)
                g_byte_array_append(a, (const uint8_t *) s, n + 1);
}

void pack_strv(GByteArray *a, const char *const *v)
{
        uint32_t n = v ? g_strv_length((char **) v) : 0;

        pack_u32(a, n);
        for (uint32_t i = 0; i < n; i++)
                pack_string(a, v[i]);
}

Unpack unpack_new(const void *data, size_t size)
{
        return (Unpack) { .at = data, .end = (const uint8_t *) data + size };
}

static const uint8_t *unpack_take(Unpack *u, size_t n)
{
        const uint8_t *p = u->at;

        if (u->damaged || n > (size_t) (u->end - u->at)) {
                u->damaged = true;
                return NULL;
        }
        u->at += n;
        return p;
}

uint8_t unpack_u8(Unpack *u)
{
        const uint8_t *p = unpack_take(u, 1);

        return p ? *p : 0;
}

uint32_t unpack_u32(Unpack *u)
{
        const uint8_t *p = unpack_take(u, sizeof(uint32_t));
        uint32_t v = 0;

        if (p)
                memcpy(&v, p, sizeof(v));
        return GUINT32_FROM_LE(v);
}

uint64_t unpack_u64(Unpack *u)
{
        const uint8_t *p = unpack_take(u, sizeof(uint64_t));
        uint64_t v = 0;

        if (p)
                memcpy(&v, p, sizeof(v));
        return GUINT64_FROM_LE(v);
}

const char *unpack_string(Unpack *u)
{
        uint32_t n = unpack_u32(u);
        const uint8_t *p;

        if (u->damaged || n == STRING_NULL)
                return NULL;
        p = unpack_take(u, (size_t) n + 1);
        if (p && (p[n] != '\0' || memchr(p, '\0', n))) {
                u->damaged = true;
                return NULL;
        }
        return (const char *) p;
}

char *unpack_strdup(Unpack *u)
{
        return g_strdup(unpack_string(u));
}

uint32_t unpack_strv_size(Unpack *u)
{
        uint32_t n = unpack_u32(u);

        /* Each string takes at least its length and its NUL. */
        if (!u->damaged && n > (size_t) (u->end - u->at) / 5)
                u->damaged = true;
        return u->damaged ? 0 : n;
}

bool unpack_is_whole(const Unpack *u)
{
        return !u->damaged && u->at == u->end;
}
