/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The reference to an authority's key in a token: made with the key, read, followed, and destroyed with it.
 * It owns nothing. */

#include "issuers/local/key-reference.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"
#include "common/secret.h"
#include "common/token.h"
#include "issuers/local/store.h"

#include <gnutls/crypto.h>
#include <string.h>

#define PREFIX  "pkcs11:"
#define MADE    "made"  /* here: destroyed when it is no longer needed */
#define FOUND   "found" /* somebody else's to destroy */
#define ID_SIZE 16

bool key_reference_is(GBytes *content)
{
        size_t size;
        const char *data = g_bytes_get_data(content, &size);

        return size >= strlen(PREFIX) && memcmp(data, PREFIX, strlen(PREFIX)) == 0;
}

/* ---- URIs ---- */

/* Whether the URI's path has an attribute. */
static bool has_attribute(const char *uri, const char *name)
{
        g_autofree char *path = g_strndup(uri, strcspn(uri, "?"));
        g_auto(GStrv) parts = g_strsplit(path + strlen(PREFIX), ";", -1);

        for (char **p = parts; *p; p++)
                if (g_str_has_prefix(*p, name) && (*p)[strlen(name)] == '=')
                        return true;
        return false;
}

/* The URI without the id of one key: a new key has another. Caller owns. */
static char *without_id(const char *uri)
{
        const char *query = strchr(uri, '?') ?: uri + strlen(uri);
        g_autofree char *path = g_strndup(uri + strlen(PREFIX), (gsize) (query - uri) - strlen(PREFIX));
        g_auto(GStrv) parts = g_strsplit(path, ";", -1);
        g_autoptr(GString) all = g_string_new(PREFIX);
        const char *separator = "";

        for (char **p = parts; *p; p++) {
                if (g_str_has_prefix(*p, "id=") || !**p)
                        continue;
                g_string_append_printf(all, "%s%s", separator, *p);
                separator = ";";
        }
        g_string_append(all, query);
        return g_string_free(g_steal_pointer(&all), FALSE);
}

/* The key that the reference names, with the PIN that the options give. Caller owns. */
static char *with_query(const char *reference, const AuthorityOptions *o)
{
        const char *query = o->key_uri ? strchr(o->key_uri, '?') : NULL;

        return g_strconcat(reference, query, NULL);
}

/* ---- Making ---- */

/* What stands in an authority's folder once it had a key: a file of one, or a folder of what was put aside.
 */
static bool is_trace_of_a_key(const char *name)
{
        static const char *const prefixes[] = { "before-", "retired-" }, *const suffixes[] = {
                STORE_SUFFIX_KEY, ".pem"
        };

        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
                if (g_str_has_prefix(name, prefixes[i]) || g_str_has_suffix(name, suffixes[i]))
                        return true;
        return false;
}

static bool is_first(const AuthorityOptions *o, bool *ret, GError **error)
{
        g_autoptr(Store) s = NULL;
        g_auto(GStrv) names = NULL;

        if (!store_open(o->name, /* make= */ false, &s, error))
                return false;
        names = s ? store_list(s, error) : g_new0(char *, 1);
        if (!names)
                return false;
        *ret = true;
        for (char **n = names; *n; n++)
                *ret = *ret && !is_trace_of_a_key(*n);
        return true;
}

static bool check_type(const AuthorityOptions *o, gnutls_pubkey_t key, GError **error)
{
        KeyType type = key_type_of(key);
        g_autofree char *shown = NULL;

        if (type == o->key_type)
                return true;
        shown = token_uri_shown(o->key_uri);
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "key %s is of type %s, the manifest wants %s\nChange issuers.%s.key.type in the "
                    "manifest, or name "
                    "another object: no key that was not made here is removed from a token.",
                    shown, key_type_to_string(type) ?: "none that the manifest knows",
                    key_type_to_string(o->key_type), o->name);
        return false;
}

/* The reference to a key that the token holds already; success with NULL when it holds none. */
static bool find_existing(const AuthorityOptions *o, char **ret, GError **error)
{
        g_autoptr(Token) t = token_open(o->key_uri, CERT_AUTHORITY_REFUSED_PINS_FILE, error);
        gnutls_privkey_t private_key;
        gnutls_pubkey_t public_key;
        bool fits;

        *ret = NULL;
        if (!t || !token_find_key(t, &private_key, &public_key, error))
                return false;
        if (!private_key)
                return true;
        fits = check_type(o, public_key, error);
        gnutls_privkey_deinit(private_key);
        gnutls_pubkey_deinit(public_key);
        if (fits)
                *ret = token_key_reference(t, NULL, error);
        return *ret;
}

static char *make(const AuthorityOptions *o, GError **error)
{
        g_autofree char *uri = without_id(o->key_uri), *label = g_strconcat("cert-authority ", o->name, NULL);
        g_autoptr(Token) t = token_open(uri, CERT_AUTHORITY_REFUSED_PINS_FILE, error);
        g_autoptr(GBytes) id = NULL;
        unsigned char bytes[ID_SIZE];

        if (!t)
                return NULL;
        if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof(bytes)) < 0) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "no randomness for the id of a key");
                return NULL;
        }
        id = g_bytes_new(bytes, sizeof(bytes));
        return token_make_key(t, o->key_type, label, id, error) ? token_key_reference(t, id, error) : NULL;
}

/* A PIN is not to be shown to every token that there is. */
static bool check_uri(const AuthorityOptions *o, GError **error)
{
        if (has_attribute(o->key_uri, "token") || has_attribute(o->key_uri, "serial"))
                return true;
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                    "issuers.%s.key.uri says by neither \"token\" nor \"serial\" which token is meant\nWrite "
                    "it as "
                    "RFC 7512 says: pkcs11:token=LABEL;object=NAME?pin-source=file:/path",
                    o->name);
        return false;
}

GBytes *key_reference_new(const AuthorityOptions *o, GError **error)
{
        g_autofree char *uri = NULL, *content = NULL;
        bool first, found;

        if (!check_uri(o, error) || !is_first(o, &first, error))
                return NULL;
        if (first && (has_attribute(o->key_uri, "object") || has_attribute(o->key_uri, "id")) &&
            !find_existing(o, &uri, error))
                return NULL;
        found = uri;
        if (!found)
                uri = make(o, error);
        if (!uri)
                return NULL;
        content = g_strdup_printf("%s\n%s\n", uri, found ? FOUND : MADE);
        return secret_bytes_new(content, strlen(content));
}

/* ---- Following ---- */

/* Both lines, checked; caller owns. */
static bool parse(GBytes *content, char **ret_uri, bool *ret_made)
{
        g_autofree char *text = g_strndup(g_bytes_get_data(content, NULL), g_bytes_get_size(content));
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        if (!g_str_has_prefix(lines[0], PREFIX) || strchr(lines[0], '?') || !lines[1] ||
            !(g_str_equal(lines[1], MADE) || g_str_equal(lines[1], FOUND)))
                return false;
        *ret_uri = g_strdup(lines[0]);
        *ret_made = g_str_equal(lines[1], MADE);
        return true;
}

static bool refuse(GError *why, GError **error)
{
        g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE, "cannot be used: %s", why->message);
        g_error_free(why);
        return false;
}

static bool open_uri(const char *issuer, const char *uri, gnutls_privkey_t *ret_key, GError **error)
{
        g_autoptr(Token) t = token_open(uri, CERT_AUTHORITY_REFUSED_PINS_FILE, error);
        g_autofree char *shown = NULL;
        gnutls_pubkey_t public_key = NULL;
        gnutls_privkey_t key = NULL;

        if (!t || !token_find_key(t, &key, &public_key, error))
                return false;
        if (!key) {
                shown = token_uri_shown(uri);
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "key %s: the token holds it no longer\nList its keys with: p11tool --login "
                            "--list-privkeys; if "
                            "it is gone, begin a new authority, which no client trusts yet: certctl "
                            "authority rotate --now %s",
                            shown, issuer);
                return false;
        }
        gnutls_pubkey_deinit(public_key);
        *ret_key = key;
        return true;
}

bool key_reference_open(const AuthorityOptions *o, GBytes *content, gnutls_privkey_t *ret_key, GError **error)
{
        g_autofree char *reference = NULL, *uri = NULL;
        GError *why = NULL;
        bool made;

        if (!parse(content, &reference, &made)) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "holds no reference to a key in a token");
                return false;
        }
        if (!o->key_uri) {
                g_set_error(error, CERT_ERROR, CERT_ERROR_KEY_STORAGE,
                            "names a key in a token, and the manifest no longer says how to reach it\nKeep "
                            "issuers.%s.key.uri until that key is replaced: certctl authority rotate %s",
                            o->name, o->name);
                return false;
        }
        uri = with_query(reference, o);
        return open_uri(o->name, uri, ret_key, &why) || refuse(why, error);
}

void key_reference_destroy(const AuthorityOptions *o, GBytes *content)
{
        g_autofree char *reference = NULL, *uri = NULL;
        g_autoptr(GError) why = NULL;
        g_autoptr(Token) t = NULL;
        bool made;

        if (!parse(content, &reference, &made))
                return;
        if (!made) {
                log_notice("the key %s is no longer used; it was not made here and stays in its token",
                           reference);
                return;
        }
        uri = with_query(reference, o);
        t = token_open(uri, CERT_AUTHORITY_REFUSED_PINS_FILE, &why);
        if (!t || !token_remove_key(t, &why))
                log_warning("a key that is no longer used stays in its token: %s", why->message);
}
