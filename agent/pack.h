/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Packed bytes: numbers little-endian, strings with their length and a final NUL. For the caches in the state
 * folder, whose content is checked as if a stranger had written it: disks rot. */

void pack_u8(GByteArray *a, uint8_t v);
void pack_u32(GByteArray *a, uint32_t v);
void pack_u64(GByteArray *a, uint64_t v);
void pack_string(GByteArray *a, const char *s);       /* NULL is kept apart from "" */
void pack_strv(GByteArray *a, const char *const *v);  /* NULL is written as empty */

/* A place in packed bytes. Reading past the end, or anything that pack_*() would not have written, sets
 * `damaged`; every further read then gives 0, NULL or an empty list. */
typedef struct Unpack {
        const uint8_t *at, *end;
        bool damaged;
} Unpack;

Unpack unpack_new(const void *data, size_t size);
uint8_t unpack_u8(Unpack *u);
uint32_t unpack_u32(Unpack *u);
uint64_t unpack_u64(Unpack *u);
const char *unpack_string(Unpack *u); /* borrowed from the packed bytes, NUL-terminated */
char *unpack_strdup(Unpack *u);       /* caller owns */
uint32_t unpack_strv_size(Unpack *u); /* that many unpack_string() follow */
bool unpack_is_whole(const Unpack *u); /* all was read, nothing was damaged */
