/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The little of DER (X.690) that GnuTLS does not do: the writing of a revocation list, and a look into what GnuTLS reads
 * too kindly. What is named der_append_…() appends one element. */

#define DER_INTEGER      0x02
#define DER_BIT_STRING   0x03
#define DER_OCTET_STRING 0x04
#define DER_NULL         0x05
#define DER_ENUMERATED   0x0a
#define DER_SEQUENCE     0x30
#define DER_CONTEXT      0x80 /* + number; primitive */
#define DER_CONSTRUCTED  0x20

void der_append(GByteArray *out, uint8_t tag, const void *content, size_t size);

/* What was gathered becomes the content, and is freed. */
void der_append_array(GByteArray *out, uint8_t tag, GByteArray *content);

/* A number of at least one octet, most significant first; not negative. */
void der_append_unsigned(GByteArray *out, const unsigned char *number, size_t size);
void der_append_number(GByteArray *out, uint64_t number);

void der_append_oid(GByteArray *out, const char *dotted);

/* UTCTime to 2049, GeneralizedTime from then on (RFC 5280, 5.1.2.4). Seconds since 1970. */
void der_append_time(GByteArray *out, int64_t time);

/* One element. `data` is borrowed from what it was taken from. */
typedef struct DerElement {
        uint8_t tag;
        const unsigned char *data; /* the content */
        size_t size;
        const unsigned char *whole; /* with tag and length */
        size_t whole_size;
} DerElement;

/* Takes the first element off *at, of which there are *left bytes. False: there is none that is DER, with a tag of one
 * octet and a definite length in as few octets as can be (X.690, 10.1); nothing is changed then. */
bool der_take(const unsigned char **at, size_t *left, DerElement *ret);
