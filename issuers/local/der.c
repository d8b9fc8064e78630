/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DER, written and read. It owns nothing but what it is told to free. */

#include "issuers/local/der.h"

#include <string.h>
#include <time.h>

#define DER_OID              0x06
#define DER_UTC_TIME         0x17
#define DER_GENERALIZED_TIME 0x18
#define YEAR_2050            INT64_C(2524608000)

static void append_octet(GByteArray *out, unsigned octet)
{
        guint8 o = (guint8) octet;

        g_byte_array_append(out, &o, 1);
}

/* X.690, 8.1.3 and 10.1: in as few octets as can be. */
static void append_length(GByteArray *out, size_t size)
{
        unsigned octets = 0;

        if (size < 0x80) {
                append_octet(out, (unsigned) size);
                return;
        }
        while (octets < sizeof(size) && size >> (8 * octets))
                octets++;
        append_octet(out, 0x80 | octets);
        while (octets-- > 0)
                append_octet(out, (unsigned) (size >> (8 * octets)) & 0xff);
}

void der_append(GByteArray *out, uint8_t tag, const void *content, size_t size)
{
        append_octet(out, tag);
        append_length(out, size);
        if (size > 0)
                g_byte_array_append(out, content, (guint) size);
}

void der_append_array(GByteArray *out, uint8_t tag, GByteArray *content)
{
        der_append(out, tag, content->data, content->len);
        g_byte_array_unref(content);
}

/* X.690, 8.3: no octet too many, and a sign. */
void der_append_unsigned(GByteArray *out, const unsigned char *number, size_t size)
{
        GByteArray *content = g_byte_array_new();

        while (size > 1 && *number == 0) {
                number++;
                size--;
        }
        if (*number & 0x80)
                append_octet(content, 0);
        g_byte_array_append(content, number, (guint) size);
        der_append_array(out, DER_INTEGER, content);
}

void der_append_number(GByteArray *out, uint64_t number)
{
        uint64_t big = GUINT64_TO_BE(number);

        der_append_unsigned(out, (const unsigned char *) &big, sizeof(big));
}

/* X.690, 8.19: seven bits an octet, the first two arcs in one. */
static void append_arc(GByteArray *out, uint64_t arc)
{
        unsigned shift = 63;

        while (shift > 0 && arc >> shift == 0)
                shift -= 7;
        for (; shift > 0; shift -= 7)
                append_octet(out, 0x80 | ((unsigned) (arc >> shift) & 0x7f));
        append_octet(out, (unsigned) arc & 0x7f);
}

void der_append_oid(GByteArray *out, const char *dotted)
{
        g_auto(GStrv) arcs = g_strsplit(dotted, ".", -1);
        GByteArray *content = g_byte_array_new();

        g_assert(g_strv_length(arcs) >= 2);
        append_arc(content, 40 * g_ascii_strtoull(arcs[0], NULL, 10) + g_ascii_strtoull(arcs[1], NULL, 10));
        for (char **arc = arcs + 2; *arc; arc++)
                append_arc(content, g_ascii_strtoull(*arc, NULL, 10));
        der_append_array(out, DER_OID, content);
}

void der_append_time(GByteArray *out, int64_t time)
{
        time_t t = (time_t) time;
        bool is_late = time >= YEAR_2050;
        struct tm tm;
        char text[32];
        size_t size;

        gmtime_r(&t, &tm);
        size = is_late ? strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm)
                       : strftime(text, sizeof(text), "%y%m%d%H%M%SZ", &tm);
        der_append(out, is_late ? DER_GENERALIZED_TIME : DER_UTC_TIME, text, size);
}

/* ---- Reading ---- */

/* The octets that the length takes after its first one are *ret_octets; the length is *ret. */
static bool read_length(const unsigned char *at, size_t left, size_t *ret_octets, size_t *ret)
{
        size_t n = at[0] & 0x7f, length = 0;

        if (!(at[0] & 0x80)) {
                *ret_octets = 0;
                *ret = at[0];
                return true;
        }
        if (n == 0 || n > 4 || n >= left || at[1] == 0)
                return false;
        for (size_t i = 1; i <= n; i++)
                length = length << 8 | at[i];
        *ret_octets = n;
        *ret = length;
        return length >= 0x80;
}

bool der_take(const unsigned char **at, size_t *left, DerElement *ret)
{
        size_t octets, size, head;

        if (*left < 2 || ((*at)[0] & 0x1f) == 0x1f || !read_length(*at + 1, *left - 1, &octets, &size))
                return false;
        head = 2 + octets;
        if (size > *left - head)
                return false;
        *ret = (DerElement){ .tag = (*at)[0], .data = *at + head, .size = size, .whole = *at, .whole_size = head + size };
        *at += head + size;
        *left -= head + size;
        return true;
}
