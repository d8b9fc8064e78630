/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* JSON as a person wrote it: a text (RFC 8259) read strictly into a tree of values that know where they
 * stand, so that every complaint can name line, column and path. Nothing beyond the standard is accepted: no
 * comments, no trailing commas, no single quotes. Made for manifests, where json-glib would lose the position
 * and take longer to build and free its tree than the whole load may cost. */

#define JSON_DEPTH_MAX 64
#define JSON_SIZE_MAX  (16 * 1024 * 1024)

typedef enum JsonKind {
        JSON_KIND_NULL,
        JSON_KIND_BOOLEAN,
        JSON_KIND_NUMBER,
        JSON_KIND_STRING,
        JSON_KIND_ARRAY,
        JSON_KIND_OBJECT,
        _JSON_KIND_MAX,
} JsonKind;

const char *json_kind_to_string(JsonKind kind); /* "a string" */

/* A value; everything belongs to the document. `key` is set in an object's members, `first` and `next` chain
 * the members or elements in the order of the text. */
typedef struct JsonValue JsonValue;
struct JsonValue {
        const char *key;
        const JsonValue *parent, *next;
        union {
                const char *string; /* UTF-8, NUL-terminated, holds no NUL */
                int64_t integer;    /* of a number with is_integer */
                const JsonValue *first;
        };
        uint32_t begin, end; /* bytes in the text, `end` exclusive */
        uint32_t key_begin;
        JsonKind kind : 8;
        bool boolean : 1;
        bool is_integer : 1; /* a number without fraction and exponent that fits an int64_t */
};

/* What is wrong with a text. */
typedef struct JsonFault {
        uint32_t offset;         /* byte in the text */
        const JsonValue *parent; /* the array or object in which it stands; NULL at the top */
        char *message;
        char *hint; /* or NULL */
} JsonFault;

typedef struct JsonDocument JsonDocument;

/* Reads a text; takes it over (g_free). `size` is without a terminating NUL. Never fails as such: what is
 * wrong is in the document's faults. */
JsonDocument *json_document_new(char *text, size_t size);

/* The same for a text that holds a secret: it is wiped before it is freed, and so are the strings of the tree, which are the
 * only copies of them. (Integers are copied elsewhere, and a fault's message may quote a key.) */
JsonDocument *json_document_new_secret(char *text, size_t size);
JsonDocument *json_document_free(JsonDocument *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonDocument, json_document_free)

/* NULL when the text is no JSON. */
const JsonValue *json_document_root(const JsonDocument *d);

/* JsonFault*, in the order of the text: at most one break of the syntax, and any keys that stand twice. */
const GPtrArray *json_document_faults(const JsonDocument *d);

/* Line and column of a byte, both from 1; the column counts characters. */
void json_document_position(JsonDocument *d, uint32_t offset, unsigned *ret_line, unsigned *ret_column);

/* "certificates.web.sans[1]"; keys that are no plain words stand in ["…"]. Empty at the top. Caller owns. */
char *json_value_path(const JsonValue *v);

/* A member by its key; NULL when there is none. */
const JsonValue *json_value_member(const JsonValue *object, const char *key);

/* The value's own text, as it was given; caller owns. */
char *json_document_slice(const JsonDocument *d, const JsonValue *v);
