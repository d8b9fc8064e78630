/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"

/* One certificate in full, as `systemctl status` shows a unit; and the pieces of which such a block is made.
 */

void detail_print(const Client *client, const CertDetail *d, uint64_t now);

/* The name with the sign of its state, and the state with its reasons. */
void detail_head(const Client *client, const char *name, const char *title, const char *state,
                 char **reasons);

/* A labelled line; none for what is empty or 0. */
void detail_line(const Client *client, const char *label, const char *value);
void detail_time(const Client *client, const char *label, uint64_t usec, uint64_t now);
void detail_list(const Client *client, const char *label, char **values);

/* When it is tried again, what failed, and what to do. */
void detail_failure(const Client *client, const char *message, const char *hint, uint64_t retry_at,
                    uint64_t now);

/* Its last lines of the journal, where this host's journal has them. */
void detail_log(const Client *client, const char *name);

/* Text that may have several lines, each with four blanks before it. */
void detail_print_indented(const char *text);
