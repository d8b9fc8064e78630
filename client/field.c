/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Fields: what the agent tells of one thing. One table says what each is called on the bus, what type it has
 * and where it is kept; reading, `show` and JSON all follow it. */

#include "client/field.h"

#include "client/when.h"

#include <inttypes.h>

#define MEMBER(object, field, type) G_STRUCT_MEMBER(type, object, (field)->offset)

void *field_object_new(const FieldTable *table)
{
        void *object = g_malloc0(table->size);

        for (size_t i = 0; i < table->n_fields; i++) {
                const Field *f = &table->fields[i];

                if (f->type == FIELD_STRING)
                        MEMBER(object, f, char *) = g_strdup("");
                else if (f->type == FIELD_STRINGS)
                        MEMBER(object, f, char **) = g_new0(char *, 1);
                else if (f->type == FIELD_ENTRIES) {
                        MEMBER(object, f, GArray *) = g_array_new(FALSE, TRUE, (guint) f->entries->size);
                        g_array_set_clear_func(MEMBER(object, f, GArray *), f->entries->clear);
                }
        }
        return object;
}

void *field_object_free(const FieldTable *table, void *object)
{
        if (!object)
                return NULL;
        for (size_t i = 0; i < table->n_fields; i++) {
                const Field *f = &table->fields[i];

                if (f->type == FIELD_STRING)
                        g_free(MEMBER(object, f, char *));
                else if (f->type == FIELD_STRINGS)
                        g_strfreev(MEMBER(object, f, char **));
                else if (f->type == FIELD_ENTRIES)
                        g_array_unref(MEMBER(object, f, GArray *));
        }
        g_free(object);
        return NULL;
}

/* ---- Reading ---- */

static int read_entries(sd_bus_message *m, const FieldEntries *entries, GArray *array)
{
        int r = property_enter_array(m, entries->signature);

        g_array_set_size(array, 0);
        while (r >= 0) {
                g_array_set_size(array, array->len + 1);
                r = entries->read(m, array->data + (array->len - 1) * entries->size);
                if (r > 0)
                        continue;
                g_array_set_size(array, array->len - 1);
                break;
        }
        return r >= 0 ? property_exit_array(m) : r;
}

static int read_time(sd_bus_message *m, uint64_t *ret_usec)
{
        uint64_t usec;
        int r = sd_bus_message_read(m, "v", "t", &usec);

        if (r >= 0)
                *ret_usec = when_or_never(usec);
        return r;
}

/* D-Bus has booleans of four bytes. */
static int read_flag(sd_bus_message *m, bool *ret_flag)
{
        int value, r = sd_bus_message_read(m, "v", "b", &value);

        if (r >= 0)
                *ret_flag = value;
        return r;
}

typedef struct Read {
        const FieldTable *table;
        void *object;
} Read;

static int read_field(sd_bus_message *m, const char *name, void *userdata)
{
        const Read *read = userdata;
        const Field *f = field_find(read->table, name);

        if (!f)
                return sd_bus_message_skip(m, "v");
        switch (f->type) {
        case FIELD_STRING:
                return property_read_string(m, &MEMBER(read->object, f, char *));
        case FIELD_STRINGS:
                return property_read_strings(m, &MEMBER(read->object, f, char **));
        case FIELD_TIME:
                return read_time(m, &MEMBER(read->object, f, uint64_t));
        case FIELD_NUMBER:
                return sd_bus_message_read(m, "v", "u", &MEMBER(read->object, f, uint32_t));
        case FIELD_FLAG:
                return read_flag(m, &MEMBER(read->object, f, bool));
        default:
                return read_entries(m, f->entries, MEMBER(read->object, f, GArray *));
        }
}

int field_object_read(const FieldTable *table, sd_bus_message *m, void *object)
{
        Read read = { table, object };

        return property_walk(m, read_field, &read);
}

int field_array_read(const FieldTable *table, sd_bus_message *m, GPtrArray *objects)
{
        int r = sd_bus_message_enter_container(m, 'a', "a{sv}");

        while (r >= 0 && (r = sd_bus_message_at_end(m, /* complete= */ false)) == 0) {
                g_ptr_array_add(objects, field_object_new(table));
                r = field_object_read(table, m, objects->pdata[objects->len - 1]);
        }
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

int field_list_read(const FieldTable *table, sd_bus_message *m, GPtrArray *objects)
{
        int r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sa{sv}")) > 0) {
                void *object = field_object_new(table);
                const char *name;

                g_ptr_array_add(objects, object);
                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        break;
                r = field_object_read(table, m, object);
                g_free(MEMBER(object, &table->fields[0], char *));
                MEMBER(object, &table->fields[0], char *) = g_strdup(name);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

const Field *field_find(const FieldTable *table, const char *name)
{
        for (size_t i = 0; i < table->n_fields; i++)
                if (g_str_equal(table->fields[i].name, name))
                        return &table->fields[i];
        return NULL;
}

/* ---- As text and as JSON ---- */

static char *entries_text(const FieldEntries *entries, const GArray *array)
{
        g_autoptr(GString) s = g_string_new(NULL);

        for (guint i = 0; i < array->len; i++) {
                if (i > 0)
                        g_string_append(s, "; ");
                entries->text(array->data + i * entries->size, s);
        }
        return g_string_free(g_steal_pointer(&s), FALSE);
}

char *field_text(const Field *f, const void *object)
{
        switch (f->type) {
        case FIELD_STRING:
                return g_strdup(MEMBER(object, f, char *));
        case FIELD_STRINGS:
                return g_strjoinv(" ", MEMBER(object, f, char **));
        case FIELD_TIME:
                return MEMBER(object, f, uint64_t) ? when_absolute(MEMBER(object, f, uint64_t))
                                                   : g_strdup("");
        case FIELD_NUMBER:
                return g_strdup_printf("%" PRIu32, MEMBER(object, f, uint32_t));
        case FIELD_FLAG:
                return g_strdup(MEMBER(object, f, bool) ? "yes" : "no");
        default:
                return entries_text(f->entries, MEMBER(object, f, GArray *));
        }
}

static void entries_json(const Field *f, const GArray *array, JsonOut *j)
{
        json_out_begin(j, f->name, '[');
        for (guint i = 0; i < array->len; i++) {
                json_out_begin(j, NULL, '{');
                f->entries->json(array->data + i * f->entries->size, j);
                json_out_end(j);
        }
        json_out_end(j);
}

void field_json(const Field *f, const void *object, JsonOut *j)
{
        switch (f->type) {
        case FIELD_STRING:
                json_out_string(j, f->name, MEMBER(object, f, char *));
                break;
        case FIELD_STRINGS:
                json_out_strv(j, f->name, MEMBER(object, f, char **));
                break;
        case FIELD_TIME:
                json_out_number(j, f->name, MEMBER(object, f, uint64_t));
                break;
        case FIELD_NUMBER:
                json_out_number(j, f->name, MEMBER(object, f, uint32_t));
                break;
        case FIELD_FLAG:
                json_out_bool(j, f->name, MEMBER(object, f, bool));
                break;
        default:
                entries_json(f, MEMBER(object, f, GArray *), j);
        }
}

void field_object_json(const FieldTable *table, const void *object, GPtrArray *only, JsonOut *j)
{
        json_out_begin(j, NULL, '{');
        for (size_t i = 0; i < table->n_fields; i++)
                if (!only || g_ptr_array_find_with_equal_func(only, table->fields[i].name, g_str_equal, NULL))
                        field_json(&table->fields[i], object, j);
        json_out_end(j);
}
