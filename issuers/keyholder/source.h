/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "common/secret.h"

#include <glib.h>
#include <stdbool.h>

/* Where the key of an account is and what opens it (org.certagent1.KeyHolder), and what is found there. */

/* Borrowed strings; NULL: not said. Paths are absolute. */
typedef struct Source {
        const char *password_file, *credential;
        const char *encrypted_key; /* JWE; or */
        const char *key_file, *certificate_file;
} Source;

/* Whether it says what it must and no more; NOT_SUPPORTED. */
bool source_check(const Source *s, GError **error);

/* "/etc/step.password" or "the credential step": for messages. NULL: there is no password. Caller owns. */
char *source_password_shown(const Source *s);

typedef struct SourceContent {
        Secret *password;           /* as a string: data[size] is NUL, and there is no other; or NULL */
        GBytes *key, *certificates; /* or NULL; the key's memory is wiped */
        const char *exposed; /* a file of these, borrowed from the Source, that every user of the host can
                                read; or NULL */
} SourceContent;

void source_content_clear(SourceContent *c);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SourceContent, source_content_clear)

/* Reads what the source names. It may take as long as the file system does, but no FIFO and no device holds
 * it up. A password is what its file holds without white space at the end, as Smallstep's own tools read it
 * (`step ca token --password-file`). KEY_STORAGE: missing, unreadable, no regular file, empty, too large;
 * each with the path and what to do. */
bool source_read(const Source *s, SourceContent *ret, GError **error);
