/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.certagent1.Issuer: from a call of the agent's to questions to the CA. It owns nothing but the call. */

#include "issuers/step/step-private.h"

#include "common/error.h"
#include "common/log.h"
#include "common/message.h"
#include "common/timespan.h"

#include <string.h>

#define ROOTS_USEC (5 * USEC_PER_SEC)

static void call_clear(StepCall *c)
{
        step_options_free(c->options);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StepCall, call_clear)

static bool call_begin(StepCall *c, sd_bus_message *m, const char *config, StepProcess *process,
                       GError **error)
{
        StepOptions *options = step_options_new(config, error);

        if (!options)
                return false;
        *c = (StepCall){ .process = process,
                         .bus = sd_bus_message_get_bus(m),
                         .options = options,
                         .deadline = (uint64_t) g_get_monotonic_time() + options->timeout_usec };
        return true;
}

/* ---- Issue ---- */

/* By the certificate that is there, where the manifest wants that and it can be. An expired or revoked one is
 * refused as every token is (401), and then there is still the first way. */
static GPtrArray *get_chain(StepCall *c, const IssuerRequest *r, GError **error)
{
        bool by_current = c->options->renewal != RENEWAL_SIGN && step_can_renew(c, r);
        g_autoptr(GError) wrong = NULL;
        GPtrArray *chain;

        if (!by_current)
                return step_sign(c, r, error);
        chain = c->options->renewal == RENEWAL_RENEW ? step_renew(c, r, &wrong) : step_rekey(c, r, &wrong);
        if (chain)
                return chain;
        if (!c->options->has_account || !c->url ||
            !g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION)) {
                g_propagate_error(error, g_steal_pointer(&wrong));
                return NULL;
        }
        log_full(LOG_NOTICE, &(LogContext){ .name = r->certificate, .issuer = c->options->name },
                 "not renewed by itself (%.*s), asking for it as for a first one",
                 (int) strcspn(wrong->message, "\n"), wrong->message);
        return step_sign(c, r, error);
}

/* A certificate that was given is not thrown away because the CA's other roots could not be asked for, nor
 * does it wait for them. */
static GPtrArray *get_roots(StepCall *c, const IssuerRequest *r, GError **error)
{
        g_autoptr(GError) wrong = NULL;
        GPtrArray *roots;

        c->deadline = MIN(c->deadline, (uint64_t) g_get_monotonic_time() + ROOTS_USEC);
        roots = step_roots_known(c, &wrong);
        if (roots)
                return roots;
        log_full(LOG_WARNING, &(LogContext){ .name = r->certificate, .issuer = c->options->name },
                 "%.*s; going on with the roots of the manifest", (int) strcspn(wrong->message, "\n"),
                 wrong->message);
        return step_roots_trusted(c, error);
}

static GPtrArray *issue(StepCall *c, const IssuerRequest *r, GPtrArray **ret_roots, GError **error)
{
        g_autoptr(GPtrArray) chain = issuer_request_check(r, error) ? get_chain(c, r, error) : NULL;
        GPtrArray *roots = chain && step_chain_check(c, chain, r, error) ? get_roots(c, r, error) : NULL;

        if (!roots)
                return NULL;
        *ret_roots = roots;
        return g_steal_pointer(&chain);
}

static int method_issue(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(StepCall) c = { 0 };
        g_autoptr(IssuerRequest) request = NULL;
        g_autoptr(GPtrArray) chain = NULL, roots = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        request = issuer_request_read(m, &error);
        if (request && call_begin(&c, m, config, userdata, &error))
                chain = issue(&c, request, &roots, &error);
        if (chain)
                return issuer_reply_issued(m, chain, roots);
        return c.later ? issuer_reply_later(m, error, c.retry_after_usec)
                       : cert_error_to_bus(error, ret_error);
}

/* ---- The other methods ---- */

static int method_revoke(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(StepCall) c = { 0 };
        g_autoptr(GBytes) certificate = NULL;
        g_autoptr(GError) error = NULL;
        const char *config, *reason;
        int r = issuer_read_revocation(m, &config, &certificate, &reason);

        if (r < 0)
                return r;
        if (!call_begin(&c, m, config, userdata, &error) || !step_revoke(&c, certificate, reason, &error))
                return cert_error_to_bus(error, ret_error);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_get_roots(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        g_auto(StepCall) c = { 0 };
        g_autoptr(GPtrArray) roots = NULL;
        g_autoptr(GError) error = NULL;
        const char *config;
        int r = sd_bus_message_read(m, "s", &config);

        if (r < 0)
                return r;
        if (call_begin(&c, m, config, userdata, &error))
                roots = step_roots(&c, &error);
        if (!roots)
                return cert_error_to_bus(error, ret_error);
        return message_reply_certificates(m, roots);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return sd_bus_reply_method_return(m, "a{sv}", 3, "Type", "s", "step", "Version", "s", PROJECT_VERSION,
                                          "Methods", "as", 3, "Issue", "Revoke", "GetRoots");
}

const sd_bus_vtable step_issuer_vtable[] = {
        ISSUER_VTABLE(method_describe, method_issue, issuer_method_no_poll, method_revoke, method_get_roots),
};
