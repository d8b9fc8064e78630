/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* base64url without padding (RFC 4648, section 5; RFC 7515, section 2): how JOSE writes bytes. */

/* Caller owns. */
char *base64url_encode(const void *data, size_t size);

/* The bytes of `text`, of which there are `length` characters; caller owns (wipe it, if it is secret: g_bytes of
 * ret size are allocated at once and never moved). NULL for any character that is none of the alphabet, padding, a length that
 * no encoder makes, or bits left over that are not zero. */
void *base64url_decode(const char *text, size_t length, size_t *ret_size);
