/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The provisioner that the manifest names, found among those that the CA lists page by page. It owns what is kept of
 * them: no more than the CA tells everybody. */

#include "issuers/step/step-private.h"

#include "common/error.h"
#include "common/suggest.h"

#include <string.h>

#define PAGE_SIZE     100 /* as many as step-ca gives */
#define PAGES_MAX     64
#define ALL_MAX       10000
#define CURSOR_MAX    256
#define NAMES_SHOWN   12
#define NAME_SHOWN    64
#define KEY_MAX       (64 * 1024)
#define KEY_ID_MAX    256

/* A walk through the pages. */
typedef struct Search {
        const char *wanted;
        StepProvisioner *found;
        char *other_type;   /* of one that has the name, but is of no use */
        bool key_elsewhere; /* one has the name and the type, but the CA does not hand out its key */
        GString *names;     /* of those there are, to be shown */
        unsigned seen, shown;
} Search;

static void search_clear(Search *s)
{
        step_provisioner_free(s->found);
        g_free(s->other_type);
        if (s->names)
                g_string_free(s->names, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Search, search_clear)

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

/* ---- One provisioner ---- */

static StepProvisioner *provisioner_new(StepProvisionerType type, const char *name, const char *key, const char *key_id)
{
        StepProvisioner *p = g_new0(StepProvisioner, 1);

        p->type = type;
        p->name = g_strdup(name);
        p->encrypted_key = g_strdup(key ?: "");
        p->key_id = g_strdup(key_id ?: "");
        return p;
}

static void take_jwk(Search *s, JsonObject *o)
{
        const char *key = step_json_string(o, "encryptedKey");
        JsonObject *jwk = step_json_object(o, "key");
        const char *key_id = jwk ? step_json_string(jwk, "kid") : NULL;

        if (!key || !*key || strlen(key) > KEY_MAX || !key_id || strlen(key_id) > KEY_ID_MAX)
                s->key_elsewhere = true;
        else
                s->found = provisioner_new(STEP_PROVISIONER_JWK, s->wanted, key, key_id);
}

static void take_name(Search *s, const char *name)
{
        g_autofree char *shown = cert_error_printable(name, NAME_SHOWN, "");

        if (s->shown >= NAMES_SHOWN)
                return;
        g_string_append_printf(s->names, "%s\"%s\"", s->shown++ > 0 ? ", " : "", shown);
}

/* The same name may stand for several, of different types. */
static void take_provisioner(Search *s, JsonObject *o)
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

static bool broken(GError **error, const StepCall *c, const char *what)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                    "the CA's list of provisioners %s\nLook at: curl -k %s/provisioners", what, c->url);
        return false;
}

/* *cursor becomes the next page's, or NULL. */
static bool take_page(const StepCall *c, Search *s, JsonObject *page, char **cursor, GError **error)
{
        JsonArray *list = step_json_array(page, "provisioners");
        const char *next = step_json_string(page, "nextCursor");

        if (!list)
                return broken(error, c, "is not there");
        for (guint i = 0; i < json_array_get_length(list); i++) {
                JsonNode *node = json_array_get_element(list, i);

                if (!JSON_NODE_HOLDS_OBJECT(node))
                        return broken(error, c, "holds what is no provisioner");
                take_provisioner(s, json_node_get_object(node));
        }
        if (s->seen > ALL_MAX)
                return broken(error, c, "has no end: more than 10,000 are in it");
        if (next && (strlen(next) > CURSOR_MAX || (*cursor && g_str_equal(next, *cursor))))
                return broken(error, c, "goes round in a circle: a page names itself as the next one");
        g_free(*cursor);
        *cursor = next && *next ? g_strdup(next) : NULL;
        return true;
}

static JsonObject *ask_page(StepCall *c, const char *cursor, GError **error)
{
        g_autofree char *escaped = cursor ? g_uri_escape_string(cursor, NULL, FALSE) : NULL;
        g_autofree char *path = g_strdup_printf("/provisioners?limit=%d%s%s", PAGE_SIZE, escaped ? "&cursor=" : "",
                                                escaped ?: "");
        g_autoptr(HttpAnswer) a = step_ask(c, "GET", path, NULL, NULL, NULL, error);

        return a ? step_answer_object(c, a, "asking for the provisioners", error) : NULL;
}

/* Until it is found, or there are no more. */
static bool search(StepCall *c, Search *s, GError **error)
{
        g_autofree char *cursor = NULL;

        for (unsigned i = 0; i < PAGES_MAX; i++) {
                g_autoptr(JsonObject) page = ask_page(c, cursor, error);

                if (!page || !take_page(c, s, page, &cursor, error))
                        return false;
                if (s->found || !cursor)
                        return true;
        }
        return broken(error, c, "has no end: more than 64 pages");
}

/* ---- The one that is wanted ---- */

static bool refuse_missing(const StepCall *c, const Search *s, GError **error)
{
        const char *wanted = c->options->provisioner;

        if (s->key_elsewhere)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "the CA at %s does not hand out the key of its provisioner \"%s\": it is kept elsewhere\n"
                            "Name a provisioner that was made with its encrypted key (step ca provisioner add NAME --type JWK "
                            "--create), or one of type X5C.",
                            c->url, wanted);
        else if (s->other_type)
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "\"%s\" of the CA at %s is a provisioner of type %s, and cert-agent needs one of type JWK or X5C\n"
                            "Name another one in \"provisioner\" of the issuer, or add one at the CA: step ca provisioner add "
                            "NAME --type JWK --create",
                            wanted, c->url, s->other_type);
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "the CA at %s has no provisioner \"%s\"; it has %s%s\n"
                            "Name one of those in \"provisioner\" of the issuer in the manifest, or add it at the CA.",
                            c->url, wanted, s->shown > 0 ? s->names->str : "none", s->seen > s->shown ? " and others" : "");
        return false;
}

/* What the manifest has for it must be of its type. */
static bool check_account(const StepCall *c, const StepProvisioner *p, GError **error)
{
        bool x5c = p->type == STEP_PROVISIONER_X5C;

        if (!c->options->has_account || x5c == c->options->has_key_file)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                    "issuers.%s: \"%s\" is a provisioner of type %s, and the manifest names %s\n"
                    "Name %s for it, or another provisioner.",
                    c->options->name, p->name, x5c ? "X5C" : "JWK", x5c ? "a password" : "a certificate's key",
                    x5c ? "x5c_cert_file and x5c_key_file" : "password_file or password_credential");
        return false;
}

const StepProvisioner *step_provisioner(StepCall *c, GError **error)
{
        g_autofree char *key = step_call_key(c, c->options->provisioner);
        StepProvisioner *known = g_hash_table_lookup(c->process->provisioners, key);
        g_auto(Search) s = { .wanted = c->options->provisioner };

        if (!known) {
                s.names = g_string_new(NULL);
                if (!search(c, &s, error) || (!s.found && !refuse_missing(c, &s, error)))
                        return NULL;
                known = g_steal_pointer(&s.found);
                g_hash_table_replace(c->process->provisioners, g_steal_pointer(&key), known);
                c->fresh = true;
        }
        return check_account(c, known, error) ? known : NULL;
}

void step_forget_provisioner(StepCall *c)
{
        g_autofree char *key = step_call_key(c, c->options->provisioner);

        g_hash_table_remove(c->process->provisioners, key);
}
