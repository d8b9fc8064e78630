/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a CA hands out as an account's key: bytes as a JWE, which a password opens or does not; and bytes as
 * the JWK that would be in one, whose key, if there is one, must sign for its public half. Where the bytes
 * begin with a brace, the first line is the header in plain, so that the fuzzer gets at it. A JWE that asks
 * for more work than the least, and could get it, is left out: else most of the time would go into hashing.
 */

#include "common/base64url.h"
#include "common/error.h"
#include "common/json.h"
#include "common/signature.h"
#include "issuers/keyholder/jwe.h"
#include "issuers/keyholder/jwk.h"

#include <stdint.h>
#include <string.h>

#define PASSWORD "correct horse"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const GError *error)
{
        g_assert_true(g_error_matches(error, CERT_ERROR, CERT_ERROR_ISSUER_PROTOCOL) ||
                      g_error_matches(error, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION) ||
                      g_error_matches(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        for (const char *p = error->message; *p; p++)
                g_assert_true((unsigned char) *p >= ' ' || *p == '\n');
}

static void check_jwk(GBytes *json)
{
        g_autoptr(GBytes) signature = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *key_id = NULL;
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        const char *algorithm;

        if (!jwk_import(json, &private_key, &public_key, &key_id, &error)) {
                check_error(error);
                return;
        }
        g_assert_no_error(error);
        g_assert_true(g_utf8_validate(key_id, -1, NULL));
        algorithm = signature_default(public_key);
        signature = signature_make(private_key, public_key, algorithm, "data", 4, NULL);
        g_assert_nonnull(signature);
        g_assert_true(signature_verify(public_key, algorithm, "data", 4, signature));
        gnutls_privkey_deinit(private_key);
        gnutls_pubkey_deinit(public_key);
}

static void check_jwe(const char *text)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) content = jwe_open(text, PASSWORD, strlen(PASSWORD), &error);

        g_assert_cmpint(content != NULL, ==, error == NULL);
        if (content)
                check_jwk(content);
        else
                check_error(error);
}

/* Caller owns. */
static char *with_header(const char *text)
{
        size_t length = strcspn(text, "\n");
        g_autofree char *header = base64url_encode(text, length);

        return g_strconcat(header, text[length] ? text + length + 1 : "", NULL);
}

static bool is_work(const char *text)
{
        g_autoptr(JsonDocument) d = NULL;
        const JsonValue *v;
        size_t size;
        char *header = base64url_decode(text, strcspn(text, "."), &size);

        if (!header)
                return false;
        d = json_document_new(header, size);
        v = json_value_member(json_document_root(d), "p2c");
        return v && v->kind == JSON_KIND_NUMBER && v->is_integer && v->integer > JWE_ITERATIONS_MIN &&
               v->integer <= JWE_ITERATIONS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GBytes) json = g_bytes_new(data, size);
        g_autofree char *text = g_strndup((const char *) data, size);
        g_autofree char *jwe = text[0] == '{' ? with_header(text) : g_strdup(text);

        if (!is_work(jwe))
                check_jwe(jwe);
        check_jwk(json);
        return 0;
}
