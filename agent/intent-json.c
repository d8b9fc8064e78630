/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An intent as JSON
 *
 * Read with the manifest's strict reader. An intent decides what is renamed by root: whatever is not exactly
 * what intent_to_json() writes makes the whole of it damaged.
 */

#include "agent/intent-private.h"

#include "agent/folder.h"
#include "agent/stage.h"
#include "common/json.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define VERSION 1

static const char *const file_keys[_MANAGED_FILE_MAX] = {
        [MANAGED_FILE_CERT] = "cert", [MANAGED_FILE_KEY] = "key",           [MANAGED_FILE_CHAIN] = "chain",
        [MANAGED_FILE_CA] = "ca",     [MANAGED_FILE_COMBINED] = "combined",
};

static const char *const kind_keys[_MANIFEST_KIND_MAX] = {
        [MANIFEST_KIND_CERTIFICATE] = "certificate",
        [MANIFEST_KIND_BUNDLE] = "bundle",
        [MANIFEST_KIND_CRL] = "crl",
};

/* ---- Writing ---- */

static void add_string(JsonBuilder *b, const char *key, const char *value)
{
        if (!value)
                return;
        json_builder_set_member_name(b, key);
        json_builder_add_string_value(b, value);
}

static void add_number(JsonBuilder *b, const char *key, uint64_t value)
{
        json_builder_set_member_name(b, key);
        json_builder_add_int_value(b, (int64_t) value);
}

static void add_attributes(JsonBuilder *b, const char *key, const FileAttributes *a)
{
        json_builder_set_member_name(b, key);
        json_builder_begin_object(b);
        add_number(b, "uid", a->uid);
        add_number(b, "gid", a->gid);
        add_number(b, "mode", a->mode);
        json_builder_end_object(b);
}

static void add_change(JsonBuilder *b, const Change *c)
{
        json_builder_begin_object(b);
        add_string(b, "file", c->file >= 0 ? file_keys[c->file] : NULL);
        add_string(b, "path", c->path);
        add_string(b, "staged", c->staged);
        add_string(b, "digest", c->digest);
        add_string(b, "link", c->link);
        add_attributes(b, "attributes", &c->attributes);
        json_builder_end_object(b);
}

static void add_item(JsonBuilder *b, const IntentItem *item)
{
        json_builder_begin_object(b);
        add_string(b, "kind", kind_keys[item->kind]);
        add_string(b, "name", item->name);
        add_number(b, "generation", item->generation);
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                add_string(b, file_keys[f], item->path[f]);
        add_string(b, "directory", item->directory);
        add_attributes(b, "cert_attributes", &item->cert_attributes);
        add_attributes(b, "key_attributes", &item->key_attributes);
        add_number(b, "keep", item->keep);
        json_builder_set_member_name(b, "changes");
        json_builder_begin_array(b);
        for (unsigned i = 0; i < item->changes->len; i++)
                add_change(b, g_ptr_array_index(item->changes, i));
        json_builder_end_array(b);
        json_builder_end_object(b);
}

char *intent_to_json(const Intent *intent, size_t *ret_size)
{
        g_autoptr(JsonBuilder) b = json_builder_new();
        g_autoptr(JsonGenerator) g = json_generator_new();
        JsonNode *root;
        char *text;

        json_builder_begin_object(b);
        add_number(b, "version", VERSION);
        json_builder_set_member_name(b, "items");
        json_builder_begin_array(b);
        for (unsigned i = 0; i < intent->items->len; i++)
                add_item(b, g_ptr_array_index(intent->items, i));
        json_builder_end_array(b);
        json_builder_end_object(b);
        root = json_builder_get_root(b);
        json_generator_set_root(g, root);
        text = json_generator_to_data(g, ret_size);
        json_node_unref(root);
        return text;
}

/* ---- Reading: each of these is false when the member is not what it should be ---- */

static bool read_number(const JsonValue *object, const char *key, uint64_t max, uint64_t *ret)
{
        const JsonValue *v = json_value_member(object, key);

        if (!v || v->kind != JSON_KIND_NUMBER || !v->is_integer || v->integer < 0 ||
            (uint64_t) v->integer > max)
                return false;
        *ret = (uint64_t) v->integer;
        return true;
}

/* A missing one is NULL, and fine. */
static bool read_string(const JsonValue *object, const char *key, char **ret)
{
        const JsonValue *v = json_value_member(object, key);

        if (v && v->kind != JSON_KIND_STRING)
                return false;
        *ret = v ? g_strdup(v->string) : NULL;
        return true;
}

static bool read_path(const JsonValue *object, const char *key, char **ret)
{
        return read_string(object, key, ret) &&
               (!*ret || (g_path_is_absolute(*ret) && !g_str_has_suffix(*ret, "/")));
}

static bool read_attributes(const JsonValue *object, const char *key, FileAttributes *ret)
{
        const JsonValue *v = json_value_member(object, key);
        uint64_t uid, gid, mode;

        if (!v || v->kind != JSON_KIND_OBJECT || !read_number(v, "uid", UINT32_MAX - 1, &uid) ||
            !read_number(v, "gid", UINT32_MAX - 1, &gid) || !read_number(v, "mode", 0777, &mode))
                return false;
        *ret = (FileAttributes){ .uid = (uid_t) uid, .gid = (gid_t) gid, .mode = (mode_t) mode };
        return true;
}

static bool is_digest(const char *s)
{
        return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool read_file_key(const JsonValue *v, ManagedFile *ret)
{
        g_autofree char *key = NULL;

        if (!read_string(v, "file", &key))
                return false;
        *ret = _MANAGED_FILE_INVALID;
        for (ManagedFile f = 0; key && f < _MANAGED_FILE_MAX; f++)
                if (g_str_equal(file_keys[f], key))
                        *ret = f;
        return !key || *ret >= 0;
}

static bool read_change(const JsonValue *v, Change *c)
{
        return v->kind == JSON_KIND_OBJECT && read_file_key(v, &c->file) && read_path(v, "path", &c->path) &&
               c->path && read_string(v, "staged", &c->staged) && c->staged &&
               stage_is_name(c->staged, NULL) && read_string(v, "digest", &c->digest) &&
               read_string(v, "link", &c->link) &&
               (c->file >= 0 ? c->digest && is_digest(c->digest) && !c->link : !c->digest && c->link) &&
               read_attributes(v, "attributes", &c->attributes);
}

static void change_destroy(gpointer p)
{
        change_free(p);
}

static bool read_changes(const JsonValue *v, IntentItem *item)
{
        const JsonValue *changes = json_value_member(v, "changes");

        item->changes = g_ptr_array_new_with_free_func(change_destroy);
        if (!changes || changes->kind != JSON_KIND_ARRAY)
                return false;
        for (const JsonValue *e = changes->first; e; e = e->next) {
                g_ptr_array_add(item->changes, g_new0(Change, 1));
                if (!read_change(e, g_ptr_array_index(item->changes, item->changes->len - 1)))
                        return false;
        }
        return item->changes->len > 0;
}

/* An intent of a time when there were certificates only says none. */
static bool read_item_kind(const JsonValue *v, ManifestKind *ret)
{
        g_autofree char *key = NULL;

        if (!read_string(v, "kind", &key))
                return false;
        *ret = key ? _MANIFEST_KIND_INVALID : MANIFEST_KIND_CERTIFICATE;
        for (ManifestKind kind = 0; key && kind < _MANIFEST_KIND_MAX; kind++)
                if (g_str_equal(kind_keys[kind], key))
                        *ret = kind;
        return *ret >= 0;
}

/* A bundle or a revocation list is one file. */
static bool item_is_of_its_kind(const IntentItem *item)
{
        if (item->kind == MANIFEST_KIND_CERTIFICATE)
                return true;
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                if ((item->path[f] != NULL) != (f == MANAGED_FILE_CA))
                        return false;
        return !item->directory && item->changes->len == 1 &&
               ((const Change *) g_ptr_array_index(item->changes, 0))->file == MANAGED_FILE_CA;
}

static bool read_item(const JsonValue *v, IntentItem *item)
{
        uint64_t generation, keep;

        if (v->kind != JSON_KIND_OBJECT || !read_item_kind(v, &item->kind) ||
            !read_string(v, "name", &item->name) || !item->name || !folder_name_is_safe(item->name) || !read_number(v, "generation", UINT32_MAX, &generation) ||
            !read_number(v, "keep", UINT32_MAX, &keep))
                return false;
        item->generation = (unsigned) generation;
        item->keep = (unsigned) keep;
        for (ManagedFile f = 0; f < _MANAGED_FILE_MAX; f++)
                if (!read_path(v, file_keys[f], &item->path[f]))
                        return false;
        return read_path(v, "directory", &item->directory) &&
               read_attributes(v, "cert_attributes", &item->cert_attributes) &&
               read_attributes(v, "key_attributes", &item->key_attributes) && read_changes(v, item) &&
               item_is_of_its_kind(item);
}

Intent *intent_from_json(GBytes *content)
{
        size_t size;
        const char *data = g_bytes_get_data(content, &size);
        g_autoptr(JsonDocument) document = json_document_new(g_strndup(data, size), size);
        const JsonValue *root = json_document_root(document);
        const JsonValue *items =
                root && root->kind == JSON_KIND_OBJECT ? json_value_member(root, "items") : NULL;
        g_autoptr(Intent) intent = intent_new();
        uint64_t version;

        if (!items || items->kind != JSON_KIND_ARRAY || !read_number(root, "version", UINT32_MAX, &version) ||
            version != VERSION)
                return NULL;
        for (const JsonValue *e = items->first; e; e = e->next) {
                g_ptr_array_add(intent->items, g_new0(IntentItem, 1));
                if (!read_item(e, g_ptr_array_index(intent->items, intent->items->len - 1)))
                        return NULL;
        }
        return g_steal_pointer(&intent);
}
