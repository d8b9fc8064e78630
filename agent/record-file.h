/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent/readfile.h"
#include "agent/record.h"

/* A record's file: what record.h promises of loading and saving, for the store, which also wants to know which
 * file it was. */

/* The folder of the records, made when `make`; -1 when it is not there (with an error only if `make`). */
int record_folder_open(bool make, GError **error);

/* "NAME.json"; NULL for a name that cannot be a file's. Caller owns. */
char *record_file_name(const char *name);

/* record_load() in an open folder (-1: none). *ret_identity is all 0 when there is no file. */
bool record_file_load(int folder, const char *name, Record **ret_record, FileIdentity *ret_identity, bool *ret_known,
                      GError **error);

/* As JSON; caller owns. */
char *record_to_json(const Record *r, size_t *ret_size);
/* NULL with a message that says what is wrong. */
Record *record_from_json(const char *name, const char *data, size_t size, GError **error);
