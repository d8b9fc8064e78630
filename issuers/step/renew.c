/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* POST /1.0/renew and /1.0/rekey: the next certificate by the one before. Names, extensions and lifetime are the old one's
 * whatever is asked for, so what changed in the manifest is not for these. /renew takes a token by the certificate's key in the
 * place of a TLS client certificate, and then also one that has expired, where the provisioner allows that; /rekey does not.
 * It owns nothing. */

#include "issuers/step/step-private.h"

#include "common/dn.h"
#include "common/error.h"
#include "common/san.h"
#include "common/timespan.h"

#include <string.h>
#include <time.h>

#define RENEW_PATH    "/1.0/renew"
#define REKEY_PATH    "/1.0/rekey"
#define WHAT          "asking for the next certificate by the present one"
#define NAME_MAX_SIZE 256
/* A CA sets the beginning back a little (step-ca: "backdate", a minute), and so a lifetime is never just what was asked for. */
#define SLACK_MIN (2 * USEC_PER_MINUTE)
#define SLACK_MAX (10 * USEC_PER_MINUTE)

/* ---- What the present certificate is ---- */

/* A certificate for no common name has one all the same: step-ca writes the token's subject there. */
static bool same_names(gnutls_x509_crt_t crt, const IssuerRequest *r)
{
        g_auto(GStrv) sans = san_list_of_certificate(crt, NULL);
        g_autofree char *subject = step_subject(r);
        char name[NAME_MAX_SIZE] = "";
        size_t size = sizeof(name);
        int n = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);

        if (n < 0 && n != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
                return false;
        return sans && g_strv_equal((const char *const *) sans, (const char *const *) r->sans) &&
               (n < 0 || g_str_equal(dn_value_unescape(name), subject));
}

/* The usage of the key goes over to the next certificate, and is not the same for RSA as for others. */
static bool same_kind_of_key(gnutls_x509_crt_t crt, gnutls_x509_crq_t crq)
{
        unsigned present = 0, next = 0;
        int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &present);

        return algorithm >= 0 && algorithm == gnutls_x509_crq_get_pk_algorithm(crq, &next) && present == next;
}

/* What is installed may be a pair no more; then there is nothing to renew by. */
static bool key_is_at_hand(const StepCall *c, GBytes *present)
{
        g_autoptr(GBytes) key = signer_client_public_key(c->bus, "current", NULL);

        return key && g_bytes_equal(key, present);
}

static bool same_lifetime(const StepCall *c, gnutls_x509_crt_t crt, const IssuerRequest *r)
{
        uint64_t asked = r->lifetime ?: c->options->lifetime_usec, slack = CLAMP(asked / 10, SLACK_MIN, SLACK_MAX);
        time_t from = gnutls_x509_crt_get_activation_time(crt), to = gnutls_x509_crt_get_expiration_time(crt);
        uint64_t present = to > from ? (uint64_t) (to - from) * USEC_PER_SEC : 0;

        return asked == 0 || (present > asked ? present - asked : asked - present) <= slack;
}

/* Or does before the CA has looked at it. */
static bool has_expired(gnutls_x509_crt_t crt)
{
        return gnutls_x509_crt_get_expiration_time(crt) <= time(NULL) + 1;
}

/* What only a new signing brings; where none can be had, the present one's successor is better than nothing. */
static bool needs_signing(const StepCall *c, gnutls_x509_crt_t crt, const IssuerRequest *r)
{
        return c->options->has_account &&
               (!same_lifetime(c, crt, r) || (c->options->renewal == RENEWAL_REKEY && has_expired(crt)));
}

static bool is_base(const StepCall *c, gnutls_x509_crt_t crt, const IssuerRequest *r)
{
        g_autoptr(GBytes) present = step_public_key(crt, NULL), next = step_public_key(NULL, r->crq);

        if (!present || !next || !same_names(crt, r) || !same_kind_of_key(crt, r->crq) || needs_signing(c, crt, r))
                return false;
        if (c->options->renewal == RENEWAL_RENEW && !g_bytes_equal(present, next))
                return false;
        return key_is_at_hand(c, present);
}

bool step_can_renew(const StepCall *c, const IssuerRequest *r)
{
        gnutls_x509_crt_t crt = r->current->len > 0 ? step_certificate_new(r->current->pdata[0], NULL) : NULL;
        bool can = crt && is_base(c, crt, r);

        if (crt)
                gnutls_x509_crt_deinit(crt);
        return can;
}

/* ---- Asking ---- */

/* A 401 here is not about the provisioner's key. */
static void set_not_renewable(const StepCall *c, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION,
                    WHAT ": %s refuses it (401), and never says why\n"
                    "Look whether the certificate has expired or was revoked, whether the provisioner forbids renewal "
                    "(\"disableRenewal\", \"allowRenewalAfterExpiry\"), whether the host in \"url\" is one of the CA's names, "
                    "and at this host's clock. The CA's own log says which. Where the issuer names a password, the certificate "
                    "is asked for anew instead.",
                    c->url);
}

static GPtrArray *take_answer(StepCall *c, const HttpAnswer *a, GError **error)
{
        g_autoptr(JsonObject) answer = NULL;

        if (a->status == 401) {
                set_not_renewable(c, error);
                return NULL;
        }
        answer = step_answer_object(c, a, WHAT, error);
        return answer ? step_chain_of_answer(c, answer, error) : NULL;
}

GPtrArray *step_renew(StepCall *c, const IssuerRequest *r, GError **error)
{
        g_autofree char *token = step_renewal_token(c, r, RENEW_PATH, error);
        g_autofree char *header = token ? g_strconcat("Authorization: Bearer ", token, NULL) : NULL;
        const char *const headers[] = { header, NULL };
        g_autoptr(HttpAnswer) a = token ? step_ask(c, "POST", RENEW_PATH, NULL, headers, NULL, error) : NULL;

        return a ? take_answer(c, a, error) : NULL;
}

static char *rekey_body(const IssuerRequest *r, GError **error)
{
        g_autofree char *csr = step_csr_pem(r, error);
        g_autoptr(JsonBuilder) b = NULL;
        g_autoptr(JsonNode) root = NULL;

        if (!csr)
                return NULL;
        b = json_builder_begin_object(json_builder_new());
        json_builder_set_member_name(b, "csr");
        json_builder_add_string_value(b, csr);
        json_builder_end_object(b);
        root = json_builder_get_root(b);
        return json_to_string(root, FALSE);
}

/* Within step_ask(): the handshake is signed for by the agent, as everything is. */
static GBytes *sign_by_current(const char *algorithm, const void *data, size_t size, void *userdata, GError **error)
{
        return signer_client_sign(((StepCall *) userdata)->bus, "current", algorithm, data, size, error);
}

/* A certificate that TLS does not take is one that the CA does not renew: the same answer as a 401 behind it. */
static void set_not_taken(const GError *wrong, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION, WHAT ": %s", wrong->message);
}

GPtrArray *step_rekey(StepCall *c, const IssuerRequest *r, GError **error)
{
        const HttpClient client = { .chain = r->current, .sign = sign_by_current, .userdata = c };
        g_autofree char *body = rekey_body(r, error);
        g_autoptr(HttpAnswer) a = NULL;
        g_autoptr(GError) wrong = NULL;

        if (!body)
                return NULL;
        a = step_ask(c, "POST", REKEY_PATH, body, NULL, &client, &wrong);
        if (a)
                return take_answer(c, a, error);
        if (g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_REFUSED))
                set_not_taken(wrong, error);
        else
                g_propagate_error(error, g_steal_pointer(&wrong));
        return NULL;
}
