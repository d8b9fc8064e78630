/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is in an answer of the CA's: JSON, strictly bounded, and the certificates in it. It owns nothing. */

#include "issuers/step/step-private.h"

#include "agent/cert-list.h"
#include "common/error.h"

#include <string.h>

#define DEPTH_MAX 16
#define SHOWN_MAX 64

/* Outside of strings. json-glib knows comments and single quotes as well, in which a double quote means nothing. */
static bool is_json(char c)
{
        return g_ascii_isalnum(c) || strchr(" \t\r\n{}[]:,+-.\"", c);
}

/* json-glib goes down as deep as the text does, on the stack. So strings must end here where they do there. */
static bool is_shallow(const char *text, size_t size)
{
        unsigned depth = 0;
        bool quoted = false;

        for (size_t i = 0; i < size; i++) {
                if (quoted ? (unsigned char) text[i] < 0x20 : !text[i] || !is_json(text[i]))
                        return false;
                if (quoted && text[i] == '\\')
                        i++;
                else if (text[i] == '"')
                        quoted = !quoted;
                else if (quoted)
                        continue;
                else if (text[i] == '[' || text[i] == '{')
                        depth++;
                else if ((text[i] == ']' || text[i] == '}') && depth > 0)
                        depth--;
                if (depth > DEPTH_MAX)
                        return false;
        }
        return true;
}

JsonObject *step_json_parse(GBytes *text)
{
        g_autoptr(JsonParser) parser = json_parser_new();
        gsize size = 0;
        const char *data = g_bytes_get_data(text, &size);
        JsonNode *root;

        if (size == 0 || size > STEP_ANSWER_MAX || !g_utf8_validate(data, (gssize) size, NULL) ||
            !is_shallow(data, size) || !json_parser_load_from_data(parser, data, (gssize) size, NULL))
                return NULL;
        root = json_parser_get_root(parser);
        return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_dup_object(root) : NULL;
}

const char *step_json_string(JsonObject *o, const char *name)
{
        JsonNode *node = json_object_get_member(o, name);

        return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
                       ? json_node_get_string(node)
                       : NULL;
}

JsonArray *step_json_array(JsonObject *o, const char *name)
{
        JsonNode *node = json_object_get_member(o, name);

        return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

JsonObject *step_json_object(JsonObject *o, const char *name)
{
        JsonNode *node = json_object_get_member(o, name);

        return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

bool step_add_certificate(GPtrArray *ders, const char *pem, const char *what, GError **error)
{
        g_autoptr(GBytes) bytes = pem ? g_bytes_new_static(pem, strlen(pem)) : NULL;
        g_autoptr(GPtrArray) one = NULL;
        g_auto(CertList) list = { 0 };

        if (!pem || !cert_list_of_pem(bytes, 1, &list) || list.n != 1) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                            "%s is no certificate in PEM\nCheck that \"url\" in the manifest is the CA's.",
                            what);
                return false;
        }
        one = cert_list_to_der(&list);
        g_ptr_array_add(ders, g_bytes_ref(one->pdata[0]));
        return true;
}

/* ---- Answers ---- */

static JsonObject *broken(StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        g_autofree char *type = cert_error_printable(a->content_type ?: "no type", SHOWN_MAX, "");
        gsize size = g_bytes_get_size(a->body);

        if (size == 0)
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                            "%s: the answer of %s (%u) is empty\n"
                            "Look at the CA's log, and at that of a proxy in between.",
                            what, c->url, a->status);
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                            "%s: the answer of %s (%u, %s, %zu bytes) is not that of a step-ca\n"
                            "Check that \"url\" in the manifest is the CA's, and what a proxy in between "
                            "answers in its "
                            "place: curl -k %s/health",
                            what, c->url, a->status, type, size, c->url);
        return NULL;
}

JsonObject *step_answer_object(StepCall *c, const HttpAnswer *a, const char *what, GError **error)
{
        JsonObject *o;

        if (a->status != 200 && a->status != 201) {
                step_refusal(c, a, what, error);
                return NULL;
        }
        o = step_json_parse(a->body);
        return o ?: broken(c, a, what, error);
}
