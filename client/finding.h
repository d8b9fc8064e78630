/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/client.h"
#include "client/field.h"

/* What the agent finds dangerous, or not to work, about the files of certificates: Diagnose of org.certagent1.Manager. */

typedef struct FindingRow {
        char *certificate, *code, *message, *hint;
} FindingRow;

/* Of one certificate; `name` NULL: of all. FindingRow, caller owns; empty of an agent that is older than this. NULL: it could
 * not be found out. */
GArray *finding_rows_get(sd_bus *bus, const char *name, GError **error);

/* A field of them. */
extern const FieldEntries finding_entries;
