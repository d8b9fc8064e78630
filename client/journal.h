/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"

/* What the journal says of a certificate. */

/* Prints the last `lines` entries with CERT_NAME=`name`, an empty line before them; nothing where the caller
 * may not read the journal. */
void journal_print_last(const Client *client, const char *name, unsigned lines);
