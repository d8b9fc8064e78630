/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A private key in a PKCS#11 token, named by a `pkcs11:` URI (RFC 7512): found, or made there when it is
 * missing, by GnuTLS over the modules that p11-kit is configured with. The PIN comes from the URI's
 * pin-source or pin-value alone. Each of the token's refusals is turned into words that say what to do. */

#include "agent/key.h"

#include "common/error.h"

#include <gnutls/pkcs11.h>
#include <string.h>

#define LABEL_DEFAULT "cert-agent"

typedef struct TokenRefusal {
        int code;
        const char *what;
        const char *hint;
} TokenRefusal;

static const TokenRefusal refusals[] = {
        { GNUTLS_E_PKCS11_PIN_ERROR, "the token did not take the PIN",
          "Give the right PIN by pin-source=/path/of/a/file in the key's URI, before the token locks "
          "itself." },
        { GNUTLS_E_PKCS11_PIN_EXPIRED, "the token's PIN has expired",
          "Set a new PIN with the token's own tool." },
        { GNUTLS_E_PKCS11_PIN_LOCKED, "the token is locked after too many wrong PINs",
          "Unlock it with the security officer's PIN and the token's own tool." },
        { GNUTLS_E_PKCS11_LOAD_ERROR, "the PKCS#11 module cannot be loaded",
          "List the modules with: p11-kit list-modules" },
        { GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE, "no token matches the URI",
          "List the tokens with: p11tool --list-tokens" },
        { GNUTLS_E_PKCS11_TOKEN_ERROR, "the token is not there or not ready",
          "Check that it is plugged in; list the tokens with: p11tool --list-tokens" },
        { GNUTLS_E_PKCS11_SLOT_ERROR, "the token's slot cannot be used",
          "Check that it is plugged in; list the tokens with: p11tool --list-tokens" },
        { GNUTLS_E_PKCS11_DEVICE_ERROR, "the token's device failed",
          "Check the device; see: journalctl -u cert-agent" },
        { GNUTLS_E_PKCS11_SESSION_ERROR, "the token gave no session",
          "Close other users of the token, or wait." },
        { GNUTLS_E_PKCS11_USER_ERROR, "the token has no user PIN yet",
          "Initialise it: p11tool --initialize-pin" },
        { GNUTLS_E_PKCS11_UNSUPPORTED_FEATURE_ERROR, "the token cannot do this type of key",
          "Name another key.type in the manifest, such as ecdsa-p256 or rsa-2048." },
        { GNUTLS_E_PKCS11_ATTRIBUTE_ERROR, "the token refuses a key with these properties",
          "Make the key with the token's own tool, and name it in the URI." },
        { GNUTLS_E_PKCS11_KEY_ERROR, "the token refuses this key",
          "Look at the key with: p11tool --list-keys" },
        { GNUTLS_E_PARSING_ERROR, "the URI is not a pkcs11: URI",
          "Write it as RFC 7512 says: pkcs11:token=LABEL;object=NAME?pin-source=/path" },
};

/* The URI as people may see it: whatever follows "pin-value=" is not theirs to see. */
static char *uri_for_people(const char *uri)
{
        const char *pin = strstr(uri, "pin-value=");

        return pin ? g_strdup_printf("%.*spin-value=…", (int) (pin - uri), uri) : g_strdup(uri);
}

static Key *token_error(GError **error, const char *uri, int r)
{
        g_autofree char *shown = uri_for_people(uri);

        for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
                if (refusals[i].code == r) {
                        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "key %s: %s\n%s", shown,
                                    refusals[i].what, refusals[i].hint);
                        return NULL;
                }
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "key %s: %s (%d)\nTry the token by hand: p11tool --list-privkeys --login URI", shown,
                    gnutls_strerror(r), r);
        return NULL;
}

/* One attribute of the URI's path part ("object", "id"), percent-decoded; NULL when it is not there. */
static GBytes *uri_attribute(const char *uri, const char *name)
{
        size_t prefix = strlen("pkcs11:"), length = strlen(name);
        g_autofree char *path = NULL;
        g_auto(GStrv) parts = NULL;

        if (strlen(uri) < prefix)
                return NULL;
        path = g_strndup(uri + prefix, strcspn(uri + prefix, "?"));
        parts = g_strsplit(path, ";", -1);
        for (char **p = parts; *p; p++)
                if (strncmp(*p, name, length) == 0 && (*p)[length] == '=')
                        return g_uri_unescape_bytes(*p + length + 1, -1, NULL, NULL);
        return NULL;
}

/* ---- Finding ---- */

/* The public half: from the private object where it has it (RSA), else from the public object beside it. */
static int import_public(const char *uri, gnutls_privkey_t private_key, gnutls_pubkey_t *ret_key)
{
        gnutls_pubkey_t key;
        int r = gnutls_pubkey_init(&key);

        if (r < 0)
                return r;
        r = gnutls_pubkey_import_privkey(key, private_key, 0, 0);
        if (r < 0)
                r = gnutls_pubkey_import_url(key, uri, 0);
        if (r < 0) {
                gnutls_pubkey_deinit(key);
                return r;
        }
        *ret_key = key;
        return 0;
}

static int find(const char *uri, Key **ret_key)
{
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        int r = gnutls_privkey_init(&private_key);

        if (r < 0)
                return r;
        r = gnutls_privkey_import_url(private_key, uri, 0);
        if (r >= 0)
                r = import_public(uri, private_key, &public_key);
        if (r < 0) {
                gnutls_privkey_deinit(private_key);
                return r;
        }
        *ret_key = key_wrap(private_key, public_key, NULL);
        return 0;
}

/* ---- Making ---- */

static int make(const char *uri, KeyType type)
{
        g_autoptr(GBytes) label = uri_attribute(uri, "object"), id = uri_attribute(uri, "id");
        g_autofree char *name = label ? g_strndup(g_bytes_get_data(label, NULL), g_bytes_get_size(label))
                                      : g_strdup(LABEL_DEFAULT);
        gnutls_datum_t cid = { 0 };

        if (id)
                cid = (gnutls_datum_t){ (unsigned char *) g_bytes_get_data(id, NULL), g_bytes_get_size(id) };
        /* Sensitive and private: the token never gives it out, and uses it only for who knows the PIN. */
        return gnutls_pkcs11_privkey_generate3(uri, key_type_algorithm(type), key_type_bits(type), name,
                                               id ? &cid : NULL, GNUTLS_X509_FMT_DER, NULL, 0,
                                               GNUTLS_PKCS11_OBJ_FLAG_LOGIN |
                                                       GNUTLS_PKCS11_OBJ_FLAG_MARK_PRIVATE |
                                                       GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE);
}

static bool is_missing(int r)
{
        return r == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE ||
               r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

static Key *missing_error(GError **error, const char *uri)
{
        g_autofree char *shown = uri_for_people(uri);
        unsigned flags;

        if (gnutls_pkcs11_token_get_flags(uri, &flags) < 0)
                return token_error(error, uri, GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "key %s: the token holds no such private key\nList its keys with: p11tool --login "
                    "--list-privkeys",
                    shown);
        return NULL;
}

static bool check_type(const Key *k, const char *uri, KeyType type, GError **error)
{
        g_autofree char *shown = NULL;

        if (type == _KEY_TYPE_INVALID || key_type(k) == type)
                return true;
        shown = uri_for_people(uri);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "key %s is of type %s, the manifest wants %s\nChange key.type in the manifest, or name "
                    "another "
                    "object: the agent removes no key from a token.",
                    shown, key_type_to_string(key_type(k)) ?: "none that the manifest knows",
                    key_type_to_string(type));
        return false;
}

/* RFC 7512, 2.4 writes pin-source=file:/path; GnuTLS takes what stands there as a path. Caller owns. */
static char *uri_for_gnutls(const char *uri)
{
        const char *file = strstr(uri, "pin-source=file:");
        const char *path = file ? file + strlen("pin-source=file:") : NULL;

        if (!file)
                return g_strdup(uri);
        if (g_str_has_prefix(path, "//")) /* an empty authority (RFC 8089, 2) */
                path += 2;
        return g_strdup_printf("%.*spin-source=%s", (int) (file - uri), uri, path);
}

Key *key_new_from_uri(const char *given, KeyType type, bool make_missing, GError **error)
{
        g_autofree char *uri = uri_for_gnutls(given);
        g_autoptr(Key) k = NULL;
        int r;

        if (!g_str_has_prefix(uri, "pkcs11:"))
                return token_error(error, uri, GNUTLS_E_PARSING_ERROR);
        r = find(uri, &k);
        if (is_missing(r) && !make_missing)
                return missing_error(error, uri);
        if (is_missing(r)) {
                r = make(uri, type);
                if (r >= 0)
                        r = find(uri, &k);
        }
        if (r < 0)
                return token_error(error, uri, r);
        return check_type(k, uri, type, error) ? g_steal_pointer(&k) : NULL;
}
