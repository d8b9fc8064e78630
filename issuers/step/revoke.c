/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* POST /1.0/revoke: a certificate that is not to be renewed any more. step-ca calls that passive: whoever has the
 * certificate may use it until it expires, unless the CA publishes a list. It owns nothing. */

#include "issuers/step/step-private.h"

#include "common/error.h"
#include "issuers/revocation-reason.h"

#include <string.h>

#define WHAT        "revoking the certificate"
#define PATH        "/1.0/revoke"
#define SERIAL_MAX  64 /* octets; RFC 5280, 4.1.2.2 allows 20 */
#define DIGITS_MAX  (SERIAL_MAX * 5 / 2)

/* An unsigned number of base 256 as decimal digits, by long division. */
static char *decimal(unsigned char *number, size_t size)
{
        char digits[DIGITS_MAX + 1], *p = digits + DIGITS_MAX;
        bool rest;

        *p = '\0';
        do {
                unsigned remainder = 0;

                rest = false;
                for (size_t i = 0; i < size; i++) {
                        remainder = remainder * 256 + number[i];
                        number[i] = (unsigned char) (remainder / 10);
                        remainder %= 10;
                        rest = rest || number[i] > 0;
                }
                *--p = (char) ('0' + remainder);
        } while (rest);
        return g_strdup(p);
}

/* How step-ca names a certificate; caller owns. */
static char *serial_of(GBytes *certificate, GError **error)
{
        unsigned char serial[SERIAL_MAX];
        size_t size = sizeof(serial);
        gnutls_x509_crt_t crt = step_certificate_new(certificate, error);
        int r;

        if (!crt)
                return NULL;
        r = gnutls_x509_crt_get_serial(crt, serial, &size);
        gnutls_x509_crt_deinit(crt);
        if (r >= 0)
                return decimal(serial, size);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, WHAT ": its serial number cannot be read: %s",
                    gnutls_strerror(r));
        return NULL;
}

static char *body_text(const char *serial, const char *token, RevocationReason reason)
{
        g_autoptr(JsonBuilder) b = json_builder_new();
        g_autoptr(JsonNode) root = NULL;

        json_builder_begin_object(b);
        json_builder_set_member_name(b, "serial");
        json_builder_add_string_value(b, serial);
        json_builder_set_member_name(b, "ott");
        json_builder_add_string_value(b, token);
        json_builder_set_member_name(b, "reasonCode");
        json_builder_add_int_value(b, reason);
        json_builder_set_member_name(b, "reason");
        json_builder_add_string_value(b, revocation_reason_to_string(reason));
        json_builder_set_member_name(b, "passive");
        json_builder_add_boolean_value(b, TRUE);
        json_builder_end_object(b);
        root = json_builder_get_root(b);
        return json_to_string(root, FALSE);
}

/* The CA has no status of its own for that, only words. */
static bool is_revoked_already(const HttpAnswer *a)
{
        g_autoptr(JsonObject) o = a->status == 400 || a->status == 403 ? step_json_parse(a->body) : NULL;
        const char *message = o ? step_json_string(o, "message") : NULL;

        return message && strstr(message, "is already revoked");
}

static bool revoke_once(StepCall *c, const char *serial, RevocationReason reason, GError **error)
{
        g_autofree char *token = step_token(c, PATH, serial, NULL, error);
        g_autofree char *body = token ? body_text(serial, token, reason) : NULL;
        g_autoptr(HttpAnswer) a = body ? step_ask(c, "POST", PATH, body, NULL, NULL, error) : NULL;
        g_autoptr(JsonObject) answer = NULL;

        if (!a)
                return false;
        if (is_revoked_already(a))
                return true;
        answer = step_answer_object(c, a, WHAT, error);
        return answer;
}

bool step_revoke(StepCall *c, GBytes *certificate, const char *reason_text, GError **error)
{
        RevocationReason reason = revocation_reason_read(reason_text, error);
        g_autofree char *serial = reason >= 0 ? serial_of(certificate, error) : NULL;
        g_autoptr(GError) wrong = NULL;

        if (!serial || !step_account_check(c, WHAT, error))
                return false;
        if (revoke_once(c, serial, reason, &wrong))
                return true;
        if (step_begin_again(c, wrong)) {
                g_clear_error(&wrong);
                if (revoke_once(c, serial, reason, &wrong))
                        return true;
        }
        g_propagate_error(error, g_steal_pointer(&wrong));
        return false;
}
