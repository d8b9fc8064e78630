/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tokens
 *
 * What step-ca is shown in the place of a password: a JSON Web Token (RFC 7519) for one use, which says what it is for and
 * is signed by the provisioner's key or, for a renewal, by the certificate's. Neither key is here: the agent signs. It
 * owns nothing.
 */

#include "issuers/step/step-private.h"

#include "common/base64url.h"
#include "common/dn.h"
#include "common/error.h"
#include "common/san.h"
#include "issuers/jws.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#define TOKEN_SECONDS  300
#define ID_SIZE        16  /* RFC 7519, section 4.1.7: no two alike */
#define NAME_MAX_SIZE  256
#define RENEWAL_ISSUER "step-ca-client/1.0" /* who renews is no provisioner */

/* ---- JSON ---- */

static void set_string(JsonBuilder *b, const char *name, const char *value)
{
        json_builder_set_member_name(b, name);
        json_builder_add_string_value(b, value);
}

static void set_number(JsonBuilder *b, const char *name, int64_t value)
{
        json_builder_set_member_name(b, name);
        json_builder_add_int_value(b, value);
}

static JsonBuilder *object_new(void)
{
        return json_builder_begin_object(json_builder_new());
}

/* Ends the object and gives its text; caller owns. */
static char *object_text(JsonBuilder *b)
{
        g_autoptr(JsonNode) root = json_builder_get_root(json_builder_end_object(b));

        return json_to_string(root, FALSE);
}

/* RFC 7515, section 4.1.6: base64 of the DER, and not base64url. */
static void set_chain(JsonBuilder *b, const char *name, GPtrArray *chain)
{
        json_builder_set_member_name(b, name);
        json_builder_begin_array(b);
        for (guint i = 0; i < chain->len; i++) {
                size_t size;
                const void *data = g_bytes_get_data(chain->pdata[i], &size);
                g_autofree char *text = g_base64_encode(data, size);

                json_builder_add_string_value(b, text);
        }
        json_builder_end_array(b);
}

/* ---- Header and claims ---- */

/* `chain_name` NULL: the key is named by `key_id`. */
static char *header_text(const char *algorithm, const char *key_id, const char *chain_name, GPtrArray *chain)
{
        g_autoptr(JsonBuilder) b = object_new();

        set_string(b, "alg", jws_algorithm(algorithm));
        set_string(b, "typ", "JWT");
        if (chain_name)
                set_chain(b, chain_name, chain);
        else
                set_string(b, "kid", key_id);
        return object_text(b);
}

/* The claims of every token (RFC 7519, section 4.1). Nothing is set back to allow for a clock that differs: the CA grants a
 * minute by itself, and one that was started a moment ago takes no token from before its start. */
static bool set_claims(JsonBuilder *b, const char *issuer, const char *subject, const char *audience, GError **error)
{
        int64_t now = g_get_real_time() / G_USEC_PER_SEC;
        unsigned char id[ID_SIZE];
        g_autofree char *text = NULL;
        int r = gnutls_rnd(GNUTLS_RND_NONCE, id, sizeof(id));

        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED, "no random number for a token: %s",
                            gnutls_strerror(r));
                return false;
        }
        text = base64url_encode(id, sizeof(id));
        set_string(b, "aud", audience);
        set_string(b, "iss", issuer);
        set_string(b, "sub", subject);
        set_string(b, "jti", text);
        set_number(b, "iat", now);
        set_number(b, "nbf", now);
        set_number(b, "exp", now + TOKEN_SECONDS);
        return true;
}

/* A token is for one server. With several, this finds the one that answers before the token is made. */
static const char *server_url(StepCall *c, GError **error)
{
        g_autoptr(HttpAnswer) a = NULL;

        if (c->url)
                return c->url;
        if (!c->options->urls[1])
                return c->options->urls[0];
        a = step_ask(c, "GET", "/health", NULL, NULL, NULL, error);
        return a ? c->url : NULL;
}

/* ---- Subjects ---- */

char *step_subject(const IssuerRequest *r)
{
        char name[NAME_MAX_SIZE];
        size_t size = sizeof(name);

        if (gnutls_x509_crq_get_dn_by_oid(r->crq, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) >= 0 && *name)
                return g_strdup(dn_value_unescape(name));
        return g_strdup(r->sans[0] ? san_text_value(r->sans[0]) : "");
}

static void set_names(JsonBuilder *b, const char *const *sans)
{
        json_builder_set_member_name(b, "sans");
        json_builder_begin_array(b);
        for (; *sans; sans++)
                json_builder_add_string_value(b, san_text_value(*sans)); /* without its kind */
        json_builder_end_array(b);
}

/* ---- By the provisioner's key ---- */

/* SHA-256 of the DER of the first root that is trusted: with which CA the token's maker believes to speak. */
static char *root_fingerprint(StepCall *c, const char *url, GError **error)
{
        unsigned char digest[32];
        gnutls_datum_t pem;
        gnutls_x509_crt_t crt;
        size_t size = sizeof(digest), length;
        GString *hex;
        GBytes *roots;
        int r;

        if (c->options->fingerprints)
                return g_strdup(c->options->fingerprints[0]);
        roots = step_trust(c, url, error);
        if (!roots)
                return NULL;
        pem.data = (unsigned char *) g_bytes_get_data(roots, &length);
        pem.size = (unsigned) length;
        r = gnutls_x509_crt_init(&crt);
        if (r >= 0) {
                r = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
                if (r >= 0)
                        r = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, digest, &size);
                gnutls_x509_crt_deinit(crt);
        }
        if (r < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID, "the root certificate cannot be read: %s",
                            gnutls_strerror(r));
                return NULL;
        }
        hex = g_string_new(NULL);
        for (size_t i = 0; i < size; i++)
                g_string_append_printf(hex, "%02x", digest[i]);
        return g_string_free(hex, FALSE);
}

/* An X5C provisioner is found by what is behind the "#" (it has no key to be known by). */
static char *audience(const StepProvisioner *p, const char *url, const char *path)
{
        return p->type == STEP_PROVISIONER_X5C ? g_strconcat(url, path, "#x5c/", p->name, NULL)
                                               : g_strconcat(url, path, NULL);
}

static char *claims_text(StepCall *c, const StepProvisioner *p, const char *path, const char *subject,
                         const char *const *sans, GError **error)
{
        g_autoptr(JsonBuilder) b = object_new();
        g_autofree char *fingerprint = NULL, *for_whom = NULL;
        const char *url = server_url(c, error);

        fingerprint = url ? root_fingerprint(c, url, error) : NULL;
        if (!fingerprint)
                return NULL;
        for_whom = audience(p, url, path);
        if (!set_claims(b, p->name, subject, for_whom, error))
                return NULL;
        set_string(b, "sha", fingerprint);
        if (sans)
                set_names(b, sans);
        return object_text(b);
}

/* The key that the manifest names, opened by the agent; and that it is one for such a provisioner. */
static SignerAccount *open_account(StepCall *c, const StepProvisioner *p, GError **error)
{
        bool x5c = p->type == STEP_PROVISIONER_X5C;
        g_autoptr(SignerAccount) a = signer_client_open_account(c->bus, x5c ? "" : p->encrypted_key, error);

        if (!a)
                return NULL;
        if (!jws_algorithm(a->algorithm)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_NOT_SUPPORTED,
                            "the key of the provisioner \"%s\" signs no token: %s", p->name, a->algorithm);
                return NULL;
        }
        if (x5c && a->chain->len == 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                            "the provisioner \"%s\" wants a certificate, and the manifest names none\n"
                            "It is one of type X5C: name x5c_cert_file and x5c_key_file.",
                            p->name);
                return NULL;
        }
        return g_steal_pointer(&a);
}

bool step_account_check(const StepCall *c, const char *what, GError **error)
{
        if (c->options->has_account)
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_MANIFEST_INVALID,
                    "%s: issuers.%s names no key of the provisioner \"%s\", by which the CA would be asked\n"
                    "Name password_file, password_credential, or x5c_cert_file and x5c_key_file.",
                    what, c->options->name, c->options->provisioner);
        return false;
}

/* What the process knew of the provisioner may be out of date: its key is another now. And a token is for one server, so
 * that another takes over only from the beginning. */
static bool may_begin_again(const StepCall *c, const GError *wrong)
{
        bool server_gone = g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_UNREACHABLE) ||
                           g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_TIMEOUT);

        if (c->fresh || c->later || step_call_left(c) == 0)
                return false;
        return server_gone ? c->options->urls[1] != NULL
                           : g_error_matches(wrong, CERT_ERROR, CERT_ERROR_ISSUER_AUTHENTICATION);
}

bool step_begin_again(StepCall *c, const GError *wrong)
{
        if (!may_begin_again(c, wrong))
                return false;
        step_forget_provisioner(c);
        c->url = NULL;
        return true;
}

char *step_token(StepCall *c, const char *path, const char *subject, const char *const *sans, GError **error)
{
        const StepProvisioner *p = step_provisioner(c, error);
        g_autoptr(SignerAccount) a = p ? open_account(c, p, error) : NULL;
        g_autofree char *claims = a ? claims_text(c, p, path, subject, sans, error) : NULL;
        g_autofree char *header = NULL;

        if (!claims)
                return NULL;
        header = header_text(a->algorithm, p->key_id, p->type == STEP_PROVISIONER_X5C ? "x5c" : NULL, a->chain);
        return jws_sign(c->bus, "account", a->algorithm, header, claims, error);
}

/* ---- By the certificate's key ---- */

/* step_can_renew() has seen that the Signer's "current" is this certificate's key. */
static const char *algorithm_of_current(const IssuerRequest *r, GError **error)
{
        gnutls_x509_crt_t crt = step_certificate_new(r->current->pdata[0], error);
        g_autoptr(GBytes) key = crt ? step_public_key(crt, NULL) : NULL;

        if (!crt)
                return NULL;
        gnutls_x509_crt_deinit(crt);
        if (key)
                return jws_signer_algorithm(key, error);
        g_set_error(error, CERT_ERROR, CERT_ERROR_BAD_CERTIFICATE, "the installed certificate has no key that can be read");
        return NULL;
}

char *step_renewal_token(StepCall *c, const IssuerRequest *r, const char *path, GError **error)
{
        g_autoptr(JsonBuilder) b = object_new();
        const char *algorithm = algorithm_of_current(r, error);
        const char *url = algorithm ? server_url(c, error) : NULL;
        g_autofree char *for_whom = NULL, *header = NULL, *claims = NULL, *subject = NULL;

        if (!url)
                return NULL;
        for_whom = g_strconcat(url, path, NULL);
        subject = step_subject(r);
        if (!set_claims(b, RENEWAL_ISSUER, subject, for_whom, error))
                return NULL;
        claims = object_text(b);
        header = header_text(algorithm, NULL, "x5cInsecure", r->current);
        return jws_sign(c->bus, "current", algorithm, header, claims, error);
}
