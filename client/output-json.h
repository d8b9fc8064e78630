/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/options.h"

#include <stdint.h>

/* JSON (RFC 8259), written as it is made. */

typedef struct JsonOut JsonOut;

JsonOut *json_out_new(JsonFormat format);
JsonOut *json_out_free(JsonOut *j);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonOut, json_out_free)

/* Spaces for each level of what is pretty; 8 unless told. */
void json_out_set_indent(JsonOut *j, unsigned indent);

/* `key` is NULL inside an array and at the top. */
void json_out_begin(JsonOut *j, const char *key, char bracket); /* '{' or '[' */
void json_out_end(JsonOut *j);
void json_out_string(JsonOut *j, const char *key, const char *value);
void json_out_strv(JsonOut *j, const char *key, char *const *values);
void json_out_number(JsonOut *j, const char *key, uint64_t value);
void json_out_bool(JsonOut *j, const char *key, bool value);

/* What was made, and a newline; caller owns, `j` is empty again. */
char *json_out_steal(JsonOut *j);

/* Writes what was made, and a newline, to standard output; `j` is empty again. */
void json_out_print(JsonOut *j);
