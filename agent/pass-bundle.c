/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bundles and revocation lists in a pass: what is written in them is put together here, where a certificate would be
 * issued. Everything after that is the same for all. */

#include "agent/agent-private.h"
#include "agent/outage.h"
#include "common/error.h"

#include <gnutls/gnutls.h>

static void item_take_content(PassItem *item, GBytes *pem, GError *error)
{
        Generation *fresh = pem ? generation_new_content(pem, &error) : NULL;

        if (fresh)
                item_ready(item, fresh);
        else
                item_fail(item, error);
}

static void on_roots(GBytes *pem, const GError *error, void *userdata)
{
        PassItem *item = userdata;
        Pass *pass = item->pass;

        item->roots = NULL;
        pass->issuing--;
        item->answered = outage_is_over(error, 0);
        if (error)
                item_fail(item, g_error_copy(error));
        else
                item_compose(item);
        pass_advance(pass);
}

void item_compose(PassItem *item)
{
        Agent *a = item->pass->agent;
        const ManifestIssuer *unknown = NULL;
        GError *error = NULL;
        g_autoptr(GBytes) pem = agent_compose_bundle(a, item->wish, &unknown, &error);

        if (pem || error) {
                item_take_content(item, pem, error);
        } else if (!unknown || unknown->authority) {
                item_fail(item, g_error_new(CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                                            "The authority \"%s\" is not there, so that nobody knows what %s must hold\n"
                                            "See: certctl authority show %s",
                                            unknown ? unknown->name : "", item->wish->name, unknown ? unknown->name : ""));
        } else {
                item->pass->issuing++;
                item->roots = issue_roots(a->issuers, unknown, on_roots, item);
        }
}

/* Revocation lists (RFC 5280, section 5), as text (RFC 7468, section 7). */
static GBytes *lists_to_pem(GPtrArray *lists)
{
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < lists->len; i++) {
                gnutls_datum_t der, pem = {};
                size_t size;

                der.data = (unsigned char *) g_bytes_get_data(g_ptr_array_index(lists, i), &size);
                der.size = size;
                if (gnutls_pem_base64_encode2("X509 CRL", &der, &pem) < 0)
                        continue;
                g_string_append_len(text, (char *) pem.data, pem.size);
                gnutls_free(pem.data);
        }
        return g_string_free_to_bytes(text);
}

static void on_lists(const AuthorityReply *reply, void *userdata)
{
        PassItem *item = userdata;
        Pass *pass = item->pass;
        g_autoptr(GBytes) pem = reply->lists ? lists_to_pem(reply->lists) : NULL;

        item->lists = NULL;
        pass->issuing--;
        item_take_content(item, pem, pem ? NULL : g_error_copy(reply->error));
        pass_advance(pass);
}

void item_sign_lists(PassItem *item)
{
        Authority *authority = agent_find_authority(item->pass->agent, *item->wish->from);

        if (!authority || !authority->facts || authority->facts->missing) {
                item_fail(item, g_error_new(CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                                            "The authority \"%s\" is not there, so that nobody can sign what it revoked",
                                            *item->wish->from));
                return;
        }
        item->source = g_strdup(authority->facts->crl_digest);
        item->pass->issuing++;
        item->lists =
                authority_call(item->pass->agent->issuers, authority->issuer, "SignRevocationLists", on_lists, item);
}
