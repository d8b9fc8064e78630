/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Issuers of the type "step" in the manifest: their keys, and what must hold between these. What the process
 * reads is checked here as well, so that what it would refuse is known before the manifest takes effect. Of
 * the files that are named the text of the path alone is looked at: they may lie on a share that hangs, and a
 * manifest must load then. */

#include "agent/manifest-read.h"

#include "common/names.h"
#include "common/timespan.h"

#include <string.h>

#define LIST_MAX            8 /* of servers, of roots */
#define CONNECTIONS_MAX     64
#define URL_LENGTH_MAX      2048
#define HOST_LENGTH_MAX     253 /* RFC 1035, section 2.3.4 */
#define FINGERPRINT_DIGITS  64  /* SHA-256 */
#define PROVISIONER_MAX     256
#define CREDENTIAL_NAME_MAX 255

static ManifestIssuer *issuer_of(void *target)
{
        return target;
}

/* Common to all types: manifest-issuer.c reads them. */
static void skip(ManifestReading *r, const JsonValue *v, void *target)
{
}

/* ---- One string, or a list of them ---- */

typedef void (*CheckString)(ManifestReading *r, const JsonValue *v, const char *text);

static bool stands_before(const JsonValue *list, const JsonValue *element)
{
        for (const JsonValue *e = list->first; e != element; e = e->next)
                if (e->kind == JSON_KIND_STRING && g_str_equal(e->string, element->string))
                        return true;
        return false;
}

static void check_element(ManifestReading *r, const JsonValue *list, const JsonValue *e, CheckString check)
{
        const char *text = manifest_read_string(r, e);

        if (!text)
                return;
        if (stands_before(list, e))
                manifest_complain(r, e, "Remove one of the two.", "this stands in the list already");
        else
                check(r, e, text);
}

static void read_strings(ManifestReading *r, const JsonValue *v, CheckString check)
{
        unsigned n = 0;

        if (v->kind != JSON_KIND_ARRAY) {
                const char *text = manifest_read_string(r, v);

                if (text)
                        check(r, v, text);
                return;
        }
        if (!v->first)
                manifest_complain(r, v, "Write a string, or a list of strings.",
                                  "an empty list says nothing");
        for (const JsonValue *e = v->first; e; e = e->next) {
                if (++n > LIST_MAX) {
                        manifest_complain(r, e, NULL, "at most %d can be listed here", LIST_MAX);
                        return;
                }
                check_element(r, v, e, check);
        }
}

/* ---- "url" ---- */

/* A name or an address; what else a URL could hold in its place (RFC 3986, section 3.2.2) no CA has. */
static bool host_is_good(const char *host)
{
        static const char *const letters =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
        size_t length = strlen(host);

        if (g_hostname_is_ip_address(host))
                return true;
        return length <= HOST_LENGTH_MAX && strspn(host, letters) == length && host[0] != '.' &&
               host[0] != '-' && !strstr(host, "..");
}

/* A host that is left out: "https:///path", "https://:9000", or no "//" at all. */
static const char *url_part_fault(GUri *uri, const char **ret_hint)
{
        const char *host = g_uri_get_host(uri);

        *ret_hint = NULL;
        if (!g_str_equal(g_uri_get_scheme(uri), "https")) {
                *ret_hint = "Write https://…: what is sent there lets others get certificates.";
                return "is not https";
        }
        if (g_uri_get_userinfo(uri)) {
                *ret_hint =
                        "Remove what stands before the @; the provisioner's password has a key of its own.";
                return "names a user";
        }
        if (!host || !*host)
                return "has no host";
        if (!host_is_good(host)) {
                *ret_hint = "Write a name in ASCII (xn--…), an IPv4 address, or an IPv6 address in brackets.";
                return "has a host that is neither a name nor an address";
        }
        if (g_uri_get_port(uri) == 0)
                return "has the port 0";
        if (g_uri_get_query(uri) || g_uri_get_fragment(uri)) {
                *ret_hint = "End it with the host and port, or with the path below which the CA answers.";
                return g_uri_get_query(uri) ? "has a query" : "has a fragment";
        }
        return NULL;
}

/* Never with the text itself, which may hold somebody's password. */
static void check_url(ManifestReading *r, const JsonValue *v, const char *text)
{
        g_autoptr(GUri) uri = NULL;
        const char *wrong = NULL, *hint = NULL;

        for (const char *c = text; *c && !wrong; c++)
                if ((unsigned char) *c <= ' ' || (unsigned char) *c >= 0x7f || strchr("\\\"<>^`{|}", *c))
                        wrong = "has a character that no URL has";
        if (!wrong && strlen(text) > URL_LENGTH_MAX)
                wrong = "is too long";
        if (!wrong) {
                uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
                wrong = uri ? url_part_fault(uri, &hint) : "cannot be read";
        }
        if (wrong)
                manifest_complain(r, v, hint ?: "Write it like \"https://ca.example.org:9000\".",
                                  "this URL %s", wrong);
}

static void read_url(ManifestReading *r, const JsonValue *v, void *target)
{
        read_strings(r, v, check_url);
}

/* ---- Trust ---- */

/* 64 digits; all in pairs with colons between them, or none. */
static void check_fingerprint(ManifestReading *r, const JsonValue *v, const char *text)
{
        bool colons = strchr(text, ':') != NULL;
        size_t digits = 0, i = 0;

        for (; text[i]; i++) {
                bool is_colon = colons && i % 3 == 2;

                if (is_colon ? text[i] != ':' : !g_ascii_isxdigit(text[i]))
                        break;
                digits += !is_colon;
        }
        if (!text[i] && digits == FINGERPRINT_DIGITS && text[i - 1] != ':')
                return;
        manifest_complain(
                r, v, "Write what this shows: openssl x509 -noout -fingerprint -sha256 -in root_ca.crt",
                "a SHA-256 fingerprint is expected here: %d hexadecimal digits, perhaps with colons",
                FINGERPRINT_DIGITS);
}

static void read_root_fingerprint(ManifestReading *r, const JsonValue *v, void *target)
{
        read_strings(r, v, check_fingerprint);
}

static void read_root(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_source_path(r, v);
}

/* ---- The account ---- */

static void read_provisioner(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v);

        for (const char *c = text; c && *c; c++)
                if (g_ascii_iscntrl(*c)) {
                        manifest_complain(r, v, NULL, "the provisioner's name has a control character");
                        return;
                }
        if (text && strlen(text) > PROVISIONER_MAX)
                manifest_complain(r, v, NULL, "a provisioner's name has at most %d bytes", PROVISIONER_MAX);
}

static void read_password_file(ManifestReading *r, const JsonValue *v, void *target)
{
        issuer_of(target)->account.password_file = manifest_read_source_path(r, v);
}

/* systemd's own rule (LoadCredential= in systemd.exec(5)), without what would have to be quoted; as the keyholder
 * has it. */
static void read_password_credential(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v);
        bool good = text && strlen(text) <= CREDENTIAL_NAME_MAX && !g_str_equal(text, ".") &&
                    !g_str_equal(text, "..");

        if (!text)
                return;
        for (const char *c = text; *c; c++)
                good = good && (g_ascii_isalnum(*c) || strchr("._-@+", *c));
        if (good)
                issuer_of(target)->account.password_credential = manifest_keep_string(r, text);
        else
                manifest_complain(
                        r, v, "Write the name alone, as LoadCredential= of cert-keyholder@.service gives it.",
                        "this cannot be the name of a credential");
}

static void read_x5c_cert_file(ManifestReading *r, const JsonValue *v, void *target)
{
        issuer_of(target)->account.certificate_file = manifest_read_source_path(r, v);
}

static void read_x5c_key_file(ManifestReading *r, const JsonValue *v, void *target)
{
        issuer_of(target)->account.key_file = manifest_read_source_path(r, v);
}

static void refuse_password(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_complain_key(r, v,
                              "Put it in a file that root alone can read, and name that: \"password_file\": "
                              "\"" CERT_CONFIG_DIR "/step.password\".",
                              "a password does not belong in the manifest");
}

/* ---- The other keys ---- */

static void read_timeout(ManifestReading *r, const JsonValue *v, void *target)
{
        uint64_t usec;

        manifest_read_span(r, v, &usec);
}

static void read_certificate_lifetime(ManifestReading *r, const JsonValue *v, void *target)
{
        uint64_t usec;

        manifest_read_lifetime(r, v, USEC_PER_SEC, &usec);
}

static void read_renewal(ManifestReading *r, const JsonValue *v, void *target)
{
        const char *text = manifest_read_string(r, v), *known[_RENEWAL_MAX];
        Renewal renewal = renewal_from_string(text);
        g_autofree char *hint = NULL;

        if (!text)
                return;
        if (renewal >= 0) {
                issuer_of(target)->renewal = renewal;
                return;
        }
        for (Renewal i = 0; i < _RENEWAL_MAX; i++)
                known[i] = renewal_to_string(i);
        hint = manifest_did_you_mean(text, known, G_N_ELEMENTS(known));
        manifest_complain(r, v, hint ?: "There are \"sign\", \"renew\" and \"rekey\".",
                          "\"%s\" is no way to renew", text);
}

static void read_connections(ManifestReading *r, const JsonValue *v, void *target)
{
        manifest_read_unsigned(r, v, 1, CONNECTIONS_MAX, &issuer_of(target)->connections);
}

static const ManifestField step_fields[] = {
        { "type", skip },
        { "environment", skip },
        { "timeout", read_timeout },
        { "url", read_url },
        { "root_fingerprint", read_root_fingerprint },
        { "root", read_root },
        { "provisioner", read_provisioner },
        { "password_file", read_password_file },
        { "password_credential", read_password_credential },
        { "x5c_cert_file", read_x5c_cert_file },
        { "x5c_key_file", read_x5c_key_file },
        { "renewal", read_renewal },
        { "certificate_lifetime", read_certificate_lifetime },
        { "connections", read_connections },
        { "password", refuse_password }, /* the last: no key of the documents' */
};

const ManifestField *manifest_step_fields(size_t *ret_n)
{
        *ret_n = G_N_ELEMENTS(step_fields) - 1;
        return step_fields;
}

/* ---- Between the keys ---- */

/* Asked of what was said, not of what could be read: what is bad is complained of once. */
static bool says(const JsonValue *v, const char *key)
{
        return json_value_member(v, key) != NULL;
}

static void check_required(ManifestReading *r, const JsonValue *v)
{
        if (!says(v, "url"))
                manifest_complain_key(r, v, "Add \"url\": \"https://ca.example.org:9000\".",
                                      "this does not say where the CA is");
        if (!says(v, "provisioner"))
                manifest_complain_key(r, v, "Add \"provisioner\": the name that it has at the CA.",
                                      "this does not say by which provisioner certificates are got");
}

static void check_trust(ManifestReading *r, const JsonValue *v)
{
        if (says(v, "root") && says(v, "root_fingerprint"))
                manifest_complain_key(r, json_value_member(v, "root"), "Remove one of the two.",
                                      "root and root_fingerprint exclude each other");
        else if (!says(v, "root") && !says(v, "root_fingerprint"))
                manifest_complain_key(
                        r, v,
                        "Add \"root_fingerprint\", of the CA's root certificate, or \"root\", a file "
                        "with it.",
                        "this does not say by which root the CA's server is known");
}

static void check_account(ManifestReading *r, const JsonValue *v)
{
        bool has_password = says(v, "password_file") || says(v, "password_credential");

        if (says(v, "password_file") && says(v, "password_credential"))
                manifest_complain_key(r, json_value_member(v, "password_credential"),
                                      "Remove one of the two.",
                                      "password_file and password_credential exclude each other");
        if (says(v, "x5c_cert_file") && !says(v, "x5c_key_file"))
                manifest_complain_key(r, json_value_member(v, "x5c_cert_file"),
                                      "Add \"x5c_key_file\": its key.",
                                      "x5c_cert_file means nothing without x5c_key_file");
        else if (says(v, "x5c_key_file") && !says(v, "x5c_cert_file"))
                manifest_complain_key(r, json_value_member(v, "x5c_key_file"),
                                      "Add \"x5c_cert_file\": its certificate, then the intermediates.",
                                      "x5c_key_file means nothing without x5c_cert_file");
        else if (!has_password && !says(v, "x5c_key_file") && !says(v, "password"))
                manifest_complain_key(
                        r, v,
                        "Add \"password_file\" or \"password_credential\" (a JWK provisioner's), or "
                        "\"x5c_cert_file\" with \"x5c_key_file\".",
                        "this does not say what opens the provisioner's key, without which no "
                        "certificate is got");
}

void manifest_read_step(ManifestReading *r, const JsonValue *v, ManifestIssuer *issuer)
{
        manifest_read_object(r, v, step_fields, G_N_ELEMENTS(step_fields), issuer);
        check_required(r, v);
        check_trust(r, v);
        check_account(r, v);
}

/* ---- What it means for certificates ---- */

static const JsonValue *where_key(const CertificateDraft *draft, const char *member)
{
        const JsonValue *key = json_value_member(draft->value, "key");

        return json_value_member(key, member) ?: key ?: draft->value;
}

/* What a certificate says by itself must not contradict; the defaults yield. */
static void settle_rotation(ManifestReading *r, const CertificateDraft *draft, const ManifestIssuer *issuer)
{
        ManifestCertificate *c = draft->certificate;
        KeyRotation rotation = issuer->renewal == RENEWAL_RENEW ? KEY_ROTATION_REUSE : KEY_ROTATION_ALWAYS;

        r->file = draft->file;
        if (c->key_uri && rotation == KEY_ROTATION_ALWAYS)
                manifest_complain(
                        r, where_key(draft, "uri"), "Take an issuer with another \"renewal\".",
                        "a key in a token is not made anew, as the issuer \"%s\" does with each renewal",
                        issuer->name);
        else if (draft->rotation_said && c->key_rotation != rotation)
                manifest_complain(r, where_key(draft, "rotation"),
                                  "Remove \"rotation\", or take an issuer with another \"renewal\".",
                                  rotation == KEY_ROTATION_REUSE
                                          ? "the issuer \"%s\" renews a certificate with the same key"
                                          : "the issuer \"%s\" renews a certificate with a new key",
                                  issuer->name);
        c->key_rotation = rotation;
}

void manifest_check_renewals(ManifestReading *r)
{
        for (unsigned i = 0; i < r->drafts->len; i++) {
                const CertificateDraft *draft = &g_array_index(r->drafts, CertificateDraft, i);
                const char *name = draft->certificate->issuer;
                const ManifestIssuer *issuer = name ? g_hash_table_lookup(r->manifest->issuers, name) : NULL;

                if (issuer && issuer->renewal != RENEWAL_SIGN &&
                    draft->certificate->kind == MANIFEST_KIND_CERTIFICATE)
                        settle_rotation(r, draft, issuer);
        }
}
