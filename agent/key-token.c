/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A certificate's private key in a PKCS#11 token (common/token.h): found, or made there when it is missing.
 */

#include "agent/key.h"

#include "common/error.h"
#include "common/names.h"
#include "common/token.h"

#define LABEL_DEFAULT "cert-agent"

static bool check_type(const Key *k, const char *uri, KeyType type, GError **error)
{
        g_autofree char *shown = NULL;

        if (type == _KEY_TYPE_INVALID || key_type(k) == type)
                return true;
        shown = token_uri_shown(uri);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "key %s is of type %s, the manifest wants %s\nChange key.type in the manifest, or name "
                    "another "
                    "object: the agent removes no key from a token.",
                    shown, key_type_to_string(key_type(k)) ?: "none that the manifest knows",
                    key_type_to_string(type));
        return false;
}

static Key *find(Token *t, const char *uri, GError **error)
{
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        g_autofree char *shown = NULL;

        if (!token_find_key(t, &private_key, &public_key, error))
                return NULL;
        if (private_key)
                return key_wrap(private_key, public_key, NULL);
        shown = token_uri_shown(uri);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "key %s: the token holds no such private key\nList its keys with: p11tool --login "
                    "--list-privkeys",
                    shown);
        return NULL;
}

static bool make_missing_key(Token *t, KeyType type, GError **error)
{
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;

        if (!token_find_key(t, &private_key, &public_key, error))
                return false;
        if (!private_key)
                return token_make_key(t, type, LABEL_DEFAULT, NULL, error);
        gnutls_privkey_deinit(private_key);
        gnutls_pubkey_deinit(public_key);
        return true;
}

Key *key_new_from_uri(const char *uri, KeyType type, bool make_missing, GError **error)
{
        g_autoptr(Token) t = token_open(uri, CERT_REFUSED_PINS_FILE, error);
        g_autoptr(Key) k = NULL;

        if (!t || (make_missing && !make_missing_key(t, type, error)))
                return NULL;
        k = find(t, uri, error);
        return k && check_type(k, uri, type, error) ? g_steal_pointer(&k) : NULL;
}
