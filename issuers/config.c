/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An issuer's configuration, taken key by key. It owns the parsed JSON; a key that was taken is removed from
 * it. */

#include "issuers/config.h"

#include "common/error.h"
#include "common/timespan.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define CONFIG_MAX (1024 * 1024)

struct IssuerConfig {
        JsonParser *parser;
        JsonObject *object; /* borrowed from the parser */
        char *name;
        char *environment; /* may be NULL */
        uint64_t timeout;
};

bool issuer_config_invalid(const IssuerConfig *c, const char *key, GError **error, const char *format, ...)
{
        g_autofree char *what = NULL;
        va_list arguments;

        va_start(arguments, format);
        what = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "issuers.%s.%s: %s", c->name ?: "?", key,
                    what);
        return false;
}

/* Removes and returns the value of "key" or "outer.key"; the caller frees. NULL when it is not there. */
static JsonNode *take(IssuerConfig *c, const char *key)
{
        g_auto(GStrv) parts = g_strsplit(key, ".", 2);
        JsonObject *object = c->object;
        JsonNode *node;

        if (parts[1]) {
                node = json_object_get_member(object, parts[0]);
                if (!node || !JSON_NODE_HOLDS_OBJECT(node))
                        return NULL;
                object = json_node_get_object(node);
        }
        node = json_object_dup_member(object, parts[1] ?: parts[0]);
        if (node)
                json_object_remove_member(object, parts[1] ?: parts[0]);
        return node;
}

bool issuer_config_take_string(IssuerConfig *c, const char *key, char **ret, GError **error)
{
        g_autoptr(JsonNode) node = take(c, key);

        if (!node)
                return true;
        if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
                return issuer_config_invalid(c, key, error, "must be a string");
        g_free(*ret);
        *ret = json_node_dup_string(node);
        return true;
}

bool issuer_config_take_span(IssuerConfig *c, const char *key, uint64_t *ret_usec, GError **error)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) wrong = NULL;

        if (!issuer_config_take_string(c, key, &text, error))
                return false;
        if (!text || timespan_parse(text, ret_usec, &wrong))
                return true;
        return issuer_config_invalid(c, key, error, "%s", wrong->message);
}

bool issuer_config_take_number(IssuerConfig *c, const char *key, uint64_t *ret, GError **error)
{
        g_autoptr(JsonNode) node = take(c, key);

        if (!node)
                return true;
        if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64 ||
            json_node_get_int(node) < 0)
                return issuer_config_invalid(c, key, error, "must be a number, not negative");
        *ret = (uint64_t) json_node_get_int(node);
        return true;
}

bool issuer_config_take_key_type(IssuerConfig *c, const char *key, KeyType *ret, GError **error)
{
        g_autofree char *text = NULL;
        KeyType type;

        if (!issuer_config_take_string(c, key, &text, error))
                return false;
        if (!text)
                return true;
        type = key_type_from_string(text);
        if (type < 0)
                return issuer_config_invalid(c, key, error, "\"%s\" is no type of key", text);
        *ret = type;
        return true;
}

bool issuer_config_take_list(IssuerConfig *c, const char *key, size_t max, char ***ret, GError **error)
{
        g_autoptr(JsonNode) node = take(c, key);
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
        JsonArray *array;

        if (!node)
                return true;
        if (!JSON_NODE_HOLDS_ARRAY(node))
                return issuer_config_invalid(c, key, error, "must be a list of strings");
        array = json_node_get_array(node);
        if (json_array_get_length(array) > max)
                return issuer_config_invalid(c, key, error, "has more than %zu entries", max);
        for (guint i = 0; i < json_array_get_length(array); i++) {
                JsonNode *item = json_array_get_element(array, i);

                if (!JSON_NODE_HOLDS_VALUE(item) || json_node_get_value_type(item) != G_TYPE_STRING)
                        return issuer_config_invalid(c, key, error, "must be a list of strings");
                g_ptr_array_add(list, json_node_dup_string(item));
        }
        g_ptr_array_add(list, NULL);
        g_strfreev(*ret);
        *ret = (char **) g_ptr_array_free(g_steal_pointer(&list), FALSE);
        return true;
}

bool issuer_config_take_strings(IssuerConfig *c, const char *key, size_t max, char ***ret, GError **error)
{
        JsonNode *node = json_object_get_member(c->object, key);
        char *text = NULL;

        if (!node || !JSON_NODE_HOLDS_VALUE(node))
                return issuer_config_take_list(c, key, max, ret, error);
        if (!issuer_config_take_string(c, key, &text, error))
                return false;
        g_strfreev(*ret);
        *ret = g_new0(char *, 2);
        (*ret)[0] = text;
        return true;
}

void issuer_config_pass_over(IssuerConfig *c, const char *key)
{
        JsonNode *node = take(c, key);

        if (node)
                json_node_free(node);
}

/* The first key of an object, or NULL; an inner object that is empty counts as taken. */
static const char *left_over(JsonObject *object)
{
        JsonObjectIter iter;
        const char *key;
        JsonNode *node;

        json_object_iter_init(&iter, object);
        while (json_object_iter_next(&iter, &key, &node))
                if (!JSON_NODE_HOLDS_OBJECT(node) || json_object_get_size(json_node_get_object(node)) > 0)
                        return key;
        return NULL;
}

bool issuer_config_done(IssuerConfig *c, GError **error)
{
        const char *key = left_over(c->object);

        return !key || issuer_config_invalid(c, key, error, "is not known to this type of issuer");
}

const char *issuer_config_name(const IssuerConfig *c)
{
        return c->name;
}

const char *issuer_config_environment(const IssuerConfig *c)
{
        return c->environment;
}

uint64_t issuer_config_timeout_usec(const IssuerConfig *c)
{
        return c->timeout;
}

IssuerConfig *issuer_config_new(const char *json, GError **error)
{
        g_autoptr(IssuerConfig) c = g_new0(IssuerConfig, 1);
        g_autofree char *ignored = NULL;
        JsonNode *root;

        c->parser = json_parser_new();
        root = strlen(json) <= CONFIG_MAX && json_parser_load_from_data(c->parser, json, -1, NULL)
                       ? json_parser_get_root(c->parser)
                       : NULL;
        if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "the issuer's configuration is no JSON object");
                return NULL;
        }
        c->object = json_node_get_object(root);
        if (!issuer_config_take_string(c, "name", &c->name, error) ||
            !issuer_config_take_string(c, "type", &ignored, error) ||
            !issuer_config_take_string(c, "environment", &c->environment, error) ||
            !issuer_config_take_span(c, "timeout", &c->timeout, error))
                return NULL;
        if (!c->name) {
                issuer_config_invalid(c, "name", error, "is missing");
                return NULL;
        }
        return g_steal_pointer(&c);
}

IssuerConfig *issuer_config_free(IssuerConfig *c)
{
        if (!c)
                return NULL;
        g_clear_object(&c->parser);
        g_free(c->name);
        g_free(c->environment);
        g_free(c);
        return NULL;
}
