/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* STARTTLS: what is said in the clear before the handshake. */

/* `protocol`: "none" or NULL, "smtp" (RFC 3207), "imap" (RFC 9051, 6.2.1), "pop3" (RFC 2595, 4), "ftp"
 * (RFC 4217, 4), "ldap" (RFC 4511, 4.14), "postgresql" (its protocol's SSLRequest). When it returns true the server
 * waits for a ClientHello, and nothing that it sent is left unread. At most 64 KiB of what it says is read. Errors:
 * CERT_ERROR_NOT_SERVING, in words; CERT_ERROR_NOT_SUPPORTED for another protocol. */
bool probe_starttls(int fd, const char *protocol, uint64_t deadline, GError **error);

bool probe_starttls_knows(const char *protocol); /* of these, but for "none" */
