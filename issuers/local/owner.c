/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The owner of a local authority's folder: a small file in it, written once. */

#include "issuers/local/owner.h"

#include "common/error.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define OWNER_FILE     "owner"
#define OWNER_FILE_MAX 4096

static const char *string_member(JsonObject *object, const char *name)
{
        JsonNode *node = json_object_get_member(object, name);

        return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
                       ? json_node_get_string(node)
                       : NULL;
}

static bool refuse(const Store *s, const char *issuer, const char *environment, GError **error)
{
        g_autofree char *name = cert_error_printable(issuer, 128, "");
        g_autofree char *place = environment ? cert_error_printable(environment, 128, "") : NULL;

        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "%s is the folder of the issuer \"%s\" of %s%s%s\n"
                    "It was made when the manifest said so; authorities of two issuers or environments do not mix. For a new "
                    "authority give this issuer another name. To go on with the one that is there: rm %s/" OWNER_FILE
                    "; certctl renew --due",
                    store_shown(s), name, place ? "the environment \"" : "no environment", place ?: "",
                    place ? "\"" : "", store_shown(s));
        return false;
}

static bool check_content(const Store *s, const AuthorityOptions *o, GBytes *content, GError **error)
{
        g_autoptr(JsonParser) parser = json_parser_new();
        size_t size;
        const char *text = g_bytes_get_data(content, &size);
        JsonNode *root = json_parser_load_from_data(parser, text, (gssize) size, NULL)
                                 ? json_parser_get_root(parser)
                                 : NULL;
        JsonObject *object = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
        const char *issuer = object ? string_member(object, "issuer") : NULL, *environment;

        if (!issuer) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "%s/" OWNER_FILE " does not say whose folder it is\n"
                            "If it is that of the issuer \"%s\", remove the file.",
                            store_shown(s), o->name);
                return false;
        }
        environment = string_member(object, "environment");
        return (g_str_equal(issuer, o->name) && g_strcmp0(environment, o->environment) == 0) ||
               refuse(s, issuer, environment, error);
}

bool owner_check(const Store *s, const AuthorityOptions *o, bool *ret_claimed, GError **error)
{
        g_autoptr(GBytes) content = NULL;

        if (!store_read(s, OWNER_FILE, OWNER_FILE_MAX, &content, error) ||
            (content && !check_content(s, o, content, error)))
                return false;
        *ret_claimed = content != NULL;
        return true;
}

static GBytes *to_text(const AuthorityOptions *o)
{
        g_autoptr(JsonObject) object = json_object_new();
        g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
        char *text;

        json_object_set_string_member(object, "issuer", o->name);
        if (o->environment)
                json_object_set_string_member(object, "environment", o->environment);
        json_node_set_object(node, object);
        text = json_to_string(node, FALSE);
        return g_bytes_new_take(text, strlen(text));
}

bool owner_claim(Store *s, const AuthorityOptions *o, GError **error)
{
        g_autoptr(GBytes) text = NULL;
        bool claimed;

        if (!owner_check(s, o, &claimed, error))
                return false;
        if (claimed)
                return true;
        text = to_text(o);
        return store_write(s, OWNER_FILE, text, error);
}
