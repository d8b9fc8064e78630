/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/certificate.h"

/* One certificate in full: as `systemctl status` shows a unit, and as JSON. */

void detail_print(const Client *client, const CertDetail *d, uint64_t now);

/* An object of the properties named in `only` (char*), or of all when it is NULL. */
void detail_json(const CertDetail *d, GPtrArray *only, JsonOut *j);

/* Text that may have several lines, each with four blanks before it. */
void detail_print_indented(const char *text);
