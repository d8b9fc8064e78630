/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An issuer's configuration: made ready for its process. It owns nothing. */

#include "agent/issuer-config.h"

#include "common/error.h"
#include "common/timespan.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define TYPE_LOCAL          "local"
#define TYPE_LENGTH_MAX     64
#define NETWORK_CONNECTIONS 4
#define NETWORK_PROCESSES   64
#define LOCAL_TIMEOUT       (30 * USEC_PER_SEC)
#define NETWORK_TIMEOUT     (60 * USEC_PER_SEC)
#define TIMEOUT_MIN         (USEC_PER_SEC / 10)
#define TIMEOUT_MAX         (USEC_PER_HOUR)

/* The object, borrowed from `parser`; NULL when it is none. */
static JsonObject *parse(JsonParser *parser, const ManifestIssuer *issuer)
{
        JsonNode *root;

        if (!json_parser_load_from_data(parser, issuer->config ?: "{}", -1, NULL))
                return NULL;
        root = json_parser_get_root(parser);
        return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
}

char *issuer_config_text(const ManifestIssuer *issuer, GError **error)
{
        g_autoptr(JsonParser) parser = json_parser_new();
        JsonObject *object = parse(parser, issuer);

        if (!object) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "the configuration of issuer \"%s\" is no JSON object", issuer->name);
                return NULL;
        }
        json_object_set_string_member(object, "name", issuer->name);
        if (issuer->environment)
                json_object_set_string_member(object, "environment", issuer->environment);
        return json_to_string(json_parser_get_root(parser), FALSE);
}

uint64_t issuer_config_timeout(const ManifestIssuer *issuer)
{
        g_autoptr(JsonParser) parser = json_parser_new();
        JsonObject *object = parse(parser, issuer);
        JsonNode *node = object ? json_object_get_member(object, "timeout") : NULL;
        uint64_t usec;

        if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING &&
            timespan_parse(json_node_get_string(node), &usec, NULL))
                return CLAMP(usec, TIMEOUT_MIN, TIMEOUT_MAX);
        return issuer_config_is_network(issuer->type) ? NETWORK_TIMEOUT : LOCAL_TIMEOUT;
}

bool issuer_config_is_network(const char *type)
{
        return g_strcmp0(type, TYPE_LOCAL) != 0;
}

unsigned issuer_config_connections(const ManifestIssuer *issuer)
{
        if (issuer->connections > 0)
                return issuer->connections;
        return issuer_config_is_network(issuer->type) ? NETWORK_CONNECTIONS : g_get_num_processors();
}

unsigned issuer_config_processes(const char *type)
{
        return issuer_config_is_network(type) ? NETWORK_PROCESSES : g_get_num_processors();
}

bool issuer_config_type_is_valid(const char *type)
{
        size_t length = strlen(type);

        return length > 0 && length <= TYPE_LENGTH_MAX && type[0] != '-' &&
               strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}
