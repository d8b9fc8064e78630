/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The provisioner that the manifest names, asked for page by page. It owns what the process keeps of them: no
 * more than the CA tells everybody. */

#include "issuers/step/step-private.h"

#include "common/error.h"

#define PAGE_SIZE 100 /* as many as step-ca gives */
#define PAGES_MAX 64

static JsonObject *ask_page(StepCall *c, const char *cursor, GError **error)
{
        g_autofree char *escaped = cursor ? g_uri_escape_string(cursor, NULL, FALSE) : NULL;
        g_autofree char *path = g_strdup_printf("/provisioners?limit=%d%s%s", PAGE_SIZE,
                                                escaped ? "&cursor=" : "", escaped ?: "");
        g_autoptr(HttpAnswer) a = step_ask(c, "GET", path, NULL, NULL, NULL, error);

        return a ? step_answer_object(c, a, "asking for the provisioners", error) : NULL;
}

/* Until it is found, or there are no more. */
static bool search(StepCall *c, StepSearch *s, GError **error)
{
        g_autofree char *cursor = NULL;

        for (unsigned i = 0; i < PAGES_MAX; i++) {
                g_autoptr(JsonObject) page = ask_page(c, cursor, error);

                if (!page || !step_search_take_page(s, page, &cursor, error))
                        return false;
                if (s->found || !cursor)
                        return true;
        }
        return step_search_broken(error, "has no end: more than 64 pages");
}

/* ---- The one that is wanted ---- */

static bool refuse_missing(const StepCall *c, const StepSearch *s, GError **error)
{
        const char *wanted = c->options->provisioner;

        if (s->key_elsewhere)
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "the CA at %s does not hand out the key of its provisioner \"%s\": it is kept "
                            "elsewhere\n"
                            "Name a provisioner that was made with its encrypted key (step ca provisioner "
                            "add NAME --type JWK "
                            "--create), or one of type X5C.",
                            c->url, wanted);
        else if (s->other_type)
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "\"%s\" of the CA at %s is a provisioner of type %s, and cert-agent needs one of "
                            "type JWK or X5C\n"
                            "Name another one in \"provisioner\" of the issuer, or add one at the CA: step "
                            "ca provisioner add "
                            "NAME --type JWK --create",
                            wanted, c->url, s->other_type);
        else
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED,
                            "the CA at %s has no provisioner \"%s\"; it has %s%s\n"
                            "Name one of those in \"provisioner\" of the issuer in the manifest, or add it "
                            "at the CA.",
                            c->url, wanted, s->shown > 0 ? s->names->str : "none",
                            s->seen > s->shown ? " and others" : "");
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
                    c->options->name, p->name, x5c ? "X5C" : "JWK",
                    x5c ? "a password" : "a certificate's key",
                    x5c ? "x5c_cert_file and x5c_key_file" : "password_file or password_credential");
        return false;
}

const StepProvisioner *step_provisioner(StepCall *c, GError **error)
{
        g_autofree char *key = step_call_key(c, c->options->provisioner);
        StepProvisioner *known = g_hash_table_lookup(c->process->provisioners, key);
        g_auto(StepSearch) s = { 0 };

        if (!known) {
                step_search_init(&s, c->options->provisioner);
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
