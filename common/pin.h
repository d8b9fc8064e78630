/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The PIN of a PKCS#11 token as a URI gives it (RFC 7512, 2.4: pin-source, a file; or pin-value), and what
 * became of it. A program that asks nobody must not lock a token by trying a wrong PIN again and again: a PIN
 * that was refused is remembered in a file and not tried again until its source was written anew, and after
 * two that were refused none is tried at all until somebody looked. All errors are KEY_STORAGE and say what
 * to do. */

typedef struct Pin Pin;

/* Reads it; a URI without one is fine. */
Pin *pin_new(const char *uri, GError **error);
Pin *pin_free(Pin *p); /* wiped; NULL is fine; returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pin, pin_free)

const char *pin_value(const Pin *p); /* secret, borrowed; NULL when the URI gives none */

/* The URI's parts that say which token and object, and how to reach them: no PIN. Caller owns. */
char *pin_uri_without(const char *uri);

/* The memory of a file, locked until it is freed: one login at a time. `file` is as the host has it. */
typedef struct PinMemory PinMemory;

PinMemory *pin_memory_open(const char *file, GError **error);
PinMemory *pin_memory_free(PinMemory *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinMemory, pin_memory_free)

/* Whether this PIN may be tried on a token (`token`: what identifies it). */
bool pin_memory_check(const PinMemory *m, const Pin *p, const char *token, GError **error);
/* What became of it; what cannot be written is an error only when the PIN was refused. */
bool pin_memory_refused(PinMemory *m, const Pin *p, const char *token, GError **error);
void pin_memory_accepted(PinMemory *m, const char *token);
