/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* POST /1.0/sign: a certificate for a token by the provisioner's key. It owns nothing. */

#include "issuers/step/step-private.h"

#include "common/error.h"
#include "common/timespan.h"

#define WHAT "asking for a certificate"

char *step_csr_pem(const IssuerRequest *r, GError **error)
{
        gnutls_datum_t pem;
        char *text;
        int n = gnutls_x509_crq_export2(r->crq, GNUTLS_X509_FMT_PEM, &pem);

        if (n < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL,
                            "the request cannot be written as PEM: %s", gnutls_strerror(n));
                return NULL;
        }
        text = g_strndup((const char *) pem.data, pem.size);
        gnutls_free(pem.data);
        return text;
}

/* The CA counts a span from its own clock, so that ours does not matter. */
static char *body_text(const StepCall *c, const IssuerRequest *r, const char *csr, const char *token)
{
        uint64_t seconds = (r->lifetime ?: c->options->lifetime_usec) / USEC_PER_SEC;
        g_autoptr(JsonBuilder) b = json_builder_new();
        g_autoptr(JsonNode) root = NULL;

        json_builder_begin_object(b);
        json_builder_set_member_name(b, "csr");
        json_builder_add_string_value(b, csr);
        json_builder_set_member_name(b, "ott");
        json_builder_add_string_value(b, token);
        if (seconds > 0) {
                g_autofree char *span = g_strdup_printf("%" G_GUINT64_FORMAT "s", seconds);

                json_builder_set_member_name(b, "notAfter");
                json_builder_add_string_value(b, span);
        }
        json_builder_end_object(b);
        root = json_builder_get_root(b);
        return json_to_string(root, FALSE);
}

static GPtrArray *sign_once(StepCall *c, const IssuerRequest *r, const char *csr, GError **error)
{
        g_autofree char *subject = step_subject(r);
        g_autofree char *token = step_token(c, "/1.0/sign", subject, (const char *const *) r->sans, error);
        g_autofree char *body = token ? body_text(c, r, csr, token) : NULL;
        g_autoptr(HttpAnswer) a = body ? step_ask(c, "POST", "/1.0/sign", body, NULL, NULL, error) : NULL;
        g_autoptr(JsonObject) answer = a ? step_answer_object(c, a, WHAT, error) : NULL;

        return answer ? step_chain_of_answer(c, answer, error) : NULL;
}

GPtrArray *step_sign(StepCall *c, const IssuerRequest *r, GError **error)
{
        g_autofree char *csr = step_csr_pem(r, error);
        g_autoptr(GError) wrong = NULL;
        GPtrArray *chain;

        if (!csr || !step_account_check(c, WHAT, error))
                return NULL;
        chain = sign_once(c, r, csr, &wrong);
        if (!chain && step_begin_again(c, wrong)) {
                g_clear_error(&wrong);
                chain = sign_once(c, r, csr, &wrong);
        }
        if (!chain && g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION))
                step_forget_provisioner(c);
        if (!chain)
                g_propagate_error(error, g_steal_pointer(&wrong));
        return chain;
}
