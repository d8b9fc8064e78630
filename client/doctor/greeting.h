/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What speaks on a port where no TLS came about: told by its first words, or by how it answers a question that does no
 * harm. */

typedef enum Greeting {
        GREETING_UNKNOWN, /* it says something */
        GREETING_SILENT,  /* it takes the connection and says nothing, whatever it is asked */
        GREETING_CLOSED,  /* it takes the connection and closes it */
        GREETING_HTTP,
        GREETING_SMTP,
        GREETING_IMAP,
        GREETING_POP3,
        GREETING_FTP,
        GREETING_POSTGRESQL,
        GREETING_LDAP,
        GREETING_MYSQL,
        GREETING_SSH,
        GREETING_NNTP,
        GREETING_SIEVE,
        _GREETING_MAX,
        _GREETING_INVALID = -EINVAL,
} Greeting;

const char *greeting_to_string(Greeting g); /* "SMTP", of those that are a protocol; else NULL */

/* What `--starttls` calls it; NULL: it has no such thing, or the doctor cannot do it. */
const char *greeting_starttls(Greeting g);

/* Who says this without having been asked. GREETING_UNKNOWN for what nobody says; SMTP for a greeting that FTP servers use as
 * well, unless it says that it is one. Pure. */
Greeting greeting_of_words(const uint8_t *data, size_t size);

/* Connects as often as it needs, to hear and to ask; ends at the deadline (CLOCK_MONOTONIC, microseconds). *ret_said gets
 * the first line it heard, printable, or "" ; caller owns. */
Greeting greeting_find(const char *target, uint64_t deadline, char **ret_said);
