/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the CA says its roots are. They are handed on, to stand in bundles and to complete chains, since a
 * server that is trusted says so; who that server is they never vouch for. It owns what the process keeps of
 * them. */

#include "issuers/step/step-private.h"

#include "agent/cert-list.h"
#include "common/error.h"
#include "common/timespan.h"

#define KEPT_USEC (10 * USEC_PER_MINUTE) /* a bundle asks anew; this is what goes with a certificate */

static bool is_in(GPtrArray *ders, GBytes *der)
{
        for (guint i = 0; i < ders->len; i++)
                if (g_bytes_equal(ders->pdata[i], der))
                        return true;
        return false;
}

/* Those that are no CA's, or whose time is over, are of no use to anybody. */
static void add_usable(GPtrArray *ders, const CertList *list)
{
        g_autoptr(GPtrArray) all = cert_list_to_der(list);

        for (guint i = 0; i < all->len && i < list->n && ders->len < STEP_ROOTS_MAX; i++)
                if (step_root_check(list->crt[i], "", NULL) && !is_in(ders, all->pdata[i]))
                        g_ptr_array_add(ders, g_bytes_ref(all->pdata[i]));
}

static bool add_pem(GPtrArray *ders, GBytes *pem)
{
        g_auto(CertList) list = { 0 };

        if (!cert_list_of_pem(pem, STEP_ROOTS_MAX, &list))
                return false;
        add_usable(ders, &list);
        return true;
}

bool step_roots_of_answer(GPtrArray *ders, JsonObject *answer, GError **error)
{
        JsonArray *array = step_json_array(answer, "crts");
        g_autoptr(GPtrArray) said = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        g_auto(CertList) list = { 0 };

        if (!array || json_array_get_length(array) > STEP_ROOTS_MAX) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                            "the CA's answer about its roots holds no list of them, or more than %d\n"
                            "Check that \"url\" in the manifest is a step-ca's.",
                            STEP_ROOTS_MAX);
                return false;
        }
        for (guint i = 0; i < json_array_get_length(array); i++) {
                JsonNode *node = json_array_get_element(array, i);
                const char *pem = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;

                if (!step_add_certificate(said, pem, "a root of the CA's answer", error))
                        return false;
        }
        (void) cert_list_of_der(said, &list); /* read from PEM a moment ago */
        add_usable(ders, &list);
        return true;
}

StepRoots *step_roots_free(StepRoots *r)
{
        if (!r)
                return NULL;
        g_ptr_array_unref(r->ders);
        g_free(r);
        return NULL;
}

static void keep(StepCall *c, GPtrArray *ders)
{
        StepRoots *r = g_new(StepRoots, 1);

        *r = (StepRoots){ g_ptr_array_ref(ders), (uint64_t) g_get_monotonic_time() };
        g_hash_table_replace(c->process->roots, step_call_key(c, ""), r);
}

GPtrArray *step_roots(StepCall *c, GError **error)
{
        g_autoptr(HttpAnswer) a = step_ask(c, "GET", "/roots", NULL, NULL, NULL, error);
        g_autoptr(JsonObject) o = a ? step_answer_object(c, a, "asking for the CA's roots", error) : NULL;
        g_autoptr(GPtrArray) ders = NULL;
        GBytes *trusted = o ? step_trust(c, c->url, error) : NULL;

        if (!trusted)
                return NULL;
        ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        if (!add_pem(ders, trusted) || !step_roots_of_answer(ders, o, error))
                return NULL;
        keep(c, ders);
        return g_steal_pointer(&ders);
}

GPtrArray *step_roots_known(StepCall *c, GError **error)
{
        g_autofree char *key = step_call_key(c, "");
        StepRoots *known = g_hash_table_lookup(c->process->roots, key);
        uint64_t now = (uint64_t) g_get_monotonic_time();

        return known && now - known->heard < KEPT_USEC ? g_ptr_array_ref(known->ders) : step_roots(c, error);
}

GPtrArray *step_roots_trusted(StepCall *c, GError **error)
{
        g_autoptr(GPtrArray) ders = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
        GBytes *trusted = step_trust(c, c->url ?: c->options->urls[0], error);

        return trusted && add_pem(ders, trusted) ? g_steal_pointer(&ders) : NULL;
}
