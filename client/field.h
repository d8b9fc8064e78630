/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/output-json.h"
#include "client/property.h"

/* Fields: what the agent tells of one thing, kept in a struct as one table says. */

/* A field that holds entries of several values each, in a GArray. The caller of each function knows the type.
 */
typedef struct FieldEntries {
        const char *signature; /* of an entry: "(tssss)" */
        size_t size;
        GDestroyNotify clear;
        int (*read)(sd_bus_message *m, void *ret_entry); /* positive when there was one; owns its strings */
        void (*text)(const void *entry, GString *s);
        void (*json)(const void *entry, JsonOut *j); /* inside an object of its own */
} FieldEntries;

typedef enum FieldType {
        FIELD_STRING,  /* char *, never NULL */
        FIELD_STRINGS, /* char **, never NULL */
        FIELD_TIME,    /* uint64_t, microseconds since 1970 */
        FIELD_NUMBER,  /* uint32_t */
        FIELD_FLAG,    /* bool */
        FIELD_ENTRIES, /* GArray * */
} FieldType;

typedef struct Field {
        const char *name; /* as the bus names it */
        FieldType type;
        size_t offset;
        const FieldEntries *entries;
} Field;

typedef struct FieldTable {
        size_t size; /* of the struct */
        const Field *fields;
        size_t n_fields;
} FieldTable;

void *field_object_new(const FieldTable *table);
void *field_object_free(const FieldTable *table, void *object);

/* Reads the a{sv} that comes next in `m`; what the table does not name is skipped, what has another type than
 * the table says is an error. Returns -errno or not negative. */
int field_object_read(const FieldTable *table, sd_bus_message *m, void *object);

/* Reads the aa{sv} that comes next in `m`, and adds an object for each to `objects`. Returns -errno or not
 * negative. */
int field_array_read(const FieldTable *table, sd_bus_message *m, GPtrArray *objects);

/* Reads the a(sa{sv}) that comes next in `m`: a name, which is the table's first field, and the others. Adds
 * an object for each to `objects`. Returns -errno or not negative. */
int field_list_read(const FieldTable *table, sd_bus_message *m, GPtrArray *objects);

/* NULL when the table has none of this name. */
const Field *field_find(const FieldTable *table, const char *name);

char *field_text(const Field *field, const void *object); /* caller owns */
void field_json(const Field *field, const void *object, JsonOut *j);

/* An object of the fields named in `only` (char*), or of all when it is NULL. */
void field_object_json(const FieldTable *table, const void *object, GPtrArray *only, JsonOut *j);
