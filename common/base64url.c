/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base64url
 *
 * How JOSE writes bytes: the alphabet of RFC 4648, section 5, no padding, no line breaks, and one spelling
 * only for any bytes (RFC 4648, section 3.5: a decoder may refuse what no encoder writes; this one does,
 * since what is signed or authenticated is the text). GLib's own base64 takes both alphabets' padding and
 * skips what it does not know. It owns nothing.
 */

#include "common/base64url.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64url_encode(const void *data, size_t size)
{
        const uint8_t *in = data;
        /* Four characters for each three bytes, and up to three for the rest. */
        char *text = g_malloc(size / 3 * 4 + 4), *out = text;
        uint32_t bits = 0;
        unsigned n = 0;

        for (size_t i = 0; i < size; i++) {
                bits = bits << 8 | in[i];
                for (n += 8; n >= 6; n -= 6)
                        *out++ = alphabet[bits >> (n - 6) & 63];
        }
        if (n > 0)
                *out++ = alphabet[bits << (6 - n) & 63];
        *out = '\0';
        return text;
}

/* -1: none of the alphabet. */
static int value_of(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '-' ? 62 : c == '_' ? 63 : -1;
}

void *base64url_decode(const char *text, size_t length, size_t *ret_size)
{
        size_t size = length / 4 * 3 + length % 4 * 6 / 8;
        g_autofree uint8_t *data = NULL;
        uint8_t *out;
        uint32_t bits = 0;
        unsigned n = 0;

        /* Looked at first, so that nothing that was decoded in part is ever let go. */
        for (size_t i = 0; i < length; i++)
                if (value_of(text[i]) < 0)
                        return NULL;
        if (length % 4 == 1)
                return NULL;
        if (length % 4 > 0 && value_of(text[length - 1]) & (length % 4 == 2 ? 15 : 3))
                return NULL;

        out = data = g_malloc(size + 1); /* never NULL, which would say that it is wrong */
        for (size_t i = 0; i < length; i++) {
                bits = bits << 6 | (uint32_t) value_of(text[i]);
                n += 6;
                if (n < 8)
                        continue;
                n -= 8;
                *out++ = (uint8_t) (bits >> n);
        }
        *out = '\0';
        *ret_size = size;
        return g_steal_pointer(&data);
}
