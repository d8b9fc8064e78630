/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The provisioner that is looked for, in pages that the CA wrote. It owns what was found, and what is to be
 * said when nothing was. */

#include "issuers/step/step-private.h"

#include "common/error.h"

#include <string.h>

#define ALL_MAX     10000
#define CURSOR_MAX  256
#define NAMES_SHOWN 12
#define NAME_SHOWN  64
#define KEY_MAX     (64 * 1024)
#define KEY_ID_MAX  256

StepProvisioner *step_provisioner_free(StepProvisioner *p)
{
        if (!p)
                return NULL;
        g_free(p->name);
        g_free(p->encrypted_key);
        g_free(p->key_id);
        g_free(p);
        return NULL;
}

void step_search_init(StepSearch *s, const char *wanted)
{
        *s = (StepSearch){ .wanted = wanted, .names = g_string_new(NULL) };
}

void step_search_clear(StepSearch *s)
{
        step_provisioner_free(s->found);
        g_free(s->other_type);
        if (s->names)
                g_string_free(s->names, TRUE);
        *s = (StepSearch){ 0 };
}

/* ---- One provisioner ---- */

static StepProvisioner *provisioner_new(StepProvisionerType type, const char *name, const char *key,
                                        const char *key_id)
{
        StepProvisioner *p = g_new0(StepProvisioner, 1);

        p->type = type;
        p->name = g_strdup(name);
        p->encrypted_key = g_strdup(key ?: "");
        p->key_id = g_strdup(key_id ?: "");
        return p;
}

static void take_jwk(StepSearch *s, JsonObject *o)
{
        const char *key = step_json_string(o, "encryptedKey");
        JsonObject *jwk = step_json_object(o, "key");
        const char *key_id = jwk ? step_json_string(jwk, "kid") : NULL;

        if (!key || !*key || strlen(key) > KEY_MAX || !key_id || strlen(key_id) > KEY_ID_MAX)
                s->key_elsewhere = true;
        else
                s->found = provisioner_new(STEP_PROVISIONER_JWK, s->wanted, key, key_id);
}

static void take_name(StepSearch *s, const char *name)
{
        g_autofree char *shown = cert_error_printable(name, NAME_SHOWN, "");

        if (s->shown >= NAMES_SHOWN)
                return;
        g_string_append_printf(s->names, "%s\"%s\"", s->shown++ > 0 ? ", " : "", shown);
}

/* The same name may stand for several, of different types. */
static void take_provisioner(StepSearch *s, JsonObject *o)
{
        const char *name = step_json_string(o, "name"), *type = step_json_string(o, "type");

        s->seen++;
        if (!name || !type)
                return;
        take_name(s, name);
        if (s->found || !g_str_equal(name, s->wanted))
                return;
        if (g_ascii_strcasecmp(type, "JWK") == 0)
                take_jwk(s, o);
        else if (g_ascii_strcasecmp(type, "X5C") == 0)
                s->found = provisioner_new(STEP_PROVISIONER_X5C, name, NULL, NULL);
        else if (!s->other_type)
                s->other_type = cert_error_printable(type, NAME_SHOWN, "");
}

/* ---- Pages ---- */

bool step_search_broken(GError **error, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                    "the CA's list of provisioners %s\n"
                    "Check that \"url\" in the manifest is a step-ca's, and look at its log.",
                    what);
        return false;
}

bool step_search_take_page(StepSearch *s, JsonObject *page, char **cursor, GError **error)
{
        JsonArray *list = step_json_array(page, "provisioners");
        const char *next = step_json_string(page, "nextCursor");

        if (!list)
                return step_search_broken(error, "is not there");
        for (guint i = 0; i < json_array_get_length(list); i++) {
                JsonNode *node = json_array_get_element(list, i);

                if (!JSON_NODE_HOLDS_OBJECT(node))
                        return step_search_broken(error, "holds what is no provisioner");
                take_provisioner(s, json_node_get_object(node));
        }
        if (s->seen > ALL_MAX)
                return step_search_broken(error, "has no end: more than 10,000 are in it");
        if (next && (strlen(next) > CURSOR_MAX || (*cursor && g_str_equal(next, *cursor))))
                return step_search_broken(error,
                                          "goes round in a circle: a page names itself as the next one");
        g_free(*cursor);
        *cursor = next && *next ? g_strdup(next) : NULL;
        return true;
}
